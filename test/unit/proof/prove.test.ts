import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { ConfigError, formatProblem, type Problem } from '../../../src/config/problems.ts';
import type { Playbook } from '../../../src/incident/plan.ts';
import { languageOf, readPlaybooks } from '../../../src/playbooks/read.ts';
import { explore } from '../../../src/proof/explore.ts';
import { createNarrator } from '../../../src/proof/narrator.ts';
import { type Proof, proofSettings, prove } from '../../../src/proof/prove.ts';
import { SERVERS, sceneOf } from '../../../src/proof/scene.ts';
import { keyOf, type State } from '../../../src/proof/state.ts';
import { type Step, successors } from '../../../src/proof/successors.ts';
import { STEPS } from '../../../src/steps/index.ts';
import { loadCatalog } from '../../../src/verification/catalog.ts';

const { config } = loadConfig({ env: {}, cwd: process.cwd() });
const language = languageOf(config, STEPS, loadCatalog(config.verification.catalog));
const settings = proofSettings(config);
const WRONG = 'test/fixtures/playbooks/wrong';

function read(steps: string[], mode = 'auto'): Playbook {
  const head = ['playbook: p', 'summary: s', 'handles: [IMAP\\ImapCTPMonitor]', `mode: ${mode}`, 'steps:'];
  const text = [...head, ...steps.map((step) => `  - ${step}`)].join('\n');
  // The scripts that it may run are beside the folder of wrong playbooks.
  return readPlaybooks([{ file: join(WRONG, 'p.yaml'), text }], language)[0] as Playbook;
}

