import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createProgram } from '../../../src/cli/index.ts';
import { effectiveSteps } from '../../../src/playbooks/effective.ts';
import { readPlaybooks } from '../../../src/playbooks/read.ts';
import { STEPS } from '../../../src/steps/index.ts';
import { LANGUAGE, withSteps } from './language.ts';

const LIST = 'list: wait-and-see\nsummary: s\nsteps:\n  - wait: 2m\n  - recheck: { attempts: 4 }\n';

test('each step names its place, and each option where its value comes from', () => {
  const language = {
    ...LANGUAGE,
    steps: STEPS,
    settings: { ...LANGUAGE.settings, defaults: { mode: 'approve' as const, steps: { recheck: { every: '45s' } } } },
  };
  const text = withSteps('- restart-service: MSExchangeIMAP4', '- use: wait-and-see', '  when: { role: mailbox }');
  const [playbook] = readPlaybooks(
    [
      { file: 'l.yaml', text: LIST },
      { file: 'p.yaml', text },
    ],
    language,
  );
  expect(playbook).toMatchObject({ mode: 'approve', modeIsDefault: true });
  expect(effectiveSteps(playbook!, STEPS)).toMatchObject([
    {
      n: 1,
      step: 'restart-service',
      at: 'p.yaml:5:5',
      usedAt: [],
      options: [
        { name: 'name', value: 'MSExchangeIMAP4', from: 'file' },
        { name: 'on', value: 'this-server', from: 'default' },
      ],
    },
    {
      n: 2,
      step: 'wait',
      at: 'l.yaml:4:5',
      usedAt: ['p.yaml:6:10'],
      when: { role: 'mailbox' },
      options: [{ name: 'for', value: '2m', from: 'file' }],
    },
    {
      n: 3,
      step: 'recheck',
      options: [
        { name: 'attempts', value: 4, from: 'file' },
        { name: 'every', value: '45s', from: 'playbooks.defaults.steps.recheck.every' },
      ],
    },
  ]);
});

test('a mode in the file is no default', () => {
  const [playbook] = readPlaybooks([{ file: 'p.yaml', text: `${withSteps('- recheck')}\nmode: auto` }], LANGUAGE);
  expect(playbook).not.toHaveProperty('modeIsDefault');
});

describe('playbooks show', () => {
  const folder = mkdtempSync(join(tmpdir(), 'show-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'c.yaml');
  writeFileSync(
    file,
    `playbooks:
  defaults:
    mode: approve
    steps:
      recheck: { every: 45s }
  restrictions:
    - { groups: [dag1], mode: observe }
    - { playbooks: [imap-*], limits: { time: 10h } }
    - { playbooks: [imap-load], mode: approve }
`,
  );

  async function show(...args: string[]): Promise<string> {
    let text = '';
    const write = (more: string) => {
      text += more;
    };
    const terminal = {
      write,
      paint: (_: string, of: string) => of,
      columns: 100,
      tableColumns: undefined,
      live: false,
    };
    const program = createProgram({ terminal, fail: () => {} });
    await program.parseAsync(['--config', file, 'playbooks', 'show', ...args], { from: 'user' });
    return text;
  }

  test('prints the source of each value', async () => {
    const text = (await show('imap-load')).replaceAll(/ {2,}/g, ' | ');
    for (const line of [
      'mode | approve | playbooks.restrictions[2] for imap-load',
      ' | on some servers | observe | playbooks.restrictions[0] for dag1',
      'at most: time | 10h | playbooks.restrictions[1].limits.time',
      'at most: server-restarts | 1 | playbooks.limits.server-restarts',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
    expect(text).toContain('| to | Microsoft support | file');
  });

  test('prints everything as JSON', async () => {
    const own = join(folder, 'own.yaml');
    writeFileSync(own, withSteps('- recheck'));
    expect(JSON.parse(await show('--json', own))).toMatchObject({
      playbook: 'p',
      mode: { value: 'approve', from: 'playbooks.defaults.mode' },
      restrictions: [{ mode: 'observe', by: 'playbooks.restrictions[0] for dag1' }],
      steps: [{ n: 1, step: 'recheck', at: `${own}:5:5` }],
    });
  });

  test('names the nearest playbook for one that there is not', async () => {
    await expect(show('imap-laod')).rejects.toThrow('did you mean "imap-load"?');
  });
});
