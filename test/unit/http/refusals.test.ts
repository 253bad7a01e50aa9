/** Posts that are refused: each is counted and logged by sender, and answered in words that the sender understands. */
import { afterEach, describe, expect, it, test } from 'vitest';
import { GOOD, NOW, post, start, stopAll } from './fake.ts';

afterEach(stopAll);

const tokens = [
  { name: 'prometheus', role: 'sender', token: 'sender-token' },
  { name: 'reader', role: 'viewer', token: 'viewer-token' },
] as const;
const SENDER = { Authorization: 'Bearer sender-token' };
const FIRING = { version: '4', alerts: [{ status: 'firing', labels: { server: 'mbx1', health_set: 'IMAP' } }] };
const counted = async (metrics: { expose(accept: undefined): Promise<{ text: string }> }, source: string) =>
  Object.fromEntries(
    [
      ...(await metrics.expose(undefined)).text.matchAll(
        /alerts_received_total\{source="(\w+)",result="(\w+)"\} (\d+)/g,
      ),
    ]
      .filter(([, from, , count]) => from === source && count !== '0')
      .map(([, , result, count]) => [result, Number(count)]),
  );

describe('every refusal', () => {
  const full = 'x'.repeat(70_000);
  test.each<[string, unknown, Record<string, string>, number, Record<string, number>]>([
    ['no token', FIRING, {}, 401, { refused: 1 }],
    ['a wrong token', FIRING, { Authorization: 'Bearer other' }, 401, { refused: 1 }],
    [
      'a signature that does not fit',
      FIRING,
      { 'X-Signature': 'sha256=0', 'X-Timestamp': `${NOW / 1000}` },
      401,
      { refused: 1 },
    ],
    ['a role that may not', FIRING, { Authorization: 'Bearer viewer-token' }, 403, { refused: 1 }],
    ['another page', FIRING, { ...SENDER, Origin: 'https://evil.example' }, 403, { refused: 1 }],
    ['no JSON', '{', SENDER, 400, { refused: 1 }],
    ['too many bytes', { ...FIRING, x: full }, SENDER, 413, { refused: 1 }],
    ['too many alerts', { alerts: Array(51).fill({}) }, SENDER, 413, { refused: 51 }],
    ['another type', FIRING, { ...SENDER, 'Content-Type': 'text/plain' }, 415, { refused: 1 }],
    ['compressed', FIRING, { ...SENDER, 'Content-Encoding': 'gzip' }, 415, { refused: 1 }],
    ['nothing that can be used', { alerts: [{}, 7, { labels: {} }] }, SENDER, 400, { refused: 3 }],
    ['some that can', { alerts: [...FIRING.alerts, 7] }, SENDER, 202, { accepted: 1, refused: 1 }],
  ])('%s', async (_, body, headers, status, counts) => {
    const { url, metrics, lines } = await start({}, { config: { tokens } });
    const answer = await post(`${url}/api/v1/alerts/alertmanager`, body, headers);
    expect(answer.status).toBe(status);
    expect(await counted(metrics, 'alertmanager')).toEqual(counts);
    const who =
      headers.Authorization === SENDER.Authorization
        ? 'prometheus'
        : headers.Authorization?.includes('viewer')
          ? 'reader'
          : '127.0.0.1';
    expect(lines.filter((line) => line.includes(`Refused alerts from alertmanager, sent by ${who}`))).toHaveLength(1);
  });

  it('is counted each time, and logged once a minute', async () => {
    let now = NOW;
    const { url, metrics, lines } = await start({}, { now: () => now });
    for (let n = 0; n < 5; n++) await post(`${url}/api/v1/alerts/generic`, '{');
    expect(await counted(metrics, 'generic')).toEqual({ refused: 5 });
    const told = () => lines.filter((line) => line.includes('Refused alerts'));
    expect(told()).toHaveLength(1);
    now += 61_000;
    await post(`${url}/api/v1/alerts/generic`, '{');
    expect(told()[1]).toContain('4 times since');
  });

  it('of a store that is away counts what was not stored', async () => {
    const accept = () => Promise.reject(new Error('gone'));
    const { url, metrics } = await start({ accept });
    expect((await post(`${url}/api/v1/alerts/generic`, [GOOD, { ...GOOD, id: 'b' }])).status).toBe(503);
    expect(await counted(metrics, 'generic')).toEqual({ failed: 2 });
  });
});

describe('what would pass later', () => {
  test.each([
    ['requests', { perMinute: 1, alertsPerMinute: 1000 }],
    ['alerts', { perMinute: 1000, alertsPerMinute: 1 }],
  ])('more %s than allowed: Alertmanager is answered 503, for it never repeats after a 4xx', async (_, rateLimit) => {
    const answers: Record<string, [number, boolean]> = {};
    for (const [source, body] of [
      ['alertmanager', FIRING],
      ['generic', GOOD],
    ] as const) {
      const { url, metrics } = await start({}, { config: { tokens, rateLimit } });
      expect((await post(`${url}/api/v1/alerts/${source}`, body, SENDER)).status).toBe(202);
      const again = await post(`${url}/api/v1/alerts/${source}`, body, SENDER);
      answers[source] = [again.status, Number(again.headers.get('retry-after')) > 0];
      expect(await counted(metrics, source)).toEqual({ accepted: 1, failed: 1 });
    }
    expect(answers).toEqual({ alertmanager: [503, true], generic: [429, true] });
  });
});

describe('large posts', () => {
  const alert = (n: number) => ({ ...GOOD, id: `a-${n}`, description: 'x'.repeat(1_500) });

  it('as many alerts as are allowed fit in the largest body, whatever it is', async () => {
    const { url, metrics } = await start({}, { config: { bodyLimit: undefined, maxAlertsPerRequest: 3_000 } });
    const answer = await post(
      `${url}/api/v1/alerts/generic`,
      Array.from({ length: 3_000 }, (_, n) => alert(n)),
    );
    expect(answer.status).toBe(202);
    expect(await counted(metrics, 'generic')).toEqual({ accepted: 3_000 });
  });

  it('many at a time have room for two, and small ones are taken meanwhile', async () => {
    const signal = () => {
      let give = () => {};
      const given = new Promise<void>((resolve) => {
        give = resolve;
      });
      return { give, given };
    };
    const [two, stored] = [signal(), signal()];
    let waiting = 0;
    const { url } = await start(
      {
        async accept(alerts) {
          if (alerts.length > 1) {
            if (++waiting === 2) two.give();
            await stored.given;
          }
          return alerts.map(({ id }) => ({ id, repeat: false }));
        },
      },
      { config: { bodyLimit: 300_000, maxAlertsPerRequest: 1_000 } },
    );
    const large = () =>
      post(
        `${url}/api/v1/alerts/generic`,
        Array.from({ length: 170 }, (_, n) => alert(n)),
      );
    const held = [large(), large()];
    await two.given;
    const third = await large();
    expect([third.status, third.headers.get('retry-after')]).toEqual([503, '5']);
    expect(((await third.json()) as { type: string }).type).toContain('busy');
    expect((await post(`${url}/api/v1/alerts/generic`, GOOD)).status).toBe(202);
    stored.give();
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([202, 202]);
    expect((await large()).status).toBe(202);
  });
});

it('what could not be read is said in the answer', async () => {
  const { url } = await start();
  const answer = await post(`${url}/api/v1/alerts/generic`, { ...GOOD, raisedAt: 'yesterday' });
  expect(await answer.json()).toMatchObject({
    accepted: 1,
    alerts: [{ notes: [expect.stringContaining('raisedAt is not a valid time')] }],
  });
});
