import { familyOf, type Instant, inFamily } from '../incident/alert.ts';
import {
  type Evidence,
  type Looked,
  type MonitorRef,
  type MonitorVerdict,
  monitorName,
  type ServerFacts,
  type Verdict,
} from '../incident/health.ts';
import { sameName } from '../incident/names.ts';
import { BoundedPattern } from '../pattern.ts';
import { type Clock, type Exchange, ExchangeError, type HealthRow } from '../ports.ts';
import type { Catalog, CatalogMonitor } from './catalog.ts';
import { judgeRow, judgeRun, overall, rowDueBy } from './judge.ts';

export interface VerificationSettings {
  /** Runs of a probe that picks a random mailbox, all of which must succeed. */
  randomRuns: number;
  /** Finds the mailbox server in a probe's error; one group. Configurable, as its form is not published. */
  backEndPattern: string;
  /** Milliseconds past recurrence and time-out after which a row is old. */
  rowGrace: number;
  /** Real milliseconds for one probe. */
  probeTimeLimit: number;
}

/** Characters of a probe’s error that are searched for the back end. */
const LONGEST_ERROR = 16_000;

export interface FamilyLook {
  server: string;
  family: string;
  /** What alerts named. Hints, never filters. */
  hints: { healthSet?: string; monitor?: string; targetResource?: string }[];
  /** The end of our last change, if any. */
  changedAt?: Instant;
}

/** A look at a few monitors; `dueBy` is set when a row that has not been evaluated since our change would decide. */
export type MonitorsLook = Looked & { dueBy?: Instant };

export interface Verifier {
  /** The whole family: every Unhealthy monitor, per target resource, most basic first. Never throws for Exchange. */
  family(look: FamilyLook, signal?: AbortSignal): Promise<Looked & { facts?: ServerFacts }>;
  /** These monitors only: what a playbook's rechecks ask. Never throws for Exchange. */
  monitors(
    server: string,
    refs: MonitorRef[],
    changedAt: Instant | undefined,
    signal?: AbortSignal,
  ): Promise<MonitorsLook>;
  /** Whether every monitor of a health set is healthy on a server; undefined when it could not be seen. */
  healthSet(server: string, healthSet: string, signal?: AbortSignal): Promise<boolean | undefined>;
}

