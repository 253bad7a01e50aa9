import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Kinds of test, by what they need: `rules` reads the sources and docs, `unit` needs nothing, `store` starts a
// redis-server of its own (and says so when there is none), `outside` runs the built daemon and lab as processes,
// `powershell` builds the real PowerShell engine and talks to it (and says so when there is none), `fuzz` throws
// garbage at every parser (`npm run fuzz`), and `crash` brings trouble over them, for minutes (`npm run crash`; not part of `npm test`).
export default defineConfig({
  test: {
    // Many tests wait for processes of their own: two side by side also where there are only two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      { test: { name: 'rules', include: ['test/rules/**/*.test.ts'] } },
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      { test: { name: 'store', include: ['test/store/**/*.test.ts'], testTimeout: 20_000 } },
      {
        test: { name: 'outside', include: ['test/outside/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 30_000 },
      },
      {
        test: {
          name: 'powershell',
          include: ['test/powershell/**/*.test.ts'],
          globalSetup: ['test/powershell/engines.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
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
