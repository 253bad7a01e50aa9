import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../../src/config/load.ts';
import { languageOf, loadPlaybooks, readPlaybooks } from '../../../src/playbooks/read.ts';
import { scenarioSchema } from '../../../src/scenarios/schema.ts';
import { STEPS } from '../../../src/steps/index.ts';
import { LANGUAGE } from './language.ts';
import { documentedStep } from './rows.ts';

const text = readFileSync('docs/playbooks.md', 'utf8');
/** The chapter of steps, cut at its headings, without empty lines. */
const sections = new Map(
  text
    .split(/^(?=### )/m)
    .slice(1)
    .map((section) => section.split(/^## /m)[0] ?? '')
    .map((section) => section.split('\n').filter(Boolean))
    .map((lines) => [lines[0], lines] as const),
);

describe('docs/playbooks.md', () => {
  it.each(STEPS.map((step) => [step.name, step] as const))('describes the options of %s', (_, step) => {
    const expected = documentedStep(step);
    expect(sections.get(expected[0])?.slice(0, expected.length)).toEqual(expected);
  });

  it('describes no removed step', () => {
    expect([...sections.keys()].sort()).toEqual(STEPS.map((step) => documentedStep(step)[0]).sort());
  });
});

it('docs/the-page.md uses each of its corrections, and no other', () => {
  const page = readFileSync('docs/the-page.md', 'utf8');
  const [tables = '', corrections = ''] = page.split('## Corrections');
  const used = new Set([...tables.matchAll(/\*\*(\d+)\*\*/g)].map(([, number]) => Number(number)));
  const described = [...corrections.matchAll(/^\| (\d+) \|/gm)].map(([, number]) => Number(number));
  expect([...used].sort((a, b) => a - b)).toEqual(described);
});

describe('the examples of docs/playbooks.md', () => {
  const examples = [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, example = '']) => example);
  const isConfiguration = (example: string) => example.startsWith('# config/second-responder.yaml');

  const isScenario = (example: string) => /^scenario: /m.test(example);
  const isPlaybook = (example: string) => !isConfiguration(example) && !isScenario(example);

  it.each(examples.filter(isScenario))('%s', (example) => {
    expect(scenarioSchema.safeParse(parse(example)).error).toBeUndefined();
  });

  it.each(examples.filter(isPlaybook))('%s', (example) => {
    const steps = example.startsWith('- ') ? `steps:\n${example.replace(/^/gm, '  ')}` : example;
    const frame = 'playbook: p\nsummary: s\nhandles: [IMAP\\ImapCTPMonitor]\n';
    // Its scripts are among those of the tests.
    const file = 'test/fixtures/playbooks/written/p.yaml';
    const written = { file, text: /^(playbook|list):/.test(example) ? example : frame + steps };
    const language = { ...LANGUAGE, services: [...LANGUAGE.services, 'MSExchangePOP3'], steps: STEPS };
    expect(readPlaybooks([written], language)).toHaveLength(1);
  });

  it.each(examples.filter(isConfiguration))('%s', (example) => {
    const folder = mkdtempSync(join(tmpdir(), 'docs-'));
    try {
      writeFileSync(join(folder, 'c.yaml'), example);
      const { config } = loadConfig({ file: join(folder, 'c.yaml'), env: {}, cwd: folder });
      expect(loadPlaybooks(config.playbooks.directory, languageOf(config, STEPS, LANGUAGE.catalog))).not.toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
