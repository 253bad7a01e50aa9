import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALL, type Mutation } from './table.ts';

/**
 * A copy of the tree is broken in one place at a time, and the tests named beside it must go red. `MUTATIONS=6` tries so
 * many of them, by the day of the year; `ONLY=fence` those whose sentence has that word.
 */
const ELSEWHERE = new Set(['node_modules', 'dist', 'data', 'coverage', '.git']);
const [some, only] = [Number(process.env.MUTATIONS ?? ALL.length), process.env.ONLY ?? ''];
const day = Number(process.env.SEED ?? Math.floor(Date.now() / 86_400_000));
const named = ALL.filter(({ says }) => says.includes(only));
const tried = named.filter((_, index) => (index + day) % Math.ceil(named.length / some) === 0);

let tree = '';
beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), 'mutations-'));
  for (const name of readdirSync('.')) if (!ELSEWHERE.has(name)) cpSync(name, join(tree, name), { recursive: true });
  symlinkSync(resolve('node_modules'), join(tree, 'node_modules'));
});
afterAll(() => rmSync(tree, { recursive: true, force: true }));

const testsOf = ({ tests }: Mutation) => tests.filter((file) => existsSync(file));

test('as it is, every test that is named is green', async () => {
  const { red, said } = await run([...new Set(tried.flatMap(testsOf))]);
  expect({ red, said: red ? said : '' }).toEqual({ red: false, said: '' });
});

describe.each(tried)('$says', (mutation) => {
  test('and a test goes red', async () => {
    const { file, from, to } = mutation;
    const path = join(tree, file);
    const source = readFileSync(path, 'utf8');
    expect(source.split(from).length - 1, `"${from}" stands in ${file} so often: the table is old`).toBe(1);
    expect(testsOf(mutation)).not.toEqual([]);
    writeFileSync(
      path,
      source.replace(from, () => to),
    );
    try {
      expect((await run(testsOf(mutation))).red).toBe(true);
    } finally {
      writeFileSync(path, source);
    }
  });
});

/** Runs tests of the copy, until the first that fails. */
async function run(tests: string[]): Promise<{ red: boolean; said: string }> {
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', '--bail', '1', ...tests], {
    cwd: tree,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const output of [child.stdout, child.stderr]) output.on('data', (chunk) => (said += chunk));
  const code = await new Promise<number | null>((done) => child.on('close', done));
  // No file, or one that can't be read, proves nothing.
  if (!/Tests .*(passed|failed)/.test(said)) throw new Error(said);
  return { red: code !== 0, said };
}
