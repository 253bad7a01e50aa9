import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inMode, play, type Situation, stage } from '../../../src/rehearsal/situation.ts';
import { type Happened, observe } from '../../../src/scenarios/observe.ts';
import { playScenario } from '../../../src/scenarios/play.ts';
import { BEGINS, readScenarios } from '../../../src/scenarios/read.ts';
import { fileNameOf, recordScenario } from '../../../src/scenarios/record.ts';
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

it.each([
  ['A wedged back end: drained & rebooted!', 'a-wedged-back-end-drained-rebooted.yaml'],
  ['../../etc/passwd', 'etc-passwd.yaml'],
  ['サーバー 再起動', 'サーバー-再起動.yaml'],
  ['…', 'scenario.yaml'],
])('the file of "%s" is %s', (name, file) => {
  expect(fileNameOf(name)).toBe(file);
});
