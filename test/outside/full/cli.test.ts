import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { freePort } from '../../support/ports.ts';
import { get, post, type Running, Site, until } from '../../support/processes.ts';

/** The built command line as its users have it: words in, words and an exit code out. */
const MAIN = join(process.cwd(), 'dist/main.js');

interface Result {
  code: number | null;
  out: string;
  err: string;
}

let folder: string;
const env: Record<string, string | undefined> = {};

function start(args: string[], more: Record<string, string> = {}) {
  const { NO_COLOR: _, FORCE_COLOR: __, REDIS_URL: ___, ...inherited } = process.env;
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    env: { ...inherited, NODE_ENV: 'production', ...env, ...more },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const result: Result = { code: null, out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    result.out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    result.err += chunk.toString();
  });
  const ended = once(child, 'close').then(([code]: unknown[]) => ({ ...result, code: code as number | null }));
  return { child, ended, result };
}

async function sr(args: string[], more: Record<string, string> = {}, stdin = ''): Promise<Result> {
  const { child, ended } = start(args, more);
  child.stdin.on('error', () => {}); // it ended before it had read
  child.stdin.end(stdin);
  return ended;
}

const json = async <T>(...args: string[]): Promise<T> => JSON.parse((await sr([...args, '--json'])).out) as T;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sr-cli-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('without a daemon', () => {
  test.each([
    ['a slip of the fingers', ['incidents', 'lsit'], 2, /unknown command 'lsit'\n\(Did you mean list\?\)/],
    ['a slip in the first word', ['incidnets'], 2, /Did you mean incidents\?/],
    ['no command', [], 2, /Usage: second-responder/],
    ['an unknown option', ['incidents', 'list', '--sate', 'open'], 2, /Did you mean --state\?/],
    [
      'a value that is none of its choices',
      ['incidents', 'list', '--state', 'opne'],
      2,
      /Allowed choices are open, finished/,
    ],
    ['a time that is none', ['incidents', 'list', '--since', 'yesterday'], 2, /2h, 1d, 2025-01-31/],
    [
      'an address that is none',
      ['undo', 'list', '--url', 'localhost:8080'],
      2,
      /use the form http:\/\/127\.0\.0\.1:8080/,
    ],
    ['an alert about nothing', ['alert', 'send'], 2, /--server and --health-set are missing/],
    ['a body and more', ['alert', 'send', '--body', '-', '--server', 'x'], 2, /cannot be combined with options/],
    ['a body that is not there', ['alert', 'send', '--body', 'gone.json'], 1, /^gone\.json can't be read/],
    [
      'a token that is not there',
      ['undo', 'list', '--token-file', 'gone'],
      1,
      /^The token can't be read from the named file: ENOENT: no such file or directory\n$/,
    ],
    ['an unknown health set', ['health-sets', 'show', 'IMAP.Protocl'], 1, /did you mean "IMAP\.Protocol"\?/],
    ['an unknown fault', ['demo', '--fault', 'imap-backend-hangs'], 1, /unknown fault "imap-backend-hangs"/],
    ['an organisation that is not there', ['lab', '--organisation', 'gone.yaml'], 1, /^Failed to start: .*gone\.yaml/],
    ['a port that is none', ['lab', '--port', '70000'], 2, /from 0 to 65535/],
    ['an impossible configuration', ['serve', '--config', 'gone.yaml'], 1, /gone\.yaml/],
  ])('%s is told in a sentence', async (_, args, code, says) => {
    const result = await sr(args);
    expect(result).toMatchObject({ code, err: expect.stringMatching(says) });
    expect(result.err).not.toMatch(/\n {4}at /);
  });

  it('a daemon that does not answer is named, and how to start one', async () => {
    const port = await freePort();
    const result = await sr(['incidents', 'list'], { SECOND_RESPONDER_HTTP_PORT: `${port}` });
    expect(result).toMatchObject({ code: 1, out: '' });
    expect(result.err).toBe(
      `No daemon answers at http://127.0.0.1:${port} (connection refused). Start one with "second-responder serve" ` +
        'or "npm start", or give its address with --url.\n',
    );
  });

  it('a kill switch never makes a store that nobody reads', async () => {
    const result = await sr(['kill-switch', 'on'], { SECOND_RESPONDER_HTTP_PORT: `${await freePort()}` });
    expect(result).toMatchObject({ code: 1, err: expect.stringMatching(/^No daemon answers/) });
  });

  it('help teaches, and version is a number', async () => {
    expect(await sr(['--help'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/Start here:\n {2}second-responder demo/),
    });
    expect(await sr(['--version'])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  it.runIf(existsSync('/dev/full'))('what can not be written is told', async () => {
    const full = await open('/dev/full', 'w');
    const child = spawn(process.execPath, [MAIN, 'config', 'show'], {
      cwd: folder,
      stdio: ['ignore', full.fd, 'pipe'],
    });
    let err = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    const [code] = await once(child, 'close');
    await full.close();
    expect([code, err]).toEqual([1, expect.stringMatching(/^Failed to write the output: ENOSPC.*\n$/)]);
  });

  it('an address that keeps its daemon from starting is told with lines that can be copied', async () => {
    const { code, out } = await sr(['config', 'check'], { SECOND_RESPONDER_HTTP_HOST: '0.0.0.0' });
    expect([code, out]).toEqual([1, expect.stringContaining('\n  http:\n    tokens:\n      - { name: scom,')]);
  });

  it('what stops early ends quietly', async () => {
    const { child, ended } = start(['config', 'show']);
    child.stdout.destroy();
    expect(await ended).toMatchObject({ code: 0, err: '' });
  });

  it('doctor finds nothing to do with what is shipped, and leaves nothing behind', async () => {
    const before = await readdir(folder);
    const { code, out, err } = await sr(['doctor'], { SECOND_RESPONDER_HTTP_PORT: `${await freePort()}` });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^ok {7}configuration .*\nok {7}server mbx9 .*\n\nno problem\n$/s);
    expect(await readdir(folder)).toEqual(before);
    expect(await sr(['doctor', '--json'], { SECOND_RESPONDER_LAB_SPEED: 'fast' })).toMatchObject({
      code: 1,
      out: expect.stringMatching(/"bad": 1,.*"mend": "Fix it there\."/s),
    });
  });

  describe('files', () => {
    it('shipped ones have no problems', async () => {
      expect(await sr(['config', 'check'])).toMatchObject({ code: 0, out: '✓ no problems\n' });
      expect(await sr(['playbooks', 'check'])).toMatchObject({
        code: 0,
        out: expect.stringMatching(/imap-protocol +auto +7 +\d+ +\d+ h \d+ min, 1 service restart, 1 reboot/),
      });
    });

    it('every problem is told at its place', async () => {
      await writeFile(join(folder, 'bad.yaml'), 'http:\n  prot: 8080\nlab:\n  speed: fast\n');
      const result = await sr(['config', 'check', '--config', 'bad.yaml']);
      expect(result.code).toBe(1);
      expect(result.out).toMatch(/bad\.yaml:2:3: http\.prot: unknown key; did you mean "port"\?\n/);
      expect(result.out).toMatch(
        /bad\.yaml:4:10: lab\.speed: must be a number\n {4}speed: fast\n {11}\^{4}\n2 problems\n$/,
      );
    });

    it('playbooks can be checked one by one', async () => {
      await writeFile(
        join(folder, 'p.yaml'),
        'playbook: p\nsummary: s\nhandles: [IMAP\\X]\nsteps:\n  - restart-servce: A\n',
      );
      const { ok, problems } = JSON.parse((await sr(['playbooks', 'check', 'p.yaml', 'gone.yaml', '--json'])).out);
      expect(ok).toBe(false);
      expect(problems).toContainEqual(
        expect.objectContaining({ file: 'p.yaml', line: 5, mend: 'did you mean "restart-service"?' }),
      );
      expect(problems).toContainEqual(expect.objectContaining({ file: 'gone.yaml' }));
    });

    it('a playbook that can go wrong is refused, with the path to it', async () => {
      const head = 'playbook: p\nsummary: s\nhandles: [IMAP.Proxy\\ImapProxyTestMonitor]\nsteps:\n';
      await writeFile(join(folder, 'p.yaml'), `${head}  - fail-over-databases\n  - restart-server\n  - recheck\n`);
      const { code, out } = await sr(['playbooks', 'check', 'p.yaml']);
      expect(code).toBe(1);
      expect(out).toMatch(/✗ p\.yaml:6:5: steps\[1\]: restarts the server although nothing proves/);
      expect(out).toMatch(/ {4}1\. The server is verified: unhealthy\n/);
      expect(out).toMatch(/Step 2, Restart-Computer: begins\n1 problem\n$/);
    });

    it('every value is shown with its origin, and no secret', async () => {
      const tokens = '[{"name":"ops","role":"operator","token":"s3cret-s3cret-s3cret"}]';
      const { out, code } = await sr(['config', 'show'], { SECOND_RESPONDER_HTTP_TOKENS: tokens });
      expect(code).toBe(0);
      expect(out).toMatch(/^http\.tokens +environment SECOND_RESPONDER_HTTP_TOKENS +\[\{.*"\*+"/m);
      expect(out).not.toContain('s3cret-s3cret-s3cret');
    });

    it('health sets know their playbooks', async () => {
      const shown = await json<{ monitors: object[] }>('health-sets', 'show', 'imap.protocol');
      expect(shown.monitors[0]).toEqual({
        monitor: 'ImapSelfTestMonitor',
        verification: 'probe',
        probe: 'IMAP.Protocol\\ImapSelfTestProbe',
        playbook: 'imap-protocol',
      });
    });
  });

  it('bash completes commands, options and their choices', async () => {
    await writeFile(join(folder, 'completion.bash'), (await sr(['completion', 'bash'])).out);
    const complete = async (...words: string[]) => {
      const script = `source completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _second_responder; echo "\${COMPREPLY[*]}"`;
      const bash = spawn('bash', ['-c', script, 'bash', 'second-responder', ...words], { cwd: folder });
      let out = '';
      bash.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString();
      });
      await once(bash, 'close');
      return out.trim();
    };
    expect(await complete('inc')).toBe('incidents');
    expect(await complete('--json', 'kill-switch', 'o')).toBe('on off');
    expect(await complete('incidents', 'list', '--sta')).toBe('--state');
    expect(await complete('incidents', 'list', '--state', '')).toBe('open finished');
  });
});

describe('with a daemon', () => {
  let site: Site;
  let daemon: Running;
  let incident: string;

  const settings = {
    SECOND_RESPONDER_LAB_SPEED: '600',
    SECOND_RESPONDER_SAFETY_MODE: 'approve',
    // Four hours of the lab are 24 seconds here, and each command takes some.
    SECOND_RESPONDER_SAFETY_APPROVAL_EXPIRY: '48h',
  };
  const breaks = (fault: string, server: string) => post(`${daemon.url}/lab/v1/faults`, { fault, server });

  beforeAll(async () => {
    site = await Site.open();
    daemon = await site.daemon(settings);
    env.SECOND_RESPONDER_URL = daemon.url;
  });
  afterAll(async () => {
    // A daemon that is killed leaves its private Redis to the next one; one that is stopped takes it along.
    await daemon?.kill('SIGTERM');
    await site?.close();
  });

  it('doctor asks the daemon whether it is ready, and the store that it uses, and disturbs neither', async () => {
    const own = {
      SECOND_RESPONDER_HTTP_PORT: new URL(daemon.url).port,
      SECOND_RESPONDER_STORE_DIRECTORY: site.directory,
    };
    const { code, out } = await sr(['doctor', '--server', 'mbx1'], own);
    expect(out).toMatch(/\nok {7}store {21}private redis \d/);
    expect(out).toMatch(/\nok {7}daemon {20}ready at http:[\d/.:]+: store: private redis/);
    expect(code).toBe(0);
    expect(await get(`${daemon.url}/readyz`)).toMatchObject({ ready: true });
  });

  it('sends an alert as SCOM would, and knows it when it comes again', async () => {
    await breaks('imap-backend-wedged', 'mbx1');
    const send = ['alert', 'send', '--server', 'mbx1', '--health-set', 'IMAP.Protocol', '--id', 'one'];
    expect(await sr([...send, '--source', 'scom', '--title', '障害 \u001b[31mred\u009b2J\u202e'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^stored {3}[0-9a-f]{32}\n/),
    });
    expect((await sr([...send, '--source', 'scom'])).out).toMatch(/^known/);
  });

  it('posts what stands in a file, and tells what was refused with its place', async () => {
    const body = JSON.stringify([{ id: 'x', server: 'mbx2', healthSet: 'OWA', status: 'resolved' }, { id: 'y' }]);
    const result = await sr(['alert', 'send', '--body', '-'], {}, `\ufeff${body}`);
    expect(result.code).toBe(1);
    expect(result.out).toMatch(/^stored.*\nrefused {2}\/1/);
  });

  it('shows what waits for a person', async () => {
    const { incidents } = await until(
      () => json<{ incidents: { id: string; phase: string }[] }>('incidents', 'list', '--server', 'mbx1'),
      (page) => page.incidents[0]?.phase === 'approving',
      20_000,
    );
    incident = incidents[0]?.id ?? '';
    const { out } = await sr(['incidents', 'show', incident], { TZ: 'Asia/Tokyo' });
    expect(out).toContain(`second-responder incidents approve ${incident}`);
    expect(out).toMatch(/^Opened {6}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+09:00$/m);
    expect(out).toContain('障害 \\x1b[31mred\\x9b2J\\u202e');
    const scripts = (await sr(['incidents', 'show', '--json', incident])).out;
    expect(scripts).toContain('\\u009b2J\\u202e');
    for (const printed of [out, scripts, daemon.output()]) {
      for (const char of ['\u001b', '\u009b', '\u202e']) expect(printed).not.toContain(char);
    }
  });

  it('the kill switch goes on and off by its scope, and says who and why', async () => {
    const on = await sr(['kill-switch', 'on', '--server', 'MBX9.contoso.com', '--reason', 'works', '--by', 'jane']);
    expect(on).toMatchObject({ code: 0, out: expect.stringMatching(/^on: server mbx9, since .*, by jane: works\n$/) });
    expect((await sr(['kill-switch', 'off', '--server', 'mbx9'])).out).toBe('off: nothing is stopped\n');
  });

  it('a kill switch for what does not exist says so, and what was probably meant', async () => {
    const scope = ['--server', 'mbxx9', '--by', 'jane'];
    const { code, out } = await sr(['kill-switch', 'on', ...scope]);
    expect([code, out.split('\n')[0]]).toEqual([
      0,
      'Warning: There is no server "mbxx9": a kill switch for it stops nothing. Did you mean "mbx9"?',
    ]);
    expect(out).toMatch(/^on: server mbxx9, since/m);
    expect(daemon.output()).toContain('There is no server \\"mbxx9\\"');
    const off = JSON.parse((await sr(['kill-switch', 'off', '--json', ...scope])).out);
    expect(off).toMatchObject({ on: false, warnings: [expect.stringContaining('Did you mean "mbx9"?')] });
    expect(await sr(['kill-switch', 'off', '--server', ''])).toMatchObject({ code: 2, out: '' });
  });

  it('approves in a person’s name, and tells the story to its end', async () => {
    const watching = start(['incidents', 'watch', incident]);
    await until(
      () => Promise.resolve(watching.result.out),
      (out) => out.includes('Approval'),
      20_000,
    );
    expect(await sr(['incidents', 'approve', incident, '--by', 'jane', '--note', 'seen'])).toMatchObject({ code: 0 });
    const { code, out } = await watching.ended;
    expect(code).toBe(0);
    for (const line of [
      /Approved {4}by jane: seen\n/,
      /PS> Invoke-Command -ComputerName mbx1 \{ Restart-Service -Name MSExchangeIMAP4BE \}\n/,
      /PS> Restart-Computer -ComputerName mbx1\n/,
      /Undo {8}activation of databases/,
      /Recovered {3}/,
    ]) {
      expect(out).toMatch(line);
    }
    expect(out.match(/Opened/g)).toHaveLength(1);
  });

  it('a decision that comes too late is refused in a sentence', async () => {
    expect(await sr(['incidents', 'cancel', incident])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/It has already ended \(recovered\)/),
    });
    expect(await sr(['incidents', 'show', 'nope'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/There is no incident "nope"/),
    });
    expect(await sr(['incidents', 'watch', 'nope'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/There is no incident/),
    });
  });

  it('the journal is whole, nothing is owed, and the playbook remembers its run', async () => {
    expect(await sr(['incidents', 'verify', incident])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^intact: /),
    });
    expect((await sr(['undo', 'list'])).out).toBe('No outstanding undo actions: every change has been put back.\n');
    expect((await sr(['playbooks', 'list'])).out).toMatch(/^imap-protocol +approve +7 .* recovered /m);
  });

  it('a story goes on over a daemon that was killed and came back, with nothing told twice', async () => {
    await breaks('imap-backend-hang', 'mbx3');
    await sr(['alert', 'send', '--server', 'mbx3', '--health-set', 'IMAP']);
    const { incidents } = await until(
      () => json<{ incidents: { id: string; phase: string }[] }>('incidents', 'list', '--server', 'mbx3'),
      (page) => page.incidents[0]?.phase === 'approving',
      20_000,
    );
    const id = incidents[0]?.id ?? '';
    const watching = start(['incidents', 'watch', id, '--json']);
    await until(
      () => Promise.resolve(watching.result.out),
      (out) => out.includes('"held"'),
      20_000,
    );
    await daemon.kill('SIGKILL');
    daemon = await site.daemon({ ...settings, SECOND_RESPONDER_HTTP_PORT: new URL(daemon.url).port });
    await sr(['incidents', 'reject', id, '--by', 'jane']);
    const { code, out } = await watching.ended;
    const entries = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { seq: number; type: string });
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1));
    expect(entries.at(-1)?.type).toBe('finished');
    expect(code).toBe(1);
    expect((await get<{ outcome: string }>(`${env.SECOND_RESPONDER_URL}/api/v1/incidents/${id}`)).outcome).toBe(
      'escalated',
    );
  });

  it('the kill switch works when nobody but the store is there', async () => {
    const { port } = new URL(daemon.url);
    await daemon.kill('SIGTERM');
    const own = {
      SECOND_RESPONDER_URL: '',
      SECOND_RESPONDER_HTTP_PORT: port,
      SECOND_RESPONDER_STORE_DIRECTORY: site.directory,
    };
    const away = await sr(['kill-switch', 'on', '--by', 'jane', '--reason', 'fire'], own);
    expect(away).toMatchObject({
      code: 0,
      err: expect.stringMatching(/^No daemon answers; this is read from the store/),
    });
    daemon = await site.daemon({ ...settings, SECOND_RESPONDER_HTTP_PORT: port });
    expect((await sr(['kill-switch', 'show'])).out).toMatch(/^on: everything, .* by jane: fire\n$/);
  });
});

