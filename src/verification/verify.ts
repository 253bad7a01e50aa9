import { ANY_FAMILY, familyOf, type Instant, inFamily } from '../incident/alert.ts';
import {
  type Evidence,
  type MonitorRef,
  type MonitorVerdict,
  monitorName,
  type OurChange,
  type ServerFacts,
  type Verdict,
  type VerifyResult,
} from '../incident/health.ts';
import { sameName } from '../incident/names.ts';
import { BoundedPattern } from '../lib/pattern.ts';
import type { Clock } from '../ports/clock.ts';
import { type Exchange, ExchangeError, type HealthRow } from '../ports/exchange.ts';
import type { Catalog, CatalogMonitor } from './catalog.ts';
import { judgeRow, judgeRun, overall, rowDueBy } from './judge.ts';
import { type Hint, monitorsNamed, ownHints, refOf, rowsOfSet, unseenOf } from './named.ts';

export interface VerificationSettings {
  /** Number of runs of a probe that picks a random mailbox; all must succeed. */
  randomRuns: number;
  /** Finds the mailbox server in a probe's error; one group. Configurable, because its format is not published. */
  backEndPattern: string;
  /** Milliseconds after recurrence and time-out until a row is outdated. */
  rowGrace: number;
  /** Real milliseconds for one probe. */
  probeTimeLimit: number;
}

/** Number of characters of a probe's error in which the back end is searched. */
const LONGEST_ERROR = 16_000;

export interface FamilyToVerify {
  server: string;
  family: string;
  /** What alerts named. Hints, never filters. */
  hints: Hint[];
  /** Our last change, if any. */
  change?: OurChange;
}

/**
 * The verification of a few monitors. `dueBy`: the latest time of the next evaluation of a row that would decide and
 * was not evaluated since our change.
 */
export type VerifiedMonitors = VerifyResult & { dueBy?: Instant };

export interface Verifier {
  /**
   * Verifies the whole family: every Unhealthy monitor, per target resource, most basic first. Exchange's errors become
   * verdicts.
   */
  family(target: FamilyToVerify, signal?: AbortSignal): Promise<VerifyResult & { facts?: ServerFacts }>;
  /** Verifies only these monitors, for the rechecks of a playbook. Exchange's errors become verdicts. */
  monitors(
    server: string,
    refs: MonitorRef[],
    change: OurChange | undefined,
    signal?: AbortSignal,
  ): Promise<VerifiedMonitors>;
  /** Whether every monitor of a health set is healthy on a server; undefined if inconclusive. */
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

  async function family(target: FamilyToVerify, signal?: AbortSignal): Promise<VerifyResult & { facts?: ServerFacts }> {
    const { server } = target;
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

    const rows = health.value.filter((row) => inFamily(target.family, row.healthSet));
    const hints = ownHints(target.family, target.hints);
    const judged: Judged[] = [];
    const judgeAll = async (refs: MonitorRef[]) => {
      for (const ref of byRank(refs))
        judged.push(await judge(server, ref, rows, mailboxServers, target.change, signal));
    };
    const unhealthy = rows.filter((row) => row.alertValue === 'Unhealthy' || row.alertValue === 'Degraded').map(refOf);
    await judgeAll(unhealthy);
    // To count as healthy, the monitors that alerts named must be verified too, not only those that look unhealthy.
    if (judged.every((one) => one.verdict === 'cleared')) {
      const isJudged = new Set(unhealthy.map(keyOf));
      await judgeAll(
        unique(expectedHealthy(rows, hints, unhealthy.length > 0)).filter((ref) => !isJudged.has(keyOf(ref))),
      );
    }
    const verified = conclude(server, judged, target.family, rows);
    if (verified.verdict === 'confirmed' || judged.length === 0) return { ...verified, facts };
    return { ...withUnverified(server, verified, unseenOf(server, hints, rows, catalog), rows), facts };
  }

