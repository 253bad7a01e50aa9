/** The four playbooks of the founding page, as they are shipped, read with the steps that there really are. */
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { checkConfig } from '../../../src/playbooks/check.ts';
import { playbookJsonSchema } from '../../../src/playbooks/json-schema.ts';
import { languageOf, loadPlaybooks } from '../../../src/playbooks/read.ts';
import { STEPS } from '../../../src/steps/index.ts';
import { loadCatalog } from '../../../src/verification/catalog.ts';

const from = { env: {}, cwd: process.cwd() };

function shipped() {
  const { config } = loadConfig(from);
  const catalog = loadCatalog(config.verification.catalog);
  return loadPlaybooks(config.playbooks.directory, languageOf(config, STEPS, catalog));
}

const PAGE = {
  'imap-ctp': [
    'restart-service',
    'recheck',
    'protocol-log',
    'restart-service',
    'recheck',
    'log-location',
    'identify-mailbox-server',
    'remediate',
    'fail-over-databases',
    'confirm-no-active-copies',
    'restart-server',
    'recheck',
    'escalate',
  ],
  'imap-load': [
    'restart-service',
    'watch-health',
    'fail-over-databases',
    'confirm-no-active-copies',
    'restart-server',
    'watch-health',
    'escalate',
  ],
  'imap-protocol': [
    'restart-service',
    'recheck',
    'fail-over-databases',
    'confirm-no-active-copies',
    'restart-server',
    'recheck',
    'escalate',
  ],
  'imap-proxy': [
    'restart-service',
    'recheck',
    'fail-over-databases',
    'confirm-no-active-copies',
    'restart-server',
    'recheck',
    'escalate',
  ],
};

describe('the shipped playbooks', () => {
  it('are the four procedures of Microsoft’s page, step by step, and act without approval', () => {
    const playbooks = shipped();
    expect(Object.fromEntries(playbooks.map(({ name, steps }) => [name, steps.map(({ step }) => step)]))).toEqual(PAGE);
    expect(playbooks.map(({ mode }) => mode)).toEqual(['auto', 'auto', 'auto', 'auto']);
  });

  it('drain every server that has the mailbox role before they restart it', () => {
    for (const { name, steps } of shipped()) {
      const reboot = steps.findIndex(({ step }) => step === 'restart-server');
      expect(steps[reboot - 2]?.step, name).toBe('fail-over-databases');
      expect(steps[reboot - 1]?.step, name).toBe('confirm-no-active-copies');
      const drainedWhen = name === 'imap-protocol' ? undefined : { role: 'mailbox' };
      expect([steps[reboot - 2]?.when, steps[reboot - 1]?.when], name).toEqual([drainedWhen, drainedWhen]);
    }
  });

  it('restart the services that the page means', () => {
    const restarts = shipped().map(({ name, steps }) => [
      name,
      steps.filter(({ step }) => step === 'restart-service').map(({ options }) => [options.name, options.on]),
    ]);
    expect(Object.fromEntries(restarts)).toEqual({
      'imap-ctp': [
        ['MSExchangeIMAP4BE', 'back-end'],
        ['MSExchangeIMAP4BE', 'back-end'],
      ],
      'imap-load': [[['MSExchangeIMAP4BE', 'MSExchangeIMAP4'], 'own-role']],
      'imap-protocol': [['MSExchangeIMAP4BE', 'this-server']],
      'imap-proxy': [['MSExchangeIMAP4', 'this-server']],
    });
  });

  it('pass the complete check', () => {
    expect(checkConfig({ ...from, steps: STEPS }).problems).toEqual([]);
  });

  it('fail it when a service is removed from the allow-list', () => {
    const env = { SECOND_RESPONDER_SAFETY_SERVICES: '["MSExchangeIMAP4"]' };
    const { problems } = checkConfig({ ...from, env, steps: STEPS });
    expect(problems.map(({ file }) => file.replace(/.*\//, ''))).toEqual([
      'imap-ctp.yaml',
      'imap-ctp.yaml',
      'imap-load.yaml',
      'imap-protocol.yaml',
    ]);
  });
});

it('the JSON Schema of playbooks is current (to update: npx vitest run --project unit test/unit/playbooks -u)', async () => {
  await expect(`${JSON.stringify(playbookJsonSchema(STEPS), null, 2)}\n`).toMatchFileSnapshot(
    '../../../config/playbook.schema.json',
  );
});
