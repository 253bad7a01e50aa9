/** The whole: what comes in which order, what stops what, and that it ends. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { CHECKS } from '../../../src/doctor/index.ts';
import { ExchangeError } from '../../../src/ports/exchange.ts';
import { doctor, NONE, SHELL, surroundings, told, written } from './site.ts';

const never = () => new Promise<never>(() => {});
const states = (lines: { check: string; state: string }[]) => lines.map(({ check, state }) => `${check} ${state}`);

describe('doctor', () => {
  it('finds nothing to do where everything is right, in the order in which one thing rests on another', async () => {
    const lines = await doctor();
    expect(states(lines)).toEqual([
      ...['configuration ok', 'playbooks ok', 'mode ok', 'store ok', 'PowerShell ok', 'endpoint ex1.contoso.com ok'],
      ...['endpoint ex2.contoso.com ok', 'organisation ok', 'server mbx1 ok', 'server mbx2 ok', 'this machine ok'],
      'daemon ok',
    ]);
    expect(lines.filter(({ mend }) => mend !== undefined)).toEqual([]);
  });

  it('tells of each check when it is done, and of nothing twice', async () => {
    const batches: number[] = [];
    const lines = await doctor({}, (some) => batches.push(some.length));
    expect(batches).toEqual([1, 2, 1, 1, 2, 1, 2, 1, 1]);
    expect(batches.length).toBe(CHECKS.length + 1);
    expect(lines.length).toBe(12);
  });

  it('says of every problem of the configuration where it is and what to do, and that nothing else was looked at', async () => {
    const file = written({ http: { prot: 1 }, exchange: { kind: 'powershell' } });
    const lines = await doctor({ load: () => loadConfig({ file, env: {}, cwd: '/' }) });
    const place = (told(lines)[0] ?? '').replace(file, 'FILE');
    expect(place).toMatch(/^bad configuration: FILE:1:\d+: http\.prot: unknown key → did you mean "port"\?$/);
    expect(told(lines)[1]).toMatch(
      /^bad configuration: .*exchange\.endpoints: is empty; name servers.* → Correct it there\.$/,
    );
    expect(told(lines).slice(2)).toEqual(CHECKS.map(({ name }) => `skipped ${name}: the configuration does not load`));
  });

  it('names the variables that the configuration is read with, as a service may have others', async () => {
    const [first] = await doctor({ env: { SECOND_RESPONDER_HTTP_PORT: '9000', REDIS_URL: 'redis://r' } });
    expect(first?.found).toMatch(
      /second-responder\.yaml, and of the environment SECOND_RESPONDER_HTTP_PORT, REDIS_URL$/,
    );
  });

  it.each([
    [
      'PowerShell that does not start',
      { shell: new ExchangeError('unreachable', "pwsh can't be started: ENOENT") },
      [...['PowerShell bad', 'endpoints skipped', 'organisation skipped', 'servers skipped', 'this machine skipped']],
    ],
    [
      'no endpoint that answers',
      { endpoint: new ExchangeError('unreachable', 'gone') },
      [
        ...['PowerShell ok', 'endpoint ex1.contoso.com bad', 'endpoint ex2.contoso.com bad', 'organisation skipped'],
        ...['servers skipped', 'this machine skipped'],
      ],
    ],
    [
      'an organisation that can’t be read',
      { servers: new ExchangeError('timedOut', 'slow') },
      [
        ...['PowerShell ok', 'endpoint ex1.contoso.com ok', 'endpoint ex2.contoso.com ok', 'organisation bad'],
        ...['servers skipped', 'this machine skipped'],
      ],
    ],
    [
      'no right to list servers',
      { endpoint: { openedAfter: 1, missing: { looks: ['Get-ExchangeServer'], changes: [] } } },
      [
        ...['PowerShell ok', 'endpoint ex1.contoso.com bad', 'endpoint ex2.contoso.com bad', 'organisation skipped'],
        ...['servers skipped', 'this machine skipped'],
      ],
    ],
  ])('%s is red once, and what rests on it is left out', async (_, site, expected) => {
    const lines = states(await doctor(site));
    expect(lines.slice(lines.indexOf('store ok') + 1)).toEqual([...expected, 'daemon ok']);
  });

  it('asks a lab by no PowerShell, and says nothing of it', async () => {
    const lines = await doctor({ exchange: { kind: 'lab' }, inspect: false });
    expect(states(lines)).toEqual([
      ...['configuration ok', 'playbooks ok', 'mode ok', 'store ok', 'organisation ok', 'server mbx1 ok'],
      ...['server mbx2 ok', 'this machine ok', 'daemon ok'],
    ]);
    expect(lines.find(({ check }) => check === 'server mbx1')?.found).not.toContain('Windows');
  });

  it('asks a lab that is away for nothing more', async () => {
    const site = { exchange: { kind: 'lab', url: 'http://l', through: 'powershell' } };
    const away = new ExchangeError('unreachable', 'The lab at http://l does not answer: ECONNREFUSED.');
    const lines = told(await doctor({ ...site, opened: away })).filter((line) => !line.startsWith('ok '));
    expect(lines).toEqual([
      'skipped PowerShell: the lab does not answer',
      'skipped endpoints: the lab does not answer',
      'bad organisation: unreachable: The lab at http://l does not answer: ECONNREFUSED. → Start it, or correct exchange.url:\n  second-responder lab',
      'skipped servers: the organisation could not be read',
      'skipped this machine: the organisation could not be read',
    ]);
  });

  it.each([
    ['the store', { store: never }, /^bad store: no answer within 0\.02 s → /],
    ['PowerShell', { shell: never }, /^bad PowerShell: no answer within 0\.02 s → Try it by hand/],
    [
      'an endpoint',
      { endpoint: never },
      /^bad endpoint ex1\.contoso\.com: timedOut: no answer within 0\.02 s → .*--time-limit/,
    ],
    ['the organisation', { servers: never }, /^bad organisation: timedOut: no answer within 0\.02 s → /],
    ['Windows on a server', { target: never }, /^bad server mbx1: Windows timedOut: no answer within 0\.02 s; .* → /],
    [
      'Exchange about a server',
      { rows: never },
      /^bad server mbx1: Get-ServerHealth timedOut: no answer within 0\.02 s; .* → /,
    ],
    ['the daemon', { daemon: never }, /^bad daemon: http:\/\/127\.0\.0\.1:8080: no answer within 0\.02 s → /],
  ])('waits no longer than its limit for %s', async (_, site, expected) => {
    const lines = told(await doctor({ ...site, asked: { limit: 20 } }));
    expect(lines.filter((line) => expected.test(line))).toHaveLength(1);
  });

  it.each(['store', 'shell', 'endpoint', 'servers', 'target', 'rows', 'daemon'])(
    'ends at once when it is stopped while %s does not answer',
    async (where) => {
      const stop = new AbortController();
      const why = new Error('Ctrl-C');
      const hanging = () => {
        queueMicrotask(() => stop.abort(why));
        return never();
      };
      await expect(doctor({ [where]: hanging, asked: { signal: stop.signal } })).rejects.toBe(why);
    },
  );

  it('looks at servers side by side, at most as many as there may be sessions, and tells of them in their order', async () => {
    let now = 0;
    let most = 0;
    const waiting: (() => void)[] = [];
    const target = async () => {
      most = Math.max(most, ++now);
      // Two are in hand before any is answered, and the later one is answered first.
      await new Promise<void>((go) => {
        waiting.push(go);
        if (waiting.length === 2) for (const one of waiting.splice(0).reverse()) one();
      });
      now--;
      return { openedAfter: 1, missing: NONE };
    };
    const servers = ['a', 'b', 'c', 'd'].map((name) => ({ ...SERVER, server: name, fqdn: `${name}.x` }));
    const exchange = { kind: 'powershell', endpoints: ['ex1.x', 'ex2.x'], sessions: 2 };
    const lines = await doctor({ servers, target, exchange });
    expect(most).toBe(2);
    expect(lines.filter(({ check }) => check.startsWith('server ')).map(({ check }) => check)).toEqual(
      ['a', 'b', 'c', 'd'].map((name) => `server ${name}`),
    );
  });

  it('asks each thing once, whoever needs it', async () => {
    const asked = { shell: 0, organisation: 0 };
    await doctor({
      shell: () => {
        asked.shell++;
        return SHELL;
      },
      servers: () => {
        asked.organisation++;
        return [SERVER];
      },
    });
    expect(asked).toEqual({ shell: 1, organisation: 1 });
  });

  it('has of the organisation only verbs that look, and probes are not among them', () => {
    const source = readFileSync('src/doctor/context.ts', 'utf8');
    expect(source).toContain("exchange: Pick<Exchange, 'organisation' | 'serverHealth'>;");
  });

  it('takes a defect of its own for no other’s fault', async () => {
    const all = surroundings();
    const broken = {
      ...all,
      address: () => 'http://x',
      daemon: () => {
        throw new TypeError('x is not a function');
      },
    };
    const { diagnose } = await import('../../../src/doctor/index.ts');
    const lines = await diagnose(broken, { limit: 5_000, signal: new AbortController().signal });
    expect(told(lines).at(-1)).toMatch(/^bad daemon: .*x is not a function/);
  });
});

const SERVER = {
  server: 'mbx1',
  fqdn: 'mbx1.contoso.com',
  roles: ['mailbox' as const],
  version: '15.2',
  site: 'Tokyo',
  organisation: 'contoso.com',
  dag: 'dag1',
};
