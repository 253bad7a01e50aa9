import { loadConfig } from '../../src/config/load.ts';
import type { Playbook } from '../../src/incident/plan.ts';
import { languageOf, readPlaybooks } from '../../src/playbooks/read.ts';
import { STEPS } from '../../src/steps/index.ts';
import { loadCatalog } from '../../src/verification/catalog.ts';

const { config } = loadConfig({ env: {}, cwd: process.cwd() });
const catalog = loadCatalog(config.verification.catalog);

/** A playbook for the IMAP back end with these steps, each a line of the file. */
export function written(steps: string[], mode = 'auto'): Playbook {
  const handles = 'handles: [IMAP.Protocol\\ImapDeepTestMonitor, IMAP.Protocol\\ImapSelfTestMonitor]';
  const head = ['playbook: p', 'summary: s', handles, `mode: ${mode}`, 'steps:'];
  const text = [...head, ...steps.map((step) => `  - ${step}`)].join('\n');
  // Scripts are beside its folder.
  const file = 'test/fixtures/playbooks/written/p.yaml';
  return readPlaybooks([{ file, text }], languageOf(config, STEPS, catalog))[0]!;
}
