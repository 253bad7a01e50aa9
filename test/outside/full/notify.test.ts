import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Inbox } from '../../crash/inbox.ts';
import { get, post, Site, until } from '../../support/processes.ts';

interface Incident {
  id: string;
  state: string;
  outcome?: string;
}

let site: Site;
afterEach(() => site.close());

test('a webhook that is dead and one that hangs hold up no end, and the one that works is called once', async () => {
  site = await Site.open();
  const inbox = await Inbox.open();
  const hanging = createServer(() => {}).listen(0, '127.0.0.1');
  await once(hanging, 'listening');
  try {
    const urls = [inbox.address, 'http://127.0.0.1:1/', `http://127.0.0.1:${(hanging.address() as AddressInfo).port}/`];
    const redis = await site.redis();
    const lab = await site.lab(300);
    const { url } = await site.daemon({
      REDIS_URL: redis.address,
      SECOND_RESPONDER_EXCHANGE_URL: lab.url,
      SECOND_RESPONDER_NOTIFY: JSON.stringify(urls.map((one) => ({ channel: 'webhook', url: one }))),
    });
    await post(`${lab.url}/lab/v1/faults`, { fault: 'unfixable', healthSet: 'IMAP.Protocol', server: 'ex1' });
    const alert = {
      id: 'a',
      server: 'ex1',
      healthSet: 'IMAP.Protocol',
      monitor: 'ImapSelfTestMonitor',
      status: 'firing',
    };
    await post(`${url}/api/v1/alerts/generic`, alert);
    const incidents = async () => (await get<{ incidents: Incident[] }>(`${url}/api/v1/incidents`)).incidents;
    const [ended] = await until(incidents, ([one]) => one?.state === 'finished', 60_000);
    expect(ended?.outcome).toBe('escalated');
    expect(inbox.notices.map(({ key }) => key)).toEqual([`${ended?.id}:escalated`]);
  } finally {
    hanging.closeAllConnections();
    hanging.close();
    await inbox.close();
  }
});
