/**
 * Follows a recorded journal with other playbooks: matches again, aligns the plans, and applies each recorded result
 * to the same step of the new plan, for as long as the record shows what happens.
 */
import { match } from '../engine/verify/match.ts';
import type { Entry, EventType, Held, Matched, Slept, StepFinished, Verified } from '../incident/event.ts';
import { apply } from '../incident/fold.ts';
import { currentRun, type Run, type StepRecord, stepRecord } from '../incident/incident.ts';
import { unmetCondition } from '../incident/next.ts';
import { ceiling, type Mode, type Playbook } from '../incident/plan.ts';
import { modeInForce, type Restriction } from '../incident/restrictions.ts';
import type { UndoAction } from '../incident/undo.ts';
import { span } from '../lib/span.ts';
import type { Catalog } from '../verification/catalog.ts';
import { align, sameStep } from './align.ts';
import { changed, type Guide, inserted, leaves, removed } from './edits.ts';
import {
  createReplay,
  differs,
  endsWith,
  figuresAt,
  goesOn,
  happens,
  type Replay,
  remaining,
  upcoming,
} from './replay.ts';

export interface New {
  playbooks: readonly Playbook[];
  catalog: Catalog;
  /** `safety.mode`: limits the mode of every playbook. */
  mode: Mode;
  restrictions: readonly Restriction[];
}

/** Throws if the journal cannot be read. */
export function follow(entries: readonly Entry[], now: New): Replay {
  const replay = createReplay(entries);
  for (const entry of entries.slice(1)) {
    if (guide(replay, entry, now) === 'stops') return replay;
    apply(replay.was, entry);
  }
  const { finished } = replay.would;
  if (!finished) throw new Error(`${replay.would.id} is not finished`);
  replay.ends.push({ outcome: finished.outcome, figures: figuresAt(replay, finished.at, finished.outcome) });
  return replay;
}

/** Written by people and senders, whatever the playbook. */
const FROM_OUTSIDE: ReadonlySet<EventType> = new Set(['attached', 'approved', 'rejected', 'cancelled']);

function guide(replay: Replay, entry: Entry, now: New): Guide {
  if (entry.type === 'matched') return matchedAgain(replay, entry, now);
  const n = stepOf(entry);
  if (n !== undefined && !replay.numbers.has(n)) {
    if (isSkippedByCondition(replay, entry, n)) upcoming(replay, entry);
    else if (reach(replay, entry, n, now) === 'stops') return 'stops';
  }
  if (isEnding(entry) && goesBeyond(replay, entry, now)) return 'stops';
  const translated = translate(replay, entry);
  if (!translated) return 'follows';
  if (replay.shift !== 0 && replay.certainty === 'known' && showsHealth(translated)) replay.certainty = 'assumed';
  if (entry.type === 'held' && (entry.data as Held).approval) replay.approvals += 1;
  apply(replay.would, translated);
  if (entry.type === 'stepFinished' && n !== undefined) {
    replay.shift += replay.shiftAfter.get(n) ?? 0;
    replay.shiftAfter.delete(n);
  }
  return 'follows';
}

/** The number of the step that an entry is about. */
function stepOf({ type, data }: Entry): number | undefined {
  return FROM_OUTSIDE.has(type) ? undefined : (data as { n?: number }).n;
}

/** Whether the recorded step did not apply to the server. The new run skips such steps by its own conditions. */
function isSkippedByCondition({ was }: Replay, { type, data }: Entry, n: number): boolean {
  if (type !== 'stepFinished' || (data as StepFinished).state !== 'skipped') return false;
  const { when } = stepRecord(was, n).step;
  return when !== undefined && unmetCondition(when, was.facts) !== undefined;
}

