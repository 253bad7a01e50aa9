/** The built daemon is sent every signal, loses its terminal and the reader of its log, and says goodbye all the same. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../support/ports.ts';
import { get, post, type Running, Site, until } from '../support/processes.ts';

let site: Site;
let daemon: Running;
const at = (name: string) => join(site.directory, name);
const said = (says: RegExp) =>
  until(
    async () => daemon.output(),
    (log) => says.test(log),
    20_000,
  );
const send = (signal: NodeJS.Signals) => process.kill(daemon.pid, signal);

interface Playbooks {
  playbooks: { name: string; mode: string }[];
}
const playbooks = async () => (await get<Playbooks>(`${daemon.url}/api/v1/playbooks`)).playbooks;
const configure = (text: string) => writeFileSync(at('c.yaml'), `playbooks: { directory: playbooks }\n${text}\n`);

beforeAll(async () => {
  site = await Site.open();
  cpSync('config/playbooks', at('playbooks'), { recursive: true });
  configure('safety: { mode: auto }');
  writeFileSync(at('lab.json'), '{"version":1,"id":');
  daemon = await site.daemon({ SECOND_RESPONDER_LOG_FORMAT: 'json' }, ['--config', at('c.yaml')]);
}, 120_000);
afterAll(() => site.close());

it('starts though the world it kept is broken, says so, and loses nothing of it', async () => {
  const log = await said(/The lab state in \S+ can't be used/);
  const [, name = ''] = / was renamed to (\S+?),/.exec(log) ?? [];
  expect(readFileSync(name, 'utf8')).toBe('{"version":1,"id":');
});

it('SIGHUP reloads playbooks and configuration, and says what has to wait for a restart', async () => {
  expect((await playbooks()).map(({ mode }) => mode)).toContain('auto');
  const before = (await playbooks()).length;
  const file = at('playbooks/imap-proxy.yaml');
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    at('playbooks/another.yaml'),
    text.replace(/^playbook: .*$/m, 'playbook: another').replace(/^mode: auto$/m, 'mode: observe'),
  );
  // Two cannot treat one monitor.
  rmSync(file);
  configure('safety: { mode: approve }\nlog: { level: debug }\nhttp: { body-limit: 3mb }');
  send('SIGHUP');
  await said(/"message":"Reloaded \(SIGHUP\): \d+ playbooks","changed":\["safety.mode","log.level"\]/);
  await said(/require a restart: http\.body-limit"/);
  const now = await playbooks();
  expect(now).toHaveLength(before);
  expect(now.map(({ name }) => name)).toContain('another');
  expect(now.map(({ mode }) => mode)).not.toContain('auto');
});

it('a SIGHUP with anything wrong changes nothing, and every problem is in the log', async () => {
  const before = await playbooks();
  configure('safety: { mode: bold, approvers: 99 }\nlog: { level: error }');
  send('SIGHUP');
  await said(
    /Failed to reload; the previous settings stay in force: [^"]*c\.yaml:2:\d+: safety\.mode.*safety\.approvers/,
  );
  configure('safety: { mode: observe }');
  writeFileSync(at('playbooks/bad.yaml'), 'playbook: [');
  send('SIGHUP');
  await said(/Failed to reload; the previous settings stay in force: [^"]*bad\.yaml:1/);
  expect(await playbooks()).toEqual(before);
});

it.each(['SIGUSR1', 'SIGUSR2', 'SIGALRM'] as const)('%s is named, and nothing else happens', async (signal) => {
  send(signal);
  await said(new RegExp(`Ignored ${signal}`));
  expect((await get<{ ready: boolean }>(`${daemon.url}/readyz`)).ready).toBe(true);
  expect(daemon.output()).not.toContain('Debugger');
});

it('SIGQUIT stops it like SIGTERM, with a goodbye', async () => {
  send('SIGQUIT');
  await expect(daemon.ended).rejects.toThrow(/ended with 0:.*Stopping \(SIGQUIT\).*"Stopped"/s);
});

it('goes on when nobody reads its log and its errors any more', async () => {
  const port = await freePort();
  const child = spawn(process.execPath, ['dist/main.js', 'serve'], {
    env: { ...process.env, ...place('unread', port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    await once(child.stdout, 'data');
    child.stdout.destroy();
    child.stderr.destroy();
    const url = `http://127.0.0.1:${port}`;
    await until(() => isReady(url), Boolean, 60_000);
    // Each of these is a line, or some.
    for (const id of ['a', 'b', 'c']) {
      const alert = { id, server: 'nowhere', healthSet: 'IMAP' };
      expect((await post(`${url}/api/v1/alerts/generic`, alert)).status).toBe(202);
    }
    child.kill('SIGHUP');
    expect(await isReady(url)).toBe(true);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
}, 120_000);

const hasScript = existsSync('/usr/bin/script');
it.skipIf(!hasScript)(
  'stops when its terminal is closed, and reloads while it is open',
  async () => {
    const port = await freePort();
    const command = `exec ${process.execPath} dist/main.js serve`;
    const terminal = spawn('/usr/bin/script', ['-qfec', command, at('typescript')], {
      env: { ...process.env, ...place('terminal', port) },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const url = `http://127.0.0.1:${port}`;
    await until(() => isReady(url), Boolean, 60_000);
    const children = readFileSync(`/proc/${terminal.pid}/task/${terminal.pid}/children`, 'utf8');
    const pid = Number(children.trim().split(' ')[0]);
    process.kill(pid, 'SIGHUP');
    await until(
      async () => readFileSync(at('typescript'), 'utf8'),
      (text) => text.includes('Reloaded (SIGHUP)'),
      20_000,
    );
    terminal.kill('SIGKILL');
    await until(
      () => isReady(url),
      (ready) => !ready,
      20_000,
    );
    await until(
      async () => existsSync(`/proc/${pid}`),
      (there) => !there,
      20_000,
    );
    // A goodbye: its private Redis, which removes this file at its end, is stopped too.
    expect(existsSync(join(at('terminal'), 'redis.pid'))).toBe(false);
  },
  120_000,
);

const place = (name: string, port: number) => ({
  NODE_ENV: 'production',
  SECOND_RESPONDER_STORE_DIRECTORY: at(name),
  SECOND_RESPONDER_HTTP_PORT: `${port}`,
});

const isReady = (url: string) =>
  fetch(`${url}/readyz`).then(
    (answer) => answer.ok,
    () => false,
  );
