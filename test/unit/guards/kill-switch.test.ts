import { expect, test } from 'vitest';
import { killSwitch } from '../../../src/guards/kill-switch.ts';
import type { KillScope } from '../../../src/ports/kill-switch.ts';
import { context } from './context.ts';

const CASES: [scope: KillScope, answer: 'allow' | 'wait'][] = [
  [{}, 'wait'],
  [{ server: 'MBX1' }, 'wait'],
  [{ group: 'dag1' }, 'wait'],
  [{ playbook: 'imap-protocol', server: 'mbx1' }, 'wait'],
  [{ server: 'mbx2' }, 'allow'],
  [{ playbook: 'imap-protocol', server: 'mbx2' }, 'allow'],
];

test.each(CASES)('on for %o: %s', async (scope, answer) => {
  const on = { on: true, scope, by: 'yuki', reason: 'change freeze', since: 0 };
  expect(await killSwitch.judge(context({ killSwitches: [on] }))).toMatchObject({ answer });
  expect(await killSwitch.judge(context({ killSwitches: [{ ...on, on: false }] }))).toMatchObject({ answer: 'allow' });
});
