import { expect, test } from 'vitest';
import { align, sameStep } from '../../../src/backtest/align.ts';
import { diff } from '../../../src/backtest/diff.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { Mode, Playbook } from '../../../src/incident/plan.ts';
import { NO_COST } from '../../../src/proof/explore.ts';
import { type Proof, proofSettings, prove } from '../../../src/proof/prove.ts';
import { read, steps } from './support.ts';

const settings = proofSettings(loadConfig({ env: {}, cwd: process.cwd() }).config);
const A = ['restart-service: MSExchangeIMAP4BE', 'recheck', 'wait: 10m', 'notify: hello'];

const version = (lines: readonly string[], { mode = 'auto' as Mode, monitor = 'ImapCTPMonitor', comment = '' } = {}) =>
  read(
    [comment, 'playbook: p', 'summary: s', `handles: [IMAP\\${monitor}]`, `mode: ${mode}`, 'steps:']
      .concat(lines.map((line) => `  - ${line}`))
      .join('\n'),
  );

const proved = (playbook: Playbook) => prove(playbook, settings);
/** For tests that are not about the proof. */
const unproved = async ({ name }: Playbook): Promise<Proof> => ({
  playbook: name,
  states: 0,
  worst: NO_COST,
  left: [],
  problems: [],
});

async function says(before: Playbook[], after: Playbook[], by = unproved): Promise<string[]> {
  return (await diff(before, after, by)).flatMap(({ changes }) => changes.map((change) => change.says));
}

const CASES: [string, string[], string[]][] = [
  ['an option in another spelling', ['recheck', 'wait: 10m'], ['recheck: { attempts: 3, every: 20s }', 'wait: 600s']],
];
test.each(CASES)('no difference in meaning: %s', async (_, before, after) => {
  expect(await diff(version(before), version(after), unproved)).toEqual([]);
});

test('no difference in meaning: comments and layout', async () => {
  expect(await diff(version(A), version(A, { comment: '# a comment\n\n' }), unproved)).toEqual([]);
});

const CHANGES: [string, string[], string[]][] = [
  ['a step more', [...A.slice(0, 2), 'wait: 5m', ...A.slice(2)], ['step 3 is new: wait (Wait 5m)']],
  ['a step less', A.slice(0, 3), ['step 4 is gone: notify (Notify: hello)']],
  ['a step elsewhere', [A[0]!, A[1]!, A[3]!, A[2]!], ['step 4 was step 3: wait (Wait 10m)']],
  [
    'another option',
    [A[0]!, 'recheck: { attempts: 5, every: 1m }', ...A.slice(2)],
    ['step 2 (recheck): attempts: 3 → 5', 'step 2 (recheck): every: 20s → 1m'],
  ],
  [
    'a condition',
    [...A.slice(0, 3), 'notify: hello\n    when: { dag: true }'],
    ['step 4 (notify): when: always → dag: true'],
  ],
  [
    'another service',
    ['restart-service: MSExchangeIMAP4', ...A.slice(1)],
    ['step 1 (restart-service): name: MSExchangeIMAP4BE → MSExchangeIMAP4'],
  ],
];
test.each(CHANGES)('says: %s', async (_, after, expected) => {
  expect(await says(version(A), version(after))).toEqual(expect.arrayContaining(expected));
});

test('says what the worst case becomes, and what may stay changed', async () => {
  const drained = [...A, 'fail-over-databases', 'confirm-no-active-copies', 'restart-server', 'recheck'];
  const changes = await says(version(A), version(drained), proved);
  expect(changes).toContain('reboots at most: 0 → 1');
  expect(changes.find((one) => one.startsWith('at worst: '))).toMatch(/^at worst: .+ → .+$/);
  expect(changes.find((one) => one.startsWith('may now stay changed: '))).toContain('activation of databases');
});

test('says that a version does not pass the proof any more', async () => {
  const changes = await says(version(A), version(['restart-server', ...A]), proved);
  expect(changes.join('\n')).toContain('does not pass the proof any more: restarts the server although nothing proves');
});

test('mode, monitors, and playbooks that are new or gone', async () => {
  expect(await says(version(A), version(A, { mode: 'observe' }))).toContain('mode: auto → observe');
  const other = version(A, { monitor: 'RequestsQueuedGt500Monitor' });
  expect(await says(version(A), other)).toEqual([
    'also handles IMAP\\RequestsQueuedGt500Monitor',
    'no longer handles IMAP\\ImapCTPMonitor',
  ]);
  expect(await says([], version(A))).toEqual(['is new: s']);
  expect(await says(version(A), [])).toEqual(['is gone: s']);
});

const PAIRS: [string, string[], string[], string][] = [
  ['equal plans', ['recheck', 'wait: 1m'], ['recheck', 'wait: 1m'], '0=0 1=1'],
  ['one more', ['recheck', 'wait: 1m'], ['recheck', 'notify: a', 'wait: 1m'], '0=0 +1 1=2'],
  ['one less', ['recheck', 'notify: a', 'wait: 1m'], ['recheck', 'wait: 1m'], '0=0 -1 2=1'],
  ['other options', ['recheck', 'wait: 1m'], ['recheck', 'wait: 2m'], '0=0 1=1'],
  [
    'the equal step rather than one of the same kind',
    ['wait: 1m', 'recheck'],
    ['wait: 2m', 'wait: 1m', 'recheck'],
    '+0 0=1 1=2',
  ],
  [
    'the first of two verifications left out with its restart',
    ['restart-service: MSExchangeIMAP4', 'recheck', 'restart-service: MSExchangeIMAP4BE', 'recheck'],
    ['restart-service: MSExchangeIMAP4BE', 'recheck'],
    '-0 -1 2=0 3=1',
  ],
];
test.each(PAIRS)('aligns %s', (_, before, after, expected) => {
  const pairs = align(steps(before), steps(after), sameStep);
  const written = pairs.map(({ old, new: to }) =>
    old === undefined ? `+${to}` : to === undefined ? `-${old}` : `${old}=${to}`,
  );
  expect(written.join(' ')).toBe(expected);
});
