import { describe, expect, test } from 'vitest';
import { demotion, trust } from '../../../src/guards/trust.ts';
import type { Incident } from '../../../src/incident/incident.ts';
import type { PlaybookRun } from '../../../src/incident/runs.ts';
import type { Trust } from '../../../src/ports/store.ts';
import { HOUR, NINE } from '../../support/stub.ts';
import { context } from './context.ts';

let serial = 0;
const ran = (more: Partial<PlaybookRun> = {}): PlaybookRun => ({
  playbook: 'imap-protocol',
  hash: 'h',
  incident: `i${++serial}`,
  server: 'mbx2',
  at: NINE - HOUR,
  outcome: 'escalated',
  acted: true,
  harmed: false,
  ...more,
});
const failed = (times: number, more: Partial<PlaybookRun> = {}) => Array.from({ length: times }, () => ran(more));
const recovered = ran({ outcome: 'recovered' });

describe('by how much a playbook is demoted', () => {
  const CASES: { says: string; runs: PlaybookRun[]; trusted?: Trust; by: number }[] = [
    { says: 'it never ran', runs: [], by: 0 },
    { says: 'two runs without success', runs: failed(2), by: 0 },
    { says: 'three runs without success', runs: failed(3), by: 1 },
    { says: 'three without success, older than a recovery', runs: [recovered, ...failed(3)], by: 0 },
    { says: 'three without success since a recovery', runs: [...failed(3), recovered], by: 1 },
    { says: 'six runs without success', runs: failed(6), by: 2 },
    { says: 'nine runs without success: there is nothing below observe', runs: failed(9), by: 2 },
    { says: 'runs that were refused before they changed anything', runs: failed(9, { acted: false }), by: 0 },
    { says: 'runs of the playbook as it was before it was edited', runs: failed(9, { hash: 'old' }), by: 0 },
    { says: 'one run that left damage', runs: failed(1, { harmed: true }), by: 1 },
    { says: 'a cancelled run did not help either', runs: failed(3, { outcome: 'cancelled' }), by: 1 },
    {
      says: 'three without success before a person trusted it again',
      runs: failed(3),
      trusted: { by: 'jane', at: NINE - HOUR },
      by: 0,
    },
    { says: 'three without success after that', runs: failed(3), trusted: { by: 'jane', at: NINE - 2 * HOUR }, by: 1 },
  ];
  test.each(CASES)('$says: by $by', ({ runs, trusted, by }) => {
    expect(demotion(runs, 'h', trusted, 3)).toBe(by);
  });

  test('never, if no limit is set', () => {
    expect(demotion(failed(20, { harmed: true }), 'h', undefined, 0)).toBe(0);
  });
});

describe('the next run of a demoted playbook', () => {
  const CASES: { says: string; mode?: 'auto' | 'approve'; runs: number; incident?: Partial<Incident>; is: object }[] = [
    { says: 'trusted', runs: 0, is: { answer: 'allow' } },
    { says: 'auto asks first', runs: 3, is: { answer: 'wait', reason: 'demoted', approval: true } },
    { says: 'auto, demoted twice: it changes nothing', runs: 6, is: { answer: 'refuse', reason: 'distrusted' } },
    { says: 'approve only observes', mode: 'approve', runs: 3, is: { answer: 'refuse', reason: 'distrusted' } },
    {
      says: 'a run that has changed something continues',
      runs: 6,
      incident: { changed: true },
      is: { answer: 'allow' },
    },
    {
      says: 'a child is part of its parent’s run',
      runs: 6,
      incident: { parent: { incident: 'p', n: 1 } },
      is: { answer: 'allow' },
    },
    {
      says: 'a person has approved this plan',
      runs: 3,
      incident: { approvals: [{ by: 'jane', at: NINE, reason: 'demoted' }] },
      is: { answer: 'allow' },
    },
  ];
  test.each(CASES)('$says', async ({ mode = 'auto', runs, incident = {}, is }) => {
    const store = { runs: async () => ({ runs: failed(runs) }) };
    expect(await trust.judge(context({ run: { mode }, incident, store }))).toMatchObject(is);
  });

  test('it names the runs that did not help, what it would have done, and how to trust it again', async () => {
    const runs = failed(6).map((one, index) => ({ ...one, incident: `run${index}` }));
    const answer = await trust.judge(context({ store: { runs: async () => ({ runs }) } }));
    expect(answer).toMatchObject({
      says:
        'Playbook imap-protocol is not trusted to act. Its last runs did not help (run0, run1, run2); find out why, then trust it again: ' +
        'second-responder playbooks trust imap-protocol. It would have done: Restart-Service MSExchangeIMAP4BE → Restart-Computer',
    });
  });
});
