import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { Queue } from 'bullmq';
import { Router } from 'express';
import { afterEach, describe, expect, it } from 'vitest';
import { openApiPath } from '../../../src/adapters/http/openapi.ts';
import { PROBLEM_TYPES } from '../../../src/adapters/http/problem.ts';
import { allRoutes } from '../../../src/adapters/http/routes/index.ts';
import { SCHEMAS, type SchemaName } from '../../../src/adapters/http/schemas.ts';
import { ConfigError } from '../../../src/config/problems.ts';
import { EXCHANGE_FAILURES } from '../../../src/ports/exchange.ts';
import type { FeedItem } from '../../../src/ports/journal.ts';
import { INCIDENT, NOW, post, start, stopAll } from './fake.ts';

afterEach(stopAll);

const ISO = '2024-11-23T10:11:12.000Z';

async function get(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

describe('answers have the documented shape', () => {
  it.each([
    ['/', 'Links'],
    ['/healthz', 'Alive'],
    ['/readyz', 'Readiness'],
    ['/api/v1/incidents', 'Incidents'],
    ['/api/v1/incidents/inc-1', 'Incident'],
    ['/api/v1/incidents/inc-1/journal', 'Journal'],
    ['/api/v1/incidents/inc-1/verify', 'JournalCheck'],
    ['/api/v1/kill-switch', 'KillSwitch'],
    ['/api/v1/playbooks', 'Playbooks'],
    ['/api/v1/playbooks/imap-protocol', 'Playbook'],
    ['/api/v1/playbooks/imap-protocol/explain', 'Explanation'],
    ['/api/v1/undo', 'Undo'],
    ['/api/v1/openapi.json', 'OpenApi'],
  ] satisfies [string, SchemaName][])('GET %s is a %s', async (path, schema) => {
    const { url } = await start();
    const { status, body } = await get(url + path);
    expect(status).toBe(200);
    expect(SCHEMAS[schema].safeParse(body)).toMatchObject({ success: true });
  });

  it('every instant is ISO 8601, wherever it stands', async () => {
    const { url } = await start();
    const { body } = await get(`${url}/api/v1/incidents/inc-1`);
    expect(body).toMatchObject({
      openedAt: ISO,
      alerts: [{ raisedAt: '2024-11-23T10:11:11.000Z', receivedAt: ISO }],
      evidence: [{ at: ISO }],
      steps: [{ startedAt: ISO }, { startedAt: ISO, finishedAt: ISO }],
      waiting: { until: '2024-11-23T10:12:12.000Z' },
    });
    expect(JSON.stringify(body)).not.toMatch(/:\s*1[67]\d{11}/);
  });
});

describe('incidents', () => {
  it('hands every filter on', async () => {
    const { url, operations } = await start();
    const query = `state=open&server=MBX1&healthSet=IMAP&outcome=escalated&since=${ISO}&limit=7&cursor=abc`;
    expect((await get(`${url}/api/v1/incidents?${query}`)).body).toMatchObject({ next: 'more' });
    expect(operations.asked).toEqual([
      { state: 'open', server: 'MBX1', healthSet: 'IMAP', outcome: 'escalated', since: NOW, limit: 7, cursor: 'abc' },
    ]);
  });

  it('asks for fifty unless told', async () => {
    const { url, operations } = await start();
    await get(`${url}/api/v1/incidents`);
    expect(operations.asked).toEqual([{ limit: 50 }]);
  });

  it.each([
    ['limit=0', '/limit'],
    ['limit=501', '/limit'],
    ['limit=ten', '/limit'],
    ['limit=1&limit=2', '/limit'],
    ['state=shut', '/state'],
    ['outcome=fine', '/outcome'],
    ['since=yesterday', '/since'],
    ['server=', '/server'],
    ['colour=red', ''],
  ])('refuses ?%s', async (query, pointer) => {
    const { url } = await start();
    const { status, body } = await get(`${url}/api/v1/incidents?${query}`);
    expect([status, body.problems]).toEqual([400, [expect.objectContaining({ pointer })]]);
  });

  it('a cursor that no answer gave is refused, and not taken for a defect', async () => {
    const { url } = await start({
      incidents: async ({ cursor }) => {
        throw new RangeError(`cursor ${cursor}`);
      },
    });
    const { status, body } = await get(`${url}/api/v1/incidents?cursor=zzz`);
    expect([status, body.problems]).toEqual([400, [expect.objectContaining({ pointer: '/cursor' })]]);
    expect((await get(`${url}/api/v1/incidents`)).status).toBe(500);
  });

  it('names all problems of a query at once', async () => {
    const { url } = await start();
    const { body } = await get(`${url}/api/v1/incidents?limit=0&state=x&since=y`);
    expect(body.problems).toHaveLength(3);
  });

  it.each(['nothing', '..', '%00', '%2e%2e%2f', '%', '%zz', '%c3%28', 'x'.repeat(2000), '%F0%9F%94%A5', '<script>'])(
    '%s is no incident',
    async (id) => {
      const { url } = await start();
      const response = await fetch(`${url}/api/v1/incidents/${id}/journal`);
      expect([response.status, response.headers.get('content-type')]).toEqual([
        404,
        'application/problem+json; charset=utf-8',
      ]);
    },
  );

  it('a journal comes in pages where that is asked for, each with the address of the next', async () => {
    const { url } = await start();
    const seqs: number[][] = [];
    let path: string | undefined = '/api/v1/incidents/inc-1/journal?limit=2';
    while (path) {
      const response: Response = await fetch(url + path);
      seqs.push(((await response.json()) as { seq: number }[]).map(({ seq }) => seq));
      path = /^<(.*)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
    }
    expect(seqs).toEqual([[1, 2], [3]]);
    expect((await get(`${url}/api/v1/incidents/inc-1/journal?after=x&limit=0`)).body.problems).toHaveLength(2);
  });

  it.each(['approve', 'reject', 'cancel'] as const)('%s', async (verb) => {
    const { url, operations } = await start();
    const ask = (id: string, body: unknown) => post(`${url}/api/v1/incidents/${id}/${verb}`, body);
    const done = await ask('inc-1', { by: 'jane', note: 'ok' });
    expect([done.status, ((await done.json()) as { id: string }).id]).toEqual([200, INCIDENT.id]);
    expect(operations.asked).toEqual([[verb, 'inc-1', { by: 'jane', note: 'ok' }]]);
    const conflict = await ask('over', { by: 'jane' });
    expect([conflict.status, ((await conflict.json()) as { detail: string }).detail]).toEqual([409, 'it is finished']);
    const uncopied = await ask('uncopied', { by: 'jane' });
    expect([uncopied.status, uncopied.headers.get('retry-after')]).toEqual([503, '5']);
    expect(((await uncopied.json()) as { detail: string }).detail).toMatch(/^Done, but .*0 of 1 replicas have it/);
    expect((await ask('gone', { by: 'jane' })).status).toBe(404);
    expect((await ask('inc-1', {})).status).toBe(400);
    expect((await ask('inc-1', { by: 'jane', force: true })).status).toBe(400);
    expect((await ask('inc-1', { by: 5 })).status).toBe(400);
  });

  it('the journal names the authenticated caller next to the claimed one', async () => {
    const tokens = [{ name: 'ops', role: 'operator', token: 't' }] as const;
    const { url, operations } = await start({}, { config: { tokens } });
    const approve = (body?: object) =>
      fetch(`${url}/api/v1/incidents/inc-1/approve`, {
        method: 'POST',
        headers: { Authorization: 'Bearer t', ...(body && { 'Content-Type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
      });
    await approve();
    await approve({ by: 'ops' });
    await approve({ by: 'jane' });
    expect(operations.asked.map((asked) => (asked as [string, string, { by: string }])[2].by)).toEqual([
      'ops',
      'ops',
      'jane (ops)',
    ]);
  });
});

describe('kill switch', () => {
  const put = (url: string, body: unknown) =>
    fetch(`${url}/api/v1/kill-switch`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('shows the switch for everything at the top', async () => {
    const part = { on: true, scope: { server: 'mbx1' }, by: 'joe', reason: 'disk', since: NOW };
    const whole = { on: true, scope: {}, by: 'jane', reason: 'network', since: NOW };
    const { url } = await start({ killSwitches: async () => [part, whole] });
    expect((await get(`${url}/api/v1/kill-switch`)).body).toEqual({
      ...whole,
      since: ISO,
      switches: [
        { ...part, since: ISO },
        { ...whole, since: ISO },
      ],
    });
  });

  it('is off when no switch is on', async () => {
    const { url } = await start();
    expect((await get(`${url}/api/v1/kill-switch`)).body).toEqual({ on: false, switches: [] });
  });

  it('is switched with its scope', async () => {
    const { url, operations } = await start();
    const response = await put(url, { on: true, scope: { group: 'dag1' }, by: 'jane', reason: 'works' });
    expect(await response.json()).toMatchObject({ on: true, scope: { group: 'dag1' }, by: 'jane', since: ISO });
    expect(operations.asked).toEqual([['kill', true, { group: 'dag1' }, 'jane', 'works']]);
  });

  it('a name that nobody knows is said beside the switch, which is on', async () => {
    const { url } = await start();
    const answer = await (await put(url, { on: true, scope: { server: 'mbx11' }, by: 'jane' })).json();
    expect(answer).toMatchObject({ on: true, scope: { server: 'mbx11' }, warnings: ['There is no server "mbx11"'] });
  });

  it.each([
    [{}],
    [{ on: 'yes', by: 'x' }],
    [{ on: true }],
    [{ on: true, by: 'x', scope: { dag: 'dag1' } }],
    [[]],
    [null],
  ])('refuses %j', async (body) => {
    const { url } = await start();
    expect((await put(url, body)).status).toBe(400);
  });
});

describe('what is owed', () => {
  const post = (url: string, verb: string, body: unknown) =>
    fetch(`${url}/api/v1/undo/${verb}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('is put back when a person asks for it, and the incident that does it is the answer', async () => {
    const { url, operations } = await start();
    const response = await post(url, 'put-back', {
      server: 'mbx1',
      setting: 'activation',
      by: 'jane',
      note: 'quiet now',
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id: 'inc-1' });
    const owed = { server: 'mbx1', setting: 'activation' };
    expect(operations.asked).toEqual([['putBack', owed, { by: 'jane', note: 'quiet now' }]]);
  });

  it('is struck out when a person says what was done by hand', async () => {
    const { url, operations } = await start();
    expect((await post(url, 'settle', { server: 'mbx1', by: 'jane', note: 'done' })).status).toBe(200);
    expect(operations.asked).toEqual([['settle', { server: 'mbx1' }, { by: 'jane', note: 'done' }]]);
  });

  it.each([
    ['put-back', { by: 'jane' }, 400, '/server'],
    ['put-back', { server: 'mbx1' }, 400, '/by'],
    ['put-back', { server: 'mbx1', by: 'jane', what: 'all' }, 400, ''],
    ['settle', { server: 'mbx1', by: 'jane' }, 400, '/note'],
    ['settle', { server: 'mbx1', by: 'jane', note: '' }, 400, '/note'],
    ['put-back', { server: 'mbx2', by: 'jane' }, 404, undefined],
    ['put-back', { server: 'busy', by: 'jane' }, 409, undefined],
  ])('%s %j: %i', async (verb, body, status, pointer) => {
    const { url } = await start();
    const response = await post(url, verb, body);
    const problem = (await response.json()) as { problems: { pointer: string }[] };
    expect(response.status).toBe(status);
    if (pointer !== undefined) expect(problem.problems.map((one) => one.pointer)).toContain(pointer);
  });
});

describe('explanations of playbooks', () => {
  const explain = async (query: string) => {
    const { url } = await start();
    return fetch(`${url}/api/v1/playbooks/${query}`);
  };

  it.each([
    ['md', 'text/markdown; charset=utf-8', '# Playbook imap-protocol'],
    ['html', 'text/html; charset=utf-8', '<h1>Playbook imap-protocol</h1>'],
    ['svg', 'image/svg+xml; charset=utf-8', '<svg xmlns='],
    ['mermaid', 'text/plain; charset=utf-8', 'flowchart TD'],
  ])('as %s are %s', async (format, type, part) => {
    const response = await explain(`imap-protocol/explain?format=${format}`);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type]);
    expect(await response.text()).toContain(part);
  });

  it('in a browser may use exactly their own styles, and nothing else', async () => {
    const response = await explain('imap-protocol/explain?format=html');
    const styles = [...(await response.text()).matchAll(/<style>([^<]*)<\/style>/g)].map(
      ([, style = '']) => `'sha256-${createHash('sha256').update(style).digest('base64')}'`,
    );
    const policy = response.headers.get('content-security-policy');
    expect(policy).toMatch(/^default-src 'none';/);
    expect(policy).toContain(`; style-src ${styles.join(' ')}`);
    expect(policy).not.toContain('unsafe');
  });

  it.each([
    ['imap-protocol/explain?format=pdf', 400],
    ['imap-protocol/explain?lang=en', 400],
    ['nothing/explain', 404],
  ])('%s is answered %i', async (query, status) => {
    expect((await explain(query)).status).toBe(status);
  });
});

describe('roles', () => {
  const tokens = [
    { name: 'viv', role: 'viewer', token: 'viewer' },
    { name: 'olaf', role: 'operator', token: 'operator' },
    { name: 'ada', role: 'admin', token: 'admin' },
  ] as const;

  it.each([
    ['GET', '/api/v1/incidents', [401, 200, 200, 200]],
    ['GET', '/api/v1/events?lastEventId=x', [401, 400, 400, 400]],
    ['POST', '/api/v1/incidents/inc-1/cancel', [401, 403, 200, 200]],
    ['GET', '/api/v1/playbooks/imap-protocol/explain?format=mermaid', [401, 200, 200, 200]],
    ['POST', '/api/v1/playbooks/reload', [401, 403, 403, 200]],
    ['POST', '/api/v1/playbooks/imap-protocol/trust', [401, 403, 403, 200]],
    ['POST', '/api/v1/undo/put-back', [401, 403, 400, 400]],
    ['GET', '/queues', [401, 403, 200, 200]],
    ['GET', '/lab/v1/faults', [401, 200, 200, 200]],
    ['POST', '/lab/v1/faults', [401, 403, 200, 200]],
    ['GET', '/LAB/v1/faults', [401, 200, 200, 200]],
    ['GET', '/healthz', [200, 200, 200, 200]],
    ['GET', '/readyz', [200, 200, 200, 200]],
    ['GET', '/metrics', [200, 200, 200, 200]],
    ['GET', '/', [200, 200, 200, 200]],
  ])('%s %s: nobody, viewer, operator, admin', async (method, path, wanted) => {
    const lab = Router().all('/lab/v1/faults', (_request, response) => void response.json([]));
    const { url } = await start({}, { config: { tokens }, lab });
    const asked = ['', 'viewer', 'operator', 'admin'].map(async (token) => {
      const response = await fetch(url + path, { method, headers: token ? { Authorization: `Bearer ${token}` } : {} });
      return response.status;
    });
    expect(await Promise.all(asked)).toEqual(wanted);
  });
});

describe('errors', () => {
  it.each([
    ['GET', '/nothing', 404],
    ['GET', '/api/v1', 404],
    ['GET', '/api/v2/incidents', 404],
    ['DELETE', '/api/v1/incidents', 405],
    ['POST', '/api/v1/incidents', 405],
    ['GET', '/api/v1/alerts/scom', 405],
    ['POST', '/api/v1/alerts/nagios', 404],
    ['PUT', '/healthz', 405],
    ['TRACE', '/nothing', 404],
  ])('%s %s → %i', async (method, path, status) => {
    const { url } = await start();
    const { hostname, port } = new URL(url);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () =>
        socket.end(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`),
      );
      let text = '';
      socket.on('data', (data) => {
        text += data;
      });
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
    });
    expect(answer).toContain(`HTTP/1.1 ${status} `);
    expect(answer).toContain('application/problem+json');
    if (status === 405) expect(answer).toMatch(/^Allow: /m);
  });

  it('a defect is a 500 that tells nothing of the inside, and is logged with what led to it', async () => {
    const { url, lines } = await start({
      incidents: async () => {
        throw new TypeError('secret detail');
      },
    });
    const { status, body } = await get(`${url}/api/v1/incidents`);
    expect([status, JSON.stringify(body)]).toEqual([500, expect.not.stringContaining('secret detail')]);
    expect(lines.join()).toContain('/api/v1/incidents → 500');
  });

  it('the same is a 503 while the store is away', async () => {
    const { url } = await start({
      incidents: async () => {
        throw new Error('connection lost');
      },
      readiness: async () => ({ ready: false, parts: [{ part: 'store', ok: false, says: 'Redis is away' }] }),
    });
    const { status, headers, body } = await get(`${url}/api/v1/incidents`);
    expect([status, headers.get('retry-after'), body.detail]).toEqual([503, '5', 'Redis is away']);
    expect((await get(`${url}/readyz`)).status).toBe(503);
    expect((await get(`${url}/healthz`)).status).toBe(200);
  });

  it('not ready when nobody can say', async () => {
    const { url } = await start({ readiness: () => Promise.reject(new Error('away')) });
    expect((await get(`${url}/readyz`)).status).toBe(503);
  });

  it('playbooks that are not valid: every problem, and its place', async () => {
    const bad = new ConfigError([
      { file: 'a.yaml', line: 3, column: 1, path: 'steps', message: 'is empty' },
      {
        ...{ file: 'a.yaml', line: 9, column: 7, path: 'mode', message: 'is unknown' },
        ...{ endColumn: 11, excerpt: 'mode: atuo\n      ^^^^' },
      },
      {
        file: 'b.yaml',
        line: 7,
        column: 5,
        path: 'steps[1]',
        message: 'restarts the server too early',
        hint: 'add "- recheck" before it',
        story: ['It begins', 'It restarts'],
      },
    ]);
    const { url } = await start({ reloadPlaybooks: () => Promise.reject(bad) });
    const response = await fetch(`${url}/api/v1/playbooks/reload`, { method: 'POST' });
    expect(response.status).toBe(422);
    expect(((await response.json()) as { problems: unknown }).problems).toEqual([
      { pointer: '', message: 'a.yaml:3:1: steps: is empty' },
      {
        pointer: '',
        message: 'a.yaml:9:7: mode: is unknown',
        endColumn: 11,
        excerpt: 'mode: atuo\n      ^^^^',
      },
      {
        pointer: '',
        message: 'b.yaml:7:5: steps[1]: restarts the server too early; add "- recheck" before it',
        story: ['It begins', 'It restarts'],
      },
    ]);
  });

  it('says nothing of what it is made of, and lets no page frame or sniff it', async () => {
    const { url } = await start();
    const { headers } = await get(`${url}/healthz`);
    expect(headers.has('x-powered-by')).toBe(false);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  });

  it('a taken port is named, with the setting to change', async () => {
    const { url } = await start();
    await expect(start({}, { config: { port: Number(new URL(url).port) } })).rejects.toThrow(
      /is in use: set http\.port/,
    );
  });
});

