import { didYouMean } from '../config/problems.ts';
import { shortName } from '../incident/alert.ts';
import type { ServerFacts } from '../incident/health.ts';
import type { MissingCommands } from '../ports/inspection.ts';
import { bad, type Check, type Finding, type Line, lineOf, ok, skipped } from './check.ts';
import type { Context } from './context.ts';
import { failed, quoted, type Way } from './failure.ts';
import { knownOrganisation, missingEverywhere } from './reach.ts';
import { judgeClock, judgeRows } from './times.ts';

/** Every server: its Windows channel and its Get-ServerHealth rows. */
export const servers: Check = {
  name: 'servers',
  async run(context) {
    const organisation = await knownOrganisation(context);
    if (!organisation) return [lineOf('servers', skipped('the organisation could not be read'))];
    const all = organisation.servers;
    const wanted = context.servers?.map(shortName) ?? all.map(({ server }) => server);
    let done = 0;
    return context.each(wanted, async (name) => {
      const facts = all.find(({ server }) => server === name);
      context.progress?.(`server ${name} (${++done} of ${wanted.length})`);
      return facts ? checkServer(facts, context) : unknown(name, all);
    });
  },
};

function unknown(name: string, all: readonly ServerFacts[]): Line {
  const names = all.map(({ server }) => server);
  const meant = didYouMean(name, names);
  const advice = meant ? `Did ${meant.slice('did '.length)}` : `The organisation has ${names.slice(0, 20).join(', ')}.`;
  return lineOf(`server ${name}`, bad('is not in the organisation', advice));
}

async function checkServer(facts: ServerFacts, context: Context): Promise<Line> {
  const windows = await windowsSide(facts, context);
  const exchange = await exchangeSide(facts, context, windows.skew);
  // If both fail for the same reason, the instructions of the Windows side are enough.
  const [first] = windows.findings;
  const unreachable = first?.state === 'bad' && first.found.startsWith(`${WINDOWS}unreachable`);
  const findings =
    unreachable && exchange.some(({ found }) => found.startsWith(`${HEALTH}unreachable`))
      ? withoutMend(exchange)
      : exchange;
  return lineOf(`server ${facts.server}`, ...windows.findings, ...findings);
}

const WINDOWS = 'Windows ';
const HEALTH = 'Get-ServerHealth ';

const withoutMend = (findings: readonly Finding[]): Finding[] => findings.map(({ state, found }) => ({ state, found }));

/** Through JEA or WinRM; a lab without PowerShell has no such channel. */
async function windowsSide(facts: ServerFacts, context: Context): Promise<{ findings: Finding[]; skew: number }> {
  const inspect = await context.inspection();
  const shell = await context.shell();
  if (!inspect || !shell) return { findings: [], skew: 0 };
  const way = wayTo(facts, context, shell);
  try {
    const { openedAfter, missing, clock } = await context.limited(inspect.target(facts, context.limits));
    const opened = ok(`${WINDOWS}by ${way.targets} in ${Math.round(openedAfter)} ms`);
    const ahead = clock === undefined ? 0 : clock.ahead + shell.ahead;
    const times = clock === undefined ? [] : [judgeClock(ahead, clock.within, facts.fqdn)];
    return { findings: [opened, ...lacking(missing, way), ...times], skew: Math.abs(ahead) };
  } catch (error) {
    context.signal.throwIfAborted();
    return { findings: [failed(error, way, WINDOWS)], skew: 0 };
  }
}

function lacking({ looks, changes }: MissingCommands, { observes, targets, host, account }: Way): Finding[] {
  const needed = observes ? looks : [...looks, ...changes];
  if (needed.length === 0) {
    return changes.length > 0 ? [ok(`it offers read commands only, which is enough while safety.mode is observe`)] : [];
  }
  const who = account ?? 'the daemon’s account';
  const advice =
    targets === 'jea'
      ? `Its endpoint SecondResponder is older than this daemon, or was installed with -ObserveOnly. Install it again as an administrator of ${host}, first with -WhatIf:\n  deploy/jea/Install-SecondResponderEndpoint.ps1 -Account ${quoted(who)} -ComputerName ${host} -WhatIf`
      : `The functions sent to the server are not the daemon’s own: make sure that exchange.modules has the same version as the daemon.`;
  return [bad(`it does not offer ${needed.join(', ')}`, advice)];
}

function wayTo(facts: ServerFacts, { config, real }: Context, shell: { account?: string; machine: string }): Way {
  const { targets, targetSsl } = config.exchange;
  return {
    kind: 'windows',
    host: facts.fqdn,
    port: targetSsl ? 5986 : 5985,
    targets,
    account: shell.account,
    machine: shell.machine,
    observes: config.safety.mode === 'observe',
    lab: !real,
  };
}

async function exchangeSide(facts: ServerFacts, context: Context, skew: number): Promise<Finding[]> {
  const { config, real } = context;
  if (missingEverywhere(await context.endpoints()).includes('Get-ServerHealth')) {
    return [skipped('Get-ServerHealth is not available; see the endpoints above')];
  }
  const { exchange, clock } = await context.opened();
  const shell = await context.shell();
  try {
    const { value: rows } = await context.limited(exchange.serverHealth(facts.server, context.limits));
    const reads = config.exchange.unspecifiedTimes;
    return judgeRows({
      rows,
      at: clock.now(),
      skew,
      server: facts.server,
      ...(shell && { unspecified: { reads, utcOffset: shell.utcOffset, machine: shell.machine } }),
    });
  } catch (error) {
    context.signal.throwIfAborted();
    const account = shell?.account;
    const observes = config.safety.mode === 'observe';
    const { targets } = config.exchange;
    const way: Way = { kind: 'command', host: facts.fqdn, port: 80, targets, account, observes, lab: !real };
    return [failed(error, way, HEALTH)];
  }
}
