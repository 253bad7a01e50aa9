/** Restrictions for some servers, and what a reload changes for an incident that has begun. */
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import type { Matched } from '../../../src/incident/event.ts';
import type { Incident } from '../../../src/incident/incident.ts';
import type { Playbook } from '../../../src/incident/plan.ts';
import type { Restriction } from '../../../src/incident/restrictions.ts';
import { languageOf, readPlaybooks } from '../../../src/playbooks/read.ts';
import { STEPS } from '../../../src/steps/index.ts';
import { loadCatalog } from '../../../src/verification/catalog.ts';
import { type Bench, bench, operationsOf } from '../../support/engine.ts';
import { written } from '../../support/written.ts';

const SELF_TEST = { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const MINUTE = 60_000;
const key = 'playbooks.restrictions[0]';
const DAG1_ASKS: Restriction[] = [{ key, groups: ['dag1'], mode: 'approve' }];

function restricted(restrictions: Restriction[], playbooks?: Playbook[]): Bench {
  return bench({ settings: { restrictions }, ...(playbooks && { playbooks }) });
}

const reload = (b: Bench, restrictions: Restriction[]) => {
  b.engine.settings = { ...b.engine.settings, restrictions };
};

describe('a restriction for one group', () => {
  test('asks a person on its servers; on the others the playbook acts', async () => {
    const b = restricted(DAG1_ASKS);
    b.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
    b.lab.post({ fault: 'imap-backend-hang', server: 'ex1' });
    const there = await b.alert({ server: 'mbx1', ...SELF_TEST });
    const elsewhere = await b.alert({ server: 'ex1', ...SELF_TEST });
    await b.run(({ id, finished }) => id === elsewhere && finished !== undefined);
    expect((await b.incident(elsewhere)).finished?.outcome).toBe('recovered');
    await b.run(({ id, held }) => id === there && held?.approval === true);
    expect((await b.incident(there)).held).toMatchObject({
      guard: 'mode',
      reason: 'approval',
      says: expect.stringContaining('as required by playbooks.restrictions[0] for dag1'),
    });
    expect(b.changes()).toEqual(['ex1 Restart-Service MSExchangeIMAP4BE']);
    await operationsOf(b).approve(there, { by: 'jane' });
    await b.run();
    expect((await b.incident(there)).finished?.outcome).toBe('recovered');
  });

  test('asks for a child incident on its servers, although nobody had to approve the parent', async () => {
    const b = restricted([{ key, playbooks: ['imap-protocol'], groups: ['dag1'], mode: 'approve' }]);
    b.lab.post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' });
    const id = await b.alert({ server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' });
    await b.run(({ parent, held }) => parent !== undefined && held?.approval === true);
    const before = b.changes();
    const [child = ''] = (await b.incident(id)).children;
    expect((await b.incident(child)).held).toMatchObject({ guard: 'mode', reason: 'approval' });
    await operationsOf(b).reject(child, { by: 'jane' });
    await b.run();
    expect((await b.incident(id)).finished?.outcome).toBe('escalated');
    expect(b.changes().slice(before.length)).toEqual([
      'cas1 Set-ImapSettings false',
      'cas1 Restart-Service MSExchangeIMAP4',
    ]);
  });

  test('asks for the change of its server by an incident of another one', async () => {
    const b = restricted(DAG1_ASKS);
    b.lab.post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' });
    const id = await b.alert({ server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' });
    await b.run(({ held }) => held?.approval === true);
    expect((await b.incident(id)).held).toMatchObject({ n: 1, guard: 'mode' });
    expect(b.changes()).toEqual([]);
  });

  test('limits how often its servers are treated; others are not affected', async () => {
    const perDay = { throttles: { 'restart-service': { groupPerDay: 1 } } };
    const b = restricted([{ key, groups: ['dag1'], ...perDay }]);
    for (const server of ['mbx1', 'mbx3', 'ex1', 'ex2']) {
      b.lab.post({ fault: 'imap-backend-hang', server });
      await b.handle({ server, ...SELF_TEST });
      b.lab.clock.advance(60 * MINUTE);
    }
    expect(b.changes().filter((change) => change.includes('Restart-Service'))).toEqual([
      'mbx1 Restart-Service MSExchangeIMAP4BE',
      'ex1 Restart-Service MSExchangeIMAP4BE',
      'ex2 Restart-Service MSExchangeIMAP4BE',
    ]);
    expect(b.notices.map(({ text }) => text).join()).toContain('restart-service@dag1: ');
  });

  test('a step that asks a person asks nobody where the playbook only observes', async () => {
    const b = restricted(
      [{ key, servers: ['mbx1'], mode: 'observe' }],
      [written(['ask: { question: Now? }', 'recheck'])],
    );
    b.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
    const incident = await b.handle({ server: 'mbx1', ...SELF_TEST });
    expect(incident.steps[0]).toMatchObject({ state: 'skipped' });
  });

  test('is part of the mode that the API shows only if it is for every server', async () => {
    const modes = async (restrictions: Restriction[]) =>
      (await operationsOf(restricted(restrictions)).playbooks()).map(({ name, mode }) => `${name} ${mode}`);
    expect(await modes(DAG1_ASKS)).toContain('imap-load auto');
    expect(await modes([{ key, playbooks: ['imap-l*'], mode: 'approve' }])).toEqual([
      'imap-ctp auto',
      'imap-load approve',
      'imap-protocol auto',
      'imap-proxy auto',
    ]);
  });
});

describe('a reload while an incident is open', () => {
  /** An incident that a restart does not end: the shipped playbook goes on with a drain and a reboot. */
  async function begun(restrictions: Restriction[] = [], playbooks?: Playbook[]) {
    const b = restricted(restrictions, playbooks);
    b.lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
    const id = await b.alert({ server: 'mbx1', ...SELF_TEST });
    return { b, id };
  }
  const isRestarted = ({ steps }: Incident) => steps[0]?.state === 'done';
  const matched = (b: Bench) => b.entries.flatMap(({ type, data }) => (type === 'matched' ? [data as Matched] : []));

  /** A playbook that uses a list, with defaults of the organisation. */
  function usingList(list: string, backWithin: string, mode: 'auto' | 'approve'): Playbook {
    const { config } = loadConfig({ env: {}, cwd: process.cwd() });
    config.playbooks.defaults = { mode, steps: { 'restart-server': { 'back-within': backWithin } } };
    const handles = 'handles: [IMAP.Protocol\\ImapSelfTestMonitor]';
    const text = [
      `list: shared\nsummary: s\nsteps: [${list}]`,
      `playbook: p\nsummary: s\n${handles}\nsteps: [{ restart-service: MSExchangeIMAP4BE }, recheck, { use: shared }, recheck]`,
    ].join('\n---\n');
    const language = languageOf(config, STEPS, loadCatalog(config.verification.catalog));
    return readPlaybooks([{ file: 'p.yaml', text }], language)[0] as Playbook;
  }

  test('a run keeps the steps of a list, the defaults and the hash that it began with', async () => {
    const before = usingList('fail-over-databases, confirm-no-active-copies, restart-server', '30m', 'auto');
    const after = usingList('{ wait: 1m }', '50m', 'approve');
    expect(after.hash).not.toBe(before.hash);
    const { b, id } = await begun([], [before]);
    await b.run(isRestarted);
    b.engine.playbooks = () => [after];
    await b.run();
    const { finished, runs, steps } = await b.incident(id);
    expect(finished?.outcome).toBe('recovered');
    expect(matched(b)).toHaveLength(1);
    expect([runs[0]?.hash, runs[0]?.mode]).toEqual([before.hash, 'auto']);
    expect(steps.map(({ step, state }) => `${step.step} ${state}`)).toEqual([
      'restart-service done',
      'recheck done',
      'fail-over-databases done',
      'confirm-no-active-copies done',
      'restart-server done',
      'recheck done',
    ]);
    expect(steps[4]?.step.options).toEqual({ 'back-within': 30 * MINUTE });
  });

  test('a new restriction holds from the next change on', async () => {
    const { b, id } = await begun();
    await b.run(isRestarted);
    reload(b, DAG1_ASKS);
    await b.run(({ held }) => held?.approval === true);
    expect((await b.incident(id)).held).toMatchObject({ n: 3, guard: 'mode' });
    expect(b.changes()).toEqual(['mbx1 Restart-Service MSExchangeIMAP4BE']);
    await operationsOf(b).approve(id, { by: 'jane' });
    await b.run();
    expect((await b.incident(id)).finished?.outcome).toBe('recovered');
  });

  test('a restriction that is lifted still holds for the run that began with it', async () => {
    const { b, id } = await begun(DAG1_ASKS);
    const operations = operationsOf(b);
    await operations.setKillSwitch({ on: true, by: 'jane' });
    await b.run(({ held }) => held?.guard === 'kill-switch');
    reload(b, []);
    await operations.setKillSwitch({ on: false, by: 'jane' });
    await b.run(({ held }) => held?.approval === true);
    expect(matched(b)[0]).toMatchObject({ playbook: { restricted: { mode: 'approve', by: `${key} for dag1` } } });
    expect((await b.incident(id)).held?.says).toContain('playbooks.restrictions[0] for dag1, when the run began');
    expect(b.changes()).toEqual([]);
  });
});
