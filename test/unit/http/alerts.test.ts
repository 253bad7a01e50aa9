import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { SOURCES } from '../../../src/sources/index.ts';
import { GOOD, identitiesOf, NOW, post, start, stopAll } from './fake.ts';

afterEach(stopAll);

interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  problems: { pointer: string; message: string }[];
}

const bytes = (...parts: (string | number[])[]) => Buffer.concat(parts.map((part) => Buffer.from(part as string)));
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const generic = (changes: object) => ({ ...GOOD, ...changes });

/** Every one must be refused with that status, and a reason that holds that text. */
const BAD: [name: string, source: string, body: unknown, status: number, reason: string][] = [
  // -- not JSON
  ['nothing at all', 'generic', '', 400, 'is missing'],
  ['blanks', 'generic', '   ', 400, 'ends too early, at line 1, column 4'],
  ['a word', 'generic', 'hello', 400, 'line 1, column 1'],
  ['half an object', 'generic', '{"id": "a"', 400, 'ends too early'],
  ['half a string', 'generic', '{"id": "a', 400, 'line 1, column 8'],
  ['a trailing comma', 'generic', '{"id": "a",}', 400, 'line 1, column 12'],
  ['a trailing comma in a list', 'generic', '[1,]', 400, 'line 1, column 4'],
  ['single quotes', 'generic', "{'id': 1}", 400, 'line 1, column 2'],
  ['a bare key', 'generic', '{id: 1}', 400, 'line 1, column 2'],
  ['two documents', 'generic', '{} {}', 400, 'line 1, column 4'],
  ['two lines, the second bad', 'generic', '{"id": "a",\n  "x": nope}', 400, 'line 2, column 8'],
  ['a comment', 'generic', '// hi\n{}', 400, 'line 1, column 1'],
  ['NaN', 'generic', '{"id": NaN}', 400, 'line 1, column 8'],
  ['a number with a leading zero', 'generic', '{"id": 012}', 400, 'line 1, column 9'],
  ['a line break in a string', 'generic', '{"id": "a\nb"}', 400, 'line 1, column 8'],
  ['a bad escape', 'generic', '{"id": "\\x41"}', 400, 'line 1, column 8'],
  ['a missing colon', 'generic', '{"id" 1}', 400, 'line 1, column 7'],
  ['the wrong bracket', 'generic', '{"id": 1]', 400, 'line 1, column 9'],
  ['only a closing bracket', 'generic', ']', 400, 'line 1, column 1'],
  ['XML', 'generic', '<alert/>', 400, 'line 1, column 1'],
  ['a form', 'generic', 'id=1&server=mbx1', 400, 'line 1, column 1'],
  ['broken UTF-8', 'generic', bytes('{"id":"', [0xc3, 0x28], '"}'), 400, 'is not UTF-8'],
  ['a lone UTF-8 continuation', 'generic', bytes('{"id":"', [0x80], '"}'), 400, 'is not UTF-8'],
  ['UTF-16', 'generic', Buffer.from(`\ufeff${JSON.stringify(GOOD)}`, 'utf16le'), 400, 'is UTF-16: send it as UTF-8'],
  ['UTF-16 without a mark', 'generic', Buffer.from(JSON.stringify(GOOD), 'utf16le'), 400, 'is UTF-16'],
  ['UTF-16, big-endian', 'generic', Buffer.from(JSON.stringify(GOOD), 'utf16le').swap16(), 400, 'is UTF-16'],
  ['Latin-1', 'generic', Buffer.from('{"title":"\u00fc"}', 'latin1'), 400, 'is not UTF-8'],
  ['zero bytes', 'generic', Buffer.alloc(100), 400, 'line 1, column 1'],
  ['33 levels', 'generic', nested(33), 400, 'nested more than 32 deep at line 1, column 33'],
  ['thirty thousand levels', 'generic', nested(30_000), 400, 'nested more than 32 deep'],
  ['thirty thousand levels that never close', 'generic', '['.repeat(30_000), 400, 'nested more than 32 deep'],
  ['deep objects', 'generic', '{"a":'.repeat(5000), 400, 'nested more than 32 deep'],
  ['deep under a good key', 'alertmanager', `{"alerts":${nested(40)}}`, 400, 'nested more than 32 deep'],
  // -- JSON, and nothing that can be read
  ['null', 'generic', 'null', 400, 'must be an object'],
  ['true', 'generic', 'true', 400, 'must be an object'],
  ['a number', 'generic', '42', 400, 'must be an object'],
  ['a huge number', 'generic', '1e999', 400, 'must be an object'],
  ['text', 'generic', '"mbx1"', 400, 'must be an object'],
  ['an empty list', 'generic', [], 400, 'the list is empty'],
  ['an empty object', 'generic', {}, 400, 'is missing: it must be text'],
  ['a list of junk', 'generic', [1, null, 'x', [], true], 400, 'must be an object'],
  ['a list of lists', 'generic', [[GOOD]], 400, 'must be an object'],
  ['too many', 'generic', Array(51).fill(GOOD), 413, '51 alerts in one request; the maximum is 50'],
  ['too many from Alertmanager', 'alertmanager', { alerts: Array(51).fill({}) }, 413, 'the maximum is 50'],
  ['too large', 'generic', generic({ description: 'x'.repeat(70_000) }), 413, 'larger than 65536 bytes'],
  // -- generic, field by field
  ['no id', 'generic', generic({ id: undefined }), 400, '/id is missing'],
  ['an empty id', 'generic', generic({ id: '' }), 400, '/id is empty'],
  ['a blank id', 'generic', generic({ id: '  ' }), 400, '/id is empty'],
  ['a number as id', 'generic', generic({ id: 7 }), 400, '/id must be text'],
  ['a list as id', 'generic', generic({ id: ['a'] }), 400, '/id must be text'],
  ['an object as id', 'generic', generic({ id: { $ne: 1 } }), 400, '/id must be text'],
  ['a long id', 'generic', generic({ id: 'x'.repeat(300) }), 400, '/id must be at most 256 characters'],
  ['an id with a line break', 'generic', generic({ id: 'a\nb' }), 400, '/id contains control characters'],
  ['an id with NUL', 'generic', generic({ id: 'a\0b' }), 400, '/id contains control characters'],
  [
    'an id with half a pair',
    'generic',
    '{"id":"\\ud800","healthSet":"IMAP","server":"mbx1"}',
    400,
    'half a surrogate pair',
  ],
  ['no health set', 'generic', generic({ healthSet: undefined }), 400, '/healthSet is missing'],
  ['an empty health set', 'generic', generic({ healthSet: '' }), 400, '/healthSet is empty'],
  ['a wildcard', 'generic', generic({ healthSet: '*' }), 400, '/healthSet is not a health set name'],
  ['a health set with a slash', 'generic', generic({ healthSet: 'IMAP/../x' }), 400, 'is not a health set name'],
  [
    'a health set with a command',
    'generic',
    generic({ healthSet: 'IMAP; Stop-Computer' }),
    400,
    'is not a health set name',
  ],
  ['a number as health set', 'generic', generic({ healthSet: 1 }), 400, '/healthSet must be text'],
  ['no server', 'generic', generic({ server: undefined }), 400, '/server is missing'],
  ['an empty server', 'generic', generic({ server: '' }), 400, '/server is empty'],
  ['a server with a blank', 'generic', generic({ server: 'mbx 1' }), 400, '/server is not a valid host name'],
  ['a server with a command', 'generic', generic({ server: 'mbx1; Restart-Computer' }), 400, 'host name'],
  ['a server with $()', 'generic', generic({ server: '$(whoami)' }), 400, 'host name'],
  ['a server with a quote', 'generic', generic({ server: "mbx1'" }), 400, 'host name'],
  ['a server with a backtick', 'generic', generic({ server: 'mbx1`n' }), 400, 'host name'],
  ['a server with a dash first', 'generic', generic({ server: '-Force' }), 400, 'host name'],
  ['a server with a dot first', 'generic', generic({ server: '.contoso.com' }), 400, 'host name'],
  ['a server as a path', 'generic', generic({ server: '../../etc' }), 400, 'host name'],
  ['a server as a URL', 'generic', generic({ server: 'http://mbx1/' }), 400, 'host name'],
  ['a wildcard server', 'generic', generic({ server: 'mbx*' }), 400, 'host name'],
  ['a server in full-width letters', 'generic', generic({ server: 'ｍｂｘ１' }), 400, 'host name'],
  ['a server that is an IP address', 'generic', generic({ server: '10.0.0.5' }), 400, '/server is an IP address'],
  ['a server that is half an address', 'generic', generic({ server: '10.20' }), 400, '/server is an IP address'],
  ['a server that is every machine', 'generic', generic({ server: 'localhost' }), 400, 'the name of every machine'],
  ['a server that is an IPv6 address', 'generic', generic({ server: '::1' }), 400, '/server is an IP address'],
  ['a long server', 'generic', generic({ server: 'x'.repeat(256) }), 400, 'host name'],
  ['a server that is a list', 'generic', generic({ server: ['mbx1'] }), 400, '/server must be text'],
  ['everything wrong at once', 'generic', { id: 1, server: 2, healthSet: 3 }, 400, '/server must be text'],
  [
    'only inherited properties',
    'generic',
    '{"__proto__": {"id": "a", "server": "mbx1", "healthSet": "IMAP"}}',
    400,
    '/id is missing',
  ],
  ['a constructor', 'generic', '{"constructor": {"prototype": {"id": "a"}}}', 400, '/id is missing'],
  // -- SCOM
  ['no SCOM id', 'scom', { NetbiosComputerName: 'MBX1' }, 400, '/Id is missing'],
  [
    'no SCOM server',
    'scom',
    { Id: 'a' },
    400,
    'names no server: NetbiosComputerName is absent, PrincipalName is absent',
  ],
  ['a bad SCOM server', 'scom', { Id: 'a', PrincipalName: '$(x)' }, 400, 'is not a valid host name'],
  ['a SCOM list of junk', 'scom', ['x', 1], 400, '/0 must be an object: one SCOM alert'],
  [
    'SCOM inherited properties',
    'scom',
    '{"__proto__": {"Id": "a"}, "NetbiosComputerName": "MBX1"}',
    400,
    '/Id is missing',
  ],
  // -- Alertmanager
  ['no envelope', 'alertmanager', [GOOD], 400, 'must be an object'],
  ['no alerts', 'alertmanager', { version: '4' }, 400, '/alerts is missing: it must be a list'],
  ['an empty list of alerts', 'alertmanager', { version: '4', alerts: [] }, 400, '/alerts the list is empty'],
  ['another version', 'alertmanager', { version: '3', alerts: [{}] }, 400, '/version must be "4"'],
  ['alerts that are text', 'alertmanager', { alerts: 'x' }, 400, '/alerts must be a list'],
  [
    'an alert without labels',
    'alertmanager',
    { alerts: [{ status: 'firing', startsAt: '2024-11-23T10:11:12Z' }] },
    400,
    '/alerts/0/labels is missing',
  ],
  [
    'labels without a server',
    'alertmanager',
    { alerts: [{ status: 'firing', startsAt: '2024-11-23T10:11:12Z', labels: { health_set: 'IMAP' } }] },
    400,
    '/alerts/0/labels has no label for the server',
  ],
  [
    'an address as instance',
    'alertmanager',
    {
      alerts: [
        {
          status: 'firing',
          startsAt: '2024-11-23T10:11:12Z',
          labels: { instance: '10.0.0.1:9182', health_set: 'IMAP' },
        },
      ],
    },
    400,
    '/alerts/0/labels has no label that names a server: server is absent, host is absent, instance is an IP address',
  ],
  [
    'labels that are numbers',
    'alertmanager',
    { alerts: [{ status: 'firing', startsAt: '2024-11-23T10:11:12Z', labels: { server: 5 } }] },
    400,
    'server must be text',
  ],
  [
    'inherited labels',
    'alertmanager',
    '{"alerts": [{"status": "firing", "startsAt": "2024-11-23T10:11:12Z", "labels": {"__proto__": {"server": "mbx1"}}}]}',
    400,
    '/alerts/0/labels',
  ],
];

