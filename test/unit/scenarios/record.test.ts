import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inMode, play, type Situation, stage } from '../../../src/rehearsal/situation.ts';
import { type Happened, type Observed, observe } from '../../../src/scenarios/observe.ts';
import { playScenario } from '../../../src/scenarios/play.ts';
import { BEGINS, readScenarios } from '../../../src/scenarios/read.ts';
import { fileNameOf, recordScenario, withExpectation } from '../../../src/scenarios/record.ts';
import { catalog, config, playbooks } from './support.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sr-record-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function recorded(file: string, name: string, situation: Situation): Promise<void> {
  const events: Happened[] = [];
  const staged = stage(situation, {
    ...inMode('auto', { config, catalog, playbooks }),
    onEntry: ({ id }, entry) => void events.push({ incident: id, ...entry }),
  });
  const incident = await play(staged, situation.people);
  const observed = incident && observe(staged.rehearsal, incident, events, BEGINS);
  if (!observed) throw new Error('it never ended');
  recordScenario(file, { name, situation, mode: 'auto', alert: staged.alert, observed });
}

it.each<[name: string, situation: Situation]>([
  ['cured by a reboot', { faults: [{ server: 'mbx1', fault: 'imap-backend-wedged' }], at: BEGINS }],
  [
    'escalated: "nothing" # helped',
    { faults: [{ fault: 'unfixable', server: 'mbx1', healthSet: 'IMAP.Protocol' }], at: BEGINS },
  ],
  [
    'at another time',
    { faults: [{ fault: 'transient', server: 'mbx2', for: '3m' }], at: Date.UTC(2026, 4, 1), seed: 3 },
  ],
])('a recorded scenario is read again and passes: %s', async (name, situation) => {
  const file = join(folder, 'new', fileNameOf(name));
  await recorded(file, name, situation);
  const { scenarios, problems } = readScenarios([file], { catalog, lab: config.lab });
  expect(problems).toEqual([]);
  expect(scenarios).toMatchObject([{ name, situation: { faults: situation.faults, at: situation.at } }]);
  const [scenario] = scenarios;
  expect(scenario && (await playScenario(scenario, { config, catalog, playbooks }))).toMatchObject({ differences: [] });
  expect(readFileSync(file, 'utf8')).toMatch(/^# Recorded by .*\n# .*correct what should happen instead\.\nscenario: /);
});

it('never replaces a file', async () => {
  const file = join(folder, 'mine.yaml');
  writeFileSync(file, 'mine');
  await expect(recorded(file, 'x', { faults: [{ fault: 'transient', server: 'mbx2' }], at: BEGINS })).rejects.toThrow(
    /EEXIST/,
  );
  expect(readFileSync(file, 'utf8')).toBe('mine');
});

const OBSERVED: Observed = {
  outcome: 'escalated',
  reason: 'nothing helped',
  playbooks: [],
  commands: ['Restart-Computer -ComputerName mbx1'],
  guards: [],
  took: 1,
  notified: true,
  left: [],
};
const ADDED =
  '# Recorded by "second-responder playbooks test --record": review each line.\n' +
  'expect:\n  outcome: escalated\n  commands:\n    - Restart-Computer -ComputerName mbx1\n  within: 5m\n  people: notified\n  left: []\n';

describe('expectations that are added to a scenario', () => {
  it.each<[says: string, before: string, document: number, after: string]>([
    ['at the end', 'scenario: x\nmode: auto\n', 0, `scenario: x\nmode: auto\n${ADDED}`],
    ['where no line break is at the end', 'scenario: x', 0, `scenario: x\n${ADDED}`],
    [
      'before the next scenario',
      '# a\nscenario: x # b\n# c\n---\nscenario: y\n',
      0,
      `# a\nscenario: x # b\n${ADDED}# c\n---\nscenario: y\n`,
    ],
    [
      'to the last scenario',
      '---\nscenario: x\n---\nscenario: y\n...\n',
      1,
      `---\nscenario: x\n---\nscenario: y\n${ADDED}...\n`,
    ],
    [
      'after a list',
      'scenario: x\nfaults:\n  - { fault: y }\n\n',
      0,
      `scenario: x\nfaults:\n  - { fault: y }\n${ADDED}\n`,
    ],
  ])('%s, and nothing else changes', (_, before, document, after) => {
    expect(withExpectation(before, document, OBSERVED)).toBe(after);
  });

  it.each([
    ['braces', '{ scenario: x }\n'],
    ['indentation', '  scenario: x\n  mode: auto\n'],
  ])('have no place in %s', (_, text) => {
    expect(() => withExpectation(text, 0, OBSERVED)).toThrow(/each key on a line of its own/);
  });
});

it.each([
  ['A wedged back end: drained & rebooted!', 'a-wedged-back-end-drained-rebooted.yaml'],
  ['../../etc/passwd', 'etc-passwd.yaml'],
  ['サーバー 再起動', 'サーバー-再起動.yaml'],
  ['…', 'scenario.yaml'],
])('the file of "%s" is %s', (name, file) => {
  expect(fileNameOf(name)).toBe(file);
});
