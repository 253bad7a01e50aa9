import { describe, expect, it } from 'vitest';
import type { WhatIf } from '../../../src/ports/operations.ts';
import { type Bench, type BenchOptions, bench, operationsOf } from '../../support/engine.ts';

const SELF_TEST = { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const MUTED = { on: true, scope: {}, by: 'jane', reason: 'a bad day' };

async function asked(on: string, faults: object[], options: BenchOptions = {}, before = async (_: Bench) => {}) {
  const rehearsed = bench(options);
  for (const fault of faults) rehearsed.lab.post(fault);
  await before(rehearsed);
  const changed = rehearsed.changes();
  const entries = rehearsed.entries.length;
  const signal = new AbortController().signal;
  const answer = await operationsOf(rehearsed).whatIf({ server: on, ...SELF_TEST }, signal);
  expect(rehearsed.changes()).toEqual(changed);
  expect(rehearsed.entries).toHaveLength(entries);
  expect(rehearsed.notices).toEqual([]);
  return answer;
}

const would = ({ steps }: WhatIf) => steps.map((step) => step.would);
const REACHED = ['run', 'run', 'run', 'run', 'run', 'run', 'run'];

describe('what would be done if an alert came now', () => {
  it.each<[says: string, server: string, faults: object[], steps: string[], answer: RegExp]>([
    [
      'a server that can be drained: the whole playbook, as if each step had worked',
      'mbx1',
      [{ fault: 'imap-backend-hang', server: 'mbx1' }],
      REACHED,
      /^imap-protocol would begin with step 1, Restart-Service MSExchangeIMAP4BE; no guard stops it\.$/,
    ],
    [
      'a server with single copies: as far as the drain',
      'mbx9',
      [{ fault: 'imap-backend-hang', server: 'mbx9' }],
      ['run', 'run', 'refuse', 'not-reached', 'not-reached', 'not-reached', 'not-reached'],
      /begin with step 1.*If that does not help, step 3, .* would be refused, and a person notified: dag: DB91 has only this copy/,
    ],
    ['a healthy server: nothing', 'mbx1', [], [], /^Nothing would be changed: .*healthy/],
    [
      'a server that is being recovered by Exchange itself: a wait',
      'mbx1',
      [
        { fault: 'imap-backend-hang', server: 'mbx1' },
        { fault: 'responder-at-work', server: 'mbx1' },
      ],
      ['wait', 'run', 'wait', 'run', 'wait', 'run', 'run'],
      /^imap-protocol would change nothing: step 1, .* would wait: responder:/,
    ],
    ['an unknown server: nothing', 'mbx77', [], [], /mbx77 is not a server of this organisation/],
  ])('%s', async (_, server, faults, steps, says) => {
    const answer = await asked(server, faults);
    expect(would(answer)).toEqual(steps);
    expect(answer.says).toMatch(says);
  });

  it('no playbook: a person is notified', async () => {
    const answer = await asked('mbx1', [{ fault: 'imap-backend-hang', server: 'mbx1' }], { playbooks: [] });
    expect(answer.says).toMatch(/a person is notified: No playbook handles/);
  });

  it('observe mode: refused by it', async () => {
    const answer = await asked('mbx1', [{ fault: 'imap-backend-hang', server: 'mbx1' }], {
      settings: { mode: 'observe' },
    });
    expect(answer.steps[0]).toMatchObject({ would: 'refuse', why: expect.stringMatching(/^mode: /) });
  });

  it('approve mode: a person is asked', async () => {
    const answer = await asked('mbx1', [{ fault: 'imap-backend-hang', server: 'mbx1' }], {
      settings: { mode: 'approve' },
    });
    expect(answer.steps[0]).toMatchObject({ would: 'ask', why: expect.stringMatching(/^mode: /) });
  });

  it('the kill switch is on: every change waits, and the other guards still answer', async () => {
    const answer = await asked('mbx9', [{ fault: 'imap-backend-hang', server: 'mbx9' }], {}, async (rehearsed) => {
      await operationsOf(rehearsed).setKillSwitch(MUTED);
    });
    expect(answer.steps[0]).toMatchObject({ would: 'wait', why: expect.stringMatching(/^kill-switch: .*a bad day/) });
    expect(answer.steps[2]?.guards?.find(({ guard }) => guard === 'dag')).toMatchObject({
      answer: 'refuse',
      reason: 'only-copy',
    });
  });

  it('an incident is open: the alert would join it', async () => {
    let open = '';
    const answer = await asked('mbx1', [{ fault: 'imap-backend-hang', server: 'mbx1' }], {}, async (rehearsed) => {
      open = await rehearsed.alert({ server: 'mbx1', ...SELF_TEST });
    });
    expect(answer.joins).toBe(open);
    expect(answer.says).toContain(`The alert would join incident ${open}, which is open.`);
  });

  it('says the commands as they would be sent', async () => {
    const { steps } = await asked('mbx1', [{ fault: 'imap-backend-hang', server: 'mbx1' }]);
    expect(steps.flatMap(({ command }) => (command ? [command.command] : []))).toEqual([
      'Restart-Service',
      'Set-MailboxServer',
      'Restart-Computer',
    ]);
  });
});
