/** `playbooks.defaults`: what an organisation sets for all its playbooks. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import type { Playbook } from '../../../src/incident/plan.ts';
import { languageOf, readPlaybooks } from '../../../src/playbooks/read.ts';
import { STEPS } from '../../../src/steps/index.ts';
import { LANGUAGE, problemsOf, withSteps } from './language.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'defaults-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const MINUTE = 60_000;

function readWith(configuration: string, ...steps: string[]): Playbook {
  const file = join(folder, 'c.yaml');
  writeFileSync(file, configuration);
  const { config } = loadConfig({ file, env: {}, cwd: folder });
  const text = withSteps(...steps);
  return readPlaybooks([{ file: 'p.yaml', text }], languageOf(config, STEPS, LANGUAGE.catalog))[0] as Playbook;
}

const BACK =
  'playbooks:\n  defaults:\n    mode: approve\n    steps:\n      restart-server: { back-within: 60m }\n      recheck: { attempts: 7, every: 1m }';

describe('defaults', () => {
  test('are options of the steps that set none; an option in a playbook wins', () => {
    const { steps, mode, places } = readWith(BACK, '- recheck: { every: 5s }', '- restart-server', '- recheck');
    expect(mode).toBe('approve');
    expect(steps.map(({ options }) => options)).toEqual([
      { attempts: 7, every: 5000 },
      { 'back-within': 60 * MINUTE },
      { attempts: 7, every: MINUTE },
    ]);
    expect(places.map(({ defaults }) => defaults)).toEqual([['attempts'], ['back-within'], ['attempts', 'every']]);
  });

  test('give way to the mode of a playbook', () => {
    readWith(BACK, '- recheck');
    const text = `${withSteps('- recheck')}\nmode: auto`;
    const { config } = loadConfig({ file: join(folder, 'c.yaml'), env: {}, cwd: folder });
    const [read] = readPlaybooks([{ file: 'p.yaml', text }], languageOf(config, STEPS, LANGUAGE.catalog));
    expect(read?.mode).toBe('auto');
  });

  test('are part of the meaning: a playbook has the hash of one where they are written', () => {
    const written = readWith('', '- restart-server: { back-within: 60m }', '- recheck: { attempts: 7, every: 1m }');
    const observing = readWith(BACK.replace('approve', 'observe'), '- restart-server', '- recheck');
    expect(observing.hash).toBe(written.hash);
    expect(readWith(BACK, '- restart-server', '- recheck').hash).not.toBe(written.hash);
  });

  test('may be set by a variable', () => {
    const env = { SECOND_RESPONDER_PLAYBOOKS_DEFAULTS_STEPS: '{"restart-server":{"back-within":"50m"}}' };
    const { config } = loadConfig({ env, cwd: process.cwd() });
    expect(config.playbooks.defaults.steps).toEqual({ 'restart-server': { 'back-within': '50m' } });
    const wrong = { SECOND_RESPONDER_PLAYBOOKS_DEFAULTS_STEPS: 'restart-server' };
    expect(problemsOf(() => loadConfig({ env: wrong, cwd: process.cwd() }))).toEqual([
      'environment: SECOND_RESPONDER_PLAYBOOKS_DEFAULTS_STEPS: must be JSON because playbooks.defaults.steps has keys',
    ]);
  });

  const wrong = (line: string) => `playbooks:\n  defaults:\n    steps:\n      ${line}`;
  test.each<[what: string, configuration: string, expected: string]>([
    [
      'an unknown step',
      wrong('restart-sever: { back-within: 1h }'),
      '4:7: playbooks.defaults.steps.restart-sever: there is no step "restart-sever"; did you mean "restart-server"?',
    ],
    [
      'an unknown option',
      wrong('restart-server: { bakc-within: 1h }'),
      '4:25: playbooks.defaults.steps.restart-server.bakc-within: unknown key; did you mean "back-within"?',
    ],
    [
      'a bare number',
      wrong('restart-server: { back-within: 60 }'),
      '4:38: playbooks.defaults.steps.restart-server.back-within: has no unit: write "60s" or "60m"',
    ],
    ['a bare value', wrong('wait: 5m'), '4:13: playbooks.defaults.steps.wait: must be keys with values'],
    [
      'an unknown mode',
      'playbooks: { defaults: { mode: atuo } }',
      '1:32: playbooks.defaults.mode: must be "observe" or "approve" or "auto"; did you mean "auto"?',
    ],
  ])('with %s are a problem of the configuration', (_, configuration, expected) => {
    expect(problemsOf(() => readWith(configuration, '- recheck'))).toEqual([`${join(folder, 'c.yaml')}:${expected}`]);
  });

  test('that do not fit the options of a step are named in its problem', () => {
    const configuration = wrong('watch-health: { every: 1h }');
    expect(problemsOf(() => readWith(configuration, '- watch-health: { for: 20m }'))).toEqual([
      'p.yaml:5:19: steps[0].watch-health.every: is longer than for: the watch would end before its first check; playbooks.defaults sets "every"',
    ]);
  });
});
