import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createVitest, type TestModule, type Vitest } from 'vitest/node';
import { filesUnder, read } from '../rules/tree.ts';
import { declarationsOf, placesOf } from './declarations.ts';
import { ALL, type Mutation } from './table.ts';

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

function breakIt({ in: name, from, to = '' }: Mutation): { file: string; source: string } {
  const places = declarationsOf(name).flatMap((one) =>
    (from === undefined ? [one.body ?? []].flat() : placesOf(from, one)).map((place) => ({ file: one.file, ...place })),
  );
  const [place] = places;
  if (!place || places.length > 1)
    throw new Error(`src has \`${from ?? '{'}\` ${places.length} times in "${name}", not once`);
  const source = read(place.file);
  return { file: place.file, source: source.slice(0, place.start) + to + source.slice(place.end) };
}

const files = filesUnder('test', '.test.ts');

function testsOf({ says, tests }: Mutation): string[] {
  const found = files.filter((file) => tests.some((name) => file.endsWith(`/${name}.test.ts`)));
  if (found.length === 0) throw new Error(`No test file named ${tests.join(' or ')}, for "${says}"`);
  return found;
}

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
