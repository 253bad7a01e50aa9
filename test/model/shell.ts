/**
 * The shell of src/engine as a set of possibilities: what may follow each decision of `next`, each in its own small step,
 * so that a worker may die, freeze or be overtaken between any two. Kept honest by conformance.test.ts.
 */

import { match } from '../../src/engine/verify/match.ts';
import type { IncidentEvent, StepFinished } from '../../src/incident/event.ts';
import type { ServerFacts, VerifyResult } from '../../src/incident/health.ts';
import { type Incident, isApproved, type StepRecord, stepRecord } from '../../src/incident/incident.ts';
import { type Decision, type NextSettings, next } from '../../src/incident/next.ts';
import type { Playbook } from '../../src/incident/plan.ts';
import type { Polled } from '../../src/steps/step.ts';
import type { Catalog } from '../../src/verification/catalog.ts';
import type { Steps } from './ask.ts';
import type { State, Then, What, Worker } from './state.ts';

/** How one advance may go on: a write that it is about to make, another stage, or nothing to write now. */
export type Move =
  | { writes: IncidentEvent; how: 'decide' | 'record'; then: Then; waits?: boolean }
  | { goes: Worker; waits?: boolean }
  /** Nothing is written: somebody else must move first. */
  | { waits: true; writes?: never; goes?: never };

export interface Shell {
  playbooks: readonly Playbook[];
  facts: ServerFacts;
  /** The looks at the family that may be had. */
  looks: readonly VerifyResult[];
  steps: Steps;
  settings: NextSettings;
  mode: 'auto' | 'approve';
  /** How often a command, and an undo, that did not get through is tried again. */
  sendings: number;
  tries: number;
}

/** Before anything that is waited for is due, and after. Every entry is written at 0, and every wait ends at 1. */
export const TIMES = [0, 1];

const catalog = { rank: () => 0 } as unknown as Catalog;
const REST: Then = { at: 'rest' };
const decided = (writes: IncidentEvent, then: Then = REST): Move => ({ writes, how: 'decide', then });
const recorded = (writes: IncidentEvent, then: Then = REST): Move => ({ writes, how: 'record', then });

/** The first thing that an advance may do which is not only thinking. */
export function begin(shell: Shell, state: State): Move[] {
  const { incident } = state;
  return TIMES.flatMap((now) => perform(shell, state, next(incident, now, shell.settings)));
}

function perform(shell: Shell, state: State, decision: Decision): Move[] {
  const { incident } = state;
  switch (decision.do) {
    case 'nothing':
      return [];
    case 'wait':
      return [{ waits: true }];
    case 'verify':
      return looks(shell, decision.purpose);
    case 'match':
      return [decided({ type: 'matched', data: match(incident, shell.playbooks, catalog) })];
    case 'begin':
      return beginStep(shell, state, decision.n);
    case 'continue':
      return [
        { goes: { at: 'looking', what: { n: decision.n }, issued: undefined, knows: incident, others: 'nothing' } },
      ];
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
      // People can't be told now; or another incident tells of it already.
      if (finished.outcome !== 'escalated') return ends;
      const elsewhere = decided({ type: 'finished', data: { ...finished, outcome: 'suppressed' } });
      return [...ends, { waits: true }, ...(incident.changed ? [] : [elsewhere])];
    }
  }
}

function looks(shell: Shell, purpose: 'first' | 'before-change' | 'after-health' | 'after-undo'): Move[] {
  return shell.looks.map((looked) =>
    recorded({
      type: 'verified',
      data: { ...looked, purpose, startedAt: 0, ...(!looked.hopeless && { facts: shell.facts }) },
    }),
  );
}