  /**
   * The monitors that alerts named, and every probe of the health sets they named. If they named no monitor and none is
   * unhealthy, also every probe of the family.
   */
  function expectedHealthy(rows: HealthRow[], hints: Hint[], sawUnhealthy: boolean): MonitorRef[] {
    const monitors = hints.flatMap((hint) => monitorsNamed(hint, rows, catalog));
    const sets = hints.flatMap((hint) => (hint.monitor ? [] : provable(rowsOfSet(hint, rows))));
    return [...monitors, ...sets, ...(sawUnhealthy || monitors.length > 0 ? [] : provable(rows))];
  }

  /** Of these rows, those with a probe; if none has one, all. */
  function provable(rows: HealthRow[]): MonitorRef[] {
    const watching = rows.filter((row) => row.alertValue !== 'Disabled').map(refOf);
    const probed = watching.filter((ref) => catalog.find(ref.healthSet, ref.monitor)?.verification === 'probe');
    return probed.length > 0 ? probed : watching;
  }

  /** Adds to a healthy result that it does not cover everything that alerts report. */
  function withUnverified(
    server: string,
    verified: VerifyResult,
    unverified: string[],
    rows: HealthRow[],
  ): VerifyResult {
    if (unverified.length === 0) return verified;
    const [first = ''] = unverified;
    const what = `${first.charAt(0).toUpperCase()}${[first.slice(1), ...unverified.slice(1)].join('; ')}`;
    if (verified.verdict !== 'cleared') return { ...verified, reason: `${verified.reason}. ${what}`, unverified };
    const runs = verified.evidence.filter(({ kind }) => kind === 'probe').length;
    const healthy = `${verified.monitors.length} of ${rows.length} monitors judged, ${runs} ${runs === 1 ? 'probe' : 'probes'} run; their rows: ${valuesOf(rows)}`;
    const reason = `${what}, so the report was not verified. Everything that was verified on ${server} is healthy (${healthy})`;
    return { ...verified, reason, unverified };
  }

