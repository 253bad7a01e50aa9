import { describe, expect, it, test } from 'vitest';
import { type FeedEntry, Narrator, Story } from '../../../src/cli/output/narrate.ts';
import { createTerminal } from '../../../src/cli/output/terminal.ts';
import type { Alert } from '../../../src/incident/alert.ts';
import type { IncidentEvent } from '../../../src/incident/event.ts';
import { widthOf } from '../../../src/lib/cells.ts';

const AT = Date.parse('2024-11-23T10:11:12Z');

/** What a terminal shows of some events, without the date in front. */
function told(...events: IncidentEvent[]): string[] {
  let out = '';
  const write = (text: string) => {
    out += text;
    return true;
  };
  const stream = Object.assign(Object.create(null), { isTTY: false, write });
  const narrator = new Narrator(createTerminal(stream, {}));
  const story = new Story();
  events.forEach((event, index) => {
    const one: FeedEntry = { incident: 'mbx1-imap-1', seq: index + 1, at: AT, event };
    narrator.tell(AT, story.tell(one));
  });
  return out.split('\n').slice(1, -1);
}

const last = (...events: IncidentEvent[]) =>
  told(...events)
    .at(-1)
    ?.slice(12);

const alert: Alert = {
  id: 'a',
  source: 'scom',
  senderId: '1',
  status: 'firing',
  server: 'mbx1',
  serverAsSent: 'MBX1',
  healthSet: 'IMAP.Protocol',
  raisedAt: AT,
  receivedAt: AT,
};

const matched: IncidentEvent = {
  type: 'matched',
  data: {
    playbook: { name: 'imap-protocol', hash: 'abc', mode: 'auto' },
    handles: [],
    plan: [
      { n: 1, step: 'restart-service', options: {}, changes: true, says: 'Restart-Service MSExchangeIMAP4BE' },
      { n: 2, step: 'recheck', options: {}, changes: false, says: 'Look again' },
    ],
  },
};

const by = { by: 'jane', note: 'seen it' };
const intent = { command: 'Restart-Service', server: 'mbx1', arguments: { Name: 'MSExchangeIMAP4BE' }, fence: {} };
const verified = { verdict: 'confirmed', reason: 'it is there', monitors: [], evidence: [] } as const;

