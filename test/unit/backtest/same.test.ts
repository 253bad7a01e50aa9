import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createBacktest } from '../../../src/backtest/backtest.ts';
import { randomRun } from '../../support/random-runs.ts';
import { JOURNALS, RECORDED } from '../../support/record-journals.ts';
import { backtestSettings, shipped } from './support.ts';

/** As many as take a few seconds; `RUNS=2000` for more. */
const RUNS = Number(process.env.RUNS ?? 40);

describe('the playbooks that ran make no difference', () => {
  test.each(RECORDED)('for the journal %s', async (name) => {
    const { entries } = JSON.parse(readFileSync(`${JOURNALS}/${name}.json`, 'utf8'));
    const backtest = createBacktest(backtestSettings(shipped()));
    await backtest.add(name, entries);
    const { findings, unreadable, recorded, least, most } = backtest.report();
    expect({ findings, unreadable }).toEqual({ findings: [], unreadable: [] });
    expect([least, most]).toEqual([recorded, recorded]);
  });

  test(`for ${RUNS} random runs with faults, killed workers and people`, async () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= RUNS; seed += 1) {
      const { says, playbooks, journals } = await randomRun(seed, shipped());
      const backtest = createBacktest(backtestSettings(playbooks));
      for (const { incident, entries } of journals) await backtest.add(incident, entries);
      const { findings, unreadable, recorded, least, most, incidents } = backtest.report();
      expect({ says, findings, unreadable, incidents }).toEqual({
        says,
        findings: [],
        unreadable: [],
        incidents: journals.length,
      });
      expect([least, most]).toEqual([recorded, recorded]);
      for (const { entries } of journals)
        outcomes.add(String((entries.at(-1)?.data as { outcome?: string } | undefined)?.outcome));
    }
    expect([...outcomes].sort()).toEqual(['cancelled', 'escalated', 'recovered', 'suppressed', 'transient']);
  });
});