function matchedAgain(replay: Replay, entry: Entry, { playbooks, catalog, restrictions }: New): Guide {
  const recorded = entry.data as Matched;
  if (replay.would.runs.length > 0 && !currentRun(replay.would)?.healed) {
    return leaves(replay, entry, 'does not take its monitors as healthy, because the playbook handles more of them');
  }
  const matched = match(replay.would, playbooks, catalog, restrictions);
  happens(replay.would, entry, { type: 'matched', data: matched });
  if (matched.playbook === null) {
    if (recorded.playbook === null) return 'follows';
    differs(replay, 'not-handled', 'known', `is not handled by ${recorded.playbook.name} any more: ${matched.reason}`);
    endsWith(replay, entry.at, 'escalated');
    return 'stops';
  }
  if (recorded.playbook === null) {
    differs(replay, 'now-handled', 'unknown', `is handled by ${matched.playbook.name}: result unknown`);
    goesOn(replay, entry.at);
    return 'stops';
  }
  for (const pair of align(recorded.plan, matched.plan, sameStep)) {
    if (pair.old === undefined || pair.new === undefined) continue;
    const [was, would] = [recorded.plan[pair.old]?.n ?? 0, matched.plan[pair.new]?.n ?? 0];
    replay.toNew.set(was, would);
    replay.toOld.set(would, was);
  }
  return 'follows';
}

/** The recorded run comes to step `n`: finds out what the new run does there. */
function reach(replay: Replay, entry: Entry, n: number, now: New): Guide {
  for (;;) {
    const next = upcoming(replay, entry);
    if (!next) return pastTheEnd(replay, entry, n, now);
    const { step } = next;
    const partner = replay.toOld.get(step.n);
    if (partner === n) {
      const recorded = stepRecord(replay.was, n).step;
      if (recorded.changes && otherMode(replay, entry, n, now) === 'stops') return 'stops';
      if (!sameStep(recorded, step)) return changed(replay, entry, n, step);
      replay.numbers.set(n, step.n);
      return 'follows';
    }
    if (partner !== undefined && partner > n) return removed(replay, entry, n);
    if (added(replay, entry, next, now) === 'stops') return 'stops';
  }
}

/** A step that the recorded run did not have. */
function added(replay: Replay, entry: Entry, next: StepRecord, now: New): Guide {
  const run = currentRun(replay.would);
  const inForce = run && modeFor(replay, run, now).mode;
  return next.step.changes && inForce === 'observe' ? suppressed(replay, entry) : inserted(replay, entry, next);
}

/** The new plan has no step left, or its monitors are healthy. */
function pastTheEnd(replay: Replay, entry: Entry, n: number, now: New): Guide {
  if (currentRun(replay.would)?.healed) {
    const matched = match(replay.would, now.playbooks, now.catalog, now.restrictions);
    happens(replay.would, entry, { type: 'matched', data: matched });
    if (matched.playbook) return leaves(replay, entry, 'takes its monitors as healthy and chooses the next playbook');
    differs(replay, 'earlier-end', 'known', `takes its monitors as healthy and escalates: ${matched.reason}`);
    endsWith(replay, entry.at, 'escalated');
    return 'stops';
  }
  if (stepRecord(replay.was, n).step.step !== 'escalate') return removed(replay, entry, n);
  replay.numbers.set(n, undefined);
  return 'follows';
}

/** Entries that only the end of an incident has. */
function isEnding({ type, data }: Entry): boolean {
  if (type === 'finished' || type === 'undoStarted' || type === 'undone') return true;
  if (type === 'held') return (data as Held).n === undefined;
  if (type === 'slept') return (data as Slept).for === 'watch';
  return type === 'verified' && (data as Verified).purpose === 'after-undo';
}

/** Whether the recorded run was at the end of its plan, and the new one has steps left. */
function goesBeyond(replay: Replay, entry: Entry, now: New): boolean {
  const { was, would } = replay;
  const isAtEnd = !was.conclusion || was.conclusion.exhausted === true;
  if (!isAtEnd || currentRun(was)?.healed || remaining(was).length > 0) return false;
  if (was.runs.length === 0 || currentRun(would)?.healed || would.conclusion) return false;
  for (let next = upcoming(replay, entry); next; next = upcoming(replay, entry)) {
    if (next.step.step === 'escalate') return false;
    if (added(replay, entry, next, now) === 'stops') return true;
  }
  return false;
}

