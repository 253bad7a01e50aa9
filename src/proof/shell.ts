/**
 * The shell of src/engine as a set of possibilities: what may follow each decision of `next`, one small move at a time, so
 * that a worker may die or be overtaken between any two. test/model/conformance.test.ts compares it with the real shell.
 */
import { match } from '../engine/verify/match.ts';
import type { AskedRole, Held, IncidentEvent, StepFinished } from '../incident/event.ts';
import type { ServerFacts, VerifyResult } from '../incident/health.ts';
import { type Incident, isApproved, type StepRecord, stepRecord } from '../incident/incident.ts';
import { type Decision, type NextSettings, next } from '../incident/next.ts';
import type { Playbook } from '../incident/plan.ts';
import { stepNamed } from '../steps/index.ts';
import type { Polled } from '../steps/step.ts';
import type { Catalog } from '../verification/catalog.ts';
import type { StepAnswers } from './answers.ts';
import type { ExchangeState } from './exchange-state.ts';

/** What a worker does with a started step or undo. */
export type What = { n: number } | { undo: string };

/** Where a worker goes on after a write: to the next decision, to sending, to polling, or to another write. */
export type Then =
  | { at: 'rest' }
  | { at: 'sending'; what: What }
  | { at: 'polling'; what: What }
  | { at: 'settling'; n: number };

/** `again`: somebody may have sent it before. `issued`: undefined when this worker did not send it. */
export type Stage =
  | { at: 'sending'; what: What; again?: true }
  | { at: 'polling'; what: What; issued: boolean | undefined };

/** How one advance may go on: an entry that it is about to write, another stage, or nothing for now. */
export type Move =
  | { writes: IncidentEvent; how: 'decide' | 'record'; then: Then; goes?: never; waits?: boolean }
  | { goes: Stage; writes?: never; waits?: boolean }
  /** Nothing is written: somebody else must move first. */
  | { waits: true; writes?: never; goes?: never };

export interface Shell {
  playbooks: readonly Playbook[];
  facts: ServerFacts;
  /** The possible results of verifying the family. */
  verifications: readonly VerifyResult[];
  answers: StepAnswers;
  settings: NextSettings;
  /** `either`: a person may be asked before a change, or not. */
  mode: 'auto' | 'approve' | 'either';
  /** How often a command, and an undo, is tried. */
  sendings: number;
  tries: number;
}

/** What the shell knows when it decides. */
export interface Situation {
  incident: Incident;
  exchange: ExchangeState;
}

/** Before the end of every wait, and after it: entries are written at 0, and waits end at 1. */
export const TIMES = [0, 1];

const catalog = { rank: () => 0 } as unknown as Catalog;
const REST: Then = { at: 'rest' };
const decided = (writes: IncidentEvent, then: Then = REST): Move => ({ writes, how: 'decide', then });
const recorded = (writes: IncidentEvent, then: Then = REST): Move => ({ writes, how: 'record', then });

/** The possible first moves of an advance. */
export function begin(shell: Shell, state: Situation): Move[] {
  const [early, late] = TIMES.map((now) => next(state.incident, now, shell.settings)) as [Decision, Decision];
  const decisions = JSON.stringify(early) === JSON.stringify(late) ? [early] : [early, late];
  return decisions.flatMap((decision) => perform(shell, state, decision));
}

