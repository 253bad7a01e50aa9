import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { Playbook } from '../../src/incident/plan.ts';
import { languageOf, loadPlaybooks, readPlaybooks } from '../../src/playbooks/read.ts';
import { STEPS } from '../../src/steps/index.ts';
import { loadCatalog } from '../../src/verification/catalog.ts';
import { askedFor } from '../support/stub.ts';
import { explore } from './explore.ts';
import { type Scene, sceneOf } from './scene.ts';

/**
 * Every playbook × every result × a crash at every point × two workers. `MODEL=all` lets everything go wrong at once in
 * every scene, which takes long; without it each scene has its own trouble. SEED and RUNS are of the playbooks never seen.
 */
const { config } = loadConfig({ env: {}, cwd: process.cwd() });
const catalog = loadCatalog(config.verification.catalog);
const language = languageOf(config, STEPS, catalog);
const shipped = loadPlaybooks(config.playbooks.directory, language);
const all = process.env.MODEL === 'all';

const NOTHING = { crashes: 0, takeovers: 0, news: 0, cancels: 0 };
const CRASH = { ...NOTHING, crashes: 1 };
const OVERTAKEN = { ...NOTHING, takeovers: 1 };
const PEOPLE = { ...NOTHING, news: 1, cancels: 1 };

const sum = { scenes: 0, states: 0, transitions: 0, ends: 0 };
afterAll(() =>
  console.log(`${sum.states} states, ${sum.transitions} transitions, ${sum.ends} ends in ${sum.scenes} scenes`),
);

async function searched(scene: Scene) {
  const { shell, initial } = sceneOf(all ? { ...scene, left: {} } : scene);
  const explored = await explore(shell, initial);
  sum.scenes += 1;
  sum.states += explored.states;
  sum.ends += explored.ends;
  sum.transitions += explored.transitions.from.length;
  return explored;
}

function read(steps: string[]): Playbook {
  const text = [
    'playbook: p',
    'summary: s',
    'handles: [IMAP\\ImapCTPMonitor]',
    'mode: auto',
    'steps:',
    ...steps.map((step) => `  - ${step}`),
  ];
  const [playbook] = readPlaybooks([{ file: 'p.yaml', text: text.join('\n') }], language);
  if (!playbook) throw new Error('no playbook');
  return playbook;
}

const named = (name: string) => shipped.filter((playbook) => playbook.name === name);

/** So many states that they are searched by hand. */
const LONG: [string, string][] = [
  ['imap-ctp', 'cas1'],
  ['imap-load', 'ex1'],
  ['imap-protocol', 'ex1'],
  ['imap-ctp', 'ex1'],
];

/** Each shipped playbook on the servers that it is for. */
const PLANS: [string, string][] = [
  ['imap-protocol', 'mbx1'],
  ['imap-proxy', 'cas1'],
  ['imap-proxy', 'ex1'],
  ['imap-load', 'mbx1'],
  ['imap-load', 'cas1'],

  ...(all ? LONG : []),
];

test.each(PLANS)('%s on %s, with a crash at every point', async (name, server) => {
  const { outcomes } = await searched({ playbooks: named(name), server, left: CRASH });
  expect([...outcomes].sort()).toEqual(['escalated', 'recovered', 'suppressed', 'transient']);
});

test('imap-protocol on mbx1, cancelled and told of news at every point', async () => {
  const { outcomes } = await searched({ playbooks: named('imap-protocol'), server: 'mbx1', left: PEOPLE });
  expect([...outcomes].sort()).toEqual(['cancelled', 'escalated', 'recovered', 'suppressed', 'transient']);
});

test('imap-protocol on mbx1, approved, rejected or neither', async () => {
  await searched({ playbooks: named('imap-protocol'), server: 'mbx1', mode: 'approve', left: NOTHING });
});

test('a playbook that asks, with a crash at every point, and approved, rejected or neither', async () => {
  const steps = ['ask: "Go on?"', 'restart-service: MSExchangeIMAP4', 'recheck: { attempts: 1 }'];
  await searched({ playbooks: [read(steps)], server: 'cas1', left: CRASH });
});

/** What the shipped playbooks are made of, in short plans: two workers at once are many states. */
const PIECES = [
  { steps: ['restart-service: MSExchangeIMAP4BE'], server: 'mbx1' },
  { steps: ['protocol-log: imap'], server: 'cas1' },
  { steps: ['fail-over-databases'], server: 'mbx1' },
  { steps: ['confirm-no-active-copies', 'restart-server'], server: 'mbx1' },
];

/** `imap-ctp` in two halves: the protocol log with all that undoes it, and the server behind with its incident. */
const HALVES = [
  [
    'restart-service: { name: MSExchangeIMAP4BE, on: back-end }',
    'protocol-log: { protocol: imap, undo-restart: MSExchangeIMAP4 }',
    'recheck: { attempts: 1 }',
  ],
  ['identify-mailbox-server', 'remediate: "IMAP*"', 'restart-server', 'recheck: { attempts: 1 }'],
];

test.each(HALVES)('half of imap-ctp, with a crash at every point: %s …', async (...steps) => {
  await searched({ playbooks: [read(steps)], server: 'cas1', left: CRASH });
});

test.each(PIECES)('two workers: $steps', async ({ steps, server }) => {
  await searched({ playbooks: [read(steps)], server, left: OVERTAKEN, retries: 0, sendings: 1 });
});

test.each(['putBack', 'settle'] as const)(
  'what a finished incident left changed: %s, with a crash at every point',
  async (what) => {
    const asked = askedFor(what);
    if (asked.type !== 'opened') throw new Error('not opened');
    const { initial, shell } = sceneOf({
      playbooks: [],
      server: 'mbx1',
      left: CRASH,
      opened: asked.data,
    });
    const explored = await explore(shell, { ...initial, exchange: { ...initial.exchange, blocked: true } });
    expect(explored.outcomes.size).toBeGreaterThan(0);
  },
);

const STEP = fc.constantFrom(
  'restart-service: MSExchangeIMAP4BE',
  'restart-service: { name: MSExchangeIMAP4, on: back-end }',
  'recheck: { attempts: 1 }',
  'watch-health',
  'wait: 5m',
  'ask: "Go on?"',
  'fail-over-databases',
  'confirm-no-active-copies',
  'allow-activation',
  'restart-server',
  'protocol-log: imap',
  'protocol-log: { protocol: imap, undo-restart: MSExchangeIMAP4 }',
  'log-location: imap',
  'identify-mailbox-server',
  'remediate: "IMAP*"',
  'notify: hello',
  'escalate: a person',
);

test('playbooks never seen, with a crash and a person', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(STEP, { minLength: 1, maxLength: 3 }),
      fc.constantFrom('mbx1', 'cas1', 'ex1'),
      fc.constantFrom(CRASH, PEOPLE),
      async (steps, server, left) => {
        let playbook: Playbook;
        try {
          playbook = read(steps);
        } catch {
          return; // not a playbook that the daemon would load
        }
        await searched({ playbooks: [playbook], server, left });
      },
    ),
    { numRuns: Number(process.env.RUNS ?? 12), seed: Number(process.env.SEED ?? 1), endOnFailure: true },
  );
});
