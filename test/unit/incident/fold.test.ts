import { describe, expect, test } from 'vitest';
import type { Entry, IncidentEvent, StepFinished } from '../../../src/incident/event.ts';
import { EVENT_VERSION } from '../../../src/incident/event.ts';
import { apply, fold } from '../../../src/incident/fold.ts';
import type { Incident } from '../../../src/incident/incident.ts';
import { alertOf, askedFor, facts, journal, MINUTE, NINE } from '../../support/stub.ts';

const opened: IncidentEvent = { type: 'opened', data: { id: 'i', server: 'cas1', family: 'IMAP', alert: alertOf() } };
const CTP = { healthSet: 'IMAP', monitor: 'ImapCTPMonitor' };
const verified = (verdict: 'confirmed' | 'cleared' | 'inconclusive', backEnd?: string): IncidentEvent => ({
  type: 'verified',
  data: {
    purpose: 'first',
    startedAt: NINE,
    facts: facts('cas1'),
    verdict,
    reason: verdict,
    monitors: [{ ...CTP, verdict }],
    evidence: [],
    ...(backEnd && { backEnd }),
  },
});
const matched: IncidentEvent = {
  type: 'matched',
  data: {
    playbook: { name: 'imap-ctp', hash: 'h', mode: 'auto' },
    handles: [CTP],
    plan: [1, 2].map((n) => ({ n, step: 'restart-service', options: {}, changes: true, says: 's' })),
  },
};
const debt = (id: string) => ({
  id,
  kind: 'protocol-log',
  server: 'cas1',
  setting: 'imap-protocol-log',
  when: 'always' as const,
  value: { enabled: false },
  says: 'the log is on',
});
const started = (n: number, ...undo: ReturnType<typeof debt>[]): IncidentEvent => ({
  type: 'stepStarted',
  data: { n, note: { n }, undo },
});
const ended = (n: number, more: Partial<StepFinished> = {}): IncidentEvent => ({
  type: 'stepFinished',
  data: { n, state: 'done', says: 'done', ...more },
});
const held = (guard: string, says: string): IncidentEvent => ({
  type: 'held',
  data: { n: 1, guard, reason: 'r', says },
});
const twoMustApprove: IncidentEvent = {
  type: 'held',
  data: { n: 1, guard: 'mode', reason: 'approval', says: 's', approval: true, approvers: 2 },
};
const slept = (what: string, n?: number): IncidentEvent => ({
  type: 'slept',
  data: { until: NINE + MINUTE, for: what, says: 's', ...(n !== undefined && { n }) },
});
const cancelled: IncidentEvent = { type: 'cancelled', data: { by: 'yuki' } };

