/** What the port does by PowerShell that a contract for all sides can't ask: sessions, names, times, limits. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Json, PowerShellHost } from '../../src/adapters/powershell/host.ts';
import type { Change, Exchange } from '../../src/ports/exchange.ts';
import { readingOnly } from '../../src/recording/reading.ts';
import { record } from '../../src/recording/record.ts';
import { hostileValues } from './hostile.ts';
import { type LabSite, labSite } from './lab-site.ts';

const engines = inject('engines');

it.runIf(engines.length === 0)('the port by PowerShell is not tried where there is no PowerShell', ({ skip }) =>
  skip(),
);

const ORDER = { sha256: 'a', parameters: {}, timeLimit: 1_000, repeat: false };

const failure = (code: string, words = /./s) =>
  expect.objectContaining({ name: 'ExchangeError', code, message: expect.stringMatching(words) });

describe.each(engines)('the Exchange port by $name', ({ executable }) => {
  describe('names', () => {
    let site: LabSite;
    const directory = mkdtempSync(join(tmpdir(), 'sr-names-'));
    const canary = join(directory, 'canary');
    // What is not as long as a name can be is tried elsewhere.
    const values = hostileValues(canary).filter(([, value]) => value.length < 5_000);
    beforeAll(async () => {
      site = await labSite(executable, { shells: 1 });
    });
    afterAll(async () => {
      await site.close();
      rmSync(directory, { recursive: true });
    });

    it.each(values)('%s: as any name of any verb, it is not found, and nothing of it runs', async (_, value) => {
      const { exchange, lab } = site;
      const change: Change = { notAfter: lab.clock.now() + 60_000, caller: value, scope: [] };
      const named: [string, (name: string) => Promise<unknown>][] = [
        ['serverHealth', (name) => exchange.serverHealth(name)],
        ['invokeProbe on', (name) => exchange.invokeProbe(name, 'IMAP.Protocol\\ImapSelfTestProbe')],
        ['service of', (name) => exchange.service(name, 'MSExchangeIMAP4BE')],
        ['service', (name) => exchange.service('mbx1', name)],
        ['services', (name) => exchange.services(name)],
        ['restartService of', (name) => exchange.restartService(name, 'MSExchangeIMAP4BE', { startedAt: 1 }, change)],
        ['restartService', (name) => exchange.restartService('mbx1', name, { startedAt: 1 }, change)],
        ['copiesOn', (name) => exchange.copiesOn(name)],
        ['copiesOf', (name) => exchange.copiesOf(name)],
        ['mailboxServer', (name) => exchange.mailboxServer(name)],
        ['availabilityGroup', (name) => exchange.availabilityGroup(name)],
        [
          'setActivationBlocked',
          (name) => exchange.setActivationBlocked(name, true, { activationBlocked: false }, change),
        ],
        ['protocolLog', (name) => exchange.protocolLog(name, 'imap')],
        ['setProtocolLog', (name) => exchange.setProtocolLog(name, 'imap', true, { enabled: false }, change)],
        ['componentStates', (name) => exchange.componentStates(name)],
        ['recoveryActions', (name) => exchange.recoveryActions(name, 0)],
        ['activity', (name) => exchange.activity(name)],
        ['bootTime', (name) => exchange.bootTime(name)],
        ['restartServer', (name) => exchange.restartServer(name, { bootedAt: 1 }, change)],
        ['script of', (name) => exchange.script(name, { name: 'x.ps1', sha256: 'a' }, 'r')],
        ['script', (name) => exchange.script('mbx1', { name, sha256: 'a' }, 'r')],
        ['runScript', (name) => exchange.runScript('mbx1', { ...ORDER, name }, { run: 'r' }, change)],
      ];
      const found = await Promise.all(
        named.map(async ([verb, call]) => [
          verb,
          await call(value).then(
            () => 'answered',
            (error) => error.code,
          ),
        ]),
      );
      expect(found).toEqual(named.map(([verb]) => [verb, 'notFound']));
      const probe = await exchange.invokeProbe('mbx1', value).catch((error) => error.code);
      expect(probe === 'notFound' || probe.value === undefined).toBe(true);
      expect(lab.commands().filter(({ effect }) => effect === 'changed')).toEqual([]);
      expect(existsSync(canary)).toBe(false);
    });

    it.each(values)('%s: past every check, as any text of any function, it stays a text', async (_, value) => {
      const { host, lab } = site;
      const texts = { Server: value, Identity: value, Name: value, Database: value, Protocol: value };
      const numbers = { StartedAt: 1, BootedAt: 1, NotAfter: lab.clock.now() + 60_000, Since: 0 };
      const switches = { Blocked: true, Enabled: true, Seen: false };
      const parameters: Record<string, readonly string[]> = {
        'Get-HealthRow': ['Server'],
        'Invoke-Probe': ['Server', 'Identity'],
        'Get-CopyOnServer': ['Server'],
        'Get-CopyOfDatabase': ['Database'],
        'Get-MailboxServerState': ['Server'],
        'Get-AvailabilityGroup': ['Name'],
        'Get-ProtocolLog': ['Server', 'Protocol'],
        'Get-ComponentState': ['Server'],
        'Get-ServiceState': ['Name'],
        'Get-Activity': ['Server'],
        'Restart-FencedService': ['Name', 'StartedAt', 'NotAfter'],
        'Restart-FencedServer': ['BootedAt', 'NotAfter'],
        'Set-ActivationBlock': ['Server', 'Blocked', 'Seen', 'NotAfter'],
        'Set-ProtocolLog': ['Server', 'Protocol', 'Enabled', 'Seen', 'NotAfter'],
      };
      const all: Record<string, Json> = { ...texts, ...numbers, ...switches };
      // One target after the other: its session stays open.
      for (const target of ['mbx1.contoso.com', value]) {
        const connection = {
          endpoints: ['ex1.contoso.com', value],
          target,
          configuration: 'SecondResponder',
          ssl: false,
          credentialFile: '',
          domainController: value,
          unspecifiedTimes: value,
          timeLimit: 10_000,
          caller: value,
        };
        for (const [name, wanted] of Object.entries(parameters)) {
          const given = Object.fromEntries(wanted.map((parameter) => [parameter, all[parameter] as Json]));
          await host.invoke(name, { Connection: connection, ...given }, { timeLimit: 12_000 }).catch((error) => {
            expect(error).toEqual(expect.objectContaining({ name: 'ExchangeError' }));
          });
        }
      }
      expect(lab.commands().filter(({ effect }) => effect === 'changed' && value !== '')).toEqual([]);
      expect(existsSync(canary)).toBe(false);
    });

    it('a canary that is told to sing does', async () => {
      const [, song = ''] = values.find(([what]) => what === 'a subexpression') ?? [];
      const host = new PowerShellHost({ modules: [join(process.cwd(), 'test/powershell/Fixture.psm1')], executable });
      await host.invoke('Invoke-Text', { text: song });
      expect(existsSync(canary)).toBe(true);
      rmSync(canary);
      await host.close();
    });
  });

  describe('sessions', () => {
    let site: LabSite;
    afterEach(() => site.close());
    const open = async () => (await site.host.invoke('Get-OpenSession')).value;

    it('go to a server other than the one that is asked about, and to that one when no other answers', async () => {
      site = await labSite(executable, { shells: 1 });
      const { exchange, lab } = site;
      await exchange.serverHealth('ex1');
      expect(await open()).toEqual([{ kind: 'exchange', to: 'ex2.contoso.com' }]);
      await exchange.serverHealth('ex2');
      expect(await open()).toEqual([{ kind: 'exchange', to: 'ex1.contoso.com' }]);

      const order = { notAfter: lab.clock.now() + 60_000, caller: 'a person', scope: [] };
      await lab.exchange().restartServer('ex1', { bootedAt: (await exchange.bootTime('ex1')).value.bootedAt }, order);
      await site.host.invoke('Close-Session');
      await exchange.serverHealth('ex2');
      expect(await open()).toEqual([{ kind: 'exchange', to: 'ex2.contoso.com' }]);
    });

    it('are at most one of a kind in a shell, and none is left of a change', async () => {
      site = await labSite(executable, { shells: 1 });
      const { exchange, lab } = site;
      for (const server of ['mbx1', 'mbx2', 'cas1']) await exchange.bootTime(server);
      const { startedAt = null } = (await exchange.service('mbx1', 'MSExchangeIMAP4BE')).value;
      const late = { notAfter: 0, caller: 'incident-1 step 1', scope: [] };
      const order = { notAfter: lab.clock.now() + 60_000, caller: 'incident-1 step 1', scope: [] };
      await exchange.restartService('mbx1', 'MSExchangeIMAP4BE', { startedAt }, order);
      await exchange.setProtocolLog('cas1', 'imap', true, { enabled: false }, order);
      const refused = [
        exchange.restartService('mbx2', 'MSExchangeIMAP4BE', { startedAt: 1 }, late),
        exchange.setActivationBlocked('mbx2', true, { activationBlocked: false }, late),
        exchange.restartServer('mbx2', { bootedAt: 1 }, late),
      ];
      for (const each of refused) await expect(each).rejects.toEqual(failure('refused'));
      expect(await open()).toEqual(
        expect.arrayContaining([
          { kind: 'exchange', to: 'ex1.contoso.com' },
          { kind: 'target', to: 'mbx1.contoso.com' },
        ]),
      );
      const all = async () => (await site.host.invoke('Get-LabSession')).value;
      expect((await all()).sort()).toEqual([
        'Microsoft.Exchange on ex1.contoso.com',
        'SecondResponder on mbx1.contoso.com',
      ]);
      await site.host.invoke('Close-Session');
      expect([await open(), await all()]).toEqual([[], []]);
    });

    it('that no endpoint gives are told with what each said', async () => {
      site = await labSite(executable, { shells: 1 });
      const port = site.port({ endpoints: ['nobody.contoso.com', 'https://nowhere.contoso.com/PowerShell/'] });
      await expect(port.organisation()).rejects.toEqual(
        failure(
          'unreachable',
          /^nobody.contoso.com: .*not reachable.*\nhttps:\/\/nowhere.contoso.com.*: .*not reachable/s,
        ),
      );
    });

    it('that were refused for their number are sessionLimit, by the words of Exchange', async () => {
      site = await labSite(executable, { shells: 1 });
      await site.exchange.organisation();
      site.lab.post({ fault: 'session-limit', times: 1 });
      await expect(site.exchange.serverHealth('mbx1')).rejects.toEqual(
        failure('sessionLimit', /maximum number of connections/),
      );
      await expect(site.exchange.serverHealth('mbx1')).resolves.toBeDefined();
    });
  });

  describe('answers', () => {
    it('to every question are those of the lab itself, for every server, group and database', async () => {
      const site = await labSite(executable);
      site.lab.post({ fault: 'component-inactive', server: 'cas1', component: 'ImapProxy', requester: 'HealthAPI' });
      site.lab.post({ fault: 'responder-at-work', server: 'mbx1', for: '10m' });
      site.lab.post({ fault: 'imap-backend-hang', server: 'mbx2' });
      for (const kind of ['setup', 'servicing', 'backup', 'seeding', 'pending-update']) {
        site.lab.post({ fault: 'busy', server: 'mbx3', with: kind });
      }
      const view = site.lab.organisation();
      async function all(exchange: Exchange) {
        const told: Record<string, unknown> = { organisation: await exchange.organisation() };
        for (const { name, roles } of view.servers) {
          told[name] = await Promise.all([
            exchange.serverHealth(name),
            exchange.services(name),
            exchange.service(name, 'MSExchangeHM'),
            exchange.protocolLog(name, 'imap'),
            exchange.protocolLog(name, 'pop'),
            exchange.componentStates(name),
            exchange.recoveryActions(name, 0),
            exchange.activity(name),
            exchange.bootTime(name),
            ...(roles.includes('mailbox') ? [exchange.mailboxServer(name), exchange.copiesOn(name)] : []),
          ]);
        }
        for (const { name } of view.groups) told[name] = await exchange.availabilityGroup(name);
        for (const { name } of view.databases) told[name] = await exchange.copiesOf(name);
        return told;
      }
      expect(await all(site.exchange)).toEqual(await all(site.lab.exchange()));
      await site.close();
    });

    it('make the same recording as those of the lab itself', async () => {
      const site = await labSite(executable, { shells: 1 });
      site.lab.post({ fault: 'imap-backend-hang', server: 'mbx2' });
      const take = (exchange: Exchange) =>
        record({
          exchange: readingOnly(exchange, { probes: false }),
          now: () => site.lab.clock.now(),
          recordedBy: 'a test',
          timeLimit: 30_000,
          probeTimeLimit: 30_000,
          report: () => {},
        });
      // How long each answer took is told, too.
      const timeless = (recording: unknown) =>
        JSON.parse(JSON.stringify(recording, (key, value) => (key === 'ms' ? 0 : value)));
      expect(timeless(await take(site.exchange))).toEqual(timeless(await take(site.lab.exchange())));
      await site.close();
    });

    it('of a probe count the same whether the result is a text or a number', async () => {
      const site = await labSite(executable, { shells: 1, environment: { EXCHANGE_LAB_ENUMS: 'number' } });
      site.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
      const ask = (server: string) => site.exchange.invokeProbe(server, 'IMAP.Protocol\\ImapSelfTestProbe');
      expect([(await ask('mbx1')).value?.resultType, (await ask('mbx2')).value?.resultType]).toEqual([
        'TimedOut',
        'Succeeded',
      ]);
      await site.close();
    });

    it.each(['local', 'utc'] as const)(
      'with times that do not say what they mean are read as %s where that is said',
      async (kind) => {
        const environment = { EXCHANGE_LAB_TIMES: kind, TZ: 'Asia/Tokyo' };
        const site = await labSite(executable, { shells: 1, environment });
        const latest = async (exchange: Exchange) =>
          Math.max(...(await exchange.serverHealth('mbx1')).value.map(({ lastExecution = 0 }) => lastExecution));
        const right = await latest(site.lab.exchange());
        expect(await latest(site.port({ unspecifiedTimes: kind }))).toBe(right);
        const hours = 9 * 3_600_000;
        const other = kind === 'local' ? 'utc' : 'local';
        expect(await latest(site.port({ unspecifiedTimes: other }))).toBe(
          kind === 'local' ? right + hours : right - hours,
        );
        await site.close();
      },
    );
  });

  it.each(['mbx1=600', 'mbx1=-600'])(
    'a time limit means the same where the clock of the server is wrong: %s',
    async (skew) => {
      const environment = { EXCHANGE_LAB_SKEW_SECONDS: skew };
      const site = await labSite(executable, { shells: 1, environment });
      const { startedAt = null } = (await site.exchange.service('mbx1', 'MSExchangeIMAP4BE')).value;
      const restart = (ms: number) =>
        site.exchange.restartService(
          'mbx1',
          'MSExchangeIMAP4BE',
          { startedAt },
          { notAfter: site.lab.clock.now() + ms, caller: 'a', scope: [] },
        );
      await expect(restart(-1)).rejects.toEqual(failure('refused', /too late/));
      expect((await restart(30_000)).value.effect).toBe('changed');
      await site.close();
    },
  );

  describe('a call', () => {
    let site: LabSite;
    let gate: Gate;
    let exchange: Exchange;
    beforeAll(async () => {
      gate = await openGate();
      site = await labSite(executable, { shells: 1, environment: { EXCHANGE_LAB_URL: gate.url } });
      gate.to = site.url;
      exchange = site.exchange;
      await exchange.organisation();
    });
    afterAll(async () => {
      await site.close();
      await gate.close();
    });

    it('that gets no answer ends with its limit, and the next one has its answer', async () => {
      await exchange.serverHealth('mbx1');
      const held = gate.hold('serverHealth');
      const asked = exchange.serverHealth('mbx1', { timeLimit: 5_000 });
      await held.reached;
      await expect(asked).rejects.toEqual(failure('timedOut'));
      held.letGo();
      expect((await exchange.serverHealth('mbx1')).value.length).toBeGreaterThan(5);
    });

    it.each<[string, string, (order: Change) => Promise<unknown>]>([
      [
        'Set-MailboxServer',
        'mailboxServer',
        (order) => exchange.setActivationBlocked('mbx1', true, { activationBlocked: false }, order),
      ],
      [
        'Set-ImapSettings',
        'protocolLog',
        (order) => exchange.setProtocolLog('cas1', 'imap', true, { enabled: false }, order),
      ],
      [
        'Restart-Service',
        'service',
        async (order) =>
          exchange.restartService('mbx2', 'MSExchangeIMAP4BE', { startedAt: await started('mbx2') }, order),
      ],
      [
        'Restart-Computer',
        'bootTime',
        async (order) => exchange.restartServer('cas2', { bootedAt: await booted('cas2') }, order),
      ],
    ])('%s that was held up on its way until it is too late is not carried out', async (command, look, send) => {
      const order = { notAfter: site.lab.clock.now() + 30_000, caller: 'incident-1 step 1', scope: [] };
      const held = gate.hold(look, order.caller);
      const sent = send(order).catch((error) => error);
      await held.reached;
      site.lab.clock.advance(31_000);
      held.letGo();
      expect(await sent).toEqual(failure('refused', /ms too late, and was not carried out/));
      expect(site.lab.commands().filter((one) => one.command === command && one.effect === 'changed')).toEqual([]);
    });

    it('waits for another that changes the same thing, and then finds it done', async () => {
      const startedAt = await started('mbx3');
      const restart = (port: Exchange, caller: string) => {
        const order = { notAfter: site.lab.clock.now() + 30_000, caller, scope: [] };
        return port.restartService('mbx3', 'MSExchangeIMAP4BE', { startedAt }, order);
      };
      const other = await labSite(executable, { shells: 1, environment: { EXCHANGE_LAB_URL: gate.url } });
      await other.exchange.organisation();
      const held = gate.hold('restartService');
      const first = restart(exchange, 'incident-1 step 1');
      await held.reached;
      // Two looks at the clock for the time limit, and one when it begins to wait.
      const waits = gate.seen('/clock', 3);
      const second = restart(other.exchange, 'incident-2 step 1');
      await waits;
      // Time enough for a look at the service, had it not to wait.
      for (let asked = 0; asked < 50; asked += 1) await fetch(`${gate.url}/lab/v1/organisation`);
      const looks = () => site.lab.commands().filter(({ caller }) => caller === 'incident-2 step 1').length;
      expect(looks()).toBe(0);
      held.letGo();
      expect([(await first).value.effect, (await second).value.effect]).toEqual(['changed', 'already']);
      expect(looks()).toBe(2);
      await other.close();
    });

    const started = async (server: string) =>
      (await site.lab.exchange().service(server, 'MSExchangeIMAP4BE')).value.startedAt ?? null;
    const booted = async (server: string) => (await site.lab.exchange().bootTime(server)).value.bootedAt;
  });
});

interface Gate {
  url: string;
  to: string;
  /** The next call of that verb, of that caller if one is named, waits here. */
  hold(verb: string, caller?: string): { reached: Promise<void>; letGo(): void };
  /** Resolves when so many more requests with that ending have come. */
  seen(ending: string, times: number): Promise<void>;
  close(): Promise<void>;
}

