import { spawn } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { get, post, type Running, Site, until } from '../../support/processes.ts';

const MAIN = join(process.cwd(), 'dist/main.js');

let site: Site;
let daemon: Running;
let folder: string;
let env: Record<string, string>;

/** Runs a command with the daemon's configuration. */
function sr(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env } });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (err += chunk));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

async function edit(from: string | RegExp, to: string): Promise<void> {
  const file = join(folder, 'imap-protocol.yaml');
  const text = await readFile(file, 'utf8');
  expect(text).toMatch(from);
  await writeFile(file, text.replace(from, to));
}

beforeAll(async () => {
  site = await Site.open();
  folder = join(site.directory, 'playbooks');
  await cp('config/playbooks', folder, { recursive: true });
  const settings = { SECOND_RESPONDER_LAB_SPEED: '2000', SECOND_RESPONDER_PLAYBOOKS_DIRECTORY: folder };
  daemon = await site.daemon(settings);
  env = { ...settings, SECOND_RESPONDER_URL: daemon.url };
  await post(`${daemon.url}/lab/v1/faults`, { fault: 'imap-backend-wedged', server: 'mbx1' });
  const alert = { id: 'a1', server: 'mbx1', healthSet: 'IMAP.Protocol', status: 'firing' };
  await post(`${daemon.url}/api/v1/alerts/generic`, alert);
  const finished = () => get<{ incidents: { id: string }[] }>(`${daemon.url}/api/v1/incidents?state=finished`);
  await until(finished, (answer) => answer.incidents.length > 0, 60_000);
});
afterAll(() => site.close());

describe('with the incidents of a daemon', () => {
  test('the playbooks that it runs are no difference, from the daemon and from an export', async () => {
    expect(await sr('playbooks', 'diff')).toMatchObject({ code: 0, out: 'no difference in meaning\n' });
    const direct = await sr('playbooks', 'backtest');
    expect(direct).toMatchObject({ code: 0, err: '' });
    expect(direct.out).toContain('1 is the same.');
    const file = join(site.directory, 'journals.jsonl');
    await writeFile(file, (await sr('incidents', 'export')).out);
    expect((await sr('playbooks', 'backtest', '--journals', file)).out).toBe(direct.out);
  });

  test('an edit is described, compared, and can fail a pipeline', async () => {
    await edit('- recheck\n', '- recheck: { attempts: 5 }\n');
    expect((await sr('playbooks', 'diff')).out).toContain('step 2 (recheck): attempts: 3 → 5');
    const compared = await sr('playbooks', 'backtest', '--json');
    const { incidents, findings } = JSON.parse(compared.out);
    expect({ code: compared.code, incidents }).toEqual({ code: 0, incidents: 1 });
    expect(findings[0]).toMatchObject({ certainty: 'unknown', openedAt: expect.stringMatching(/^\d{4}-.*Z$/) });
    expect((await sr('playbooks', 'backtest', '--fail-on', 'unknown')).code).toBe(1);
    expect((await sr('playbooks', 'backtest', '--fail-on', 'reboots,woken')).code).toBe(0);
    expect((await sr('playbooks', 'backtest', '--server', 'mbx2')).out).toBe('No finished incident was found.\n');
  });

  test('reload reads the files, and a backtest needs those of the daemon', async () => {
    expect(await sr('playbooks', 'reload')).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringContaining('Reloaded'),
    });
    expect((await sr('playbooks', 'diff')).out).toBe('no difference in meaning\n');
    const elsewhere = await sr('playbooks', 'reload', '--backtest');
    expect(elsewhere).toMatchObject({ code: 2, err: expect.stringContaining('run it where the daemon runs') });
  });

  test('reload --backtest keeps the old playbooks when an incident gets worse, unless --yes', async () => {
    await edit('- recheck: { attempts: 5 }', '- recheck');
    await edit('- fail-over-databases', '- escalate: a person\n    when: { version: 2013 }\n  - fail-over-databases');
    // The daemon of the configuration: its port, and no address on the command line.
    const { SECOND_RESPONDER_URL: url = '', ...own } = env;
    env = { ...own, SECOND_RESPONDER_HTTP_PORT: new URL(url).port, SECOND_RESPONDER_STORE_DIRECTORY: site.directory };
    const refused = await sr('playbooks', 'reload', '--backtest');
    expect(refused.code).toBe(1);
    expect(refused.out).toContain('escalates at step 3 (Escalate to a person)');
    expect(refused.out).toContain('Not reloaded: 1 incident');
    expect((await sr('playbooks', 'diff')).out).toContain(
      'step 3 is new: escalate (Escalate to a person) when version: 2013',
    );
    expect(await sr('playbooks', 'reload', '--backtest', '--yes')).toMatchObject({ code: 0 });
    expect((await sr('playbooks', 'diff')).out).toBe('no difference in meaning\n');
  });

  test.each<[says: string, args: string[], code: number, message: RegExp]>([
    ['a kind that does not exist', ['backtest', '--fail-on', 'minutes'], 2, /is none of reboots, restarts, woken/],
    ['a file that does not exist', ['diff', 'none.yaml'], 1, /none\.yaml/],
    ['journals that do not exist', ['backtest', '--journals', 'none.jsonl'], 1, /The journals cannot be read/],
  ])('refuses %s in words', async (_, args, code, message) => {
    const ran = await sr('playbooks', ...args);
    expect(ran.code).toBe(code);
    expect(ran.err).toMatch(message);
    expect(ran.err).not.toContain('    at ');
  });
});