function beginStep(shell: Shell, { incident, world }: State, n: number): Move[] {
  const record = stepRecord(incident, n);
  const moves: Move[] = [];
  const { when } = record.step;
  if (when?.healthy !== undefined || when?.unhealthy !== undefined) {
    moves.push(tryAgain(shell, record), recorded(finishedStep(n, 'skipped')));
  }
  for (const { answer, failed } of shell.steps.begin(incident, record, world)) {
    if (failed !== undefined) moves.push(isFinal(failed) ? refused(n) : tryAgain(shell, record));
    else if (answer.begin === 'skip') moves.push(recorded(finishedStep(n, 'skipped')));
    else if (answer.begin === 'refuse') moves.push(refused(n));
    else if (!answer.change) {
      moves.push(decided({ type: 'stepStarted', data: { n, note: answer.note } }, { at: 'looking', what: { n } }));
    } else {
      const { intent, undo } = answer.change;
      moves.push(...guarded(shell, incident, n));
      const mayStart = shell.mode === 'auto' || incident.parent || isApproved(incident, ['approval']);
      // The guards' own look at the databases, right before a reboot.
      const isSafe = answer.change.action !== 'restart-server' || !world.active;
      const started: IncidentEvent = {
        type: 'stepStarted',
        data: { n, note: answer.note, intent, ...(undo && { undo }) },
      };
      if (mayStart && isSafe) moves.push(decided(started, { at: 'sending', what: { n } }));
    }
  }
  return moves;
}

/** What guards may answer but "allow". */
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
  const asks = shell.mode === 'approve' && !isApproved(incident, ['approval']);
  const evidence = looks(shell, 'before-change').map((move) => ({ ...move, waits: true }) as Move);
  return [wait('claim'), ...(asks ? [wait('approval', true)] : []), refused(n), refused(n, true), ...evidence];
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

/** A command is about to be sent, and the kill switch stops it. One that was sent before is waited out first. */
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

/** It was refused by the far side, or its answer came or not. */
export function answered(what: What, answer: 'done' | 'refused' | 'lost', knows: Incident, again: boolean): Move {
  if (answer !== 'refused')
    return { goes: { at: 'looking', what, issued: answer === 'done', knows, others: 'nothing' } };
  if ('undo' in what) return recorded({ type: 'undone', data: { undo: what.undo, state: 'failed', says: '' } });
  if (again && !isWaitedOut(knows, what.n)) return sleepIn(knows, what.n, 'late');
  return recorded(finishedStep(what.n, 'failed', { escalate: 'refused' }), { at: 'settling', n: what.n });
}

/** What a step that was started has come to. */
export function lookAtStep(
  shell: Shell,
  world: State['world'],
  knows: Incident,
  n: number,
  issued: boolean | undefined,
): Move[] {
  const record = stepRecord(knows, n);
  if (record.step.step === 'remediate' && record.child === undefined) {
    const child = { n, incident: 'child', server: 'mbx1', joined: false };
    return [recorded({ type: 'childOpened', data: child }, { at: 'looking', what: { n } })];
  }
  return shell.steps.look(knows, record, world, issued === true).map((given) => {
    if (given.failed === undefined) return lookOf(shell, knows, record, given.answer, issued);
    if (!given.late) return sleepIn(knows, n, 'answer');
    return recorded(finishedStep(n, 'failed', { escalate: 'unseen', ...(record.intent && { changed: true }) }));
  });
}

