import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Entry, IncidentEvent } from '../../../src/incident/event.ts';
import { type Beside, tracesOf } from '../../../src/incident/traces.ts';
import { JOURNALS, RECORDED, type RecordedJournal } from '../../support/record-journals.ts';
import { alertOf, facts, journal, NINE, SECOND } from '../../support/stub.ts';

const read = (name: string) => JSON.parse(readFileSync(join(JOURNALS, `${name}.json`), 'utf8')) as RecordedJournal;
const last = <T>(all: readonly T[]) => all.at(-1) as T;

/** Recorded before starts named what they took, and ends what they kept. */
describe('journals of an older version', () => {
  test.each(RECORDED)('%s: its key, its claims and its end are indexed', (name) => {
    const { entries, view } = read(name);
    const traces = tracesOf(entries);
    expect(traces[0]?.beside.opening).toEqual({
      key: `${view.server}/${view.family.toLowerCase()}`,
      server: view.server,
      family: view.family,
    });
    const changes = entries.filter(({ data }) => 'intent' in data);
    const started = traces.flatMap(({ beside }) => beside.start ?? []);
    expect(started).toHaveLength(changes.length);
    for (const { claims, organisation, throttles } of started) {
      expect(claims).toContain(view.server);
      expect(organisation).not.toBe('');
      expect(throttles).toEqual([]);
    }
    expect(last(traces).beside.finishing).toMatchObject({ outcome: view.outcome });
  });

  const owed = (name: string) => {
    const traces = tracesOf(read(name).entries);
    const names = (kept: { server: string; setting: string }[]) => kept.map((one) => `${one.server} ${one.setting}`);
    return {
      owes: names(traces.flatMap(({ beside }) => beside.outstanding ?? []).map(({ debt }) => debt)),
      settles: names(traces.flatMap(({ beside }) => beside.settle ?? [])),
      keeps: last(traces).beside.finishing?.keepSlots,
    };
  };
  test.each<[string, ReturnType<typeof owed>]>([
    ['protocol-rebooted', { owes: ['mbx1 activation'], settles: ['mbx1 activation'], keeps: [] }],
    ['protocol-escalated', { owes: ['ex1 activation'], settles: [], keeps: ['dag2'] }],
    ['protocol-transient', { owes: [], settles: [], keeps: [] }],
  ])('%s: undo actions, their end and kept slots are indexed', (name, expected) => {
    expect(owed(name)).toEqual(expected);
  });
});

const debt = {
  id: 'd',
  kind: 'activation',
  server: 'mbx2',
  setting: 'activation',
  when: 'always' as const,
  value: {},
  says: '',
};
const intent = { command: 'Restart-Computer', server: 'mbx2', arguments: {}, fence: {} };
const rule = { key: 'restart-server:mbx2', now: 7, minutesBetween: 720 };
const opened: IncidentEvent = {
  type: 'opened',
  data: { id: 'i1', server: 'mbx1', family: 'IMAP', alert: alertOf(), world: 'w1' },
};
const matched: IncidentEvent = {
  type: 'matched',
  data: {
    playbook: { name: 'p', hash: 'h', mode: 'auto' },
    handles: [],
    plan: [{ n: 1, step: 'restart-server', options: {}, changes: true, says: '' }],
  },
};
const started = (more: object = {}): IncidentEvent => ({
  type: 'stepStarted',
  data: { n: 1, note: {}, intent, undo: [debt], slot: 'dag1', ...more },
});
const own = { ...debt, id: '1:activation' };
const ended = (state: 'notSent' | 'done'): IncidentEvent => ({ type: 'stepFinished', data: { n: 1, state, says: '' } });
const finished = (outcome: 'escalated' | 'recovered', more: object = {}): IncidentEvent => ({
  type: 'finished',
  data: { outcome, reason: '', left: [], owed: [], ...more },
});
const lookedAt = (verdict: 'confirmed' | 'cleared'): IncidentEvent => ({
  type: 'verified',
  data: {
    verdict,
    reason: '',
    evidence: [],
    monitors: [],
    purpose: 'first',
    startedAt: NINE,
    facts: facts('mbx1', { organisation: 'w2' }),
  },
});
const START = { owner: 'i1', organisation: '', kill: [], claims: ['mbx1', 'mbx2'], throttles: [] };