describe('with tokens', () => {
  it('says how to show one, shows it, and the journal names its owner', async () => {
    const site = await Site.open();
    try {
      const tokens = '[{"name":"operations","role":"operator","token":"s3cret-s3cret-s3cret"}]';
      const daemon = await site.daemon({ SECOND_RESPONDER_HTTP_TOKENS: tokens });
      const { url } = daemon;
      expect(await sr(['kill-switch', 'on', '--url', url])).toMatchObject({
        code: 1,
        err: expect.stringMatching(/--token-file FILE/),
      });
      await writeFile(join(folder, 'token'), 's3cret-s3cret-s3cret\n');
      const shown = await sr(['kill-switch', 'on', '--url', url, '--token-file', 'token']);
      expect(shown.out).toMatch(/by operations\n$/);
      const by = await sr(['kill-switch', 'off', '--url', url], { SECOND_RESPONDER_TOKEN_FILE: 'token' });
      expect(by.out).toBe('off: nothing is stopped\n');
      await daemon.kill('SIGTERM');
    } finally {
      await site.close();
    }
  });
});

describe('the demo', () => {
  const ended = /RECOVERED after .* Nobody was woken\./;

  it('tells a whole recovery in lines that fit, and leaves nothing behind', async () => {
    const result = await sr(['demo', '--speed', '1000'], { TMPDIR: folder });
    expect(result).toMatchObject({ code: 0, err: '', out: expect.stringMatching(ended) });
    for (const line of [
      /Broken/,
      /SCOM/,
      /Confirmed/,
      /Step 5 {6}Restart-Computer/,
      /Put back {3}activation of databases/,
      /npm start/,
    ]) {
      expect(result.out).toMatch(line);
    }
    expect(result.out.split('\n').filter((line) => [...line].length > 100)).toEqual([]);
    expect((await readdir(folder)).filter((name) => name.startsWith('second-responder-demo'))).toEqual([]);
  });

  it('works without a Redis, and escalates where databases can go nowhere', async () => {
    const result = await sr(['demo', '--speed', '1000', '--server', 'mbx9'], { PATH: folder });
    expect(result).toMatchObject({
      code: 1,
      out: expect.stringMatching(/in memory[\s\S]*ESCALATED .* A person was notified\./),
    });
  });

  it('with --keep runs until it is stopped', async () => {
    const port = await freePort();
    const { child, ended: gone, result } = start(['demo', '--speed', '2000', '--keep', '--port', `${port}`]);
    await until(
      () => Promise.resolve(result.out),
      (out) => out.includes('runs until you press Ctrl-C'),
      30_000,
    );
    expect((await get<{ incidents: unknown[] }>(`http://127.0.0.1:${port}/api/v1/incidents`)).incidents).toHaveLength(
      1,
    );
    child.kill('SIGTERM');
    expect(await gone).toMatchObject({ code: 0, err: '' });
  });
});
