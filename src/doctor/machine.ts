import { settingsOf } from '../engine/settings.ts';
import { shortName } from '../incident/alert.ts';
import { bad, type Check, type Finding, lineOf, look, ok, skipped } from './check.ts';
import type { Context } from './context.ts';
import { hostOf, knownOrganisation } from './reach.ts';

/** The machine the daemon runs on: what stands on it is not taken away from under it. */
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
        `${hostname} is an Exchange server itself${also}: the daemon never reboots it and moves no databases off it, so trouble there that needs it is escalated; services on it are restarted`,
        'Run the daemon on a machine that is no Exchange server.',
      ),
    );
  } else {
    findings.push(
      ok(`${hostname} is no Exchange server${asEndpoint ? ', though its name is that of an endpoint' : ''}`),
    );
  }
  const others = self.filter((name) => name !== own && names.includes(name));
  if (others.length > 0) findings.push(ok(`never rebooted nor drained besides: ${[...new Set(others)].join(', ')}`));
  const shell = await context.shell().catch(() => undefined);
  const host = shell && shortName(shell.machine);
  if (host !== undefined && host !== own && names.includes(host) && !self.includes(host)) {
    findings.push(
      bad(
        `PowerShell runs on ${host}, which is an Exchange server that the daemon may reboot under itself`,
        `In the configuration:\n  safety: { self: [${host}] }`,
      ),
    );
  }
  return findings;
}
