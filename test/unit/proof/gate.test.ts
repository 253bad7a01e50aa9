/** Which playbooks may come into force, and what the proofs of earlier starts are worth. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { Gate, proofKey } from '../../../src/proof/gate.ts';
import { proofSettings } from '../../../src/proof/prove.ts';
import { written } from '../../support/written.ts';

const settings = proofSettings(loadConfig({ env: {}, cwd: process.cwd() }).config);
const folder = mkdtempSync(join(tmpdir(), 'gate-'));
const file = join(folder, 'kept', 'proofs.json');
afterAll(() => rmSync(folder, { recursive: true }));

const SAFE = written(['restart-service: MSExchangeIMAP4BE', 'recheck']);
const UNSAFE = written(['restart-service: MSExchangeIMAP4BE']);

const failing = async (gate: Gate, playbook = UNSAFE, given = settings) => [
  ...(await gate.failures([playbook], given)).keys(),
];
const nextStart = () => new Gate(join(folder, 'kept'));

beforeEach(async () => {
  rmSync(join(folder, 'kept'), { recursive: true, force: true });
  const gate = nextStart();
  await gate.failures([SAFE], settings);
  gate.keep();
});

/** The kept proof of the safe playbook, attributed to the unsafe one: it shows whether the next start believes the file. */
function rewrite(change: (text: string) => string = (text) => text): void {
  const text = readFileSync(file, 'utf8').replace(proofKey(SAFE, settings), proofKey(UNSAFE, settings));
  writeFileSync(file, change(text));
}

test('a playbook that breaks a rule fails, with its problems', async () => {
  const failures = await new Gate().failures([SAFE, UNSAFE], settings);
  expect([...failures.values()].flat().map(({ message }) => message)).toEqual([
    expect.stringContaining('wakes a person although nothing verified whether the last restart or script helped'),
  ]);
});

test('a kept proof is not repeated', async () => {
  rewrite();
  expect(await failing(nextStart())).toEqual([]);
});

test('a failure is never kept', async () => {
  const gate = nextStart();
  await failing(gate);
  gate.keep();
  expect(await failing(nextStart())).toEqual(['p']);
});

test('a kept proof holds within its limits only', async () => {
  const none = { ...settings, limits: { ...settings.limits, serviceRestarts: 0 } };
  expect(await failing(nextStart(), SAFE, none)).toEqual(['p']);
});

test('a kept proof holds within the limits of a restriction too', async () => {
  const restrictions = [{ key: 'playbooks.restrictions[0]', playbooks: ['p'], limits: { serviceRestarts: 0 } }];
  expect(await failing(nextStart(), SAFE, { ...settings, restrictions })).toEqual(['p']);
});

test('a playbook for which a restriction lets a person be asked is proved for that', async () => {
  const restrictions = [{ key: 'playbooks.restrictions[0]', groups: ['dag1'], mode: 'approve' as const }];
  rewrite();
  expect(await failing(nextStart(), UNSAFE, { ...settings, restrictions })).toEqual(['p']);
  expect(await failing(nextStart(), SAFE, { ...settings, restrictions })).toEqual([]);
});

test('a kept proof holds for the times that it was done with', async () => {
  rewrite();
  expect(await failing(nextStart(), UNSAFE, { ...settings, verifyingAgain: settings.verifyingAgain + 1 })).toEqual([
    'p',
  ]);
});

test.each<[string, (text: string) => string]>([
  ['is cut off', (text) => text.slice(0, -9)],
  ['is empty', () => ''],
  ['is of another program', (text) => text.replace(/"program":"."?/, '"program":"x')],
  ['has a key that is no hash', (text) => text.replace('"worst":{"', '"worst":{"all":{"time":0},"')],
  ['has costs that cannot be', (text) => text.replace(/"time":\d+/, '"time":-1')],
  ['has more than it should', (text) => text.replace('{', '{"safe":true,')],
  ['is too large', (text) => text + ' '.repeat(100_000)],
])('a file that %s is as good as absent', async (_, change) => {
  rewrite(change);
  expect(await failing(nextStart())).toEqual(['p']);
});

test.skipIf(process.platform === 'win32')('a file that others may write is as good as absent', async () => {
  rewrite();
  chmodSync(file, 0o666);
  expect(await failing(nextStart())).toEqual(['p']);
});

test('without a folder nothing is stored', async () => {
  const gate = new Gate();
  await gate.failures([SAFE], settings);
  expect(() => gate.keep()).not.toThrow();
});

test('nothing is stored when there is nothing new', async () => {
  const gate = nextStart();
  await gate.failures([SAFE], settings);
  rmSync(file);
  gate.keep();
  expect(existsSync(file)).toBe(false);
});

test('a proof gives way to other work', async () => {
  let turns = 0;
  const counting = setInterval(() => {
    turns += 1;
  }, 1);
  const long = Array.from({ length: 10 }, () => ['restart-service: MSExchangeIMAP4BE', 'recheck']).flat();
  await new Gate().failures([written(long)], settings);
  clearInterval(counting);
  expect(turns).toBeGreaterThan(2);
});
