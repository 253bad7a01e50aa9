import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Kinds of test, by what they need: `rules` reads the sources and docs, `unit` needs nothing, `store` starts a
// redis-server of its own (and says so when there is none), `outside` runs the built daemon and lab as processes, and
// `powershell` finds or installs a PowerShell and talks to it (and says so when there is none). Those are `npm test`, of the last three
// only a quick core: the rest is `full` (`npm run test:all` is all of them). `fuzz`, `model`, `mutations` and
// `crash` have a command each.
const quickPowerShell = ['failures', 'language', 'rows', 'shell', 'wire'].map(
  (name) => `test/powershell/${name}.test.ts`,
);
// Each takes a minute or more; several are a few lines that run a contract, and Vitest would start with the largest files.
const LONGEST =
  /powershell\/(host\.(child-process|node-powershell)|port|page|exchange|scom|doctor)\.test|outside\/full\/(cli|crash|failover)\.test/;

/** The longest files first, so that none runs alone at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => (LONGEST.test(moduleId) ? 0 : 1);
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other));
  }
}

// Signals may come late on a busy machine.
const patient = { expect: { poll: { timeout: 30_000 } } };
const powershell = {
  ...patient,
  globalSetup: ['test/powershell/engines.ts'],
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  test: {
    // Many tests wait for processes of their own: more side by side than there are cores.
    maxWorkers: 2 * availableParallelism(),
    sequence: { sequencer: LongestFirst },
    projects: [
      { test: { name: 'rules', include: ['test/rules/**/*.test.ts'] } },
      // The unit tests leave nothing behind: they share the modules that they load, which halves their time.
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          exclude: ['test/unit/full/**'],
          isolate: false,
          testTimeout: 60_000,
          ...patient,
        },
      },
      { test: { name: 'store', include: ['test/store/*.test.ts'], testTimeout: 60_000, ...patient } },
      {
        test: {
          name: 'outside',
          include: ['test/outside/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          ...patient,
        },
      },
      { test: { name: 'powershell', include: quickPowerShell, ...powershell } },
      {
        test: {
          name: 'full',
          include: ['test/{unit,store,outside}/full/*.test.ts', 'test/powershell/**/*.test.ts'],
          exclude: quickPowerShell,
          ...powershell,
          testTimeout: 240_000,
          hookTimeout: 180_000,
        },
      },
      { test: { name: 'fuzz', include: ['test/fuzz/**/*.test.ts'] } },
      { test: { name: 'model', include: ['test/model/**/*.test.ts'], testTimeout: 300_000 } },
      {
        test: {
          name: 'mutations',
          include: ['test/mutations/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 60_000,
        },
      },
      { test: { name: 'crash', include: ['test/crash/**/*.test.ts'], testTimeout: 400_000 } },
    ],
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary'] },
  },
});
