import { describe, expect, test } from 'vitest';
import type { IncidentEvent, StepEnd, StepFinished, Verified, VerifyPurpose } from '../../../src/incident/event.ts';
import { fold } from '../../../src/incident/fold.ts';
import type { MonitorRef, Verdict, VerifyResult } from '../../../src/incident/health.ts';
import { type Decision, type NextSettings, next, unmetCondition, yearOf } from '../../../src/incident/next.ts';
import type { Condition, PlannedStep } from '../../../src/incident/plan.ts';
import type { UndoAction } from '../../../src/incident/undo.ts';
import { alertOf, askedFor, facts, journal, MINUTE, NINE, SECOND } from '../../support/stub.ts';

const SETTINGS: NextSettings = {
  retries: 2,
  retryEvery: MINUTE,
  watchAfterUndo: 10 * MINUTE,
  evidenceMaxAge: 5 * MINUTE,
};
const SELF_TEST: MonitorRef = { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };

const opened: IncidentEvent = {
  type: 'opened',
  data: { id: 'i', server: 'mbx1', family: 'IMAP', alert: alertOf() },
};

const saw = (verdict: Verdict, monitor = SELF_TEST): VerifyResult => ({
  verdict,
  reason: `it was ${verdict}`,
  monitors: [{ ...monitor, verdict }],
  evidence: [],
});

const verified = (verdict: Verdict, purpose: VerifyPurpose = 'first', more: Partial<Verified> = {}): IncidentEvent => ({
  type: 'verified',
  data: { ...saw(verdict), purpose, startedAt: NINE, facts: facts('mbx1', { dag: 'dag1' }), ...more },
});

const step = (n: number, name: string, changes: boolean, when?: Condition): PlannedStep => ({
  n,
  step: name,
  options: {},
  changes,
  says: name,
  ...(when && { when }),
});

const PLAN = [step(1, 'restart-service', true), step(2, 'recheck', false), step(3, 'restart-server', true)];

const matched = (plan: PlannedStep[] = PLAN): IncidentEvent => ({
  type: 'matched',
  data: { playbook: { name: 'imap-protocol', hash: 'h', mode: 'auto' }, handles: [SELF_TEST], plan },
});

const intent = { command: 'Restart-Service', server: 'mbx1', arguments: {}, fence: {} };

const debt = (id: string, when: UndoAction['when'], more: Partial<UndoAction> = {}): UndoAction => ({
  id,
  kind: 'activation',
  server: 'mbx1',
  setting: id,
  when,
  value: {},
  says: `${id} is changed`,
  ...more,
});

const started = (n: number, ...undo: UndoAction[]): IncidentEvent => ({
  type: 'stepStarted',
  data: { n, note: {}, intent, undo },
});
const begun = (n: number): IncidentEvent => ({ type: 'stepStarted', data: { n, note: {} } });
const ended = (n: number, state: StepEnd = 'done', more: Partial<StepFinished> = {}): IncidentEvent => ({
  type: 'stepFinished',
  data: { n, state, says: state, ...more },
});
const slept = (until: number, more: { n?: number; undo?: string; for?: string } = {}): IncidentEvent => ({
  type: 'slept',
  data: { until, for: 'look', says: 'sleeping', ...more },
});
const undoStarted = (undo: string): IncidentEvent => ({ type: 'undoStarted', data: { undo, intent } });
const undone = (undo: string, state: 'putBack' | 'notNeeded' | 'failed' = 'putBack'): IncidentEvent => ({
  type: 'undone',
  data: { undo, state, says: `${undo} ${state}` },
});
const cancelled: IncidentEvent = { type: 'cancelled', data: { by: 'yuki' } };
const resolved: IncidentEvent = { type: 'attached', data: { alerts: [alertOf({ id: 'a2', status: 'resolved' })] } };
const approval = (until?: number): IncidentEvent => ({
  type: 'held',
  data: {
    n: 1,
    guard: 'mode',
    reason: 'approval',
    says: 'waits for a person',
    approval: true,
    ...(until !== undefined && { until }),
  },
});

