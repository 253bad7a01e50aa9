import { afterEach, expect, test } from 'vitest';
import { get, post, Site, until } from '../../support/processes.ts';

interface Incident {
  id: string;
  phase: string;
  waiting?: { until?: string };
}

let site: Site;
afterEach(() => site.close());

test('a receiver alone refuses an approval that comes after the request has expired', async () => {
  site = await Site.open();
  const redis = await site.redis();
  // Half an hour takes six seconds.
  const lab = await site.lab(300);
  const env = {
    REDIS_URL: redis.address,
    SECOND_RESPONDER_EXCHANGE_URL: lab.url,
    SECOND_RESPONDER_SAFETY_MODE: 'approve',
    SECOND_RESPONDER_SAFETY_APPROVAL_EXPIRY: '30m',
  };
  await post(`${lab.url}/lab/v1/faults`, { fault: 'imap-backend-hang', server: 'mbx1' });
  const worker = await site.daemon(env);
  const alert = {
    id: 'a',
    server: 'mbx1',
    healthSet: 'IMAP.Protocol',
    monitor: 'ImapSelfTestMonitor',
    status: 'firing',
  };
  await post(`${worker.url}/api/v1/alerts/generic`, alert);
  const incidents = async () => (await get<{ incidents: Incident[] }>(`${worker.url}/api/v1/incidents`)).incidents;
  const [asking] = await until(incidents, ([one]) => one?.phase === 'approving', 30_000);
  await worker.kill('SIGKILL');
  const receiver = await site.daemon(env, ['--no-work']);
  await until(
    () => get<{ now: number }>(`${lab.url}/lab/v1/clock`),
    // The receiver's own reckoning of that clock may be a little behind.
    ({ now }) => now > Date.parse(asking?.waiting?.until ?? '') + 5 * 60_000,
    60_000,
  );
  const answer = await fetch(`${receiver.url}/api/v1/incidents/${asking?.id}/approve`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ by: 'yuki' }),
  });
  expect(answer.status).toBe(409);
  expect(await answer.text()).toMatch(/expired at/);
});