function perform(shell: Shell, state: Situation, decision: Decision): Move[] {
  const { incident } = state;
  switch (decision.do) {
    case 'nothing':
      return [];
    case 'wait':
      return [{ waits: true }];
    case 'verify':
      return verify(shell, decision.purpose);
    case 'match':
      return [decided({ type: 'matched', data: match(incident, shell.playbooks, catalog) })];
    case 'begin':
      return beginStep(shell, state, decision.n);
    case 'continue':
      return [{ goes: { at: 'polling', what: { n: decision.n }, issued: undefined } }];
    case 'skip':
      return [decided({ type: 'stepFinished', data: { n: decision.n, state: 'skipped', says: '' } })];
    case 'undo':
      return beginUndo(shell, state, decision.undo);
    case 'settle':
      return [recorded({ type: 'undone', data: { undo: decision.undo, state: 'settled', says: '' } })];
    case 'sleep':
      return [decided({ type: 'slept', data: { until: 1, for: decision.for, says: '' } })];
    case 'expire':
      return [decided({ type: 'rejected', data: { by: 'second-responder', expired: true } })];
    case 'finish': {
      const { finished } = decision;
      const ends = [decided({ type: 'finished', data: finished })];
      // People cannot be notified now; or another incident has notified them already.
      if (finished.outcome !== 'escalated') return ends;
      const elsewhere = decided({ type: 'finished', data: { ...finished, outcome: 'suppressed' } });
      return [...ends, { waits: true }, ...(incident.changed ? [] : [elsewhere])];
    }
  }
}

function verify(shell: Shell, purpose: 'first' | 'before-change' | 'after-health' | 'after-undo'): Move[] {
  return shell.verifications.map((result) =>
    recorded({
      type: 'verified',
      data: { ...result, purpose, startedAt: 0, ...(!result.hopeless && { facts: shell.facts }) },
    }),
  );
}

function beginStep(shell: Shell, { incident, exchange }: Situation, n: number): Move[] {
  const record = stepRecord(incident, n);
  const moves: Move[] = [];
  const { when } = record.step;
  if (when?.healthy !== undefined || when?.unhealthy !== undefined) {
    moves.push(tryAgain(shell, record), recorded(finishedStep(n, 'skipped')));
  }
  const asks = stepNamed(record.step.step).asks?.(record.step.options);
  if (asks && !incident.approvals.some((approval) => approval.n === n)) return [...moves, asked(n, asks.role)];
  for (const { answer, failed } of shell.answers.begin(incident, record, exchange)) {
    if (failed !== undefined) moves.push(isFinal(failed) ? refused(n) : tryAgain(shell, record));
    else if (answer.begin === 'skip') moves.push(recorded(finishedStep(n, 'skipped')));
    else if (answer.begin === 'refuse') moves.push(refused(n));
    else if (!answer.change) {
      moves.push(decided({ type: 'stepStarted', data: { n, note: answer.note } }, { at: 'polling', what: { n } }));
    } else {
      const { intent, undo } = answer.change;
      moves.push(...guarded(shell, incident, n));
      const mayStart = shell.mode !== 'approve' || incident.parent || isApproved(incident, ['approval']);
      // A guard reads the database copies right before a reboot.
      const isSafe = answer.change.action !== 'restart-server' || !exchange.active;
      const started: IncidentEvent = {
        type: 'stepStarted',
        data: { n, note: answer.note, intent, ...(undo && { undo }) },
      };
      if (mayStart && isSafe) moves.push(decided(started, { at: 'sending', what: { n } }));
    }
  }
  return moves;
}

/** The answers of guards other than "allow". */
function guarded(shell: Shell, incident: Incident, n: number): Move[] {
  const { held } = incident;
  const wait = (guard: string, approval?: true): Move =>
    held?.guard === guard && held.n === n
      ? { waits: true }
      : {
          ...decided({
            type: 'held',
            data: { n, guard, reason: guard, says: '', until: 1, ...(approval && { approval }) },
          }),
          waits: true,
        };
  const asks = shell.mode !== 'auto' && !isApproved(incident, ['approval']);
  const evidence = verify(shell, 'before-change').map((move) => ({ ...move, waits: true }) as Move);
  return [wait('claim'), ...(asks ? [wait('approval', true)] : []), refused(n), refused(n, true), ...evidence];
}