describe('bad bodies are refused with a reason, and the receiver lives', () => {
  it(`${BAD.length} of them, one after another, against one server`, async () => {
    const { url, operations } = await start();
    const wrong: string[] = [];
    for (const [name, source, body, status, reason] of BAD) {
      const response = await post(`${url}/api/v1/alerts/${source}`, body);
      const document = (await response.json()) as ProblemDocument;
      const said = [document.detail, ...document.problems.map((each) => `${each.pointer} ${each.message}`)].join('\n');
      const typed = response.headers.get('content-type')?.startsWith('application/problem+json');
      if (response.status !== status || document.status !== status || !typed || !said.includes(reason)) {
        wrong.push(`${name}: ${response.status} ${said}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(operations.stored).toEqual([]);
    expect(({} as Record<string, unknown>).id).toBeUndefined();
    expect((await post(`${url}/api/v1/alerts/generic`, GOOD)).status).toBe(202);
  });

  it.each([
    ['no type at all', { 'Content-Type': '' }, 'without a Content-Type'],
    ['plain text', { 'Content-Type': 'text/plain' }, 'text/plain'],
    ['a form', { 'Content-Type': 'application/x-www-form-urlencoded' }, 'application/x-www-form-urlencoded'],
    ['XML', { 'Content-Type': 'application/xml' }, 'application/xml'],
    ['nearly JSON', { 'Content-Type': 'application/jsonp' }, 'application/jsonp'],
    ['Latin-1', { 'Content-Type': 'application/json; charset=iso-8859-1' }, 'send it in UTF-8'],
    ['UTF-16', { 'Content-Type': 'application/json; charset="utf-16"' }, 'send it in UTF-8'],
    ['gzip', { 'Content-Encoding': 'gzip' }, 'compressed'],
    ['brotli', { 'Content-Encoding': 'br' }, 'compressed'],
  ])('%s is an unsupported media type', async (_name, headers, reason) => {
    const { url } = await start();
    const response = await post(`${url}/api/v1/alerts/generic`, GOOD, headers as Record<string, string>);
    expect(response.status).toBe(415);
    expect(((await response.json()) as ProblemDocument).detail).toContain(reason);
  });

  it.each([
    'application/json',
    'APPLICATION/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
  ])('%s is JSON', async (type) => {
    const { url } = await start();
    expect((await post(`${url}/api/v1/alerts/generic`, GOOD, { 'Content-Type': type })).status).toBe(202);
  });
});

describe('good alerts are stored, then answered', () => {
  it('answers 202 in the order sent, naming repeats and what was refused', async () => {
    const { url, operations, metrics } = await start();
    await post(`${url}/api/v1/alerts/generic`, GOOD);
    const response = await post(`${url}/api/v1/alerts/generic`, [
      { ...GOOD, id: 'new' },
      { ...GOOD, server: '$(x)' },
      GOOD,
    ]);
    expect(response.status).toBe(202);
    const [first, second] = operations.stored[1] ?? [];
    expect(await response.json()).toEqual({
      accepted: 1,
      repeats: 1,
      alerts: [
        { id: first?.id, repeat: false },
        { id: second?.id, repeat: true },
      ],
      refused: [{ pointer: '/1/server', message: expect.stringContaining('is not a valid host name') }],
    });
    const { text } = await metrics.expose(undefined);
    expect(text).toContain('alerts_received_total{source="generic",result="accepted"} 2');
    expect(text).toContain('alerts_received_total{source="generic",result="repeat"} 1');
    expect(text).toContain('alerts_received_total{source="generic",result="refused"} 1');
    expect(text).toContain(`alert_last_received_timestamp_seconds{source="generic"} ${NOW / 1000}`);
  });

  it.each(SOURCES.map((source) => [source.name, source.example] as const))(
    'takes the documented example of %s',
    async (name, example) => {
      const { url, operations } = await start();
      const response = await post(`${url}/api/v1/alerts/${name}`, example);
      expect([response.status, await response.json()]).toEqual([
        202,
        expect.objectContaining({ accepted: 1, refused: [] }),
      ]);
      expect(operations.stored[0]?.[0]).toMatchObject({ server: 'mbx1', healthSet: 'IMAP.Protocol', source: name });
    },
  );

  it('carries text of any script unharmed', async () => {
    const { url, operations } = await start();
    const title = 'メールボックス “mbx1” が 異常 🔥 <b>$(x)`n\'"\n\ttab';
    await post(`${url}/api/v1/alerts/generic`, { ...GOOD, title });
    expect(operations.stored[0]?.[0]?.title).toBe(title);
  });

  it('takes a byte order mark, as PowerShell likes to write', async () => {
    const { url } = await start();
    expect((await post(`${url}/api/v1/alerts/generic`, `\ufeff${JSON.stringify(GOOD)}`)).status).toBe(202);
  });

  it('never answers 202 when the store is away, and says when to come again', async () => {
    const away = async () => {
      throw new Error('connection lost');
    };
    const { url, metrics } = await start({ accept: away });
    const response = await post(`${url}/api/v1/alerts/generic`, GOOD);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
    expect((await metrics.expose(undefined)).text).toContain(
      'alerts_received_total{source="generic",result="failed"} 1',
    );
  });

  it('does not wait for ever for a store that does not answer', async () => {
    const { url } = await start({ accept: () => new Promise(() => {}) }, { limits: { acceptMs: 20 } });
    expect((await post(`${url}/api/v1/alerts/generic`, GOOD)).status).toBe(503);
  });

  it('is refused where the receiver is off', async () => {
    const { url } = await start({}, { receive: false });
    const response = await post(`${url}/api/v1/alerts/generic`, GOOD);
    expect([response.status, response.headers.has('retry-after')]).toEqual([503, true]);
  });
});

describe('an answer', () => {
  it.each([
    ['labels that are no text', 'alertmanager', { alerts: [{ labels: Object.fromEntries(Array(5_000).entries()) }] }],
    ['a label with a name as long as the post', 'alertmanager', { alerts: [{ labels: { ['k'.repeat(60_000)]: 1 } }] }],
    ['a list of nothing', 'generic', Array(5_000).fill({})],
  ])('to %s is not many times as long as the request', async (_name, source, body) => {
    const { url } = await start({}, { config: { maxAlertsPerRequest: 10_000 } });
    const text = await (await post(`${url}/api/v1/alerts/${source}`, body)).text();
    const { problems } = JSON.parse(text) as ProblemDocument;
    expect(problems.length).toBeLessThanOrEqual(1_001);
    expect(text.length).toBeLessThan(150_000);
    expect(problems.slice(1_000)).toEqual(
      Array.isArray(body) ? [{ pointer: '', message: 'and 14000 more problems' }] : expect.anything(),
    );
  });
});

describe('who may post', () => {
  const tokens = [
    { name: 'scom', role: 'sender', token: 'sender-token' },
    { name: 'signer', role: 'sender', signingSecret: 'shhh' },
    { name: 'viv', role: 'viewer', token: 'viewer-token' },
    { name: 'olaf', role: 'operator', token: 'operator-token' },
    { name: 'ada', role: 'admin', token: 'admin-token' },
  ] as const;
  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
  const sign = (body: string, seconds = NOW / 1000, secret = 'shhh') => ({
    'X-Timestamp': String(seconds),
    'X-Signature': `sha256=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`,
  });
  const body = JSON.stringify(GOOD);

  it.each([
    ['nobody', {}, 401],
    ['a wrong token', bearer('wrong'), 401],
    ['an empty token', { Authorization: 'Bearer ' }, 401],
    ['a token of another scheme', { Authorization: 'Digest sender-token' }, 401],
    ['a sender', bearer('sender-token'), 202],
    ['a viewer', bearer('viewer-token'), 403],
    ['an operator', bearer('operator-token'), 202],
    ['an admin', bearer('admin-token'), 202],
    ['a browser with the token as password', { Authorization: `Basic ${btoa('any:operator-token')}` }, 202],
    ['a signature', sign(body), 202],
    ['a signature in capitals', { ...sign(body), 'X-Signature': sign(body)['X-Signature'].toUpperCase() }, 202],
    ['a signature at the edge of the window', sign(body, NOW / 1000 - 300), 202],
    ['a signature that is too old', sign(body, NOW / 1000 - 301), 401],
    ['a signature from the future', sign(body, NOW / 1000 + 301), 401],
    ['a signature of another body', sign(`${body} `), 401],
    ['a signature with another secret', sign(body, NOW / 1000, 'guess'), 401],
    ['a signature under another time', { ...sign(body), 'X-Timestamp': String(NOW / 1000 - 1) }, 401],
    ['a signature without a time', { 'X-Signature': sign(body)['X-Signature'] }, 401],
    ['a signature with a time in words', { ...sign(body), 'X-Timestamp': 'now' }, 401],
    ['half a signature', { ...sign(body), 'X-Signature': 'sha256=' }, 401],
  ])('%s', async (_name, headers, status) => {
    const { url, operations } = await start({}, { config: { tokens } });
    const response = await post(`${url}/api/v1/alerts/generic`, body, headers as Record<string, string>);
    expect(response.status).toBe(status);
    expect(operations.stored.length).toBe(status === 202 ? 1 : 0);
    expect(response.headers.has('www-authenticate')).toBe(status === 401);
  });

  it('a sender may do nothing else', async () => {
    const { url } = await start({}, { config: { tokens } });
    for (const path of ['incidents', 'playbooks', 'undo', 'kill-switch', 'openapi.json']) {
      expect((await fetch(`${url}/api/v1/${path}`, { headers: bearer('sender-token') })).status).toBe(403);
    }
  });

  it('a signature opens nothing but the receiver', async () => {
    const { url } = await start({}, { config: { tokens } });
    expect((await post(`${url}/api/v1/playbooks/reload`, '{}', sign('{}'))).status).toBe(401);
  });

  it('counts each sender by itself, and says when to come again', async () => {
    const { url } = await start({}, { config: { tokens, rateLimit: { perMinute: 2, alertsPerMinute: 10_000 } } });
    const send = (token: string) => post(`${url}/api/v1/alerts/generic`, GOOD, bearer(token));
    expect([(await send('sender-token')).status, (await send('sender-token')).status]).toEqual([202, 202]);
    const third = await send('sender-token');
    expect(third.status).toBe(429);
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(((await third.json()) as ProblemDocument).type).toBe('urn:second-responder:problem:too-many-requests');
    expect((await send('operator-token')).status).toBe(202);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('a flood of alerts from one sender is refused, and other senders are served', async () => {
    const rateLimit = { perMinute: 1000, alertsPerMinute: 60 };
    let now = NOW;
    const { url, operations } = await start({}, { config: { tokens, rateLimit }, now: () => now });
    const send = (token: string, count: number) =>
      post(
        `${url}/api/v1/alerts/generic`,
        Array.from({ length: count }, (_, n) => generic({ id: `${token}-${n}` })),
        bearer(token),
      );
    expect((await send('sender-token', 40)).status).toBe(202);
    const flood = await send('sender-token', 30);
    expect([flood.status, flood.headers.get('retry-after')]).toEqual([429, '10']);
    expect(operations.stored.flat()).toHaveLength(40);
    expect((await send('operator-token', 40)).status).toBe(202);
    now += 10_000;
    expect((await send('sender-token', 30)).status).toBe(202);
    expect((await send('sender-token', 1)).status).toBe(429);
  });

  it('counts what a signature brings too', async () => {
    const rateLimit = { perMinute: 1000, alertsPerMinute: 1 };
    const { url } = await start({}, { config: { tokens, rateLimit } });
    const send = () => post(`${url}/api/v1/alerts/generic`, body, sign(body));
    expect([(await send()).status, (await send()).status]).toEqual([202, 429]);
  });

  it('a replayed signature counts as a repeat', async () => {
    const { url } = await start({}, { config: { tokens } });
    const answers = [1, 2].map(() => post(`${url}/api/v1/alerts/generic`, body, sign(body)));
    const [first, again] = await Promise.all(answers.map(async (answer) => (await answer).json()));
    expect([first, again]).toEqual([
      expect.objectContaining({ accepted: 1, repeats: 0 }),
      expect.objectContaining({ accepted: 0, repeats: 1 }),
    ]);
  });

  it('while a secret is replaced the new and the old are both good, and then only the new', async () => {
    let known = identitiesOf([
      { name: 'scom', role: 'sender', token: 'the-new-one\nthe-old-one' },
      { name: 'signer', role: 'sender', signingSecret: 'new-shhh\nold-shhh' },
    ]);
    const { url } = await start({}, { identities: () => known });
    const statuses = async () => {
      const shown = [bearer('the-new-one'), bearer('the-old-one')];
      const signed = ['new-shhh', 'old-shhh'].map((secret) => sign(body, NOW / 1000, secret));
      const answers = [...shown, ...signed].map((headers) => post(`${url}/api/v1/alerts/generic`, body, headers));
      return (await Promise.all(answers)).map(({ status }) => status);
    };
    expect(await statuses()).toEqual([202, 202, 202, 202]);
    known = identitiesOf([
      { name: 'scom', role: 'sender', token: 'the-new-one' },
      { name: 'signer', role: 'sender', signingSecret: 'new-shhh' },
    ]);
    expect(await statuses()).toEqual([202, 401, 202, 401]);
  });

  it('has no rate limit without tokens', async () => {
    const { url } = await start({}, { config: { rateLimit: { perMinute: 1, alertsPerMinute: 10_000 } } });
    for (let n = 0; n < 3; n++) expect((await post(`${url}/api/v1/alerts/generic`, GOOD)).status).toBe(202);
  });
});

describe('other sites in somebody’s browser', () => {
  const ask = (url: string, headers: Record<string, string>, method = 'POST') =>
    new Promise<number>((resolve, reject) => {
      const { hostname, port } = new URL(url);
      const request = httpRequest(
        {
          hostname,
          port,
          method,
          path: method === 'POST' ? '/api/v1/alerts/generic' : '/healthz',
          headers: { 'Content-Type': 'application/json', ...headers },
        },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      request.on('error', reject);
      request.end(method === 'POST' ? JSON.stringify(GOOD) : undefined);
    });

  it.each([
    ['its own name', { Host: 'localhost:8080' }, 202],
    ['its own address', { Host: '127.0.0.1:1' }, 202],
    ['its own address, version 6', { Host: '[::1]:8080' }, 202],
    ['a name that somebody pointed here', { Host: 'evil.example:8080' }, 403],
    ['a name that begins like its own', { Host: 'localhost.evil.example' }, 403],
    ['an address that begins like its own', { Host: '127.0.0.1.evil.example' }, 403],
    ['its own page', { Host: 'localhost:8080', Origin: 'http://localhost:8080' }, 202],
    ['another page', { Host: 'localhost:8080', Origin: 'http://evil.example' }, 403],
    ['another port', { Host: 'localhost:8080', Origin: 'http://localhost:3000' }, 403],
    ['a page without origin', { Host: 'localhost:8080', Origin: 'null' }, 403],
  ])('%s', async (_name, headers, status) => {
    const { url } = await start();
    expect(await ask(url, headers)).toBe(status);
  });

  it('with tokens any name will do, for it may stand behind a proxy', async () => {
    const { url } = await start({}, { config: { tokens: [{ name: 'a', role: 'sender', token: 't' }] } });
    expect(await ask(url, { Host: 'responder.contoso.com', Authorization: 'Bearer t' })).toBe(202);
    expect(
      await ask(url, { Host: 'responder.contoso.com', Authorization: 'Bearer t', Origin: 'https://evil.example' }),
    ).toBe(403);
  });
});