const FOLDS: { given: string; journal: IncidentEvent[]; shows: (incident: Incident) => unknown; is: unknown }[] = [
  {
    given: 'an alert that names no health set: any family',
    journal: [{ type: 'opened', data: { id: 'i', server: 'mbx1', family: '' } }],
    shows: ({ family, alerts }) => ({ family, alerts }),
    is: { family: '*', alerts: [] },
  },
  {
    given: 'a child: its root owns claims and slots, not itself',
    journal: [
      { type: 'opened', data: { id: 'i', server: 'mbx2', family: 'IMAP', parent: { incident: 'p', root: 'r', n: 8 } } },
    ],
    shows: ({ root, parent }) => ({ root, parent }),
    is: { root: 'r', parent: { incident: 'p', n: 8 } },
  },
  {
    given: 'an incident that another joins: from then on its root is that of the other one',
    journal: [opened, { type: 'attached', data: { alerts: [], parent: { incident: 'p', root: 'r', n: 8 } } }],
    shows: ({ root, alerts }) => ({ root, alerts: alerts.length }),
    is: { root: 'r', alerts: 1 },
  },
  {
    given: 'a second firing alert: it wakes no worker',
    journal: [opened, slept('look'), { type: 'attached', data: { alerts: [alertOf({ id: 'a2' })] } }],
    shows: ({ alerts, slept: sleeps, verifyFirst }) => [alerts.length, sleeps?.for, verifyFirst],
    is: [2, 'look', false],
  },
  {
    given: 'a "resolved": it wakes a worker, and never counts as healthy',
    journal: [
      opened,
      slept('look'),
      { type: 'attached', data: { alerts: [alertOf({ id: 'a2', status: 'resolved' })] } },
    ],
    shows: ({ slept: sleeps, verifyFirst, conclusion }) => [sleeps, verifyFirst, conclusion],
    is: [undefined, true, undefined],
  },
  {
    given: 'a back end that one verification names and the next one does not: it stays known',
    journal: [opened, verified('confirmed', 'mbx2'), verified('confirmed')],
    shows: ({ backEnd }) => backEnd,
    is: 'mbx2',
  },
  {
    given: 'a confirmed problem, then an inconclusive verification: it was last seen when confirmed',
    journal: [opened, verified('confirmed'), verified('inconclusive')],
    shows: ({ seenUnhealthyAt, inconclusiveTries }) => [seenUnhealthyAt, inconclusiveTries],
    is: [NINE + 1000, 1],
  },
  {
    given: 'an inconclusive verification during a run: it does not count as healed',
    journal: [opened, verified('confirmed'), matched, verified('inconclusive')],
    shows: ({ runs }) => runs[0]?.healed,
    is: false,
  },
  {
    given: 'a verification that finds another monitor of the family unhealthy: the handled one is healed',
    journal: [
      opened,
      verified('confirmed'),
      matched,
      {
        type: 'verified',
        data: {
          purpose: 'after-health',
          startedAt: NINE,
          verdict: 'confirmed',
          reason: 'r',
          monitors: [
            { ...CTP, verdict: 'cleared' },
            { healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor', verdict: 'confirmed' },
          ],
          evidence: [],
        },
      },
    ],
    shows: ({ runs, conclusion }) => [runs[0]?.healed, conclusion],
    is: [true, undefined],
  },
  {
    given: 'healthy after a cancellation: it stays cancelled',
    journal: [opened, verified('confirmed'), cancelled, verified('cleared')],
    shows: ({ conclusion }) => conclusion?.outcome,
    is: 'cancelled',
  },
  {
    given: 'a waiting guard whose reason changes: it has waited since the beginning',
    journal: [opened, verified('confirmed'), matched, held('claim', 'for a'), held('claim', 'for b')],
    shows: ({ held: hold }) => [hold?.at, hold?.says],
    is: [NINE + 3000, 'for b'],
  },
  {
    given: 'another guard that waits: its wait starts then',
    journal: [opened, verified('confirmed'), matched, held('claim', 'a'), held('slot', 'b')],
    shows: ({ held: hold }) => hold?.at,
    is: NINE + 4000,
  },
  {
    given: 'a command that the kill switch stopped: the hold stays until the command is sent',
    journal: [
      opened,
      verified('confirmed'),
      matched,
      started(1),
      held('kill-switch', 'on'),
      ended(1, { state: 'notSent' }),
    ],
    shows: ({ held: hold, steps }) => [hold?.guard, steps[0]?.state],
    is: ['kill-switch', 'notSent'],
  },
  {
    given: 'a step started twice with the same undo action: it is outstanding once',
    journal: [
      opened,
      verified('confirmed'),
      matched,
      started(1, debt('1:log')),
      ended(1, { state: 'notSent' }),
      started(1, debt('1:log')),
    ],
    shows: ({ undo, steps }) => [undo.length, steps[0]?.end],
    is: [1, undefined],
  },
  {
    given: 'sleeps of a step: inconclusive and unhealthy ones are counted separately, others not at all',
    journal: [
      opened,
      verified('confirmed'),
      matched,
      started(1),
      slept('look', 1),
      slept('health', 1),
      slept('health', 1),
      slept('answer', 1),
    ],
    shows: ({ steps }) => [steps[0]?.inconclusiveTries, steps[0]?.unhealthyTries],
    is: [1, 2],
  },
  {
    given: 'a step that changed something: rows evaluated before its end are outdated',
    journal: [opened, verified('confirmed'), matched, started(1), ended(1, { changed: true })],
    shows: ({ changed, change }) => [changed, change],
    is: [true, { began: NINE + 3000, ended: NINE + 4000 }],
  },
  {
    given: 'a step that failed without an effect: nothing was changed',
    journal: [opened, verified('confirmed'), matched, started(1), ended(1, { state: 'failed' })],
    shows: ({ changed, change }) => [changed, change],
    is: [false, undefined],
  },
  {
    given: 'two undo actions, one followed by a watch: the longer verification covers the shorter one',
    journal: [
      opened,
      verified('confirmed'),
      matched,
      {
        type: 'stepStarted',
        data: {
          n: 1,
          note: {},
          undo: [
            { ...debt('a'), after: 'watch' },
            { ...debt('b'), after: 'recheck' },
          ],
        },
      },
      ended(1),
      { type: 'undone', data: { undo: 'a', state: 'putBack', says: 's' } },
      { type: 'undone', data: { undo: 'b', state: 'putBack', says: 's' } },
    ],
    shows: ({ afterUndo }) => afterUndo,
    is: { look: 'watch', since: NINE + 6000 },
  },
  {
    given: 'an approval: who and when, and a verification before anything is changed',
    journal: [
      opened,
      verified('confirmed'),
      matched,
      held('mode', 'w'),
      { type: 'approved', data: { by: 'yuki', note: 'go' } },
    ],
    shows: ({ approvals, verifyFirst, held: hold }) => [approvals, verifyFirst, hold],
    is: [[{ by: 'yuki', at: NINE + 4000, reason: 'r' }], true, undefined],
  },
  {
    given: 'the first of two approvals: the wait continues',
    journal: [opened, verified('confirmed'), matched, twoMustApprove, { type: 'approved', data: { by: 'yuki' } }],
    shows: ({ approvals, verifyFirst, held: hold }) => [approvals.length, verifyFirst, hold?.approval],
    is: [1, false, true],
  },
  {
    given: 'two approvals with one token: the wait continues',
    journal: [
      opened,
      verified('confirmed'),
      matched,
      twoMustApprove,
      { type: 'approved', data: { by: 'yuki', identity: 'ops' } },
      { type: 'approved', data: { by: 'jane', identity: 'ops' } },
    ],
    shows: ({ approvals, verifyFirst, held: hold }) => [approvals.length, verifyFirst, hold?.approval],
    is: [2, false, true],
  },
  {
    given: 'two approvals by two people: the incident continues',
    journal: [
      opened,
      verified('confirmed'),
      matched,
      twoMustApprove,
      { type: 'approved', data: { by: 'yuki' } },
      { type: 'approved', data: { by: 'jane' } },
    ],
    shows: ({ verifyFirst, held: hold }) => [verifyFirst, hold],
    is: [true, undefined],
  },
  {
    given: 'a person who requests an undo: the action is outstanding, and the outcome is decided',
    journal: [askedFor('putBack')],
    shows: ({ undo, conclusion, asked, facts: known }) => [
      undo.map(({ id, state }) => [id, state]),
      conclusion,
      asked,
      known?.server,
    ],
    is: [
      [['d', 'owed']],
      { outcome: 'recovered', reason: 'Put back at the request of yuki: why not' },
      { what: 'putBack', by: 'yuki', note: 'why not' },
      'mbx1',
    ],
  },
  {
    given: 'a person who has undone a change by hand',
    journal: [askedFor('settle')],
    shows: ({ conclusion }) => conclusion,
    is: { outcome: 'cancelled', reason: 'Fixed by hand, according to yuki: why not' },
  },
  {
    given: 'an opened child: it belongs to its step',
    journal: [
      opened,
      verified('confirmed'),
      matched,
      started(1),
      { type: 'childOpened', data: { n: 1, incident: 'c', server: 'mbx2', joined: false } },
    ],
    shows: ({ children, steps }) => [children, steps[0]?.child],
    is: [['c'], 'c'],
  },
];

describe('fold: a journal gives this incident', () => {
  test.each(FOLDS)('$given', ({ journal: events, shows, is }) => {
    expect(shows(fold(journal(...events)))).toEqual(is);
  });
});

describe('a journal that cannot be read is refused with a message', () => {
  const newer = (entries: Entry[], seq: number) =>
    entries.map((entry) => (entry.seq === seq ? { ...entry, version: EVENT_VERSION + 1 } : entry));
  const update = `has version ${EVENT_VERSION + 1}, but this program reads versions up to ${EVENT_VERSION}: update it`;

  const BROKEN: { says: string; entries: Entry[]; error: string }[] = [
    { says: 'no entries', entries: [], error: 'a journal must begin with "opened"' },
    { says: 'without its beginning', entries: journal(cancelled), error: 'a journal must begin with "opened"' },
    { says: 'opened twice', entries: journal(opened, opened), error: 'a journal can be opened only once' },
    { says: 'a step that no plan has', entries: journal(opened, started(7)), error: 'incident i has no step 7' },
    {
      says: 'an undo of an action that does not exist',
      entries: journal(opened, { type: 'undoStarted', data: { undo: 'x', intent: {} as never } }),
      error: 'incident i has no undo action x',
    },
    {
      says: 'an entry of a newer program',
      entries: newer(journal(opened, verified('confirmed')), 2),
      error: `entry 2 of i ${update}`,
    },
    {
      says: 'a first entry of a newer program',
      entries: newer(journal(opened), 1),
      error: `entry 1 of i ${update}`,
    },
  ];
  test.each(BROKEN)('$says', ({ entries, error }) => {
    expect(() => fold(entries)).toThrow(error);
  });

  test('an entry of a newer program is refused while an incident is in progress, and none of it is applied', () => {
    const incident = fold(journal(opened));
    const before = structuredClone(incident);
    const [, entry] = newer(journal(opened, cancelled), 2);
    expect(() => apply(incident, entry as Entry)).toThrow(update);
    expect(incident).toEqual(before);
  });

  test('entries of an older version stay readable', () => {
    const old = journal(opened, cancelled).map((entry) => ({ ...entry, version: 0 }));
    expect(fold(old).conclusion?.outcome).toBe('cancelled');
  });
});