export function createVerifier(parts: {
  exchange: Exchange;
  catalog: Catalog;
  clock: Clock;
  settings: VerificationSettings;
}): Verifier {
  const { exchange, catalog, clock, settings } = parts;
  const pattern = new BoundedPattern(settings.backEndPattern);
  const rules = { grace: settings.rowGrace };

  async function family(look: FamilyLook, signal?: AbortSignal): Promise<Looked & { facts?: ServerFacts }> {
    const { server } = look;
    const organisation = await attempt(() => exchange.organisation(options(signal)));
    if (organisation instanceof ExchangeError) return unseen(server, organisation);
    const facts = organisation.value.servers.find((candidate) => candidate.server === server);
    if (!facts) {
      const reason = `${server} is not a server of this organisation`;
      return { verdict: 'inconclusive', reason, monitors: [], evidence: [note(server, reason)], hopeless: true };
    }
    const mailboxServers = organisation.value.servers;
    const health = await attempt(() => exchange.serverHealth(server, options(signal)));
    if (health instanceof ExchangeError) return { ...unseen(server, health), facts };

    const rows = health.value.filter((row) => inFamily(look.family, row.healthSet));
    const suspects = suspectsAmong(rows, look);
    const judged: Judged[] = [];
    for (const suspect of suspects) {
      judged.push(await judge(server, suspect, rows, mailboxServers, look.changedAt, signal));
    }
    return { ...conclude(server, judged, look.family), facts };
  }

  /** The rows that are not well; where there is none, what the alert named; where it named none, every probe there is. */
  function suspectsAmong(rows: HealthRow[], look: FamilyLook): MonitorRef[] {
    const sick = rows.filter((row) => row.alertValue === 'Unhealthy' || row.alertValue === 'Degraded').map(refOf);
    if (sick.length > 0) return byRank(sick);
    const named = look.hints.flatMap((hint) => namedMonitor(hint, rows));
    if (named.length > 0) return byRank(unique(named));
    const watching = rows.filter((row) => row.alertValue !== 'Disabled').map(refOf);
    const probed = watching.filter((ref) => catalog.find(ref.healthSet, ref.monitor)?.verification === 'probe');
    return byRank(probed.length > 0 ? probed : watching);
  }

  function namedMonitor(hint: FamilyLook['hints'][number], rows: HealthRow[]): MonitorRef[] {
    if (!hint.monitor || !hint.healthSet) return [];
    const known = catalog.find(hint.healthSet, hint.monitor);
    const ref = known
      ? { healthSet: known.healthSet, monitor: known.monitor }
      : { healthSet: hint.healthSet, monitor: hint.monitor };
    const found = rows.map(refOf).filter((candidate) => sameMonitor(candidate, ref));
    return found.length > 0 ? found : known ? [ref] : [];
  }

  async function judge(
    server: string,
    ref: MonitorRef,
    rows: HealthRow[],
    servers: ServerFacts[],
    changedAt: Instant | undefined,
    signal?: AbortSignal,
  ): Promise<Judged> {
    const entry = catalog.find(ref.healthSet, ref.monitor);
    const evidence: Evidence[] = [];
    const row = rows.find((candidate) => sameRow(candidate, ref));
    // Somebody works on it, or has switched it off: then a failing probe is no reason for us to act.
    const handsOff = row?.alertValue === 'Repairing' || row?.alertValue === 'Disabled';
    if (entry?.verification === 'probe' && entry.probe && !handsOff) {
      const ran = await runProbe(server, ref, entry, rows, servers, evidence, signal);
      if (ran.verdict !== 'inconclusive') return { ref, verdict: ran.verdict, evidence, ...backEndOf(ran.backEnd) };
    }
    // The probe can't be run by hand, or gave nothing: a fresh AlertValue decides.
    const byRow = judgeRow(row, server, ref, clock.now(), changedAt, rules);
    evidence.push(byRow.evidence);
    const awaited = byRow.verdict === 'inconclusive' && row && changedAt !== undefined && !row.isStale;
    return {
      ref,
      verdict: byRow.verdict,
      evidence,
      ...(awaited && { dueBy: rowDueBy(row, changedAt, rules) }),
    };
  }

  async function runProbe(
    server: string,
    ref: MonitorRef,
    entry: CatalogMonitor,
    rows: HealthRow[],
    servers: ServerFacts[],
    evidence: Evidence[],
    signal?: AbortSignal,
  ): Promise<{ verdict: Verdict; backEnd?: string }> {
    const probe = entry.probe as NonNullable<CatalogMonitor['probe']>;
    const twins = rows.filter((row) => sameMonitor(refOf(row), ref)).length > 1;
    const identity = `${probe.healthSet}\\${probe.name}${twins && ref.targetResource ? `\\${ref.targetResource}` : ''}`;
    const runs = probe.randomMailbox ? settings.randomRuns : 1;
    let verdict: Verdict = 'inconclusive';
    for (let run = 0; run < runs; run++) {
      const reply = await attempt(() =>
        exchange.invokeProbe(server, identity, { ...options(signal), timeLimit: settings.probeTimeLimit }),
      );
      if (reply instanceof ExchangeError) {
        evidence.push({
          ...note(server, `${probe.name} could not be run: ${reply.code}`),
          monitor: monitorName(ref),
          detail: reply.message,
        });
        return { verdict: 'inconclusive' };
      }
      const ran = judgeRun(reply, server, ref, probe.name, clock.now());
      const backEnd = ran.verdict === 'confirmed' ? backEndIn(ran.evidence.detail ?? '', servers) : undefined;
      evidence.push({ ...ran.evidence, ...backEndOf(backEnd) });
      verdict = ran.verdict;
      if (verdict !== 'cleared') return { verdict, ...backEndOf(backEnd) };
    }
    return { verdict };
  }

  /** The mailbox server that a probe's error names, if the organisation has it; what it says is not taken on trust. */
  function backEndIn(error: string, servers: ServerFacts[]): string | undefined {
    const [groups] = pattern.search([error.slice(0, LONGEST_ERROR)]).groups;
    const named = groups?.[1]?.split('.')[0]?.toLowerCase();
    return servers.find((facts) => facts.server === named && facts.roles.includes('mailbox'))?.server;
  }

  async function monitors(
    server: string,
    refs: MonitorRef[],
    changedAt: Instant | undefined,
    signal?: AbortSignal,
  ): Promise<MonitorsLook> {
    const organisation = await attempt(() => exchange.organisation(options(signal)));
    if (organisation instanceof ExchangeError) return unseen(server, organisation);
    const health = await attempt(() => exchange.serverHealth(server, options(signal)));
    if (health instanceof ExchangeError) return unseen(server, health);
    const judged: Judged[] = [];
    for (const ref of byRank(refs)) {
      judged.push(await judge(server, ref, health.value, organisation.value.servers, changedAt, signal));
      if (judged.at(-1)?.verdict === 'confirmed') break;
    }
    const due = judged.flatMap((one) => (one.dueBy === undefined ? [] : [one.dueBy]));
    const looked = conclude(server, judged, familyOf(refs[0]?.healthSet));
    const dueBy = Math.max(...due);
    return looked.verdict === 'inconclusive' && due.length > 0 && dueBy > clock.now() ? { ...looked, dueBy } : looked;
  }

  async function healthSet(server: string, name: string, signal?: AbortSignal): Promise<boolean | undefined> {
    const health = await attempt(() => exchange.serverHealth(server, options(signal)));
    if (health instanceof ExchangeError) return undefined;
    const rows = health.value.filter((row) => sameName(row.healthSet, name));
    const verdict = overall(
      rows.map((row) => judgeRow(row, server, refOf(row), clock.now(), undefined, rules).verdict),
    );
    return verdict === 'inconclusive' ? undefined : verdict === 'cleared';
  }

  function unseen(server: string, error: ExchangeError): Looked {
    const reason = `the health of ${server} could not be read (${error.code})`;
    return {
      verdict: 'inconclusive',
      reason,
      monitors: [],
      evidence: [{ ...note(server, reason), detail: error.message }],
    };
  }

  function note(server: string, says: string): Evidence {
    return { kind: 'note', at: clock.now(), server, says, sees: 'nothing' };
  }

  function conclude(server: string, judged: Judged[], family: string): Looked {
    const verdict = overall(judged.map((one) => one.verdict));
    const evidence = judged.flatMap((one) => one.evidence);
    const backEnd = judged.find((one) => one.backEnd)?.backEnd;
    const verdicts: MonitorVerdict[] = judged.map((one) => ({ ...one.ref, verdict: one.verdict }));
    const names = (wanted: Verdict) =>
      verdicts
        .filter((one) => one.verdict === wanted)
        .map((one) => one.monitor)
        .join(', ');
    const reason = {
      confirmed: `${names('confirmed')} on ${server}: the trouble is there`,
      cleared: `${names('cleared')} on ${server}: healthy`,
      inconclusive:
        judged.length === 0
          ? `no monitor of ${family} has a row on ${server}`
          : `${names('inconclusive')} on ${server}: no answer that could be trusted`,
    }[verdict];
    return { verdict, reason, monitors: verdicts, evidence, ...backEndOf(backEnd) };
  }

  const byRank = (refs: MonitorRef[]) => [...refs].sort((a, b) => catalog.rank(a) - catalog.rank(b));

  return { family, monitors, healthSet };
}