function lookOf(shell: Shell, knows: Incident, record: StepRecord, seen: Polled, issued: boolean | undefined): Move {
  const { n } = record.step;
  if (seen.is === 'pending') {
    if (seen.counts) return recorded({ type: 'slept', data: { n, until: 1, for: seen.counts, says: '' } });
    return sleepIn(knows, n, record.step.step);
  }
  if (seen.is === 'notIssued') {
    if (knows.conclusion) return letGo(knows, n);
    if (issued === undefined) return { goes: { at: 'sending', what: { n }, again: true, knows, others: 'nothing' } };
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

/** Not sent any more: what a lost worker may have sent is waited out first. */
function letGo(knows: Incident, n: number): Move {
  if (isWaitedOut(knows, n)) return recorded(finishedStep(n, 'skipped'), { at: 'settling', n });
  return recorded({ type: 'slept', data: { n, until: 1, for: 'late', says: '' } });
}

const isWaitedOut = ({ slept }: Incident, n: number) => slept?.n === n && slept.for === 'late';

/** The command of step `n` changed nothing: of its debts, the next that needs no putting back. */
export function settleNext(incident: Incident, n: number): Move | undefined {
  const debt = incident.undo.find((one) => one.state === 'owed' && one.id.startsWith(`${n}:`));
  return (
    debt && recorded({ type: 'undone', data: { undo: debt.id, state: 'notNeeded', says: '' } }, { at: 'settling', n })
  );
}

function beginUndo(shell: Shell, { incident, world }: State, id: string): Move[] {
  const debt = undoOf(incident, id);
  const what = { undo: id };
  if (debt.state === 'started')
    return [{ goes: { at: 'looking', what, issued: undefined, knows: incident, others: 'nothing' } }];
  return shell.steps.beginUndo(incident, debt, world).flatMap(({ answer, failed }): Move[] => {
    if (failed !== undefined) return [undoAgain(shell, incident, id)];
    if (answer.begin === 'notNeeded')
      return [recorded({ type: 'undone', data: { undo: id, state: 'notNeeded', says: '' } })];
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

export function lookAtUndo(
  shell: Shell,
  world: State['world'],
  knows: Incident,
  id: string,
  issued: boolean | undefined,
): Move[] {
  const debt = undoOf(knows, id);
  const end = (state: 'putBack' | 'failed') => recorded({ type: 'undone', data: { undo: id, state, says: '' } });
  return shell.steps.lookAtUndo(knows, debt, world, issued === true).map(({ answer: seen, failed }): Move => {
    if (failed !== undefined) return undoAgain(shell, knows, id);
    if (seen.is === 'done') return end('putBack');
    if (seen.is === 'failed' || seen.is === 'refused') return end('failed');
    if (seen.is === 'pending') {
      if (knows.slept) return { waits: true };
      return { ...recorded({ type: 'slept', data: { until: 1, for: 'undo', says: '' } }), waits: true };
    }
    return issued === undefined
      ? { goes: { at: 'sending', what: { undo: id }, knows, others: 'nothing' } }
      : undoAgain(shell, knows, id);
  });
}

function undoAgain(shell: Shell, incident: Incident, id: string): Move {
  if (undoOf(incident, id).tries >= shell.tries)
    return recorded({ type: 'undone', data: { undo: id, state: 'failed', says: '' } });
  return recorded({ type: 'slept', data: { until: 1, for: 'undo', says: '', undo: id } });
}

function undoOf({ undo }: Incident, id: string) {
  const debt = undo.find((one) => one.id === id);
  if (!debt) throw new Error(`no undo ${id}`);
  return debt;
}

/** Whom people and senders may tell what, at any time. `by`: what it uses up of what is left. */
export function fromOutside({ incident, left }: State): { event: IncidentEvent; uses?: 'news' | 'cancels' }[] {
  if (incident.finished) return [];
  const yuki = { by: 'yuki' };
  return [
    ...(left.news > 0
      ? [{ event: { type: 'attached', data: { alerts: [RESOLVED] } } as IncidentEvent, uses: 'news' as const }]
      : []),
    ...(left.cancels > 0 && !incident.conclusion
      ? [{ event: { type: 'cancelled', data: yuki } as IncidentEvent, uses: 'cancels' as const }]
      : []),
    ...(incident.held?.approval
      ? [
          { event: { type: 'approved', data: yuki } as IncidentEvent },
          { event: { type: 'rejected', data: yuki } as IncidentEvent },
        ]
      : []),
  ];
}

const RESOLVED = {
  id: 'more',
  source: 'scom',
  senderId: '1',
  status: 'resolved' as const,
  server: 'mbx1',
  serverAsSent: 'mbx1',
  raisedAt: 0,
  receivedAt: 0,
};
