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
import { headingOf, withReference } from './reference.ts';

const text = readFileSync('docs/playbooks.md', 'utf8');

describe('docs/playbooks.md', () => {
  // `npm run schemas` writes it.
  it('has the summary and the options of every step as the code has them', async () => {
    await expect(withReference(text, STEPS)).toMatchFileSnapshot('../../../docs/playbooks.md');
  });

  it('describes no removed step', () => {
    const headings = [...text.matchAll(/^### .*$/gm)].map(([heading]) => heading);
    expect(headings.sort()).toEqual(STEPS.map(headingOf).sort());
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
