/** Start and reload admit only playbooks that are proved: all of them, or the old ones stay. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../../src/adapters/telemetry/index.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { InForce } from '../../../src/open/in-force.ts';
import { loadCatalog } from '../../../src/verification/catalog.ts';

const { config: defaults } = loadConfig({ env: {}, cwd: process.cwd() });
const catalog = loadCatalog(defaults.verification.catalog);

const SAFE = ['restart-service: MSExchangeIMAP4BE', 'recheck'];
const LONGER = [...SAFE, ...SAFE];
const UNSAFE = ['restart-service: MSExchangeIMAP4BE', 'restart-server', 'recheck'];
const NOT_PROVED = 'restarts the server although nothing proves that no database copy is active on it';

let folder: string;
let log: string[];
let inForce: InForce | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'in-force-'));
  log = [];
});
afterEach(() => {
  inForce?.stop();
  rmSync(folder, { recursive: true });
});

function write(steps: string[]): void {
  const head = ['playbook: p', 'summary: s', 'handles: [IMAP\\ImapCTPMonitor]', 'mode: auto', 'steps:'];
  writeFileSync(join(folder, 'p.yaml'), [...head, ...steps.map((step) => `  - ${step}`)].join('\n'));
}

const configured = (proof: 'required' | 'warn' = 'required') => ({
  ...structuredClone(defaults),
  playbooks: { ...defaults.playbooks, directory: folder, proof },
});

async function open(steps: string[], proof?: 'warn'): Promise<InForce> {
  write(steps);
  const stream = new Writable({
    write(chunk, _, done) {
      log.push(String(chunk));
      done();
    },
  });
  const logger = createLogger({ level: 'info', format: 'json', stream });
  inForce = await InForce.open(configured(proof), catalog, logger);
  return inForce;
}

const steps = () => inForce?.playbooks[0]?.steps.length;

describe('with playbooks.proof: required', () => {
  test('start refuses a playbook that fails, with its place, its fix and the path', async () => {
    const refusal = await open(UNSAFE).catch((error: Error) => error.message);
    expect(refusal).toContain(`p.yaml:7:5: steps[1]: ${NOT_PROVED}`);
    expect(refusal).toContain('add "- fail-over-databases" and "- confirm-no-active-copies" before it');
    expect(refusal).toMatch(/\n {4}\d+\. Step 2, Restart-Computer: begins/);
  });

  test.each(['reloadPlaybooks', 'reload'] as const)('%s refuses it, and the old playbooks stay', async (how) => {
    const open_ = await open(SAFE);
    write(UNSAFE);
    const reload = how === 'reload' ? open_.reload(configured(), () => {}) : open_.reloadPlaybooks();
    await expect(reload).rejects.toThrow(NOT_PROVED);
    expect(steps()).toBe(2);
  });

  test('a lower limit is held against the playbooks too', async () => {
    const now = await open(LONGER);
    const next = configured();
    next.playbooks.limits = { ...next.playbooks.limits, serviceRestarts: 1 };
    await expect(now.reload(next, () => {})).rejects.toThrow('can restart services 2 times, which is more than 1');
    expect(now.config.playbooks.limits.serviceRestarts).toBe(defaults.playbooks.limits.serviceRestarts);
  });

  test('a restriction is in force after a reload; one that names no playbook is refused', async () => {
    const now = await open(SAFE);
    const { settings } = now;
    const next = (playbooks: string[]) => ({
      ...configured(),
      playbooks: { ...configured().playbooks, restrictions: [{ playbooks, mode: 'approve' as const }] },
    });
    await now.reload(next(['p']), () => {});
    const inForce = [{ key: 'playbooks.restrictions[0]', playbooks: ['p'], mode: 'approve' }];
    expect(settings.restrictions).toEqual(inForce);
    await expect(now.reload(next(['q']), () => {})).rejects.toThrow('there is no playbook "q"');
    expect(settings.restrictions).toEqual(inForce);
  });

  test('a certificate that cannot be read keeps everything as it was', async () => {
    const now = await open(SAFE);
    write(LONGER);
    const reload = now.reload(configured('warn'), () => {
      throw new Error('no certificate');
    });
    await expect(reload).rejects.toThrow('no certificate');
    expect([steps(), now.config.playbooks.proof]).toEqual([2, 'required']);
  });
});

test('with playbooks.proof: warn it comes into force, and the log and /readyz name it', async () => {
  const now = await open(UNSAFE, 'warn');
  expect([steps(), now.unproved]).toEqual([3, ['p']]);
  expect(log.join()).toContain(`In force although its proof fails (playbooks.proof: warn): `);
  expect(log.join()).toContain(NOT_PROVED);
  write(SAFE);
  await now.reloadPlaybooks();
  expect(now.unproved).toEqual([]);
});

test('one reload waits for the other: each is applied as a whole, in the order of their requests', async () => {
  const now = await open(SAFE);
  write(LONGER);
  const first = now.reload(configured('warn'), () => {
    // The second one has been requested, and reads the files only now.
    write(UNSAFE);
  });
  const second = now.reload(configured('required'), () => {});
  expect((await first).playbooks).toBe(1);
  await expect(second).rejects.toThrow(NOT_PROVED);
  expect([steps(), now.config.playbooks.proof]).toEqual([4, 'warn']);
});

test('a reload that is being proved when the daemon stops changes nothing', async () => {
  const now = await open(SAFE);
  write(LONGER);
  const reload = now.reloadPlaybooks();
  now.stop();
  await expect(reload).rejects.toThrow('the daemon is stopping');
  expect(steps()).toBe(2);
});
