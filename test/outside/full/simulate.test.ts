import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { get, post, type Running, Site, until } from '../../support/processes.ts';

const MAIN = join(process.cwd(), 'dist/main.js');

interface Ran {
  code: number | null;
  out: string;
  err: string;
}

/** Runs the command with this input; its output has no colours, because it is not a terminal. */
function simulate(args: string[], input = '', env: Record<string, string> = {}): Promise<Ran> {
  const child = spawn(process.execPath, [MAIN, 'simulate', ...args], { env: { ...process.env, ...env } });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (err += chunk));
  child.stdin.end(input);
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

describe('second-responder simulate', () => {
  it('plays an incident, and its exit code says whether the server is healthy', async () => {
    const [healed, escalated] = await Promise.all([
      simulate(['--fault', 'imap-backend-wedged', '--server', 'mbx1']),
      simulate(['--server', 'mbx9']),
    ]);
    expect(healed).toMatchObject({ code: 0, err: '' });
    expect(healed.out).toMatch(/RECOVERED after \d+ min .*Nobody was woken/);
    expect(healed.out).toContain('PS> Restart-Computer -ComputerName mbx1');
    expect(escalated.code).toBe(1);
    expect(escalated.out).toMatch(/ESCALATED after .*A person was notified/);
  });

  it('prints one event per line with --json', async () => {
    const { out } = await simulate(['--server', 'mbx1', '--fault', 'imap-backend-hang', '--json']);
    const types = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).type);
    expect(types.slice(0, 3)).toEqual(['opened', 'verified', 'matched']);
    expect(types.at(-1)).toBe('finished');
  });

  it('stops before each decision with --step, and says what the guards answered', async () => {
    const { code, out } = await simulate(['--server', 'mbx9', '--step'], '\n\n\nc\n');
    expect(code).toBe(1);
    expect(out.match(/ Next /g)).toHaveLength(4);
    expect(out).toContain('Next  step 1: Restart-Service MSExchangeIMAP4BE');
    expect(out.replace(/\s+/g, ' ')).toMatch(/allowed by the guards kill-switch, mode, .* trust/);
    expect(out.replace(/\s+/g, ' ')).toMatch(/✗ guard dag refuses it: .*mbx9/);
  });

  it('quits at a stop, and goes on to the end when nobody answers', async () => {
    const [quit, alone] = await Promise.all([
      simulate(['--server', 'mbx9', '--step'], '\nq\n'),
      simulate(['--server', 'mbx9', '--step']),
    ]);
    expect(quit.code).toBe(0);
    expect(quit.out).not.toContain('Restart-Service -Name');
    expect(alone.out).toContain('ESCALATED');
  });

  it.each<[says: string, args: string[], code: number, message: RegExp]>([
    ['a misspelled fault', ['--fault', 'imap-backend-hung', '--server', 'mbx1'], 1, /did you mean "imap-backend-hang"/],
    ['a missing recording', ['--recording', 'no-such-file'], 1, /no-such-file/],
    ['a playbook with a mistake', ['--playbook', 'package.json'], 1, /package\.json/],
    ['contradicting options', ['--approve', '--reject'], 2, /cannot be combined/],
    ['steps for scripts', ['--step', '--json'], 2, /cannot be combined/],
    ['a journal that is none', ['--journal', 'package.json'], 1, /is not a journal/],
  ])('refuses %s in words', async (_, args, code, message) => {
    const ran = await simulate(args);
    expect(ran.code).toBe(code);
    expect(ran.err).toMatch(message);
    expect(ran.err).not.toContain('    at ');
  });

  it('shows what a playbook would do where the configuration only observes', async () => {
    const observe = { SECOND_RESPONDER_SAFETY_MODE: 'observe' };
    const args = ['--fault', 'imap-backend-hang', '--server', 'mbx1'];
    const [observed, acted] = await Promise.all([
      simulate(args, '', observe),
      simulate([...args, '--mode', 'auto'], '', observe),
    ]);
    expect(observed.out).toMatch(/SUPPRESSED/);
    expect(observed.out).toContain('--mode auto');
    expect(acted.out).toMatch(/RECOVERED/);
  });
});

describe('a past incident of a daemon', () => {
  let site: Site;
  let daemon: Running;

  beforeAll(async () => {
    site = await Site.open();
    daemon = await site.daemon({ SECOND_RESPONDER_LAB_SPEED: '2000' });
  });
  afterAll(() => site.close());

  it('is not needed to ask what would be done now', async () => {
    await post(`${daemon.url}/lab/v1/faults`, { fault: 'imap-backend-hang', server: 'mbx9' });
    const before = await get<unknown[]>(`${daemon.url}/api/v1/incidents`);
    const args = [
      '--what-if',
      '--server',
      'mbx9',
      '--monitor',
      'IMAP.Protocol\\ImapSelfTestMonitor',
      '--url',
      daemon.url,
    ];
    const { code, out } = await simulate(args);
    expect(code).toBe(0);
    expect(out.replace(/\s+/g, ' ')).toMatch(
      /would run 1 Restart-Service .* refused 3 .* guard dag: DB91 has only this copy/,
    );
    expect(await get<unknown[]>(`${daemon.url}/api/v1/incidents`)).toEqual(before);
  });

  it('is played again from the daemon or from a file', async () => {
    await post(`${daemon.url}/lab/v1/faults`, { fault: 'imap-backend-hang', server: 'mbx2' });
    const alert = { id: 'a1', server: 'mbx2', healthSet: 'IMAP.Protocol', status: 'firing' };
    await post(`${daemon.url}/api/v1/alerts/generic`, alert);
    const finished = () => get<{ incidents: { id: string }[] }>(`${daemon.url}/api/v1/incidents?state=finished`);
    const { incidents } = await until(finished, (answer) => answer.incidents.length > 0, 60_000);
    const id = incidents[0]?.id ?? '';
    const file = join(site.directory, 'journal.json');
    await writeFile(file, JSON.stringify(await get(`${daemon.url}/api/v1/incidents/${id}/journal`)));
    const [fromDaemon, fromFile] = await Promise.all([
      simulate(['--incident', id, '--url', daemon.url]),
      simulate(['--journal', file]),
    ]);
    for (const { code, out } of [fromDaemon, fromFile]) {
      expect(code).toBe(0);
      expect(out).toContain('What helped then helps here: restart-service:MSExchangeIMAP4BE.');
      expect(out).toMatch(/RECOVERED/);
    }
  });
});