/** The index data of the last of these. */
const cases: [string, IncidentEvent[], Beside][] = [
  [
    'an alert opens an incident: its key is reserved, and others may count the server',
    [opened],
    {
      opening: { key: 'mbx1/imap', server: 'mbx1', family: 'IMAP' },
      trouble: { organisation: 'w1', server: 'mbx1', seen: ['open imap', 'alerted imap'], gone: [] },
    },
  ],
  [
    'a problem is confirmed, in the organisation that was verified',
    [opened, lookedAt('confirmed')],
    { trouble: { organisation: 'w2', server: 'mbx1', seen: ['sick imap'], gone: ['alerted imap', 'unseen imap'] } },
  ],
  [
    'a change starts: its servers are claimed, the slot is taken, the undo action is entered',
    [opened, lookedAt('confirmed'), matched, started()],
    {
      start: { ...START, organisation: 'w2', slot: { group: 'dag1', server: 'mbx2' } },
      outstanding: [{ debt, incident: 'i1', organisation: 'w2' }],
    },
  ],
  [
    'a change starts and records what it took: limits, organisation, servers whose alerts are its own',
    [opened, matched, started({ took: { world: 'w3', throttles: [rule], disrupts: { servers: ['mbx2'], until: 9 } } })],
    {
      start: {
        ...START,
        organisation: 'w3',
        slot: { group: 'dag1', server: 'mbx2' },
        throttles: [{ ...rule, perHour: -1, perDay: -1, group: false }],
        disrupts: { servers: ['mbx2'], until: 9 },
      },
      outstanding: [{ debt, incident: 'i1', organisation: 'w3' }],
    },
  ],
  [
    'a child claims for its root',
    [
      opened,
      { type: 'attached', data: { alerts: [], parent: { incident: 'p', root: 'r', n: 1 } } },
      matched,
      started({ undo: [] }),
    ],
    { start: { ...START, owner: 'r', slot: { group: 'dag1', server: 'mbx2' } }, outstanding: [] },
  ],
  ['a step that changes nothing takes nothing', [opened, matched, started({ intent: undefined })], {}],
  [
    'an undo starts: its server is claimed',
    [opened, matched, started(), { type: 'undoStarted', data: { undo: 'd', intent } }],
    { start: { ...START, claims: ['mbx2'] } },
  ],
  [
    'an undo is done: the action is removed from the ledger',
    [
      opened,
      lookedAt('confirmed'),
      matched,
      started(),
      { type: 'undone', data: { undo: 'd', state: 'putBack', says: '' } },
    ],
    { settle: [{ server: 'mbx2', setting: 'activation', organisation: 'w2' }] },
  ],
  [
    'a step was not sent at the last moment: its undo action is removed, unless it was outstanding before',
    [opened, lookedAt('confirmed'), matched, started({ undo: [own] }), ended('notSent')],
    {
      settle: [
        { server: 'mbx2', setting: 'activation', organisation: 'w2', of: { incident: 'i1', id: '1:activation' } },
      ],
    },
  ],
  ['a step that was sent keeps its undo action', [opened, matched, started({ undo: [own] }), ended('done')], {}],
  ["another step's debt is none of its own", [opened, matched, started(), ended('notSent')], {}],
  [
    'an undo fails: the action stays outstanding',
    [opened, matched, started(), { type: 'undone', data: { undo: 'd', state: 'failed', says: '' } }],
    {},
  ],
  [
    'an incident ends escalated: the key is free, and the problem is not over',
    [opened, finished('escalated', { keeps: ['dag1'] })],
    {
      finishing: { key: 'mbx1/imap', root: 'i1', isRoot: true, keepSlots: ['dag1'], outcome: 'escalated', runs: [] },
      trouble: { organisation: 'w1', server: 'mbx1', seen: [], gone: ['open imap'] },
    },
  ],
];

describe('index data of an entry', () => {
  test.each(cases)('%s', (_, events, expected) => {
    const traces = tracesOf(journal(...events));
    const seq = events.length;
    expect(traces.find((trace) => trace.seq === seq)?.beside ?? {}).toEqual(expected);
  });

  test('an entry by a worker whose clock was set back comes after its earlier entries', () => {
    const entries = journal(
      [NINE, opened],
      [NINE - SECOND, lookedAt('confirmed')],
      [NINE + SECOND, finished('escalated')],
    );
    expect(tracesOf(entries).map(({ at, order }) => [at - NINE, order - NINE])).toEqual([
      [0, 0],
      [-SECOND, 0],
      [SECOND, SECOND],
    ]);
  });

  test.each<[string, Entry[]]>([
    ['no entries', []],
    ['no beginning', journal(opened, matched).slice(1)],
  ])('a journal with %s is refused', (_, entries) => {
    expect(() => tracesOf(entries)).toThrow(/must begin with "opened"/);
  });
});
