/**
 * Marked secrets in every place that takes one; then everything is done wrong. Whatever the daemon wrote, stored, answered
 * or showed to the system is searched for the marks.
 */
import { execFile } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../support/ports.ts';
import { get, type Running, Site, until } from '../support/processes.ts';

/** A part of every secret, and of nothing else. */
const MARK = /c4n4ry/i;
const secret = (of: string) => `c4n4ry-${of}-0123456789abcdef`;
const PASSWORD = secret('redis');

let site: Site;
let daemon: Running;
/** Everything that came out, with where it came from. */
const seen: [where: string, text: string][] = [];
const at = (name: string) => join(site.directory, name);

/** Where nobody listens. */
let closed: number;

function configuration(more = ''): string {
  return `
http:
  tokens:
    - { name: ada, role: admin, token: ${secret('inline')} }
    - { name: scom, role: sender, token-file: token }
    - { name: signer, role: sender, signing-secret: ${secret('signing')} }
playbooks: { directory: playbooks }
log: { level: debug, format: json }
notify:
  - { channel: log }
  - { channel: webhook, url: "http://127.0.0.1:${closed}/hooks/${secret('path')}", token-file: hook }
${more}`;
}

async function ask(path: string, init: RequestInit = {}): Promise<number> {
  const response = await fetch(daemon.url + path, init);
  seen.push([`the answer of ${path}`, JSON.stringify([...response.headers]) + (await response.text())]);
  return response.status;
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const post = (body: unknown, headers: Record<string, string>) =>
  ask('/api/v1/alerts/generic', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const log = async () => daemon.output();
const logged = (says: RegExp) => until(log, (text) => says.test(text), 20_000);

async function command(args: string[], env: Record<string, string> = {}): Promise<void> {
  const run = promisify(execFile)(process.execPath, ['dist/main.js', ...args], { env: { ...process.env, ...env } });
  const { stdout, stderr } = await run.catch((failed: { stdout: string; stderr: string }) => failed);
  seen.push([args.join(' '), stdout + stderr]);
}

beforeAll(async () => {
  site = await Site.open();
  closed = await freePort();
  cpSync('config/playbooks', at('playbooks'), { recursive: true });
  writeFileSync(at('token'), `${secret('new')}\n${secret('old')}\n`);
  writeFileSync(at('hook'), secret('hook'));
  writeFileSync(at('c.yaml'), configuration());
  const redis = await site.redis();
  const admin = new Redis(redis.address, { lazyConnect: true });
  await admin.config('SET', 'requirepass', PASSWORD);
  admin.disconnect();
  const address = redis.address.replace('//', `//:${PASSWORD}@`);
  daemon = await site.daemon({ REDIS_URL: address }, ['--config', at('c.yaml')]);

  // The right ones, so that there is something to store; and an incident that ends in a webhook that fails.
  expect(await post({ id: 'a', server: 'nowhere', healthSet: 'IMAP' }, bearer(secret('new')))).toBe(202);
  expect(await post({ id: 'b', server: 'mbx1', healthSet: 'IMAP' }, bearer(secret('old')))).toBe(202);
  await logged(/webhook 127\.0\.0\.1:\d+/);

  // Everything wrong.
  expect(await post('{}', bearer(secret('guess')))).toBe(401);
  expect(await post('{}', { Authorization: `Basic ${btoa(`me:${secret('guess')}`)}` })).toBe(401);
  expect(await post('{"id": nope', bearer(secret('new')))).toBe(400);
  expect(await post('{}', { 'X-Timestamp': '1', 'X-Signature': secret('signing') })).toBe(401);
  const now = `${Math.floor(Date.now() / 1000)}`;
  expect(await post('{}', { 'X-Timestamp': now, 'X-Signature': `sha256=${secret('signing')}` })).toBe(401);
  expect(await ask('/api/v1/incidents', { headers: bearer(secret('new')) })).toBe(403);
  expect(await ask('/api/v1/incidents?limit=0', { headers: bearer(secret('inline')) })).toBe(400);
  expect(await ask('/api/v1/openapi.json', { headers: bearer(secret('inline')) })).toBe(200);
  writeFileSync(at('playbooks/bad.yaml'), 'playbook: [');
  expect(await ask('/api/v1/playbooks/reload', { method: 'POST', headers: bearer(secret('inline')) })).toBe(422);
  writeFileSync(at('token'), 'c4n4ry-short');
  await logged(/token: has fewer than 16 characters/);
  writeFileSync(at('token'), secret('inline'));
  await logged(/each token needs its own/);
  for (const path of ['/metrics', '/readyz', '/healthz', '/', '/queues'])
    await ask(path, { headers: bearer(secret('inline')) });
  const list = await fetch(`${daemon.url}/api/v1/incidents`, { headers: bearer(secret('inline')) });
  const { incidents } = (await list.json()) as { incidents: { id: string }[] };
  expect(incidents.length).toBeGreaterThan(0);
  for (const { id } of incidents) {
    for (const what of ['', '/journal']) {
      expect(await ask(`/api/v1/incidents/${id}${what}`, { headers: bearer(secret('inline')) })).toBe(200);
    }
  }
  seen.push(['the command line of the daemon', readFileSync(`/proc/${daemon.pid}/cmdline`, 'latin1')]);

  // The store goes, comes back without its password, and then with another.
  const port = Number(new URL(redis.address).port);
  await redis.kill('SIGKILL');
  await until(
    () => ask('/readyz'),
    (status) => status === 503,
    60_000,
  );
  expect(await post({ id: 'c', server: 'mbx1', healthSet: 'IMAP' }, bearer(secret('inline')))).toBe(503);
  await ask('/metrics');
  const again = await site.redis(port);
  await until(
    () => get<{ ready: boolean }>(`${daemon.url}/readyz`),
    ({ ready }) => ready,
    5_000,
  ).catch(() => undefined);
  const other = new Redis(again.address, { lazyConnect: true });
  await other.config('SET', 'requirepass', 'another-password');
  await other.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  other.disconnect();
  await until(
    () => ask('/readyz'),
    (status) => status === 503,
    60_000,
  );
  await ask('/metrics');

  await command(['config', 'show', '--config', at('c.yaml')], { REDIS_URL: address });
  await command(['config', 'show', '--json', '--config', at('c.yaml')], { REDIS_URL: address });
  writeFileSync(
    at('bad.yaml'),
    configuration(`store: { url: "http://:${PASSWORD}@x" }\nlab: { speed: *${secret('alias')} }`),
  );
  await command(['config', 'check', '--config', at('bad.yaml')], { REDIS_URL: `redis://:${PASSWORD}/@x@y` });
  await command(['serve', '--config', at('c.yaml')], {
    REDIS_URL: `redis://:${PASSWORD}/@x@y`,
    SECOND_RESPONDER_HTTP_PORT: '0',
  });
  await command(['serve'], {
    SECOND_RESPONDER_HTTP_TOKENS: `[{"name":"a","role":"boss","token":"${secret('list')}"}]`,
  });
  await command(['undo', 'list', '--url', daemon.url], { SECOND_RESPONDER_TOKEN: secret('guess') });
  await Promise.all([
    command(['config', 'check'], {
      SECOND_RESPONDER_EXCHANGE_URL: `http://u:${secret('login')}@x`,
      SECOND_RESPONDER_HTTP_TLS_CERT_FILE: secret('pem'),
      SECOND_RESPONDER_STORE_URL: `https://x?token=${secret('query')}`,
    }),
    command(['serve'], { REDIS_URL: `rediss://localhost:1?auth=${secret('query')}`, SECOND_RESPONDER_HTTP_PORT: '0' }),
    command(['incidents', 'list', '--url', `http://x?token=${secret('query')}`]),
    command(['incidents', 'list', '--url', daemon.url], { SECOND_RESPONDER_TOKEN: `${secret('header')}\u0001x` }),
    command(['incidents', 'list', `--token=${secret('option')}`]),
  ]);

  await daemon.kill('SIGTERM');
  seen.push(['the log', daemon.output()]);
  for (const name of readdirSync(at('appendonlydir'))) {
    seen.push([`the store's ${name}`, readFileSync(join(at('appendonlydir'), name), 'latin1')]);
  }
}, 240_000);
afterAll(() => site.close());

it('no secret is in a log, journal, answer, metric, error, command or store', () => {
  expect(seen.length).toBeGreaterThan(30);
  const found = seen.flatMap(([where, text]) => {
    const place = MARK.exec(text)?.index;
    return place === undefined ? [] : [`${where}: …${text.slice(Math.max(0, place - 100), place + 60)}…`];
  });
  expect(found).toEqual([]);
});

it('gives none to its children', async () => {
  const own = await Site.open();
  try {
    // Redis writes over its own environment: a program of its name tells what it was given.
    const { stdout } = await promisify(execFile)('sh', ['-c', 'command -v redis-server']);
    const told = join(own.directory, 'told');
    const program = `#!/bin/sh\nenv >>'${told}'\necho "arguments: $*" >>'${told}'\nexec ${stdout.trim()} "$@"\n`;
    writeFileSync(join(own.directory, 'redis-server'), program, { mode: 0o755 });
    const tokens = `[{"name":"ada","role":"admin","token":"${secret('variable')}"}]`;
    const PATH = `${own.directory}:${process.env.PATH}`;
    const { pid } = await own.daemon({ PATH, SECOND_RESPONDER_HTTP_TOKENS: tokens });
    expect(readFileSync(`/proc/${pid}/environ`, 'latin1')).toMatch(MARK);
    expect(readFileSync(told, 'utf8')).toMatch(/^PATH=.*^arguments: -$/ms);
    expect(readFileSync(told, 'utf8')).not.toMatch(MARK);
  } finally {
    await own.close();
  }
});
