import { didYouMean } from '../config/problems.ts';
import { type Instant, shortName } from '../incident/alert.ts';
import type { ServerFacts } from '../incident/health.ts';
import { type CallOptions, ExchangeError, type Reply } from '../ports/exchange.ts';
import type { Value } from '../ports/replies.ts';
import type { Catalog } from '../verification/catalog.ts';
import { probesOf } from './probes.ts';
import type { ReadingExchange } from './reading.ts';
import {
  type Answer,
  answered,
  FORMAT,
  fitting,
  type RecordedCall,
  type RecordedProbe,
  type RecordedServer,
  type Recording,
  VERSION,
} from './recording.ts';

export interface RecordOptions {
  exchange: ReadingExchange;
  /** The organisation's time. */
  now(): Instant;
  /** Record only these servers (short or full names); default all. */
  servers?: readonly string[];
  /** The catalog that links monitors to probes; without it no probe is run. */
  probes?: Pick<Catalog, 'find'>;
  /** The product and its version. */
  recordedBy: string;
  /** Time limits of one call and of one probe (real milliseconds). */
  timeLimit: number;
  probeTimeLimit: number;
  /** Called with the progress, for people. */
  report(says: string): void;
}

/** A requested server is not in the organisation. */
export class NoSuchServer extends Error {
  override readonly name = 'NoSuchServer';
}

/** Period for which recovery actions of Managed Availability are requested (ms). */
const ACTIONS_SINCE = 24 * 3_600_000;

/**
 * Reads everything from an organisation, one call at a time, because its servers are in production and may be
 * unhealthy. A failed call is recorded as such, and recording continues. Throws NoSuchServer.
 */
export async function record(options: RecordOptions): Promise<Recording> {
  const { exchange, now, report: tell } = options;
  const recordedAt = now();
  const ask = asker(options);

  const organisation = await ask('organisation', (limits) => exchange.organisation(limits));
  tell(
    outcome('the organisation', organisation, ({ servers }) =>
      servers.length === 1 ? '1 server' : `${servers.length} servers`,
    ),
  );
  const wanted = choose(answered(organisation)?.servers, options.servers);

  const servers: RecordedServer[] = [];
  for (const facts of wanted) servers.push(await recordServer(facts, ask, options));

  const groups: Recording['groups'] = [];
  for (const group of new Set(wanted.flatMap(({ dag }) => dag ?? []))) {
    const availabilityGroup = await ask('availabilityGroup', (limits) => exchange.availabilityGroup(group, limits));
    tell(
      outcome(group, availabilityGroup, ({ members }) =>
        members.length === 1 ? '1 member' : `${members.length} members`,
      ),
    );
    groups.push({ group, availabilityGroup });
  }
  const databases: Recording['databases'] = [];
  for (const database of new Set(
    servers.flatMap((each) => (answered(each.copiesOn) ?? []).map((row) => row.database)),
  )) {
    const copiesOf = await ask('copiesOf', (limits) => exchange.copiesOf(database, limits));
    tell(outcome(database, copiesOf, (rows) => (rows.length === 1 ? '1 copy' : `${rows.length} copies`)));
    databases.push({ database, copiesOf });
  }
  // Probes take long, so they come last: everything before them was read within a short time.
  if (options.probes) for (const server of servers) server.probes = await recordProbes(server, ask, options);

  const { recordedBy } = options;
  return {
    format: FORMAT,
    version: VERSION,
    recordedAt,
    recordedBy,
    renamed: false,
    organisation,
    servers,
    groups,
    databases,
  };
}

type Ask = <K extends RecordedCall>(
  call: K,
  request: (limits: CallOptions) => Promise<Reply<Value<K>>>,
) => Promise<Answer<Value<K>>>;