async function problemsOf(file: string): Promise<Problem[]> {
  try {
    const playbooks = readPlaybooks(
      [{ file: join(WRONG, file), text: readFileSync(join(WRONG, file), 'utf8') }],
      language,
    );
    return (await Promise.all(playbooks.map((playbook) => prove(playbook, settings)))).flatMap(
      (proof) => proof.problems,
    );
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

const proof = (steps: string[], mode?: string): Promise<Proof> => prove(read(steps, mode), settings);
const messages = async (steps: string[]) => (await proof(steps)).problems.map((problem) => problem.message);

describe('each wrong playbook is caught, with a message that leads to the fix', () => {
  const files = readdirSync(WRONG);

  test('there are at least thirty kinds of mistake', () => expect(files.length).toBeGreaterThanOrEqual(30));

  test.each(files)('%s', async (file) => {
    const [, expected = ''] = /^# expect: (.*)$/m.exec(readFileSync(join(WRONG, file), 'utf8')) ?? [];
    expect((await problemsOf(file)).map(formatProblem).join('\n')).toContain(expected);
  });
});

test('a problem names its line, and its story ends with the step that is wrong', async () => {
  const { problems } = await proof(['fail-over-databases', 'restart-server', 'recheck']);
  expect(problems).toHaveLength(1);
  const [{ line, column, path, story } = {} as Problem] = problems;
  expect({ line, column, path }).toEqual({ line: 7, column: 5, path: 'steps[1]' });
  expect(story?.[0]).toBe('The server is verified: unhealthy');
  expect(story?.at(-1)).toBe('Step 2, Restart-Computer: begins');
});

const SAFE: string[][] = [
  ['restart-service: MSExchangeIMAP4', 'recheck'],
  ['restart-service: { name: [MSExchangeIMAP4, MSExchangeIMAP4BE] }', 'recheck'],
  ['fail-over-databases', 'confirm-no-active-copies', 'restart-server', 'recheck'],
  [
    'restart-service: MSExchangeIMAP4',
    'watch-health',
    'fail-over-databases',
    'confirm-no-active-copies',
    'restart-server',
    'recheck',
  ],
  ['protocol-log: imap', 'restart-service: MSExchangeIMAP4', 'recheck'],
  ['notify: hello', 'escalate: a person'],
  ['ask: "Go on?"', 'restart-service: MSExchangeIMAP4', 'recheck'],
  ['run-script: { script: clear-cache.ps1, parameters: { Server: "{server}" } }', 'recheck'],
  [
    'run-script: { script: fill-cache.ps1, parameters: { Server: "{server}" }, undo: { script: clear-cache.ps1, parameters: { Server: x } } }',
    'recheck',
  ],
  ['checklist: [one, two]', 'ask: "Go on?"', 'wait: 5m', 'ask: "Still?"', 'checklist: three'],
];

test.each(SAFE)('%s … is safe', async (...steps) => expect(await messages(steps)).toEqual([]));

test('the worst case adds what each step may take, its verifications and its undo', async () => {
  const minute = 60_000;
  const again = settings.verifyingAgain;
  const { worst } = await proof(['wait: 30m', 'notify: hello']);
  expect(worst).toEqual({ time: 30 * minute + again, serviceRestarts: 0, serverRestarts: 0 });
  const longer = await proof(['wait: 30m', 'wait: 45m', 'notify: hello']);
  expect(longer.worst.time - worst.time).toBe(45 * minute);
});

test('a block of activation may stay, and the proof says so', async () => {
  const { left } = await proof(['fail-over-databases', 'recheck']);
  expect(left).toEqual([expect.stringContaining('activation of databases on the server is blocked')]);
});

test('a playbook that a person must approve is searched with approvals and rejections', async () => {
  const steps = ['restart-service: MSExchangeIMAP4', 'recheck'];
  const [auto, approve] = [await proof(steps), await proof(steps, 'approve')];
  expect(approve.problems).toEqual([]);
  expect(approve.states).toBeGreaterThan(auto.states);
});

test('a question is searched with each answer: approved, rejected, none in time', async () => {
  const [facts] = SERVERS;
  const steps = ['ask: "Go on?"', 'restart-service: MSExchangeIMAP4', 'recheck'];
  const { shell, initial } = sceneOf({ playbooks: [read(steps)], facts: facts!, retries: 0 });
  const narrator = createNarrator({ verifyingAgain: 0, watchAfterUndo: 0 });
  const ends = new Set<string>();
  await explore<State, Step>(
    {
      initial,
      follow: (state) => successors(shell, narrator, state),
      keyOf: (state) => keyOf(state, shell.settings),
      outcomeOf: ({ incident }) => incident.finished?.outcome,
      findings(_, { parts, says }) {
        for (const { before, wrote } of parts) {
          const { held, approvals, changed } = before.incident;
          if (wrote?.type === 'stepStarted' && wrote.data.intent) expect(approvals).toMatchObject([{ n: 1 }]);
          if (wrote?.type === 'approved' || wrote?.type === 'rejected') ends.add(`${says.at(-1)}, ${held?.guard}`);
          if (wrote?.type === 'rejected') expect(changed).toBe(false);
        }
        return [];
      },
    },
    10_000,
  );
  expect([...ends].sort()).toEqual(['A person approves, ask', 'A person rejects, ask', 'Nobody answers in time, ask']);
});

/** What repeats: a cure and its check, what is undone at every end, what is undone on recovery, a server behind this one. */
const PIECES: string[][] = [
  ['restart-service: MSExchangeIMAP4', 'recheck'],
  ['protocol-log: { protocol: imap, undo-restart: MSExchangeIMAP4 }', 'recheck'],
  ['fail-over-databases', 'confirm-no-active-copies', 'restart-server', 'recheck'],
  ['restart-service: { name: MSExchangeIMAP4BE, on: back-end }', 'recheck'],
];

test.each(PIECES)('states grow with the length of a playbook, not exponentially: %s …', async (...piece) => {
  const statesOf = async (times: number) => (await proof(Array.from({ length: times }, () => piece).flat())).states;
  const [three, four, five] = [await statesOf(3), await statesOf(4), await statesOf(5)];
  expect(five - four).toBe(four - three);
});