/** A step asks a person; the wait ends with an answer, or with its time. */
function asked(n: number, role: AskedRole): Move {
  const held: Held = { n, guard: 'ask', reason: 'ask', says: '', until: 1, approval: true, role };
  return { ...decided({ type: 'held', data: held }), waits: true };
}

function tryAgain(shell: Shell, { step: { n }, inconclusiveTries }: StepRecord): Move {
  if (inconclusiveTries >= shell.settings.retries) return refused(n);
  return recorded({ type: 'slept', data: { n, until: 1, for: 'look', says: '' } });
}

const isFinal = (failed: string) => failed === 'notFound' || failed === 'accessDenied' || failed === 'refused';
const finishedStep = (n: number, state: StepFinished['state'], more: Partial<StepFinished> = {}): IncidentEvent => ({
  type: 'stepFinished',
  data: { n, state, says: '', ...more },
});
const refused = (n: number, suppressed = false): Move =>
  recorded(finishedStep(n, 'refused', { escalate: 'refused', ...(suppressed && { suppressed }) }));

/** The kill switch stops a command right before it is sent. One that may have been sent before is waited out first. */
export function notSent(what: What, knows: Incident, again: boolean): Move {
  if ('n' in what) {
    if (again && !isWaitedOut(knows, what.n)) return sleepIn(knows, what.n, 'late');
    return { ...recorded(finishedStep(what.n, 'notSent')), waits: true };
  }
  if (knows.held) return { waits: true };
  return {
    ...recorded({ type: 'held', data: { guard: 'kill-switch', reason: 'kill-switch', says: '' } }),
    waits: true,
  };
}

/** The target refused the command, or its answer came, or was lost. */
export function answered(what: What, answer: 'done' | 'refused' | 'lost', knows: Incident, again: boolean): Move {
  if (answer !== 'refused') return { goes: { at: 'polling', what, issued: answer === 'done' } };
  if ('undo' in what) return undone(knows, what.undo, 'failed');
  if (again && !isWaitedOut(knows, what.n)) return sleepIn(knows, what.n, 'late');
  return recorded(finishedStep(what.n, 'failed', { escalate: 'refused' }), { at: 'settling', n: what.n });
}

/** What became of a started step. */
export function pollStep(
  shell: Shell,
  exchange: ExchangeState,
  knows: Incident,
  n: number,
  issued: boolean | undefined,
): Move[] {
  const record = stepRecord(knows, n);
  if (record.step.step === 'remediate' && record.child === undefined) {
    const child = { n, incident: 'child', server: 'mbx1', joined: false };
    return [recorded({ type: 'childOpened', data: child }, { at: 'polling', what: { n } })];
  }
  return shell.answers.poll(knows, record, exchange, issued === true).map((given) => {
    if (given.failed === undefined) return polled(shell, knows, record, given.answer, issued);
    if (!given.late) return sleepIn(knows, n, 'answer');
    return recorded(finishedStep(n, 'failed', { escalate: 'unseen', ...(record.intent && { changed: true }) }));
  });
}

function polled(shell: Shell, knows: Incident, record: StepRecord, seen: Polled, issued: boolean | undefined): Move {
  const { n } = record.step;
  if (seen.is === 'pending') {
    if (seen.counts) return recorded({ type: 'slept', data: { n, until: 1, for: seen.counts, says: '' } });
    return sleepIn(knows, n, record.step.step);
  }
  if (seen.is === 'notIssued') {
    if (knows.conclusion) return abandon(knows, n);
    if (issued === undefined) return { goes: { at: 'sending', what: { n }, again: true } };
    if (record.unhealthyTries + 1 >= shell.sendings)
      return recorded(finishedStep(n, 'failed', { escalate: 'not sent' }));
    return recorded({ type: 'slept', data: { n, until: 1, for: 'health', says: '' } });
  }
  const { looked, changed } = seen;
  const facts = { ...(looked && { looked }), ...(changed && { changed }) };
  if (seen.is === 'refused') return recorded(finishedStep(n, 'refused', { ...facts, escalate: 'refused' }));
  const { health, escalate, exhausted } = seen;
  const end = {
    ...(health && { health }),
    ...(escalate !== undefined && { escalate }),
    ...(exhausted && { exhausted }),
  };
  return recorded(finishedStep(n, seen.is, { ...facts, ...end }));
}