describe('events', () => {
  const item = (n: number, says = ''): FeedItem => ({
    id: `${n}-0`,
    incident: 'inc-1',
    entry: {
      seq: n,
      at: NOW,
      worker: 'w',
      version: 1,
      type: 'slept',
      data: { until: NOW, for: 'look', says },
      previous: '',
    },
  });

  async function read(response: Response, until: string): Promise<string> {
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    let text = '';
    while (!text.includes(until)) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value, { stream: true });
    }
    await reader.cancel();
    return text;
  }

  it('sends each entry with its id, type and data', async () => {
    const { url, operations } = await start();
    operations.feedItems.push(item(1), item(2));
    const response = await fetch(`${url}/api/v1/events`);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const text = await read(response, 'id: 2-0\nevent: slept\ndata: {"incident":"inc-1","seq":2');
    const data = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '');
    expect(data).toEqual({
      incident: 'inc-1',
      seq: 1,
      at: ISO,
      type: 'slept',
      data: { until: ISO, for: 'look', says: '' },
    });
    expect(SCHEMAS.FeedEvent.safeParse(data).success).toBe(true);
  });

  it('text with line breaks stays one event', async () => {
    const { url, operations } = await start();
    operations.feedItems.push(item(1, 'a\n\nid: 99\n\ndata: x\r\n'), item(2));
    const text = await read(await fetch(`${url}/api/v1/events`), 'id: 2-0');
    expect(text.match(/^id: /gm)).toHaveLength(2);
  });

  it.each([
    ['the header', '', { 'Last-Event-ID': '17-3' }, '17-3'],
    ['the query', '?lastEventId=5-0', {}, '5-0'],
    ['the header before the query', '?lastEventId=5-0', { 'Last-Event-ID': '17-3' }, '17-3'],
    ['now', '', {}, ''],
  ])('resumes after %s', async (_name, query, headers, after) => {
    const { url, operations } = await start();
    operations.feedItems.push(item(1));
    await read(await fetch(`${url}/api/v1/events${query}`, { headers: headers as Record<string, string> }), 'id: 1-0');
    expect(operations.asked).toEqual([['feed', after]]);
  });

  it('refuses an id that is none', async () => {
    const { url } = await start();
    expect((await fetch(`${url}/api/v1/events`, { headers: { 'Last-Event-ID': '$' } })).status).toBe(400);
  });

  it('says that it is still there', async () => {
    const { url } = await start({}, { limits: { heartbeatMs: 5 } });
    expect(await read(await fetch(`${url}/api/v1/events`), ': still here')).toContain(': still here');
  });

  it('stops reading the feed when its client is gone', async () => {
    let stopped = () => {};
    const gone = new Promise<void>((resolve) => {
      stopped = resolve;
    });
    const { url } = await start({
      async *feed(_after, signal) {
        yield item(1);
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        stopped();
      },
    });
    await read(await fetch(`${url}/api/v1/events`), 'id: 1-0');
    await gone;
  });

  it('lets a client go that does not read', async () => {
    let note = (_line: string) => {};
    const noted = new Promise<string>((resolve) => {
      note = resolve;
    });
    const quiet = () => {};
    const { url } = await start(
      {
        async *feed() {
          for (let n = 1; ; n++) yield item(n, 'x'.repeat(100_000));
        },
      },
      { limits: { slowClientMs: 50 }, logger: { debug: quiet, info: quiet, warn: (line) => note(line), error: quiet } },
    );
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname, () =>
      socket.write('GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    );
    socket.pause();
    expect(await noted).toContain('read nothing for 50 ms');
    socket.destroy();
  });

  it('ends when the daemon stops, and the daemon is stopping', async () => {
    const { url, http } = await start();
    const response = await fetch(`${url}/api/v1/events`);
    await http.close(60_000);
    expect(await read(response, 'never')).toContain(': listening');
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });
});

