import { describe, expect, test } from 'vitest';
import type { Entry } from '../../../src/incident/event.ts';
import { sha256Of } from '../../../src/playbooks/scripts.ts';
import { ExchangeError } from '../../../src/ports/exchange.ts';
import { around } from '../../support/around.ts';
import { type BenchOptions, bench, Killed, operationsOf } from '../../support/engine.ts';
import { written } from '../../support/written.ts';

const SCRIPTS = 'test/fixtures/playbooks/scripts';
const ALERT = { server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const CLEAR = 'run-script: { script: clear-cache.ps1, parameters: { Server: "{server}", Days: 3 } }';
/** Must not run twice. */
const FILL = 'run-script: { script: fill-cache.ps1, parameters: { Server: "{server}" } }';
const UNDONE =
  'run-script: { script: fill-cache.ps1, parameters: { Server: "{server}" }, undo: { script: clear-cache.ps1, parameters: { Server: "{server}" } } }';

interface Case extends BenchOptions {
  cure?: string;
  faults?: Record<string, unknown>[];
}

function sick(step: string, { cure = 'none', faults = [], ...options }: Case = {}) {
  const b = bench({ playbooks: [written([step, 'recheck'])], ...options });
  b.lab.post({ fault: 'unhealthy', server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: ALERT.monitor, cure });
  for (const fault of faults) b.lab.post({ fault: 'script', ...fault });
  return { ...b, operations: operationsOf(b) };
}

const data = (entries: Entry[], type: string) => entries.filter((one) => one.type === type).map((one) => one.data);

describe('a script of the admin', () => {
  test('runs with typed values, cures, and leaves its hash and its output in the journal', async () => {
    const b = sick(CLEAR, { cure: 'run-script:clear-cache.ps1' });
    const incident = await b.handle(ALERT);
    expect(incident.finished?.outcome).toBe('recovered');
    expect(b.changes()).toEqual(['mbx1 Invoke-TargetScript clear-cache.ps1']);
    const sha256 = sha256Of(SCRIPTS, 'clear-cache.ps1');
    expect(data(b.entries, 'stepStarted')[0]).toMatchObject({
      intent: {
        command: 'Invoke-TargetScript',
        arguments: { Name: 'clear-cache.ps1', Sha256: sha256, Parameters: { Server: 'mbx1', Days: 3 } },
        fence: { run: `${incident.id}:1` },
      },
    });
    expect(data(b.entries, 'stepFinished')[0]).toMatchObject({
      state: 'done',
      changed: true,
      result: { output: expect.stringContaining('clear-cache.ps1') },
    });
  });

  const ENDS: {
    says: string;
    step?: string;
    fault: Record<string, unknown>;
    state: string;
    reason: RegExp;
    sent: number;
  }[] = [
    {
      says: 'that fails: the problem is verified again',
      fault: { does: 'fails' },
      state: 'failed',
      reason: /^Still unhealthy/,
      sent: 1,
    },
    { says: 'that hangs is stopped', fault: { does: 'hangs' }, state: 'failed', reason: /^Still unhealthy/, sent: 1 },
    {
      says: 'that the server does not have',
      fault: { does: 'missing' },
      state: 'refused',
      reason: /has no clear-cache\.ps1/,
      sent: 0,
    },
    {
      says: 'of which the server has another version',
      fault: { does: 'differs' },
      state: 'refused',
      reason: /another version/,
      sent: 0,
    },
    {
      says: 'that was interrupted and must not run twice',
      step: FILL,
      fault: { script: 'fill-cache.ps1', does: 'interrupted' },
      state: 'refused',
      reason: /was interrupted half-way/,
      sent: 1,
    },
    {
      says: 'that is safe to run twice, and is interrupted each time',
      fault: { does: 'interrupted' },
      state: 'refused',
      reason: /was interrupted half-way/,
      sent: 2,
    },
  ];
  test.each(ENDS)('$says', async ({ step = CLEAR, fault, state, reason, sent }) => {
    const b = sick(step, { faults: [{ script: 'clear-cache.ps1', ...fault }] });
    const incident = await b.handle(ALERT);
    expect(incident.steps[0]?.state).toBe(state);
    expect(incident.finished).toMatchObject({ outcome: 'escalated', reason: expect.stringMatching(reason) });
    expect(b.changes()).toHaveLength(sent);
  });

  test('that is safe to run twice runs again after it was interrupted', async () => {
    const cure = 'run-script:clear-cache.ps1';
    const b = sick(CLEAR, { cure, faults: [{ script: 'clear-cache.ps1', does: 'interrupted', times: 1 }] });
    expect((await b.handle(ALERT)).finished?.outcome).toBe('recovered');
    expect(b.changes()).toHaveLength(2);
  });

  test('whose answer is lost runs once', async () => {
    const b = sick(CLEAR, { cure: 'run-script:clear-cache.ps1' });
    b.lab.post({ fault: 'drop-after-effect', command: 'Invoke-TargetScript', times: 1 });
    expect((await b.handle(ALERT)).finished?.outcome).toBe('recovered');
    expect(b.changes()).toHaveLength(1);
  });

  test.each(['before', 'after'])('whose worker dies right %s it is sent runs once', async (when) => {
    let dies = true;
    const b = sick(CLEAR, {
      cure: 'run-script:clear-cache.ps1',
      aroundExchange: (exchange) =>
        around(exchange, 'runScript', (run) => async (...args) => {
          if (!dies) return run(...args);
          dies = false;
          if (when === 'after') await run(...args);
          throw new Killed();
        }),
    });
    expect((await b.handle(ALERT)).finished?.outcome).toBe('recovered');
    expect(b.changes()).toHaveLength(1);
  });

  test('that changed since the plan was made is not sent', async () => {
    const b = sick(CLEAR, { playbooks: [changed(written([CLEAR, 'recheck']))] });
    const incident = await b.handle(ALERT);
    expect(b.changes()).toEqual([]);
    expect(incident.finished).toMatchObject({
      outcome: 'escalated',
      reason: expect.stringContaining('clear-cache.ps1 has changed since the plan was made'),
    });
  });

  test('is undone at the end, whatever the outcome', async () => {
    const b = sick(UNDONE);
    const incident = await b.handle(ALERT);
    expect(incident.finished).toMatchObject({ outcome: 'escalated', left: [], owed: [] });
    expect(b.changes()).toEqual([
      'mbx1 Invoke-TargetScript fill-cache.ps1',
      'mbx1 Invoke-TargetScript clear-cache.ps1',
    ]);
  });

  test('whose undo fails is reported to a person', async () => {
    const b = sick(UNDONE, { faults: [{ script: 'clear-cache.ps1', does: 'fails' }] });
    const incident = await b.handle(ALERT);
    expect(incident.finished?.owed).toEqual([expect.stringContaining('clear-cache.ps1')]);
    expect(b.notices.at(-1)?.text).toContain('Could not be put back');
  });

  test('that was cancelled half-way is undone, because something may have changed', async () => {
    const undone = CLEAR.replace(' }', ' }, undo: { script: fill-cache.ps1, parameters: { Server: "{server}" } }');
    const b = sick(undone, { faults: [{ script: 'clear-cache.ps1', does: 'interrupted' }] });
    const id = await b.alert(ALERT);
    await b.run((incident) => incident.steps[0]?.state === 'started');
    await b.operations.cancel(id, { by: 'yuki' });
    await b.run();
    expect((await b.incident(id)).finished).toMatchObject({ outcome: 'cancelled', owed: [] });
    expect(b.changes().at(-1)).toBe('mbx1 Invoke-TargetScript fill-cache.ps1');
  });

  test('that no folder has is refused by the gateway, whatever a plan says', async () => {
    const b = sick(CLEAR);
    const order = { name: '../clear-cache.ps1', sha256: '', parameters: {}, timeLimit: 1, repeat: false };
    const change = { notAfter: b.lab.clock.now() + 1000, caller: 'x', scope: [] };
    const sent = b.engine.exchange.runScript('mbx1', order, { run: 'r' }, change);
    await expect(sent).rejects.toThrow(
      new ExchangeError('refused', '../clear-cache.ps1 is not in the folder of scripts'),
    );
  });
});

/** As if the file had another content when the playbook was read. */
function changed(playbook: ReturnType<typeof written>) {
  const steps = playbook.steps.map((spec) => ({ ...spec, options: { ...spec.options, sha256: 'b'.repeat(64) } }));
  return { ...playbook, steps };
}
