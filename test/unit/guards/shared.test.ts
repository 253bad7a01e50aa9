import { describe, expect, test } from 'vitest';
import { evidence } from '../../../src/guards/evidence.ts';
import { askGuards, GUARDS } from '../../../src/guards/index.ts';
import { killSwitch } from '../../../src/guards/kill-switch.ts';
import { mode } from '../../../src/guards/mode.ts';
import { answerOf, claim, slot } from '../../../src/guards/shared-state.ts';
import type { Mode } from '../../../src/incident/plan.ts';
import type { StartRefusal } from '../../../src/ports/journal.ts';
import type { KillScope } from '../../../src/ports/kill-switch.ts';
import { HOUR, MINUTE, NINE } from '../../support/stub.ts';
import { context } from './context.ts';

const ALLOW = { answer: 'allow' };

describe('the kill switch', () => {
  const on = (scope: KillScope) => ({ on: true, scope, by: 'yuki', reason: 'audit', since: NINE });
  const SWITCHES: { says: string; switches: ReturnType<typeof on>[]; waits: string | undefined }[] = [
    { says: 'none', switches: [], waits: undefined },
    { says: 'for everything', switches: [on({})], waits: 'The kill switch is on (yuki: audit)' },
    {
      says: 'for this playbook',
      switches: [on({ playbook: 'imap-protocol' })],
      waits: 'The kill switch is on for playbook imap-protocol (yuki: audit)',
    },
    {
      says: 'for this server, in capitals',
      switches: [on({ server: 'MBX1' })],
      waits: 'The kill switch is on for server MBX1 (yuki: audit)',
    },
    {
      says: 'for this group',
      switches: [on({ group: 'dag1' })],
      waits: 'The kill switch is on for group dag1 (yuki: audit)',
    },
    { says: 'for another server', switches: [on({ server: 'mbx2' })], waits: undefined },
    { says: 'for another playbook', switches: [on({ playbook: 'imap-ctp' })], waits: undefined },
    {
      says: 'for this playbook on this server',
      switches: [on({ playbook: 'imap-protocol', server: 'mbx1' })],
      waits: 'The kill switch is on for playbook imap-protocol, server mbx1 (yuki: audit)',
    },
    {
      says: 'for this playbook on another server',
      switches: [on({ playbook: 'imap-protocol', server: 'mbx2' })],
      waits: undefined,
    },
    {
      says: 'one for another server, and one for this',
      switches: [on({ server: 'mbx2' }), on({ server: 'mbx1' })],
      waits: 'The kill switch is on for server mbx1 (yuki: audit)',
    },
    { says: 'one that is off', switches: [{ ...on({}), on: false }], waits: undefined },
  ];
  test.each(SWITCHES)('$says', ({ switches, waits }) => {
    const answer = killSwitch.judge(context({ killSwitches: switches }));
    expect(answer).toEqual(waits === undefined ? ALLOW : { answer: 'wait', reason: 'kill-switch', says: waits });
  });
});

describe('the mode', () => {
  const MODES: [Mode, Mode, string][] = [
    ['auto', 'auto', 'allow'],
    ['auto', 'approve', 'wait'],
    ['auto', 'observe', 'refuse'],
    ['approve', 'auto', 'wait'],
    ['approve', 'approve', 'wait'],
    ['approve', 'observe', 'refuse'],
    ['observe', 'auto', 'refuse'],
    ['observe', 'approve', 'refuse'],
    ['observe', 'observe', 'refuse'],
  ];
  test.each(MODES)('a playbook in %s with a safety mode of %s: %s', (own, most, answer) => {
    expect(mode.judge(context({ run: { mode: own }, settings: { mode: most } }))).toMatchObject({ answer });
  });

  test('observe names every step that it would have taken, and suppresses', () => {
    expect(mode.judge(context({ run: { mode: 'observe' } }))).toEqual({
      answer: 'refuse',
      reason: 'observe',
      suppressed: true,
      says: 'Playbook imap-protocol only observes. It would have done: Restart-Service MSExchangeIMAP4BE → Restart-Computer',
    });
  });

  test('an approval request expires after the configured time, counted from the request', () => {
    const run = { mode: 'approve' as const };
    expect(mode.judge(context({ run }))).toMatchObject({ approval: true, until: NINE + 4 * HOUR });
    const held = { guard: 'mode', reason: 'approval', says: 's', approval: true, at: NINE - HOUR };
    expect(mode.judge(context({ run, incident: { held } }))).toMatchObject({ until: NINE + 3 * HOUR });
  });

  test.each([
    ['one that a person approved', { approvals: [{ by: 'yuki', at: NINE, reason: 'approval' }] }],
    ['one that a person approved when it was demoted', { approvals: [{ by: 'yuki', at: NINE, reason: 'demoted' }] }],
    ['a child: its parent was approved', { parent: { incident: 'p', n: 1 } }],
  ])('%s does not need another approval', (_says, incident) => {
    expect(mode.judge(context({ run: { mode: 'approve' }, incident }))).toEqual(ALLOW);
  });

  const yuki = { by: 'yuki', at: NINE, reason: 'approval' };
  test.each([
    ['one approval', [yuki], 'wait'],
    ['two by the same person', [yuki, { ...yuki, at: NINE + 1 }], 'wait'],
    [
      'two by one token under two names',
      [
        { ...yuki, identity: 'ops' },
        { by: 'jane', at: NINE, reason: 'approval', identity: 'ops' },
      ],
      'wait',
    ],
    ['one for the plan and one for something else', [yuki, { ...yuki, by: 'jane', reason: 'pending-update' }], 'wait'],
    ['two by two people', [yuki, { ...yuki, by: 'jane' }], 'allow'],
  ])('with the two-person rule, %s: %s', (_says, approvals, answer) => {
    const given = { run: { mode: 'approve' as const }, incident: { approvals }, settings: { approvers: 2 } };
    expect(mode.judge(context(given))).toMatchObject({ answer });
  });

  test('a child does not act if its playbook only observes', () => {
    const incident = { parent: { incident: 'p', n: 1 } };
    expect(mode.judge(context({ run: { mode: 'observe' }, incident }))).toMatchObject({ answer: 'refuse' });
  });
});

