/** doctor as a whole: the order of checks, which of them are skipped after a failure, and time limits. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { CHECKS } from '../../../src/doctor/index.ts';
import { ExchangeError } from '../../../src/ports/exchange.ts';
import { doctor, NONE, SHELL, surroundings, told, written } from './site.ts';

const never = () => new Promise<never>(() => {});
const states = (lines: { check: string; state: string }[]) => lines.map(({ check, state }) => `${check} ${state}`);

describe('doctor', () => {
  it('finds nothing to do if everything is ok, and checks each thing after those it depends on', async () => {
    const lines = await doctor();
    expect(states(lines)).toEqual([
      ...['configuration ok', 'playbooks ok', 'mode ok', 'store ok', 'PowerShell ok', 'endpoint ex1.contoso.com ok'],
      ...['endpoint ex2.contoso.com ok', 'organisation ok', 'server mbx1 ok', 'server mbx2 ok', 'this machine ok'],
      'daemon ok',
    ]);
    expect(lines.filter(({ mend }) => mend !== undefined)).toEqual([]);
  });

  it('reports each check when it is done, and nothing twice', async () => {
    const batches: number[] = [];
    const lines = await doctor({}, (some) => batches.push(some.length));
    expect(batches).toEqual([1, 2, 1, 1, 2, 1, 2, 1, 1]);
    expect(batches.length).toBe(CHECKS.length + 1);
    expect(lines.length).toBe(12);
  });

  it('reports every problem of the configuration with its position and a fix, and skips all other checks', async () => {
    const file = written({ http: { prot: 1 }, exchange: { kind: 'powershell' } });
    const lines = await doctor({ load: () => loadConfig({ file, env: {}, cwd: '/' }) });
    const place = (told(lines)[0] ?? '').replace(file, 'FILE');
    expect(place).toMatch(/^bad configuration: FILE:1:\d+: http\.prot: unknown key → did you mean "port"\?$/);
    expect(told(lines)[1]).toMatch(
      /^bad configuration: .*exchange\.endpoints: is empty; name servers.* → Fix it there\.$/,
    );
    expect(told(lines).slice(2)).toEqual(CHECKS.map(({ name }) => `skipped ${name}: the configuration does not load`));
  });

  it('names the environment variables in effect, because a service may have others', async () => {
    const [first] = await doctor({ env: { SECOND_RESPONDER_HTTP_PORT: '9000', REDIS_URL: 'redis://r' } });
    expect(first?.found).toMatch(
      /second-responder\.yaml and environment variables SECOND_RESPONDER_HTTP_PORT, REDIS_URL$/,
    );
  });

  it.each([
    [
      'PowerShell that does not start',
      { shell: new ExchangeError('unreachable', "pwsh can't be started: ENOENT") },
      [...['PowerShell bad', 'endpoints skipped', 'organisation skipped', 'servers skipped', 'this machine skipped']],
    ],
    [
      'no reachable endpoint',
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
  ])('%s is reported once, and the checks that depend on it are skipped', async (_, site, expected) => {
    const lines = states(await doctor(site));
    expect(lines.slice(lines.indexOf('store ok') + 1)).toEqual([...expected, 'daemon ok']);
  });

  it('uses no PowerShell for a lab and does not mention it', async () => {
    const lines = await doctor({ exchange: { kind: 'lab' }, inspect: false });
    expect(states(lines)).toEqual([
      ...['configuration ok', 'playbooks ok', 'mode ok', 'store ok', 'organisation ok', 'server mbx1 ok'],
      ...['server mbx2 ok', 'this machine ok', 'daemon ok'],
    ]);
    expect(lines.find(({ check }) => check === 'server mbx1')?.found).not.toContain('Windows');
  });

  it('skips the other checks of a lab that does not answer', async () => {
    const site = { exchange: { kind: 'lab', url: 'http://l', through: 'powershell' } };
    const down = new ExchangeError('unreachable', 'The lab at http://l does not answer: ECONNREFUSED.');
    const lines = told(await doctor({ ...site, opened: down })).filter((line) => !line.startsWith('ok '));
    expect(lines).toEqual([
      'skipped PowerShell: the lab does not answer',
      'skipped endpoints: the lab does not answer',
      'bad organisation: unreachable: The lab at http://l does not answer: ECONNREFUSED. → Start the lab, or set exchange.url to its address:\n  second-responder lab',
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
  ])('waits for %s no longer than its time limit', async (_, site, expected) => {
    const lines = told(await doctor({ ...site, asked: { limit: 20 } }));
    expect(lines.filter((line) => expected.test(line))).toHaveLength(1);
  });

  it.each(['store', 'shell', 'endpoint', 'servers', 'target', 'rows', 'daemon'])(
    'stops immediately while %s does not answer',
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

  it('checks servers in parallel, as many as there are sessions, and reports them in order', async () => {
    let now = 0;
    let most = 0;
    const waiting: (() => void)[] = [];
    const target = async () => {
      most = Math.max(most, ++now);
      // Two checks start before the first is answered, and the second is answered first.
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

  it('requests each answer once and shares it between checks', async () => {
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

  it('can call only the read commands of the organisation, and no probes', () => {
    const source = readFileSync('src/doctor/context.ts', 'utf8');
    expect(source).toContain("exchange: Pick<Exchange, 'organisation' | 'serverHealth'>;");
  });

  it('reports an unexpected error as a finding of its check', async () => {
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
