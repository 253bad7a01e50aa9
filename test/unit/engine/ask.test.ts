import { describe, expect, test } from 'vitest';
import { view } from '../../../src/incident/view.ts';
import { Conflict, Forbidden } from '../../../src/ports/operations.ts';
import { around } from '../../support/around.ts';
import { type Bench, type BenchOptions, bench, Killed, operationsOf } from '../../support/engine.ts';
import { written } from '../../support/written.ts';

const ALERT = { server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const HOUR = 3_600_000;
const QUESTION = 'Restart it now?';
const RESTARTS = ['restart-service: MSExchangeIMAP4BE', 'recheck'];
const YUKI = { by: 'yuki' };

function asks(ask = `ask: "${QUESTION}"`, options: BenchOptions = {}, mode = 'auto') {
  const b = bench({ playbooks: [written([ask, ...RESTARTS], mode)], ...options });
  b.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
  return { ...b, operations: operationsOf(b) };
}

/** The incident that waits for its answer. */
async function waiting(b: Bench): Promise<string> {
  const id = await b.alert(ALERT);
  await b.run((incident) => incident.held?.guard === 'ask');
  return id;
}

describe('a question of a playbook', () => {
  test('waits for a person and changes nothing before; approved, the playbook verifies and goes on', async () => {
    const b = asks();
    const id = await waiting(b);
    expect(b.changes()).toEqual([]);
    const before = view(await b.incident(id));
    expect(before).toMatchObject({ phase: 'approving', waiting: { for: 'ask', reason: QUESTION } });
    expect(before.waiting?.until).toBe(b.lab.clock.now() + 2 * HOUR);
    expect(before.approval).toMatchObject({ role: 'operator', approvers: 1, approvedBy: [] });
    expect(before.approval?.preview?.steps.map(({ n }) => n)).toEqual([2, 3]);
    await b.operations.approve(id, YUKI);
    await b.run();
    const incident = await b.incident(id);
    expect(incident.finished?.outcome).toBe('recovered');
    expect(incident.steps[0]?.end).toMatchObject({ state: 'done', says: 'approved by yuki' });
    expect(b.changes()).toEqual(['mbx1 Restart-Service MSExchangeIMAP4BE']);
    const types = b.entries.map(({ type }) => type);
    expect(types.slice(types.indexOf('approved')).slice(0, 4)).toEqual([
      'approved',
      'verified',
      'stepStarted',
      'stepFinished',
    ]);
  });

  test('is notified with what follows from each answer', async () => {
    const b = asks();
    const id = await waiting(b);
    expect(b.notices.map(({ key, kind, subject }) => ({ key, kind, subject }))).toEqual([
      { key: `${id}:1:ask`, kind: 'escalation', subject: `mbx1: ${QUESTION}` },
    ]);
    expect(b.notices[0]?.text).toContain(`second-responder incidents approve ${id}`);
    expect(b.notices[0]?.text).toContain('2. Restart-Service MSExchangeIMAP4BE');
  });

  test('is asked although nobody can be notified', async () => {
    const b = asks();
    b.engine.notify = () => Promise.reject(new Error('the pager is down'));
    const id = await waiting(b);
    await b.operations.approve(id, YUKI);
    await b.run();
    expect((await b.incident(id)).finished?.outcome).toBe('recovered');
  });

  const NO: { says: string; answer(b: ReturnType<typeof asks>, id: string): Promise<unknown>; reason: string }[] = [
    {
      says: 'rejected',
      answer: (b, id) => b.operations.reject(id, { by: 'yuki', note: 'month-end' }),
      reason: `Rejected by yuki (${QUESTION}): month-end`,
    },
    {
      says: 'not answered in time',
      answer: async (b) => b.lab.clock.advance(2 * HOUR),
      reason: `No one approved in time (${QUESTION})`,
    },
  ];
  test.each(NO)('$says: the incident escalates, and no further step runs', async ({ answer, reason }) => {
    const b = asks();
    const id = await waiting(b);
    await answer(b, id);
    await b.run();
    const incident = await b.incident(id);
    expect(incident.finished).toMatchObject({ outcome: 'escalated', reason });
    expect(incident.steps.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending']);
    expect(b.changes()).toEqual([]);
  });

  test('an answer after its time is refused, even if no worker has recorded that', async () => {
    const b = asks(`ask: { question: "${QUESTION}", within: 10m }`);
    const id = await waiting(b);
    b.lab.clock.advance(HOUR / 6);
    await expect(b.operations.approve(id, YUKI)).rejects.toThrow(Conflict);
  });

  test('for an admin: an operator may reject it, but not approve it', async () => {
    const b = asks(`ask: { question: "${QUESTION}", role: admin }`);
    const id = await waiting(b);
    const operator = { by: 'yuki', identity: 'ops', role: 'operator' };
    await expect(b.operations.approve(id, operator)).rejects.toThrow(Forbidden);
    await expect(b.operations.approve(id, operator)).rejects.toThrow('ops has the role operator');
    await b.operations.approve(id, { by: 'jane', identity: 'boss', role: 'admin' });
    await b.run();
    expect((await b.incident(id)).finished?.outcome).toBe('recovered');
    const other = asks(`ask: { question: "${QUESTION}", role: admin }`);
    await other.operations.reject(await waiting(other), operator);
    await other.run();
    expect(other.changes()).toEqual([]);
  });

  test('for two people: one is not enough, and one person does not count twice', async () => {
    const b = asks(undefined, { settings: { approvers: 2 } });
    const id = await waiting(b);
    await b.operations.approve(id, YUKI);
    await expect(b.operations.approve(id, YUKI)).rejects.toThrow('another person must approve it too');
    await b.run((incident) => incident.steps[0]?.state !== 'pending' || incident.approvals.length === 1);
    expect(b.changes()).toEqual([]);
    await b.operations.approve(id, { by: 'jane' });
    await b.run();
    expect((await b.incident(id)).steps[0]?.end?.says).toBe('approved by yuki and jane');
  });

  test('an answer counts for its own step only, and not for the plan', async () => {
    const steps = ['ask: first?', 'ask: second?', ...RESTARTS];
    const b = asks(undefined, { playbooks: [written(steps, 'approve')] });
    const id = await waiting(b);
    await b.operations.approve(id, YUKI);
    await b.run((incident) => incident.held?.n === 2);
    expect(view(await b.incident(id))).toMatchObject({ waiting: { reason: 'second?' }, approval: { approvedBy: [] } });
    await b.operations.approve(id, YUKI);
    await b.run((incident) => incident.held?.n === 3);
    expect((await b.incident(id)).held?.guard).toBe('mode');
    expect(b.changes()).toEqual([]);
  });

  test('approved when the server has recovered: nothing is changed', async () => {
    const b = asks();
    const id = await waiting(b);
    for (const { id: fault } of b.lab.faults()) b.lab.remove(fault);
    await b.operations.approve(id, YUKI);
    await b.run();
    expect((await b.incident(id)).finished?.outcome).toBe('transient');
    expect(b.changes()).toEqual([]);
  });

  test('in mode observe nobody is asked', async () => {
    const b = asks(undefined, {}, 'observe');
    const incident = await b.handle(ALERT);
    expect(incident.finished?.outcome).toBe('suppressed');
    expect(incident.steps[0]?.end).toMatchObject({ state: 'skipped' });
    expect(b.notices).toEqual([]);
  });

  test('cancelled while it waits: no further step runs', async () => {
    const b = asks();
    const id = await waiting(b);
    await b.operations.cancel(id, YUKI);
    await b.run();
    expect((await b.incident(id)).finished?.outcome).toBe('cancelled');
    expect(b.changes()).toEqual([]);
  });

  test('a worker that dies at any entry asks the same question, and acts once', async () => {
    for (let dies = 1; dies <= 8; dies += 1) {
      let entries = 0;
      const b = asks(undefined, {
        aroundStore: (store) =>
          around(store, 'append', (append) => async (...args) => {
            const result = await append(...args);
            const isPerson = args[2].type === 'approved' || args[2].type === 'opened';
            if (!isPerson && ++entries === dies) throw new Killed();
            return result;
          }),
      });
      const id = await waiting(b);
      await b.operations.approve(id, YUKI);
      await b.run();
      expect({ dies, outcome: (await b.incident(id)).finished?.outcome }).toEqual({ dies, outcome: 'recovered' });
      expect(b.changes()).toEqual(['mbx1 Restart-Service MSExchangeIMAP4BE']);
      expect(new Set(b.notices.map(({ key }) => key))).toEqual(new Set([`${id}:1:ask`]));
    }
  });
});