describe('each thing that can happen has its sentence', () => {
  test.each<[string, IncidentEvent[], string]>([
    [
      'opened',
      [{ type: 'opened', data: { id: 'i', server: 'mbx1', family: 'IMAP', alert } }],
      'Opened      mbx1-imap-1: IMAP.Protocol on mbx1',
    ],
    [
      'opened for another',
      [
        {
          type: 'opened',
          data: { id: 'i', server: 'mbx2', family: 'IMAP', parent: { incident: 'p', root: 'p', n: 4 } },
        },
      ],
      'Opened      mbx1-imap-1: IMAP on mbx2, for step 4 of p',
    ],
    [
      'attached',
      [{ type: 'attached', data: { alerts: [{ ...alert, status: 'resolved' }] } }],
      'Alert       another one from scom reports the problem as resolved',
    ],
    [
      'verified',
      [{ type: 'verified', data: { ...verified, monitors: [], evidence: [], purpose: 'first', startedAt: 1 } }],
      'Confirmed   it is there',
    ],
    [
      'healthy, but not what was reported',
      [
        {
          type: 'verified',
          data: {
            ...{ verdict: 'cleared', reason: 'the alert names nothing', unverified: ['x'] },
            ...{ monitors: [], evidence: [], purpose: 'first', startedAt: 1 },
          },
        },
      ],
      'Unverified  the alert names nothing',
    ],
    [
      'no playbook',
      [{ type: 'matched', data: { playbook: null, reason: 'nothing handles X' } }],
      'No playbook nothing handles X',
    ],
    [
      'held',
      [{ type: 'held', data: { guard: 'server-claim', reason: 'claimed', says: 'mbx1 is taken' } }],
      'Held        mbx1 is taken (server-claim)',
    ],
    [
      'an approval asked for',
      [{ type: 'held', data: { guard: 'mode', reason: 'approval', says: 'waits for a person', approval: true } }],
      '            second-responder incidents approve mbx1-imap-1',
    ],
    ['approved', [{ type: 'approved', data: by }], 'Approved    by jane: seen it'],
    ['rejected', [{ type: 'rejected', data: by }], 'Rejected    by jane: seen it'],
    ['expired', [{ type: 'rejected', data: { by: 'x', expired: true } }], 'Expired     not approved in time'],
    ['cancelled', [{ type: 'cancelled', data: { by: 'jane' } }], 'Cancelled   by jane'],
    ['a step that looks', [matched, { type: 'stepStarted', data: { n: 2, note: {} } }], 'Step 2      Look again'],
    [
      'a step that changes something, with its command',
      [matched, { type: 'stepStarted', data: { n: 1, note: {}, intent } }],
      'PS> Invoke-Command -ComputerName mbx1 { Restart-Service -Name MSExchangeIMAP4BE }',
    ],
    ['done', [{ type: 'stepFinished', data: { n: 1, state: 'done', says: 'restarted' } }], 'Done        restarted'],
    [
      'skipped',
      [{ type: 'stepFinished', data: { n: 1, state: 'skipped', says: 'no role' } }],
      'Skipped     step 1: no role',
    ],
    [
      'not sent',
      [{ type: 'stepFinished', data: { n: 1, state: 'notSent', says: 'kill switch' } }],
      'Not sent    step 1: kill switch',
    ],
    [
      'still sick',
      [{ type: 'stepFinished', data: { n: 2, state: 'done', says: 'there', health: 'unhealthy' } }],
      'Unhealthy   there',
    ],
    [
      'not seen',
      [{ type: 'stepFinished', data: { n: 2, state: 'done', says: 'dark', health: 'inconclusive' } }],
      'Not seen    dark',
    ],
    [
      'observed',
      [{ type: 'stepFinished', data: { n: 1, state: 'skipped', says: 'would X', suppressed: true } }],
      'Step 1      observed only: would X',
    ],
    [
      'a child',
      [{ type: 'childOpened', data: { n: 1, incident: 'c', server: 'mbx2', joined: true } }],
      'Elsewhere   waits for c on mbx2',
    ],
    ['a wait', [{ type: 'slept', data: { until: AT, for: 'look', says: 'later' } }], '…           later'],
    [
      'put back',
      [{ type: 'undone', data: { undo: 'u', state: 'putBack', says: 'allowed again' } }],
      'Done        allowed again',
    ],
    ['not put back', [{ type: 'undone', data: { undo: 'u', state: 'failed', says: 'no way' } }], 'Failed      no way'],
    [
      'finished with a debt',
      [{ type: 'finished', data: { outcome: 'escalated', reason: 'sick', left: [], owed: ['the block'] } }],
      '            ✗ not undone: the block',
    ],
  ])('%s', (_, events, sentence) => expect(last(...events)).toBe(sentence));

  it('an undo is called what the step that made it said', () => {
    const undo = [
      { id: '3:a', kind: 'a', server: 'mbx1', setting: 'a', when: 'recovered' as const, value: {}, says: 'a block' },
    ];
    const lines = told(
      { type: 'stepStarted', data: { n: 3, note: {}, intent, undo } },
      { type: 'undoStarted', data: { undo: '3:a', intent } },
    );
    expect(lines.some((line) => /Undo +a block$/.test(line))).toBe(true);
  });
});

it('words of a server stand once, and cannot steer the terminal', () => {
  const look = (monitor: string) => ({
    kind: 'probe' as const,
    at: AT,
    server: 'mbx1',
    monitor,
    says: `${monitor} answered Failed`,
    sees: 'unhealthy' as const,
    detail: 'boom \u001b[2J\nat System.X',
  });
  const lines = told({
    type: 'verified',
    data: { ...verified, monitors: [], evidence: [look('A'), look('B')], purpose: 'first', startedAt: 1 },
  });
  expect(lines.slice(1).map((line) => line.trim())).toEqual([
    '✗ A answered Failed',
    '│ boom \\x1b[2J',
    '✗ B answered Failed',
  ]);
});

it('no line but a command is wider than a hundred cells', () => {
  const says = '障害が発生しました。'.repeat(30);
  const lines = told(
    { type: 'slept', data: { until: AT, for: 'look', says } },
    { type: 'finished', data: { outcome: 'escalated', reason: says, left: [says], owed: [] } },
  );
  expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(100);
  expect(lines[0]?.endsWith('…')).toBe(true);
});

it('the date stands in front once', () => {
  expect(told({ type: 'approved', data: by }, { type: 'approved', data: by })).toHaveLength(2);
});
