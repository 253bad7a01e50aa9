import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { get, post, Site, until } from '../../support/processes.ts';

const MAIN = join(process.cwd(), 'dist/main.js');
const RECORDING = join(process.cwd(), 'test/fixtures/recordings/exchange-2016.json');

interface Result {
  server: string;
  monitor: string;
  cure: string;
  outcome: string;
}

let site: Site;
beforeAll(async () => {
  site = await Site.open();
});
afterAll(() => site.close());

function drill(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [MAIN, 'drill', ...args]);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (err += chunk));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

const drilled = async (...args: string[]) => JSON.parse((await drill('--json', ...args)).out) as { cells: Result[] };

describe('second-responder drill', () => {
  it('compares with a baseline: the exit code is 1 only when something got worse', async () => {
    const files = { base: join(site.directory, 'base.json'), page: join(site.directory, 'page.html') };
    const { code, out } = await drill('--json', '--html', files.page);
    expect(code).toBe(0);
    await writeFile(files.base, out);
    const [same, worse] = await Promise.all([
      drill('--baseline', files.base),
      drill('--baseline', files.base, '--mode', 'observe'),
    ]);
    expect(same).toMatchObject({ code: 0, err: '' });
    expect(same.out).toContain('nothing got worse');
    expect(worse.code).toBe(1);
    expect(worse.out).toMatch(/recovered before, and now ends as suppressed/);
    expect(await readFile(files.page, 'utf8')).toMatch(/^<!doctype html>.*mbx9/s);
  });

  it.each([
    ['a baseline that is none', ['--baseline', 'package.json'], 1, /is not a report/],
    ['two organisations', ['--organisation', 'a', '--recording', 'b'], 2, /cannot be combined/],
    [
      'a page that cannot be written',
      ['--html', 'no-such-folder/x.html'],
      1,
      /could not be written: no such file or folder/,
    ],
    ['a missing recording', ['--recording', 'no-such-file'], 1, /no-such-file/],
  ] as const)('refuses %s in words', async (_, args, code, message) => {
    const ran = await drill(...args);
    expect(ran.code).toBe(code);
    expect(ran.err).toMatch(message);
    expect(ran.err).not.toContain('    at ');
  });
});

describe('a drill and the daemon', () => {
  interface Incident {
    state: string;
    outcome: string;
    alerts: { senderId: string }[];
  }

  it.each<[says: string, args: string[], env: Record<string, string>, take: (cell: Result) => boolean]>([
    [
      'the shipped organisation',
      [],
      {},
      ({ server, monitor }) => ['mbx1', 'mbx9', 'cas2'].includes(server) && /SelfTest|ProxyTest/.test(monitor),
    ],
    [
      'a recorded one',
      ['--recording', RECORDING],
      { SECOND_RESPONDER_LAB_RECORDING: RECORDING },
      ({ server }) => server === 'tok-ex02',
    ],
  ])('end the same incidents of %s with the same outcomes', async (_, args, env, take) => {
    const cells = (await drilled(...args)).cells.filter(take).slice(0, 8);
    expect(cells.length).toBeGreaterThan(4);
    const own = await Site.open();
    try {
      const daemon = await own.daemon({ SECOND_RESPONDER_LAB_SPEED: '1000', ...env });
      const outcomes: Result[] = [];
      for (const { server, monitor: name, cure } of cells) {
        const [healthSet, monitor] = name.split('\\');
        await post(`${daemon.url}/lab/v1/reset`, {});
        await post(`${daemon.url}/lab/v1/faults`, { fault: 'unhealthy', server, healthSet, monitor, cure });
        const id = `${server} ${name} ${cure}`;
        const { body } = await post(`${daemon.url}/api/v1/alerts/generic`, {
          id,
          server,
          healthSet,
          monitor,
          status: 'firing',
        });
        expect(body).toMatchObject({ accepted: 1 });
        const incidents = () => get<{ incidents: Incident[] }>(`${daemon.url}/api/v1/incidents`);
        const mine = ({ incidents: all }: { incidents: Incident[] }) =>
          all.find(({ alerts, state }) => state === 'finished' && alerts.some((one) => one.senderId === id));
        const answer = await until(incidents, (list) => mine(list) !== undefined, 120_000);
        outcomes.push({ server, monitor: name, cure, outcome: mine(answer)?.outcome ?? '' });
      }
      expect(outcomes).toEqual(cells.map(({ server, monitor, cure, outcome }) => ({ server, monitor, cure, outcome })));
    } finally {
      await own.close();
    }
  });
});
