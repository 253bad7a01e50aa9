/** The scenarios beside the shipped playbooks, played as `playbooks test` plays them. */
import { describe, expect, it } from 'vitest';
import { createCoverage } from '../../../src/scenarios/coverage.ts';
import { playScenario } from '../../../src/scenarios/play.ts';
import { readScenarios, scenarioFolder } from '../../../src/scenarios/read.ts';
import { catalog, config, playbooks } from './support.ts';

const names = playbooks.map(({ name }) => name);
const { scenarios, problems } = readScenarios([scenarioFolder(config.playbooks)], {
  catalog,
  playbooks: names,
  lab: config.lab,
});

describe('the shipped scenarios', () => {
  const coverage = createCoverage(playbooks);

  it('have no problem', () => {
    expect(problems).toEqual([]);
    expect(scenarios.length).toBeGreaterThan(30);
  });

  it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))('%s', async (_, scenario) => {
    const { differences, broke } = await playScenario(scenario, {
      config,
      catalog,
      playbooks,
      onEntry: coverage.onEntry,
    });
    expect({ differences, broke }).toEqual({ differences: [], broke: undefined });
  });

  it('reach every step of the playbooks for IMAP', () => {
    const imap = coverage.uncovered().filter(({ playbook }) => playbook.startsWith('imap-'));
    expect(imap).toEqual([]);
  });

  it('go red when two steps of a playbook are swapped', async () => {
    const swapped = playbooks.map((playbook) => {
      if (playbook.name !== 'imap-protocol') return playbook;
      const [restart, recheck, drain, ...rest] = playbook.steps as [never, never, never];
      return { ...playbook, steps: [drain, restart, recheck, ...rest] };
    });
    const wedged = scenarios.find(({ name }) => name === 'a wedged back end is drained and rebooted');
    if (!wedged) throw new Error('the scenario is gone');
    const { passed, differences } = await playScenario(wedged, { config, catalog, playbooks: swapped });
    expect(passed).toBe(false);
    expect(differences[0]?.lines?.slice(0, 3)).toEqual([
      { mark: '-', text: expect.stringContaining('Restart-Service') },
      { mark: ' ', text: expect.stringContaining('Set-MailboxServer') },
      { mark: '+', text: expect.stringContaining('Restart-Service') },
    ]);
  });

  it('do not depend on safety.mode', async () => {
    const observing = { ...config, safety: { ...config.safety, mode: 'observe' as const } };
    expect(scenarios.filter(({ mode }) => mode === undefined)).toEqual([]);
    const [first] = scenarios;
    if (!first) throw new Error('there is no scenario');
    expect(await playScenario(first, { config: observing, catalog, playbooks })).toMatchObject({ passed: true });
  });
});