  async function judge(
    server: string,
    ref: MonitorRef,
    rows: HealthRow[],
    servers: ServerFacts[],
    change: OurChange | undefined,
    signal?: AbortSignal,
  ): Promise<Judged> {
    const entry = catalog.find(ref.healthSet, ref.monitor);
    const evidence: Evidence[] = [];
    const row = rows.find((candidate) => sameRow(candidate, ref));
    // Someone is repairing it or disabled it: then a failing probe does not justify a change.
    const handsOff = row?.alertValue === 'Repairing' || row?.alertValue === 'Disabled';
    if (entry?.verification === 'probe' && entry.probe && !handsOff) {
      const ran = await runProbe(server, ref, entry, rows, servers, evidence, signal);
      if (ran.verdict !== 'inconclusive') return { ref, verdict: ran.verdict, evidence, ...backEndOf(ran.backEnd) };
    }
    // The probe can't be run on demand, or gave no result: a fresh AlertValue decides.
    const byRow = judgeRow(row, server, ref, clock.now(), change, rules);
    evidence.push(byRow.evidence);
    const awaited = byRow.verdict === 'inconclusive' && row && change !== undefined && !row.isStale;
    return {
      ref,
      verdict: byRow.verdict,
      evidence,
      ...(awaited && { dueBy: rowDueBy(row, change.ended, rules) }),
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

  /** The mailbox server that a probe's error names, only if the organisation has it: error texts are not trusted. */
  function backEndIn(error: string, servers: ServerFacts[]): string | undefined {
    const [groups] = pattern.search([error.slice(0, LONGEST_ERROR)]).groups;
    const named = groups?.[1]?.split('.')[0]?.toLowerCase();
    return servers.find((facts) => facts.server === named && facts.roles.includes('mailbox'))?.server;
  }

  async function monitors(
    server: string,
    refs: MonitorRef[],
    change: OurChange | undefined,
    signal?: AbortSignal,
  ): Promise<VerifiedMonitors> {
    const organisation = await attempt(() => exchange.organisation(options(signal)));
    if (organisation instanceof ExchangeError) return unseen(server, organisation);
    const health = await attempt(() => exchange.serverHealth(server, options(signal)));
    if (health instanceof ExchangeError) return unseen(server, health);
    const judged: Judged[] = [];
    for (const ref of byRank(refs)) {
      judged.push(await judge(server, ref, health.value, organisation.value.servers, change, signal));
      if (judged.at(-1)?.verdict === 'confirmed') break;
    }
    const due = judged.flatMap((one) => (one.dueBy === undefined ? [] : [one.dueBy]));
    const verified = conclude(server, judged, familyOf(refs[0]?.healthSet));
    const dueBy = Math.max(...due);
    return verified.verdict === 'inconclusive' && due.length > 0 && dueBy > clock.now()
      ? { ...verified, dueBy }
      : verified;
  }

  async function healthSet(server: string, name: string, signal?: AbortSignal): Promise<boolean | undefined> {
    const health = await attempt(() => exchange.serverHealth(server, options(signal)));
    if (health instanceof ExchangeError) return undefined;
    // Disabled monitors don't count, as in Exchange's own state of a health set.
    const rows = health.value.filter((row) => sameName(row.healthSet, name) && row.alertValue !== 'Disabled');
    const verdict = overall(
      rows.map((row) => judgeRow(row, server, refOf(row), clock.now(), undefined, rules).verdict),
    );
    return verdict === 'inconclusive' ? undefined : verdict === 'cleared';
  }

  function unseen(server: string, error: ExchangeError): VerifyResult {
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

  function conclude(server: string, judged: Judged[], family: string, rows: readonly HealthRow[] = []): VerifyResult {
    const verdict = overall(judged.map((one) => one.verdict));
    const evidence = judged.flatMap((one) => one.evidence);
    const backEnd = judged.find((one) => one.backEnd)?.backEnd;
    const verdicts: MonitorVerdict[] = judged.map((one) => ({ ...one.ref, verdict: one.verdict }));
    const ofFamily = family === ANY_FAMILY ? '' : ` of ${family}`;
    const names = (wanted: Verdict) =>
      verdicts
        .filter((one) => one.verdict === wanted)
        .map((one) => one.monitor)
        .join(', ');
    const reason = {
      confirmed: `${names('confirmed')} on ${server}: the problem is confirmed`,
      cleared: `${names('cleared')} on ${server}: healthy`,
      inconclusive:
        judged.length === 0
          ? rows.length > 0
            ? `every monitor${ofFamily} on ${server} is switched off`
            : `no monitor${ofFamily} has a row on ${server}`
          : `${names('inconclusive')} on ${server}: no reliable answer`,
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

const sameMonitor = (a: MonitorRef, b: MonitorRef) =>
  sameName(a.healthSet, b.healthSet) && sameName(a.monitor, b.monitor);
const sameRow = (row: HealthRow, ref: MonitorRef) =>
  sameMonitor(refOf(row), ref) &&
  (ref.targetResource === undefined || sameName(row.targetResource, ref.targetResource));

const keyOf = (ref: MonitorRef) => monitorName(ref).toLowerCase();
const unique = (refs: MonitorRef[]) => [...new Map(refs.map((ref) => [keyOf(ref), ref])).values()];

/** `85 Healthy, 2 Disabled, 1 stale`. */
function valuesOf(rows: readonly HealthRow[]): string {
  const counts = new Map<string, number>();
  for (const { isStale, alertValue } of rows) {
    const value = isStale ? 'stale' : alertValue;
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].map(([value, count]) => `${count} ${value}`).join(', ');
}

/** Returns Exchange's failures as values; any other error is a bug and propagates. */
async function attempt<T>(call: () => Promise<T>): Promise<T | ExchangeError> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ExchangeError) return error;
    throw error;
  }
}