describe('stopping', () => {
  it('finishes what is in hand', async () => {
    let store = (_stored: { id: string; repeat: boolean }[]) => {};
    let arrived = () => {};
    const inHand = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const { url, http } = await start({
      accept: () => {
        arrived();
        return new Promise((resolve) => {
          store = resolve;
        });
      },
    });
    const answer = post(`${url}/api/v1/alerts/generic`, { id: 'a', healthSet: 'IMAP', server: 'mbx1' });
    await inHand;
    const closed = http.close(60_000);
    store([{ id: 'x', repeat: false }]);
    expect((await answer).status).toBe(202);
    await closed;
  });

  it('does not wait for ever for what does not finish', async () => {
    const { url, http } = await start({ incidents: () => new Promise(() => {}) });
    const answer = fetch(`${url}/api/v1/incidents`).catch(() => 'cut off');
    await fetch(`${url}/healthz`);
    await http.close(20);
    expect(await answer).toBe('cut off');
  });

  it('may be closed before it listened, and twice', async () => {
    const { http } = await start();
    await http.close();
    await http.close();
  });
});

describe('description', () => {
  it('is complete: every registered address is documented, and nothing else', async () => {
    const { url } = await start();
    const { body } = await get(`${url}/api/v1/openapi.json`);
    const documented = Object.entries(body.paths as Record<string, object>).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method} ${path}`),
    );
    const registered = allRoutes({} as never).map((route) => `${route.method} ${openApiPath(route.path)}`);
    expect(documented.sort()).toEqual(registered.sort());
    expect(new Set(registered).size).toBe(registered.length);
  });

  it('every reference leads somewhere, and every operation has a name of its own', async () => {
    const { url } = await start();
    const { body } = await get(`${url}/api/v1/openapi.json`);
    const text = JSON.stringify(body);
    const schemas = Object.keys((body.components as { schemas: object }).schemas);
    for (const [, name] of text.matchAll(/#\/components\/schemas\/(\w+)/g)) expect(schemas).toContain(name);
    const names = [...text.matchAll(/"operationId":"(\w+)"/g)].map(([, name]) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('docs/api.md names every address', async () => {
    const page = await readFile(new URL('../../../docs/api.md', import.meta.url), 'utf8');
    const documented = [...page.matchAll(/^\| `(GET|POST|PUT) ([^`?]+)`/gm)].map(
      ([, method, path]) => `${method} ${path}`,
    );
    const registered = allRoutes({} as never).map((route) => `${route.method.toUpperCase()} ${route.path}`);
    expect(documented.sort()).toEqual(registered.sort());
  });

  it('docs/errors.md names every problem and every failure of Exchange, and no other', async () => {
    const page = await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
    const section = (title: string) => page.split(/^## /m).find((part) => part.startsWith(title)) ?? '';
    const codes = (text: string) => [...text.matchAll(/^\| `([\w-]+)`/gm)].map(([, code]) => code).sort();
    expect(codes(section('HTTP'))).toEqual(Object.keys(PROBLEM_TYPES).sort());
    expect(codes(section('Exchange'))).toEqual([...EXCHANGE_FAILURES].sort());
    for (const [code, [status]] of Object.entries(PROBLEM_TYPES)) expect(page).toContain(`| \`${code}\` | ${status} |`);
  });
});

describe('queues', () => {
  it('says why there is no board', async () => {
    const { url } = await start();
    expect(await (await fetch(`${url}/queues`)).text()).toContain('no queue board');
  });

  it('shows the board', async () => {
    const queue = new Queue('alerts', {
      connection: { host: '127.0.0.1', port: 1, lazyConnect: true, retryStrategy: () => null },
      skipMetasUpdate: true,
    });
    queue.on('error', () => {});
    const { url } = await start({}, { queues: [queue] });
    const response = await fetch(`${url}/queues`);
    const page = await response.text();
    expect([response.status, page]).toEqual([200, expect.stringContaining('Second Responder')]);
    const script = /src="(static\/js\/main[^"]+)"/.exec(page)?.[1];
    expect((await fetch(`${url}/queues/${script}`)).status).toBe(200);
    await queue.close().catch(() => {});
  });
});