/** Stands before a lab, and holds what it is told to hold. */
async function openGate(): Promise<Gate> {
  let holding: { verb: string; caller: string | undefined; reached(): void; gone: Promise<void> } | undefined;
  const watches: { ending: string; times: number; seen(): void }[] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', async () => {
      const body = Buffer.concat(chunks);
      for (const watch of watches) if (incoming.url?.endsWith(watch.ending) && --watch.times === 0) watch.seen();
      const asked = incoming.url?.endsWith('/call') ? JSON.parse(body.toString()) : {};
      if (holding && asked.verb === holding.verb && (holding.caller === undefined || asked.caller === holding.caller)) {
        const { reached, gone } = holding;
        holding = undefined;
        reached();
        await gone;
      }
      passOn(gate.to, incoming, body, outgoing);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const gate: Gate = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    to: '',
    hold(verb, caller) {
      let letGo = () => {};
      const gone = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      const reached = new Promise<void>((resolve) => {
        holding = { verb, caller, reached: resolve, gone };
      });
      return { reached, letGo };
    },
    seen: (ending, times) => new Promise((seen) => watches.push({ ending, times, seen })),
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
  return gate;
}

function passOn(to: string, incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse): void {
  const onward = request(
    new URL(incoming.url ?? '', to),
    { method: incoming.method, headers: incoming.headers },
    (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    },
  );
  onward.on('error', () => outgoing.destroy());
  onward.end(body);
}