/** Any error that does not come from Exchange is a bug and ends the recording. */
function asker({ now, timeLimit, probeTimeLimit }: RecordOptions): Ask {
  return async (call, request) => {
    const started = performance.now();
    const taken = () => ({ at: now(), ms: Math.round(performance.now() - started) });
    try {
      const { value, warnings } = await request({ timeLimit: call === 'invokeProbe' ? probeTimeLimit : timeLimit });
      return fitting(call, { ...taken(), value, warnings });
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      return fitting(call, { ...taken(), failure: { code: error.code, says: error.message } });
    }
  };
}

/** If the organisation did not answer, servers requested by name can still be recorded, without knowing their roles. */
type Wanted = Pick<ServerFacts, 'server'> & Partial<Pick<ServerFacts, 'roles' | 'dag'>>;

function choose(known: readonly ServerFacts[] | undefined, named: readonly string[] | undefined): readonly Wanted[] {
  if (named === undefined) return known ?? [];
  if (known === undefined) return named.map((server) => ({ server }));
  return named.map((name) => {
    const found = known.find(({ server }) => server.toLowerCase() === shortName(name));
    if (found) return found;
    const names = known.map(({ server }) => server);
    const hint = didYouMean(shortName(name), names) ?? `there are: ${names.join(', ')}`;
    throw new NoSuchServer(`there is no server "${name}" in the organisation; ${hint}`);
  });
}

async function recordServer({ server, roles, dag }: Wanted, ask: Ask, options: RecordOptions): Promise<RecordedServer> {
  const { exchange, now, report: tell } = options;
  const holdsDatabases = roles === undefined || roles.includes('mailbox') || dag !== undefined;
  const serverHealth = await ask('serverHealth', (limits) => exchange.serverHealth(server, limits));
  // Services are read before the boot time, so that none seems to have started before the boot.
  const recorded: RecordedServer = {
    server,
    serverHealth,
    services: await ask('services', (limits) => exchange.services(server, limits)),
    bootTime: await ask('bootTime', (limits) => exchange.bootTime(server, limits)),
    ...(holdsDatabases && {
      mailboxServer: await ask('mailboxServer', (limits) => exchange.mailboxServer(server, limits)),
      copiesOn: await ask('copiesOn', (limits) => exchange.copiesOn(server, limits)),
    }),
    protocolLog: {
      imap: await ask('protocolLog', (limits) => exchange.protocolLog(server, 'imap', limits)),
      pop: await ask('protocolLog', (limits) => exchange.protocolLog(server, 'pop', limits)),
    },
    componentStates: await ask('componentStates', (limits) => exchange.componentStates(server, limits)),
    recoveryActions: await ask('recoveryActions', (limits) =>
      exchange.recoveryActions(server, now() - ACTIONS_SINCE, limits),
    ),
    activity: await ask('activity', (limits) => exchange.activity(server, limits)),
  };
  tell(outcome(server, serverHealth, (rows) => `${rows.length} monitors, ${countNotHealthy(rows)} not healthy`));
  return recorded;
}

async function recordProbes(
  { server, serverHealth }: RecordedServer,
  ask: Ask,
  { exchange, probes, report: tell }: RecordOptions,
): Promise<RecordedProbe[]> {
  const known = probes ? probesOf(answered(serverHealth) ?? [], probes) : [];
  const recorded: RecordedProbe[] = [];
  for (const [index, probe] of known.entries()) {
    const answer = await ask('invokeProbe', (limits) => exchange.invokeProbe(server, probe.identity, limits));
    recorded.push({ ...probe, answer });
    const place = `${server}: probe ${index + 1} of ${known.length}, ${probe.identity}`;
    tell(outcome(place, answer, (result) => result?.resultType ?? 'no result'));
  }
  return recorded;
}

const countNotHealthy = (rows: Value<'serverHealth'>) =>
  rows.filter(({ alertValue }) => alertValue !== 'Healthy').length;

function outcome<T>(about: string, answer: Answer<T>, words: (value: T) => string): string {
  const says = answer.failure ? `${answer.failure.code}: ${answer.failure.says}` : words(answer.value as T);
  return `${about}: ${says}`;
}