const sick = [opened, verified('confirmed')];
const planned = [...sick, matched()];
const restarted = [...planned, started(1), ended(1, 'done', { changed: true })];
const healthy = [...restarted, begun(2), ended(2, 'done', { health: 'healthy', looked: saw('cleared') })];
const stillSick = [...restarted, begun(2), ended(2, 'done', { health: 'unhealthy', looked: saw('confirmed') })];
/** Drained by the first step, then verified healthy: the undo follows. */
const drained = (...undo: UndoAction[]) => [
  ...planned,
  started(1, ...undo),
  ended(1, 'done', { changed: true }),
  verified('cleared', 'after-health'),
];

const LATER = NINE + MINUTE;
const finish = (outcome: string, reason: string, left: string[] = [], owed: string[] = []) => ({
  do: 'finish',
  finished: { outcome, reason, left, owed },
});

interface Case {
  given: string;
  journal: (IncidentEvent | [number, IncidentEvent])[];
  /** A minute after nine by default. */
  now?: number;
  does: object;
}

const CASES: Case[] = [
  { given: 'only an alert', journal: [opened], does: { do: 'verify', purpose: 'first' } },
  {
    given: 'a confirmed problem',
    journal: sick,
    does: { do: 'match' },
  },
  {
    given: 'healthy at the first verification',
    journal: [opened, verified('cleared')],
    does: finish('transient', 'it was cleared'),
  },
  {
    given: 'healthy at the first verification, which could not cover the report',
    journal: [opened, verified('cleared', 'first', { unverified: ['the alert "t" names no health set'] })],
    does: finish('escalated', 'it was cleared'),
  },
  {
    given: 'an inconclusive verification',
    journal: [opened, verified('inconclusive')],
    does: { do: 'sleep', until: LATER + MINUTE, for: 'look', says: 'it was inconclusive' },
  },
  {
    given: 'an inconclusive verification, and a sleep that is not over',
    journal: [opened, verified('inconclusive'), slept(LATER + 1)],
    does: { do: 'wait', until: LATER + 1, says: 'sleeping' },
  },
  {
    given: 'an inconclusive verification, and a sleep that is over to the millisecond',
    journal: [opened, verified('inconclusive'), slept(LATER)],
    does: { do: 'verify', purpose: 'first' },
  },
  {
    given: 'an inconclusive verification before a change, after a sleep',
    journal: [...planned, verified('inconclusive', 'before-change'), slept(LATER)],
    does: { do: 'verify', purpose: 'before-change' },
  },
  {
    given: 'as many further verifications as allowed, all inconclusive',
    journal: [opened, verified('inconclusive'), verified('inconclusive'), verified('inconclusive')],
    does: finish('escalated', 'Health could not be verified (tried 3 times): it was inconclusive'),
  },
  {
    given: 'inconclusive verifications with a conclusive one in between: they are counted from there',
    journal: [
      opened,
      verified('inconclusive'),
      verified('inconclusive'),
      verified('confirmed'),
      verified('inconclusive'),
    ],
    does: { do: 'sleep', until: LATER + MINUTE, for: 'look', says: 'it was inconclusive' },
  },
  {
    given: 'a verification that no other can improve',
    journal: [opened, verified('inconclusive', 'first', { hopeless: true })],
    does: finish('escalated', 'Health could not be verified (tried once): it was inconclusive'),
  },
  {
    given: 'a "resolved" during the sleep after an inconclusive verification: verified now, not later',
    journal: [opened, verified('inconclusive'), slept(LATER + 5 * MINUTE), resolved],
    does: { do: 'verify', purpose: 'before-change' },
  },
  {
    given: 'a "resolved" before the first change',
    journal: [...planned, resolved],
    does: { do: 'verify', purpose: 'before-change' },
  },
  {
    given: 'a "resolved" before any verification',
    journal: [opened, resolved],
    does: { do: 'verify', purpose: 'first' },
  },
  {
    given: 'a "resolved" while a command is in progress: its result comes first',
    journal: [...planned, started(1), resolved],
    does: { do: 'continue', n: 1 },
  },
  {
    given: 'no playbook for it',
    journal: [...sick, { type: 'matched', data: { playbook: null, reason: 'No playbook handles it' } }],
    does: finish('escalated', 'No playbook handles it'),
  },
  { given: 'a plan', journal: planned, does: { do: 'begin', n: 1 } },
  {
    given: 'a plan without a step',
    journal: [...sick, matched([])],
    does: finish('escalated', 'Still unhealthy at the end of playbook imap-protocol: it was confirmed'),
  },
  { given: 'a step that was started', journal: [...planned, started(1)], does: { do: 'continue', n: 1 } },
  {
    given: 'a step that was started and sleeps',
    journal: [...planned, started(1), slept(LATER + 1, { n: 1 })],
    does: { do: 'wait', until: LATER + 1, says: 'sleeping' },
  },
  {
    given: 'a step that was started and slept',
    journal: [...planned, started(1), slept(LATER, { n: 1 })],
    does: { do: 'continue', n: 1 },
  },
  {
    given: 'a command that the kill switch stopped at the last moment: the step is still pending',
    journal: [...planned, started(1), ended(1, 'notSent')],
    does: { do: 'begin', n: 1 },
  },
  ...(['done', 'skipped', 'failed'] as const).map((state) => ({
    given: `a step that was ${state}`,
    journal: [...planned, started(1), ended(1, state)],
    does: { do: 'begin', n: 2 },
  })),
  {
    given: 'a step that was refused',
    journal: [...planned, ended(1, 'refused', { escalate: 'DB02 has only this copy' })],
    does: finish('escalated', 'DB02 has only this copy'),
  },
  {
    given: 'a step that observe mode refused',
    journal: [...planned, ended(1, 'refused', { escalate: 'It would have restarted', suppressed: true })],
    does: finish('suppressed', 'It would have restarted'),
  },
  {
    given: 'a step for a role that this server does not have',
    journal: [...sick, matched([step(1, 'restart-service', true, { role: 'client-access' })])],
    does: { do: 'skip', n: 1, says: 'mbx1 has no client-access role' },
  },
  {
    given: 'an unhealthy recheck',
    journal: stillSick,
    does: { do: 'begin', n: 3 },
  },
  {
    given: 'a healthy recheck: the whole family is verified',
    journal: healthy,
    does: { do: 'verify', purpose: 'after-health' },
  },
  {
    given: 'a healthy family after a change',
    journal: [...healthy, verified('cleared', 'after-health')],
    does: finish('recovered', 'it was cleared'),
  },
  {
    given: 'a family in which another monitor is still unhealthy',
    journal: [
      ...healthy,
      verified('confirmed', 'after-health', saw('confirmed', { healthSet: 'IMAP', monitor: 'ImapCTPMonitor' })),
    ],
    does: { do: 'match' },
  },
  {
    given: 'a family in which the same monitor is unhealthy again: its playbook continues',
    journal: [...healthy, verified('confirmed', 'after-health')],
    does: { do: 'begin', n: 3 },
  },
  {
    given: 'an inconclusive verification of the family after a healthy recheck',
    journal: [...healthy, verified('inconclusive', 'after-health')],
    does: { do: 'sleep', until: LATER + MINUTE, for: 'look', says: 'it was inconclusive' },
  },
  {
    given: 'every step done, and the problem still there',
    journal: [...stillSick, started(3), ended(3, 'done', { changed: true })],
    does: finish('escalated', 'Still unhealthy at the end of playbook imap-protocol: it was confirmed'),
  },
  // Approval.
  {
    given: 'a pending approval',
    journal: [...planned, approval(LATER + 1)],
    does: { do: 'wait', until: LATER + 1, says: 'waits for a person' },
  },
  {
    given: 'a pending approval without expiry',
    journal: [...planned, approval()],
    does: { do: 'wait', until: Number.POSITIVE_INFINITY, says: 'waits for a person' },
  },
  { given: 'an approval that nobody gave in time', journal: [...planned, approval(LATER)], does: { do: 'expire' } },
  {
    given: 'an approval: verified again before anything is changed',
    journal: [...planned, approval(LATER + 1), { type: 'approved', data: { by: 'yuki' } }],
    does: { do: 'verify', purpose: 'before-change' },
  },
  {
    given: 'an approval, and the problem still there',
    journal: [
      ...planned,
      approval(LATER + 1),
      { type: 'approved', data: { by: 'yuki' } },
      verified('confirmed', 'before-change'),
    ],
    does: { do: 'begin', n: 1 },
  },
  {
    given: 'an approval that came after the request had expired',
    journal: [...planned, approval(0), { type: 'approved', data: { by: 'yuki' } }],
    does: { do: 'expire' },
  },
  {
    given: 'a rejection',
    journal: [...planned, approval(LATER + 1), { type: 'rejected', data: { by: 'yuki', note: 'month-end' } }],
    does: finish('escalated', 'Rejected by yuki: month-end'),
  },
  {
    given: 'an approval that expired',
    journal: [...planned, approval(LATER), { type: 'rejected', data: { by: 'x', expired: true } }],
    does: finish('escalated', 'No one approved in time'),
  },
  {
    given: 'a guard that waits: it is asked again',
    journal: [...planned, { type: 'held', data: { n: 1, guard: 'claim', reason: 'server-claimed', says: 's' } }],
    does: { do: 'begin', n: 1 },
  },
  // Requests by people.
  {
    given: 'an undo that a person requested: nothing is verified before',
    journal: [askedFor('putBack')],
    does: { do: 'undo', undo: 'd' },
  },
  {
    given: 'a change that a person has undone by hand: its undo action is settled',
    journal: [askedFor('settle')],
    does: { do: 'settle', undo: 'd', says: 'Fixed by hand, according to yuki: why not' },
  },
  {
    given: 'all undo actions that a person has done are settled',
    journal: [askedFor('settle'), { type: 'undone', data: { undo: 'd', state: 'settled', says: 's' } }],
    does: finish('cancelled', 'Fixed by hand, according to yuki: why not'),
  },
  // Cancelling.
  { given: 'a cancelled incident', journal: [...planned, cancelled], does: finish('cancelled', 'Cancelled by yuki') },
  {
    given: 'a cancelled incident with a recheck in progress: it is no longer needed',
    journal: [...restarted, begun(2), cancelled],
    does: { do: 'skip', n: 2, says: 'Cancelled by yuki' },
  },
  {
    given: 'a cancelled incident with a command in progress: its result comes first',
    journal: [...planned, started(1), cancelled],
    does: { do: 'continue', n: 1 },
  },
  {
    given: 'a cancelled incident that drained a server: it stays drained, and reports it',
    journal: [...planned, started(1, debt('activation', 'recovered')), ended(1), cancelled],
    does: finish('cancelled', 'Cancelled by yuki', ['activation is changed']),
  },
  {
    given: 'a cancelled incident that switched a log on',
    journal: [...planned, started(1, debt('log', 'always')), ended(1), cancelled],
    does: { do: 'undo', undo: 'log' },
  },
  // Undo.
  {
    given: 'healthy, and an undo action that is due on recovery',
    journal: drained(debt('activation', 'recovered')),
    does: { do: 'undo', undo: 'activation' },
  },
  {
    given: 'healthy, and undo actions of both kinds: those that always run come first',
    journal: drained(debt('log', 'always'), debt('activation', 'recovered')),
    does: { do: 'undo', undo: 'log' },
  },
  {
    given: 'several undo actions that always run: the last change is undone first',
    journal: drained(debt('log', 'always'), debt('other', 'always')),
    does: { do: 'undo', undo: 'other' },
  },
  {
    given: 'an undo action that depends on another: the other first, although it is older',
    journal: drained(debt('log', 'always'), debt('restart', 'always', { dependsOn: 'log' })),
    does: { do: 'undo', undo: 'log' },
  },
  {
    given: 'an undo action whose prerequisite is done',
    journal: [
      ...drained(debt('log', 'always'), debt('restart', 'always', { dependsOn: 'log' })),
      undoStarted('log'),
      undone('log'),
    ],
    does: { do: 'undo', undo: 'restart' },
  },
  {
    given: 'an undo that was started',
    journal: [...drained(debt('activation', 'recovered')), undoStarted('activation')],
    does: { do: 'undo', undo: 'activation' },
  },
  {
    given: 'an undo that was started and is polled later',
    journal: [
      ...drained(debt('activation', 'recovered')),
      undoStarted('activation'),
      slept(LATER + 1, { undo: 'activation' }),
    ],
    does: { do: 'wait', until: LATER + 1, says: 'sleeping' },
  },
  {
    given: 'an undo that could not start and is retried later',
    journal: [...drained(debt('activation', 'recovered')), slept(LATER + 1, { undo: 'activation' })],
    does: { do: 'wait', until: LATER + 1, says: 'sleeping' },
  },
  {
    given: 'an undo that is followed by one verification',
    journal: [...drained(debt('log', 'always', { after: 'recheck' })), undoStarted('log'), undone('log')],
    does: { do: 'verify', purpose: 'after-undo' },
  },
  {
    given: 'a restart for an undo, and databases that may return on recovery: verified between the two',
    journal: [
      ...drained(debt('log', 'always', { after: 'recheck' }), debt('activation', 'recovered')),
      undoStarted('log'),
      undone('log'),
    ],
    does: { do: 'verify', purpose: 'after-undo' },
  },
  {
    given: 'healthy between the two: now the databases may return',
    journal: [
      ...drained(debt('log', 'always', { after: 'recheck' }), debt('activation', 'recovered')),
      undoStarted('log'),
      undone('log'),
      verified('cleared', 'after-undo'),
    ],
    does: { do: 'undo', undo: 'activation' },
  },
  {
    given: 'unhealthy between the two: the server stays drained',
    journal: [
      ...drained(debt('log', 'always', { after: 'recheck' }), debt('activation', 'recovered')),
      undoStarted('log'),
      undone('log'),
      verified('confirmed', 'after-undo'),
    ],
    does: finish('escalated', 'The problem came back after the changes were undone: it was confirmed', [
      'activation is changed',
    ]),
  },
  {
    given: 'activation allowed again: the server must stay healthy',
    journal: [
      ...drained(debt('activation', 'recovered', { after: 'watch' })),
      [NINE + 30 * SECOND, undoStarted('activation')],
      [NINE + 30 * SECOND, undone('activation')],
    ],
    does: {
      do: 'sleep',
      until: NINE + 30 * SECOND + 10 * MINUTE,
      for: 'watch',
      says: 'watching whether the server stays healthy after the undo',
    },
  },
  {
    given: 'the end of that watch: verified',
    journal: [
      ...drained(debt('activation', 'recovered', { after: 'watch' })),
      [NINE, undoStarted('activation')],
      [NINE, undone('activation')],
      slept(NINE + 10 * MINUTE, { for: 'watch' }),
    ],
    now: NINE + 10 * MINUTE,
    does: { do: 'verify', purpose: 'after-undo' },
  },
  {
    given: 'an inconclusive verification after the undo',
    journal: [
      ...drained(debt('log', 'always', { after: 'recheck' })),
      undoStarted('log'),
      undone('log'),
      verified('inconclusive', 'after-undo'),
    ],
    does: { do: 'sleep', until: LATER + MINUTE, for: 'look', says: 'it was inconclusive' },
  },
  {
    given: 'an undo that was not needed: nothing changed, so nothing is verified',
    journal: [...drained(debt('log', 'always', { after: 'recheck' })), undone('log', 'notNeeded')],
    does: finish('recovered', 'it was cleared'),
  },
  {
    given: 'a failed undo: a person must do it',
    journal: [...drained(debt('activation', 'recovered')), undoStarted('activation'), undone('activation', 'failed')],
    does: finish('escalated', 'Could not be put back: activation failed', [], ['activation failed']),
  },
  {
    given: 'a playbook at its end, with an undo: verified after it, because it may have helped',
    journal: [
      ...planned,
      started(1, debt('log', 'always', { after: 'recheck' })),
      ended(1, 'done', { changed: true }),
      begun(2),
      ended(2, 'done', { escalate: 'Next: Microsoft support', exhausted: true }),
      undoStarted('log'),
      undone('log'),
    ],
    does: { do: 'verify', purpose: 'after-undo' },
  },
  {
    given: 'a playbook at its end whose undo helped',
    journal: [
      ...planned,
      started(1, debt('log', 'always', { after: 'recheck' })),
      ended(1, 'done', { changed: true }),
      begun(2),
      ended(2, 'done', { escalate: 'Next: Microsoft support', exhausted: true }),
      undoStarted('log'),
      undone('log'),
      verified('cleared', 'after-undo'),
    ],
    does: finish('recovered', 'it was cleared'),
  },
  {
    given: 'a playbook at its end whose undo did not help',
    journal: [
      ...planned,
      started(1, debt('log', 'always', { after: 'recheck' })),
      ended(1, 'done', { changed: true }),
      begun(2),
      ended(2, 'done', { escalate: 'Next: Microsoft support', exhausted: true }),
      undoStarted('log'),
      undone('log'),
      verified('confirmed', 'after-undo'),
    ],
    does: finish('escalated', 'Next: Microsoft support'),
  },
  {
    given: 'a playbook at its end, with one undo that helped and one that failed: not recovered, a person must do it',
    journal: [
      ...planned,
      started(1, debt('log', 'always'), debt('other', 'always', { after: 'recheck' })),
      ended(1, 'done', { changed: true }),
      begun(2),
      ended(2, 'done', { escalate: 'Next: Microsoft support', exhausted: true }),
      undoStarted('other'),
      undone('other'),
      undone('log', 'failed'),
      verified('cleared', 'after-undo'),
    ],
    does: finish('escalated', 'Could not be put back: log failed', [], ['log failed']),
  },
  {
    given: 'a finished incident',
    journal: [
      opened,
      verified('cleared'),
      { type: 'finished', data: { outcome: 'transient', reason: 'r', left: [], owed: [] } },
    ],
    does: { do: 'nothing' },
  },
];