/** The mode of the new playbook matters at the first change. */
function otherMode(replay: Replay, entry: Entry, n: number, now: New): Guide {
  const { was, would } = replay;
  const [before, after] = [currentRun(was), currentRun(would)];
  if (!before || !after || isSameMode(before, after)) return 'follows';
  const own = new Set(before.plan.map((step) => step.n));
  if (was.steps.some(({ step, intent }) => own.has(step.n) && intent)) return 'follows';
  const { recordedAs, approvedAfter } = recordedMode(replay, n, before, now.mode);
  const { mode: inForce, restricted } = modeFor(replay, after, now);
  const wanted = inForce === 'approve' && would.parent && !restricted ? 'auto' : inForce;
  if (wanted === recordedAs) return 'follows';
  if (wanted === 'observe') return suppressed(replay, entry);
  if (wanted === 'approve' && recordedAs === 'auto') {
    differs(replay, 'mode', 'unknown', 'asks a person for approval: if approved, it goes on as recorded, only later');
    replay.approvals += 1;
    endsWith(replay, entry.at, 'escalated');
    return 'follows';
  }
  if (wanted === 'auto' && approvedAfter !== undefined) {
    differs(replay, 'mode', 'assumed', `does not wait for approval, which took ${span(approvedAfter)}`);
    replay.shift -= approvedAfter;
    replay.approvals -= 1;
    return 'follows';
  }
  const why = recordedAs === 'observe' ? 'the recorded run only observed' : 'no one approved the recorded run';
  differs(replay, 'mode', 'unknown', `acts, whereas ${why}: result unknown`);
  goesOn(replay, entry.at);
  return 'stops';
}

/** The mode in force when the record came to step `n`, as far as it shows, and how long an approval took. */
function recordedMode(
  { record, entries }: Replay,
  n: number,
  { mode, restricted }: Run,
  limit: Mode,
): { recordedAs: Mode; approvedAfter?: number } {
  const { end, intent } = stepRecord(record, n);
  const asked = entries.find(({ type, data }) => type === 'held' && (data as Held).n === n && (data as Held).approval);
  if (asked) {
    const approved = entries.find(({ type, seq }) => type === 'approved' && seq > asked.seq);
    return { recordedAs: 'approve', ...(approved && intent && { approvedAfter: approved.at - asked.at }) };
  }
  if (end?.guard?.name === 'mode') return { recordedAs: 'observe' };
  return { recordedAs: intent ? 'auto' : ceiling(ceiling(mode, restricted?.mode ?? mode), limit) };
}

const isSameMode = (one: Run, other: Run) => one.mode === other.mode && one.restricted?.mode === other.restricted?.mode;

/** On the server of the incident; the record does not show every server that is changed. */
function modeFor({ would }: Replay, run: Run, now: New): ReturnType<typeof modeInForce> {
  return modeInForce(run, now, would.facts ? [would.facts] : []);
}

function suppressed(replay: Replay, { at }: Entry): Guide {
  differs(replay, 'mode', 'known', 'only reports what it would do');
  endsWith(replay, at, 'suppressed');
  return 'stops';
}

/** Whether an entry tells whether the server was healthy. */
function showsHealth({ type, data }: Entry): boolean {
  return type === 'verified' || (type === 'stepFinished' && (data as StepFinished).health !== undefined);
}

/** The entry with the numbers of the new plan; undefined if its step is not in it. */
function translate({ numbers }: Replay, entry: Entry): Entry | undefined {
  const n = stepOf(entry);
  if (n !== undefined && numbers.get(n) === undefined) return undefined;
  const { undo } = entry.data as { undo?: string | UndoAction[] };
  if (typeof undo === 'string' && isDropped(numbers, undo)) return undefined;
  const to = n === undefined ? undefined : numbers.get(n);
  if (to === n && undo === undefined) return entry;
  const idOf = (id: string) => id.replace(/^\d+(?=:)/, (digits) => String(numbers.get(Number(digits)) ?? digits));
  const actions = Array.isArray(undo)
    ? undo.map((one) => ({ ...one, id: idOf(one.id), ...(one.dependsOn && { dependsOn: idOf(one.dependsOn) }) }))
    : undo && idOf(undo);
  return {
    ...entry,
    data: { ...entry.data, ...(n !== undefined && { n: to }), ...(undo && { undo: actions }) },
  } as Entry;
}

function isDropped(numbers: Replay['numbers'], undo: string): boolean {
  const n = Number(/^\d+(?=:)/.exec(undo)?.[0] ?? Number.NaN);
  return numbers.has(n) && numbers.get(n) === undefined;
}
