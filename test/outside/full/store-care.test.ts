/** Runs the commands of docs/store.md: backs up a store in use, restores it elsewhere, and rebuilds its indexes. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, it } from 'vitest';
import type { IncidentView } from '../../../src/incident/view.ts';
import { get, post, Site, until } from '../../support/processes.ts';

const MAIN = join(process.cwd(), 'dist/main.js');
const SELF_TEST = { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor', status: 'firing' };

let site: Site | undefined;
afterEach(() => site?.close());

/** The commands that a chapter of the page shows. */
function typed(chapter: string): string[] {
  const text = readFileSync('docs/store.md', 'utf8').split(`### ${chapter}\n`)[1]?.split(/^#/m)[0] ?? '';
  return [...text.matchAll(/^ {4}\$ (.*)$/gm)].map(([, command = '']) => command);
}

const run = promisify(execFile);

/** The command line in the folder of the daemon; answers what it prints and its exit code. */
async function sr(cwd: string, env: Record<string, string>, ...args: string[]) {
  const { REDIS_URL: _, ...inherited } = process.env;
  return run(process.execPath, [MAIN, ...args], { cwd, env: { ...inherited, NODE_ENV: 'production', ...env } }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout,
      err: error.stderr,
    }),
  );
}

it('a store that is in use is saved and restored elsewhere: what was open goes on, what was finished is whole', async () => {
  site = await Site.open();
  const lab = await site.lab(100);
  const cwd = site.directory;
  const inStore = (name: string) => ({ SECOND_RESPONDER_STORE_DIRECTORY: join(cwd, name) });
  const env = { SECOND_RESPONDER_EXCHANGE_URL: lab.url };
  const daemon = await site.daemon({ ...env, ...inStore('data') });
  const incidents = async (url: string) =>
    (await get<{ incidents: IncidentView[] }>(`${url}/api/v1/incidents`)).incidents;
  const sick = (fault: string, server: string) => post(`${lab.url}/lab/v1/faults`, { fault, server });
  const alert = (url: string, server: string) =>
    post(`${url}/api/v1/alerts/generic`, { id: `${server}-1`, server, ...SELF_TEST });

  await sick('transient', 'mbx2');
  expect((await alert(daemon.url, 'mbx2')).status).toBe(202);
  await until(
    () => incidents(daemon.url),
    ([one]) => one?.state === 'finished',
    20_000,
  );
  await sick('imap-backend-wedged', 'mbx1');
  await alert(daemon.url, 'mbx1');
  await until(
    () => incidents(daemon.url),
    (all) => all.some(({ steps }) => steps.length > 0),
    20_000,
  );

  expect(await sr(cwd, inStore('data'), 'store', 'reindex')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^A daemon uses this store/),
  });
  for (const command of typed('Back up a running store')) await run('sh', ['-c', command], { cwd });
  await daemon.kill('SIGTERM');

  for (const command of typed('Restore a backup')) await run('sh', ['-c', command], { cwd });
  const reindexed = await sr(cwd, inStore('restored'), 'store', 'reindex', '--json');
  expect(JSON.parse(reindexed.out)).toEqual({ incidents: 2, open: 1, owed: expect.any(Number), unreadable: [] });

  const heir = await site.daemon({ ...env, ...inStore('restored') });
  const done = await until(
    () => incidents(heir.url),
    (all) => all.every(({ state }) => state === 'finished'),
    50_000,
  );
  expect(Object.fromEntries(done.map(({ server, outcome }) => [server, outcome]))).toEqual({
    mbx1: 'recovered',
    mbx2: 'transient',
  });
  for (const { id } of done) {
    expect(await get(`${heir.url}/api/v1/incidents/${id}/verify`)).toMatchObject({ ok: true });
  }
  // A command that had been sent after the store was saved is seen to have been done, and not sent again.
  const commands = await get<{ caller: string; command: string; effect: string }[]>(`${lab.url}/lab/v1/commands`);
  const changed = commands
    .filter(({ effect }) => effect === 'changed')
    .map(({ caller, command }) => `${caller}: ${command}`);
  expect(changed).not.toEqual([]);
  expect(changed).toEqual([...new Set(changed)]);
  expect((await alert(heir.url, 'mbx2')).body).toMatchObject({ repeats: 1 });

  await heir.kill('SIGTERM');
  await cp(join(cwd, 'restored'), join(cwd, 'copied'), { recursive: true });
  expect((await sr(cwd, inStore('copied'), 'store', 'reindex')).out).toMatch(/incidents: 2, open: 0/);
}, 90_000);