describe('next: a journal leads to this decision', () => {
  test.each(CASES)('$given', ({ journal: events, now, does }) => {
    expect(next(fold(journal(...events)), now ?? LATER, SETTINGS)).toEqual(does as Decision);
  });

  test('no two cases have the same name', () => {
    const names = CASES.map(({ given }) => given);
    expect(names).toEqual([...new Set(names)]);
  });
});

describe('the conditions of a step', () => {
  const inGroup = facts('mbx1', { dag: 'dag1' });
  const CONDITIONS: { says: string; condition: Condition; server?: ReturnType<typeof facts>; unmet?: string }[] = [
    { says: 'a role that the server has', condition: { role: 'mailbox' } },
    {
      says: 'a role that the server does not have',
      condition: { role: 'client-access' },
      unmet: 'mbx1 has no client-access role',
    },
    { says: 'both roles on a combined server', condition: { role: 'client-access' }, server: facts('ex1') },
    { says: 'in a group, and it is', condition: { dag: true } },
    {
      says: 'in a group, and it is not',
      condition: { dag: true },
      server: facts('mbx9'),
      unmet: 'mbx9 is not in a database availability group',
    },
    { says: 'in no group, but it is in one', condition: { dag: false }, unmet: 'mbx1 is in dag1' },
    { says: 'in no group, and it is in none', condition: { dag: false }, server: facts('mbx9') },
    { says: 'one of several versions', condition: { version: [2013, 2016] } },
    { says: 'another version', condition: { version: [2016, 2019] }, unmet: 'mbx1 runs Exchange 2013' },
    {
      says: 'several, of which the last does not hold',
      condition: { role: 'mailbox', dag: false },
      unmet: 'mbx1 is in dag1',
    },
    { says: 'a health set: only a verification can decide', condition: { healthy: 'AD' } },
  ];
  test.each(CONDITIONS)('$says', ({ condition, server, unmet }) => {
    expect(unmetCondition(condition, server ?? inGroup)).toBe(unmet);
  });

  test('a server that was not verified yet meets every condition', () => {
    expect(unmetCondition({ role: 'client-access' }, undefined)).toBeUndefined();
  });

  test.each([
    ['15.0', 2013],
    ['15.1', 2016],
    ['15.2', 2019],
    ['14.3', 0],
  ])('version %s is Exchange %i', (version, year) => {
    expect(yearOf(version)).toBe(year);
  });
});