describe('the evidence', () => {
  const AGES: { says: string; age: number | undefined; justVerified?: boolean; answer: string }[] = [
    { says: 'a problem that was confirmed now', age: 0, answer: 'allow' },
    { says: 'a problem that was confirmed as long ago as allowed', age: 5 * MINUTE, answer: 'allow' },
    { says: 'a problem that was confirmed longer ago', age: 5 * MINUTE + 1, answer: 'verify' },
    { says: 'a problem that was never confirmed', age: undefined, answer: 'verify' },
    { says: 'an old problem, verified in this same advance', age: HOUR, justVerified: true, answer: 'allow' },
  ];
  test.each(AGES)('$says: $answer', ({ age, justVerified = false, answer }) => {
    const { seenUnhealthyAt: _seen, ...unseen } = context().incident;
    const given = context({ justVerified });
    given.incident = age === undefined ? unseen : { ...unseen, seenUnhealthyAt: NINE - age };
    expect(evidence.judge(given)).toEqual({ answer });
  });
});

describe('claims and slots', () => {
  const claimed: StartRefusal = { by: 'claim', server: 'mbx1', owner: 'j' };
  const busy: StartRefusal = { by: 'slot', group: 'dag1', server: 'mbx2', owner: 'j' };

  test('a server that another incident is acting on is waited for', () => {
    const answer = { answer: 'wait', reason: 'server-claimed', says: 'Incident j is acting on mbx1' };
    expect(claim.judge(context({ refusal: claimed }))).toEqual(answer);
    expect(slot.judge(context({ refusal: claimed }))).toEqual(ALLOW);
  });

  test('a group with a server out of service is waited for', () => {
    const answer = { answer: 'wait', reason: 'group-busy', says: 'Incident j has mbx2 of dag1 out of service' };
    expect(slot.judge(context({ refusal: busy }))).toEqual(answer);
    expect(claim.judge(context({ refusal: busy }))).toEqual(ALLOW);
  });

  test('a refusal of the atomic start is reported in the words of its guard', () => {
    const switched = { on: true, scope: {}, by: 'yuki', reason: '', since: NINE };
    expect(answerOf({ by: 'kill-switch', switch: switched })).toEqual({
      guard: 'kill-switch',
      answer: { answer: 'wait', reason: 'kill-switch', says: 'The kill switch is on (yuki)' },
    });
    expect(answerOf(claimed).guard).toBe('claim');
    expect(answerOf(busy).guard).toBe('slot');
  });
});

describe('all of them', () => {
  test('the first guard that does not allow answers: the others are not asked', async () => {
    const switched = { on: true, scope: {}, by: 'yuki', reason: '', since: NINE };
    // No call to Exchange is expected: the stub would fail it.
    const asked = await askGuards(context({ killSwitches: [switched], run: { mode: 'observe' } }));
    expect(asked?.guard).toBe('kill-switch');
  });

  test('the reasons of a guard are in its fixed list', async () => {
    const names = GUARDS.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)]);
    for (const { name, reasons } of GUARDS) expect(reasons, name).toEqual([...new Set(reasons)]);
  });
});
