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

export interface FamilyToVerify {
  server: string;
  family: string;
  /** What alerts named. Hints, never filters. */
  hints: Hint[];
  /** Our last change, if any. */
  change?: OurChange;
}

/** A look at a few monitors; `dueBy` is set when a row that has not been evaluated since our change would decide. */
export type VerifiedMonitors = VerifyResult & { dueBy?: Instant };

export interface Verifier {
  /** The whole family: every Unhealthy monitor, per target resource, most basic first. Never throws for Exchange. */
  family(look: FamilyToVerify, signal?: AbortSignal): Promise<VerifyResult & { facts?: ServerFacts }>;
  /** These monitors only: what a playbook's rechecks ask. Never throws for Exchange. */
  monitors(
    server: string,
    refs: MonitorRef[],
    change: OurChange | undefined,
    signal?: AbortSignal,
  ): Promise<VerifiedMonitors>;
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

  async function family(look: FamilyToVerify, signal?: AbortSignal): Promise<VerifyResult & { facts?: ServerFacts }> {
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
    const hints = ownHints(look.family, look.hints);
    const judged: Judged[] = [];
    const judgeAll = async (refs: MonitorRef[]) => {
      for (const ref of byRank(refs)) judged.push(await judge(server, ref, rows, mailboxServers, look.change, signal));
    };
    const sick = rows.filter((row) => row.alertValue === 'Unhealthy' || row.alertValue === 'Degraded').map(refOf);
    await judgeAll(sick);
    // What is to be called healthy is what the alerts named, and not only what happened to look unwell.
    if (judged.every((one) => one.verdict === 'cleared')) {
      const isJudged = new Set(sick.map(keyOf));
      await judgeAll(unique(expectedHealthy(rows, hints, sick.length > 0)).filter((ref) => !isJudged.has(keyOf(ref))));
    }
    const verified = conclude(server, judged, look.family, rows);
    if (verified.verdict === 'confirmed' || judged.length === 0) return { ...verified, facts };
    return { ...withUnverified(server, verified, unseenOf(server, hints, rows, catalog), rows), facts };
  }

  /** The monitors that alerts named; where they named none, every probe of the family, and the health sets they named. */
  function expectedHealthy(rows: HealthRow[], hints: Hint[], sawSick: boolean): MonitorRef[] {
    const monitors = hints.flatMap((hint) => monitorsNamed(hint, rows, catalog));
    const sets = hints.flatMap((hint) => (hint.monitor ? [] : provable(rowsOfSet(hint, rows))));
    return [...monitors, ...sets, ...(sawSick || monitors.length > 0 ? [] : provable(rows))];
  }

  /** Those of the rows that have a probe; where none has, all. */
  function provable(rows: HealthRow[]): MonitorRef[] {
    const watching = rows.filter((row) => row.alertValue !== 'Disabled').map(refOf);
    const probed = watching.filter((ref) => catalog.find(ref.healthSet, ref.monitor)?.verification === 'probe');
    return probed.length > 0 ? probed : watching;
  }

  /** Says of what was seen to be healthy that it is not all that alerts report. */
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
    // Somebody works on it, or has switched it off: then a failing probe is no reason for us to act.
    const handsOff = row?.alertValue === 'Repairing' || row?.alertValue === 'Disabled';
    if (entry?.verification === 'probe' && entry.probe && !handsOff) {
      const ran = await runProbe(server, ref, entry, rows, servers, evidence, signal);
      if (ran.verdict !== 'inconclusive') return { ref, verdict: ran.verdict, evidence, ...backEndOf(ran.backEnd) };
    }
    // The probe can't be run by hand, or gave nothing: a fresh AlertValue decides.
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

  /** The mailbox server that a probe's error names, if the organisation has it; what it says is not taken on trust. */
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
    // What somebody switched off has no part in it, as in Exchange's own state of a health set.
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

/** Exchange's failures are an answer here; anything else is a defect and goes on up. */
async function attempt<T>(call: () => Promise<T>): Promise<T | ExchangeError> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ExchangeError) return error;
    throw error;
  }
}
