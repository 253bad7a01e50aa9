import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createVitest, type TestModule, type Vitest } from 'vitest/node';
import { breakIt, testsOf } from './break.ts';
import { ALL } from './table.ts';

/**
 * The code is broken in one place at a time, in memory only, and the tests named beside it must go red. `MUTATIONS=6`
 * tries six of them, others each day; `ONLY=fence` those whose sentence has that word.
 */
const [some, only] = [Number(process.env.MUTATIONS ?? ALL.length), process.env.ONLY ?? ''];
const day = Number(process.env.SEED ?? Math.floor(Date.now() / 86_400_000));
const named = ALL.filter(({ says }) => says.includes(only));
const tried = named.filter((_, index) => (index + day) % Math.ceil(named.length / some) === 0);

let vitest: Vitest;
let broken: { file: string; source: string } | undefined;
beforeAll(async () => {
  const load = (id: string) => (id === broken?.file ? broken.source : undefined);
  vitest = await createVitest(
    'test',
    {
      config: false,
      watch: false,
      reporters: [{}],
      include: ['test/**/*.test.ts'],
      bail: 1,
      maxWorkers: 2,
      testTimeout: 20_000,
    },
    { plugins: [{ name: 'broken', enforce: 'pre', load }] },
  );
});
afterAll(() => vitest.close());

test('every test named is green when nothing is broken', async () => {
  expect(await redTests([...new Set(tried.flatMap(testsOf))])).toEqual([]);
});

test.each(tried.map((mutation) => [mutation.says, mutation] as const))('%s', async (_, mutation) => {
  broken = breakIt(mutation);
  vitest.invalidateFile(broken.file);
  try {
    expect(await redTests(testsOf(mutation))).not.toEqual([]);
  } finally {
    vitest.invalidateFile(broken.file);
    broken = undefined;
  }
});

/** Runs test files until the first test that fails: its name, or nothing. */
async function redTests(tests: string[]): Promise<string[]> {
  const project = vitest.getRootProject();
  const run = tests.map((file) => project.createSpecification(resolve(file)));
  await vitest.runTestSpecifications(run);
  const modules = run.flatMap(({ testModule }): TestModule[] => (testModule ? [testModule] : []));
  // A file that cannot be read proves nothing.
  for (const error of modules.flatMap((module) => module.errors())) throw error;
  return modules.flatMap((module) => [...module.children.allTests('failed')].map(({ fullName }) => fullName));
}
