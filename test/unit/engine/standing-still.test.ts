import { afterEach, expect, test, vi } from 'vitest';
import { createWorker } from '../../../src/engine/worker.ts';
import { gateway } from '../../../src/gateway/gateway.ts';
import { createLab } from '../../../src/lab/lab.ts';
import { NotSent } from '../../../src/ports/exchange.ts';
import type { Wakeups } from '../../../src/ports/wakeups.ts';
import { around } from '../../support/around.ts';
import { bench, Killed } from '../../support/engine.ts';

const SICK = { fault: 'imap-backend-wedged', server: 'mbx1' };
const ALERT = { server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const HOUR = 3_600_000;

afterEach(() => {
  vi.useRealTimers();
});

/** A bench whose incidents are advanced by a real worker, on a wall clock that the test can move. */
async function atWork(standsStillAfter: (entry: { type: string; intent?: { command: string } }) => boolean) {
  vi.useFakeTimers({ toFake: ['Date'] });
  const b = bench({
    // Its own clock must show it, even if the store would still accept it as the holder.
    aroundStore: (store) =>
      around(
        around(store, 'confirm', () => async () => true),
        'append',
        (append) => async (id, head, event, options) => {
          const written = await append(id, head, event, options);
          if (standsStillAfter({ type: event.type, ...(event.data as object) })) vi.setSystemTime(Date.now() + HOUR);
          return written;
        },
      ),
  });
  b.lab.post(SICK);
  let advanceNow: (id: string) => Promise<void> = async () => {};
  const wakeups: Wakeups = {
    ...b.engine.wakeups,
    async work(handlers) {
      advanceNow = handlers.incident;
    },
  };
  const worker = createWorker({ ...b.engine, wakeups, realNow: Date.now });
  await worker.start(1);
  return { ...b, advanceNow: (id: string) => advanceNow(id), stop: () => worker.stop(0) };
}

test('a worker that was suspended for longer than its lease sends nothing when it resumes', async () => {
  const b = await atWork(({ type, intent }) => type === 'stepStarted' && intent?.command === 'Restart-Service');
  const id = await b.alert(ALERT);
  await b.advanceNow(id);
  expect((await b.incident(id)).steps[0]).toMatchObject({ state: 'started' });
  expect(b.lab.commands().filter(({ command }) => command === 'Restart-Service')).toEqual([]);
  await b.stop();
  await b.run();
  expect((await b.incident(id)).finished).toMatchObject({ outcome: 'recovered' });
});

test('the same worker sends it if it was not suspended', async () => {
  const b = await atWork(() => false);
  const id = await b.alert(ALERT);
  await b.advanceNow(id);
  expect(b.changes()).toEqual(['mbx1 Restart-Service MSExchangeIMAP4BE']);
  await b.stop();
});

test('an answer about the kill switch that took too long does not count', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const lab = createLab({ speed: 1, virtual: true });
  let late = HOUR;
  const settings = { mode: 'auto', services: ['MSExchangeIMAP4BE'], self: [], callTimeLimit: 1_000 } as const;
  const exchange = gateway(
    lab.exchange('test'),
    settings,
    async () => {
      vi.setSystemTime(Date.now() + late);
      return [];
    },
    () => {},
  );
  const { value: found } = await exchange.service('mbx1', 'MSExchangeIMAP4BE');
  const restart = () =>
    exchange.restartService(
      'mbx1',
      'MSExchangeIMAP4BE',
      { startedAt: found.startedAt ?? null },
      { notAfter: lab.clock.now() + HOUR, caller: 'test', scope: [] },
    );
  await expect(restart()).rejects.toThrow(NotSent);
  late = 10;
  await expect(restart()).resolves.toMatchObject({ value: { effect: 'changed' } });
});

test('killed right after the end was recorded: alerts about other problems are still verified separately', async () => {
  let killed = false;
  const b = bench({
    aroundStore: (store) =>
      around(store, 'append', (append) => async (id, head, event, options) => {
        const written = await append(id, head, event, options);
        if (event.type !== 'finished' || killed) return written;
        killed = true;
        throw new Killed();
      }),
  });
  b.lab.post(SICK);
  const id = await b.alert(ALERT);
  await b.run((incident) => incident.steps.some((record) => record.step.step === 'restart-server' && record.startedAt));
  expect(await b.alert({ server: 'mbx1', healthSet: 'POP' })).toBe(id);
  await b.run();
  expect((await b.incident(id)).finished).toMatchObject({ outcome: 'recovered' });
  const [pending] = await b.store.pendingAlerts(b.lab.clock.now() + HOUR, 10);
  expect(await b.store.pendingAlert(pending ?? '')).toMatchObject({ alert: { healthSet: 'POP' }, repeat: false });
});
