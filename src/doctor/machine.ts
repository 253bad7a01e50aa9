import { settingsOf } from '../engine/settings.ts';
import { shortName } from '../incident/alert.ts';
import { bad, type Check, type Finding, lineOf, look, ok, skipped } from './check.ts';
import type { Context } from './context.ts';
import { hostOf, knownOrganisation } from './reach.ts';

/** The machine of the daemon, which must not reboot the servers that it depends on. */
export const machine: Check = {
  name: 'this machine',
  async run(context) {
    const organisation = await knownOrganisation(context);
    if (!organisation) return [lineOf('this machine', skipped('the organisation could not be read'))];
    const names = organisation.servers.map(({ server }) => server);
    return [lineOf('this machine', ...(await findingsOf(names, context)))];
  },
};

async function findingsOf(names: readonly string[], context: Context): Promise<Finding[]> {
  const { config, hostname } = context;
  const own = shortName(hostname);
  const { self } = settingsOf(config, hostname);
  const endpoints = ((await context.inspection())?.endpoints ?? []).map((one) => shortName(hostOf(one)));
  const asEndpoint = endpoints.includes(own);
  const findings: Finding[] = [];
  if (names.includes(own)) {
    const also = asEndpoint ? ' and an endpoint for sessions' : '';
    findings.push(
      look(
        `${hostname} is itself an Exchange server${also}: the daemon restarts services on it but never reboots it or moves databases off it, so problems that require that are escalated`,
        'Run the daemon on a machine that is not an Exchange server.',
      ),
    );
  } else {
    findings.push(
      ok(`${hostname} is not an Exchange server${asEndpoint ? ', although an endpoint has its name' : ''}`),
    );
  }
  const others = self.filter((name) => name !== own && names.includes(name));
  if (others.length > 0) findings.push(ok(`also never rebooted or drained: ${[...new Set(others)].join(', ')}`));
  const shell = await context.shell().catch(() => undefined);
  const host = shell && shortName(shell.machine);
  if (host !== undefined && host !== own && names.includes(host) && !self.includes(host)) {
    findings.push(
      bad(
        `PowerShell runs on ${host}, an Exchange server that the daemon may reboot`,
        `Add this to the configuration:\n  safety: { self: [${host}] }`,
      ),
    );
  }
  return findings;
}
