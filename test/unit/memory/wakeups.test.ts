import { expect, it } from 'vitest';
import { createMemoryWakeups } from '../../../src/adapters/memory/wakeups.ts';
import { wakeupsContract } from '../../contracts/wakeups.ts';

wakeupsContract('wake-ups in memory', async () => createMemoryWakeups());

it('runs by hand what is due, with what that adds, and nothing else', async () => {
  let now = 0;
  const heard: string[] = [];
  const wakeups = createMemoryWakeups({ manual: true, now: () => now });
  const alert = async (id: string) => {
    heard.push(`alert ${id}`);
    await wakeups.incident('i');
    await wakeups.incident('i', 500);
  };
  const incident = async (id: string) => {
    heard.push(`incident ${id}`);
  };
  await wakeups.work({ alert, incident }, { alerts: 1, incidents: 1 });
  await wakeups.alerts(['a']);
  expect(heard).toEqual([]);
  expect(await wakeups.runDue()).toBe(2);
  expect(heard).toEqual(['alert a', 'incident i']);
  now = 499;
  expect(await wakeups.runDue()).toBe(0);
  now = 500;
  expect(await wakeups.runDue()).toBe(1);
});

it('tells of each failure, and gives up after three', async () => {
  const told: string[] = [];
  const onError = (error: unknown, job: { queue: string; id: string }) => told.push(`${job.queue} ${job.id}: ${error}`);
  const wakeups = createMemoryWakeups({ manual: true, now: () => 0, onError });
  const fails = async () => {
    throw new Error('no');
  };
  await wakeups.work({ alert: fails, incident: fails }, { alerts: 1, incidents: 1 });
  await wakeups.alerts(['a']);
  expect(await wakeups.runDue(Number.MAX_SAFE_INTEGER)).toBe(3);
  expect(told).toEqual(Array(3).fill('alerts a: Error: no'));
});
