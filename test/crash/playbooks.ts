import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { languageOf, readPlaybooks } from '../../src/playbooks/read.ts';
import { STEPS } from '../../src/steps/index.ts';
import { loadCatalog } from '../../src/verification/catalog.ts';
import type { Chance } from './chance.ts';

const SHIPPED = 'config/playbooks';

const { config } = loadConfig({ env: {}, cwd: process.cwd() });
const language = languageOf(config, STEPS, loadCatalog(config.verification.catalog));

/** Steps as a playbook may have them, in whatever order. Some make no sense on some servers: then they say so. */
const STEPS_TO_TAKE: readonly ((chance: Chance) => unknown)[] = [
  () => 'recheck',
  () => 'recheck',
  ({ whole }) => ({ wait: `${whole(1, 6)}m` }),
  () => ({ 'restart-service': 'MSExchangeIMAP4BE' }),
  () => ({ 'restart-service': { name: 'MSExchangeIMAP4BE', on: 'back-end' } }),
  () => ({ 'restart-service': 'MSExchangeIMAP4' }),
  () => ({ 'restart-service': { name: ['MSExchangeIMAP4BE', 'MSExchangeIMAP4'], on: 'own-role' } }),
  () => ({ 'protocol-log': 'imap' }),
  () => ({ 'protocol-log': { protocol: 'pop' } }),
  () => ({ 'log-location': { protocol: 'imap' } }),
  () => 'allow-activation',
  () => ({ 'watch-health': { for: '10m', every: '5m' } }),
  () => ({ notify: 'a step of a playbook that nobody wrote' }),
  () => 'fail-over-databases',
  () => 'fail-over-databases',
  () => ({ 'confirm-no-active-copies': { within: '15m' } }),
  () => ({
    when: { role: 'mailbox' },
    steps: ['fail-over-databases', { 'confirm-no-active-copies': { within: '5m' } }],
  }),
  () => 'restart-server',
  () => 'restart-server',
];

/**
 * Playbooks that nobody has seen, for the monitors that the shipped ones handle: a file each, with any legal sequence
 * of three to nine steps. Throws when it made an illegal one.
 */
export function unseenPlaybooks(chance: Chance): Record<string, string> {
  const files = Object.fromEntries(
    readdirSync(SHIPPED)
      .filter((file) => file.endsWith('.yaml'))
      .map((file) => {
        const [shipped] = readPlaybooks([{ file, text: readFileSync(join(SHIPPED, file), 'utf8') }], language);
        const text = stringify({
          playbook: shipped?.name,
          summary: 'What comes of it',
          handles: shipped?.handles.map(({ healthSet, monitor }) => `${healthSet}\\${monitor}`),
          mode: 'auto',
          steps: [
            ...Array.from({ length: chance.whole(3, 9) }, () => chance.oneOf(STEPS_TO_TAKE)(chance)),
            { escalate: 'somebody' },
          ],
        });
        return [file, text];
      }),
  );
  readPlaybooks(
    Object.entries(files).map(([file, text]) => ({ file, text })),
    language,
  );
  return files;
}
