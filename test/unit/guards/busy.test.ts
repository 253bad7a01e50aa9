import { expect, test } from 'vitest';
import { busy } from '../../../src/guards/busy.ts';
import type { Action } from '../../../src/incident/planned-change.ts';
import type { ServerActivity } from '../../../src/ports/exchange.ts';
import { NINE, reply } from '../../support/stub.ts';
import { changeTo, context } from './context.ts';

const CASES: [ServerActivity['kind'] | 'nothing', Action, string][] = [
  ['nothing', 'restart-service', 'allow'],
  ['nothing', 'restart-server', 'allow'],
  ['setup', 'setting', 'wait'],
  ['setup', 'restart-service', 'wait'],
  ['setup', 'fail-over-databases', 'refuse'],
  ['setup', 'restart-server', 'refuse'],
  ['servicing', 'restart-service', 'allow'],
  ['servicing', 'restart-server', 'refuse'],
  ['backup', 'restart-service', 'allow'],
  ['backup', 'fail-over-databases', 'refuse'],
  ['seeding', 'restart-server', 'refuse'],
  ['pending-update', 'restart-service', 'allow'],
  ['pending-update', 'fail-over-databases', 'wait'],
  ['pending-update', 'restart-server', 'wait'],
];
test.each(CASES)('%s and %s: %s', async (kind, action, answer) => {
  const activities = kind === 'nothing' ? [] : [{ kind, says: 'it runs' }];
  const given = context({ change: changeTo(action), exchange: { activity: async () => reply(activities) } });
  const is = await busy.judge(given);
  expect(is).toMatchObject(answer === 'allow' ? { answer } : { answer, reason: kind });
  if ('reason' in is) expect(busy.reasons).toContain(is.reason);
});

test('pending updates are named in one approval request', async () => {
  const exchange = { activity: async () => reply([{ kind: 'pending-update' as const, says: 'Windows Update waits' }]) };
  const change = changeTo('restart-server');
  expect(await busy.judge(context({ change, exchange }))).toMatchObject({
    approval: true,
    says: 'mbx1 will install updates when it restarts, which can take long: Windows Update waits',
  });
  const approvals = [{ by: 'yuki', at: NINE, reason: 'pending-update' }];
  expect(await busy.judge(context({ change, exchange, incident: { approvals } }))).toEqual({ answer: 'allow' });
  // The approval of the plan did not show that.
  const plan = [{ by: 'yuki', at: NINE, reason: 'approval' }];
  expect(await busy.judge(context({ change, exchange, incident: { approvals: plan } }))).toMatchObject({
    answer: 'wait',
  });
});