function sleepIn({ slept }: Incident, n: number, why: string): Move {
  if (slept?.n === n && slept.for === why) return { waits: true };
  return { ...recorded({ type: 'slept', data: { n, until: 1, for: why, says: '' } }), waits: true };
}

/** The command is not sent any more: what a lost worker may have sent is waited out first. */
function abandon(knows: Incident, n: number): Move {
  if (isWaitedOut(knows, n)) return recorded(finishedStep(n, 'skipped'), { at: 'settling', n });
  return recorded({ type: 'slept', data: { n, until: 1, for: 'late', says: '' } });
}

const isWaitedOut = ({ slept }: Incident, n: number) => slept?.n === n && slept.for === 'late';

/** The command of step `n` changed nothing: its next undo action that is not needed. */
export function settleNext(incident: Incident, n: number): Move | undefined {
  const debt = incident.undo.find((one) => one.state === 'owed' && one.id.startsWith(`${n}:`));
  return (
    debt && recorded({ type: 'undone', data: { undo: debt.id, state: 'notNeeded', says: '' } }, { at: 'settling', n })
  );
}

function beginUndo(shell: Shell, { incident, exchange }: Situation, id: string): Move[] {
  const undo = undoOf(incident, id);
  const what = { undo: id };
  if (undo.state === 'started') return [{ goes: { at: 'polling', what, issued: undefined } }];
  return shell.answers.beginUndo(incident, undo, exchange).flatMap(({ answer, failed }): Move[] => {
    if (failed !== undefined) return [undoAgain(shell, incident, id)];
    if (answer.begin === 'notNeeded') return [undone(incident, id, 'notNeeded')];
    const { held } = incident;
    const waits: Move = held
      ? { waits: true }
      : { ...decided({ type: 'held', data: { guard: 'claim', reason: 'claim', says: '' } }), waits: true };
    return [
      waits,
      decided({ type: 'undoStarted', data: { undo: id, intent: answer.intent } }, { at: 'sending', what }),
    ];
  });
}

export function pollUndo(
  shell: Shell,
  exchange: ExchangeState,
  knows: Incident,
  id: string,
  issued: boolean | undefined,
): Move[] {
  const undo = undoOf(knows, id);
  return shell.answers.pollUndo(knows, undo, exchange, issued === true).map(({ answer: seen, failed }): Move => {
    if (failed !== undefined) return undoAgain(shell, knows, id);
    if (seen.is === 'done') return undone(knows, id, 'putBack');
    if (seen.is === 'failed' || seen.is === 'refused') return undone(knows, id, 'failed');
    if (seen.is === 'pending') {
      if (knows.slept) return { waits: true };
      return { ...recorded({ type: 'slept', data: { until: 1, for: 'undo', says: '' } }), waits: true };
    }
    return issued === undefined ? { goes: { at: 'sending', what: { undo: id } } } : undoAgain(shell, knows, id);
  });
}

function undone(incident: Incident, id: string, state: 'putBack' | 'notNeeded' | 'failed'): Move {
  return recorded({ type: 'undone', data: { undo: id, state, says: undoOf(incident, id).says } });
}

function undoAgain(shell: Shell, incident: Incident, id: string): Move {
  if (undoOf(incident, id).tries >= shell.tries) return undone(incident, id, 'failed');
  return recorded({ type: 'slept', data: { until: 1, for: 'undo', says: '', undo: id } });
}

function undoOf({ undo }: Incident, id: string) {
  const debt = undo.find((one) => one.id === id);
  if (!debt) throw new Error(`no undo ${id}`);
  return debt;
}