interface Judged {
  ref: MonitorRef;
  verdict: Verdict;
  evidence: Evidence[];
  backEnd?: string;
  dueBy?: Instant;
}

const backEndOf = (backEnd: string | undefined) => (backEnd === undefined ? {} : { backEnd });

const options = (signal: AbortSignal | undefined) => (signal ? { signal } : {});

function refOf(row: HealthRow): MonitorRef {
  return {
    healthSet: row.healthSet,
    monitor: row.name,
    ...(row.targetResource && { targetResource: row.targetResource }),
  };
}

const sameMonitor = (a: MonitorRef, b: MonitorRef) =>
  sameName(a.healthSet, b.healthSet) && sameName(a.monitor, b.monitor);
const sameRow = (row: HealthRow, ref: MonitorRef) =>
  sameMonitor(refOf(row), ref) &&
  (ref.targetResource === undefined || sameName(row.targetResource, ref.targetResource));

const unique = (refs: MonitorRef[]) => [...new Map(refs.map((ref) => [monitorName(ref).toLowerCase(), ref])).values()];

/** Exchange's failures are an answer here; anything else is a defect and goes on up. */
async function attempt<T>(call: () => Promise<T>): Promise<T | ExchangeError> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ExchangeError) return error;
    throw error;
  }
}
