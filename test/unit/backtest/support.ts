import { readFileSync } from 'node:fs';
import { type BacktestSettings, createBacktest, type Finding, type Report } from '../../../src/backtest/backtest.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { Entry } from '../../../src/incident/event.ts';
import type { Playbook } from '../../../src/incident/plan.ts';
import { languageOf, loadPlaybooks, readPlaybooks } from '../../../src/playbooks/read.ts';
import { proofSettings } from '../../../src/proof/prove.ts';
import { STEPS } from '../../../src/steps/index.ts';
import { loadCatalog } from '../../../src/verification/catalog.ts';
import { JOURNALS } from '../../support/record-journals.ts';

const { config } = loadConfig({ env: {}, cwd: process.cwd() });
const catalog = loadCatalog(config.verification.catalog);
const language = languageOf(config, STEPS, catalog);

export const shipped = (): Playbook[] => loadPlaybooks(config.playbooks.directory, language);

export const journal = (name: string): Entry[] =>
  JSON.parse(readFileSync(`${JOURNALS}/${name}.json`, 'utf8')).entries as Entry[];

export const backtestSettings = (
  playbooks: readonly Playbook[],
  mode: BacktestSettings['mode'] = 'auto',
): BacktestSettings => ({ playbooks, catalog, mode, restrictions: [], proof: proofSettings(config) });

export const read = (text: string): Playbook[] => readPlaybooks([{ file: 'p.yaml', text }], language);

/** Reads the steps, one per text, as a playbook for the monitors of `handles`. */
export function steps(lines: readonly string[]): Playbook['steps'] {
  const head = ['playbook: p', 'summary: s', 'handles: [IMAP\\ImapCTPMonitor]', 'steps:'];
  const text = [...head, ...lines.map((line) => `  - ${line}`)].join('\n');
  return readPlaybooks([{ file: 'p.yaml', text }], language)[0]?.steps ?? [];
}

/** The shipped playbooks with one of them edited. */
export const edited = (name: string, edit: Partial<Playbook>): Playbook[] =>
  shipped().map((playbook) => (playbook.name === name ? { ...playbook, ...edit } : playbook));

export async function reportOf(names: readonly string[], settings: BacktestSettings): Promise<Report> {
  const backtest = createBacktest(settings);
  for (const name of names) await backtest.add(name, journal(name));
  return backtest.report();
}

/** What differs for one recorded journal; undefined if nothing does. */
export async function findingOf(name: string, settings: BacktestSettings): Promise<Finding | undefined> {
  return (await reportOf([name], settings)).findings[0];
}
