import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../../src/ports/clock.ts';
import type { Change, Exchange, ExchangeFailure, HealthRow, ScriptFile } from '../../src/ports/exchange.ts';

export type ScriptDoes = 'works' | 'fails' | 'hangs' | 'interrupted' | 'differs' | 'missing';

/** One side of the port, and a way to break the organisation behind it. */
export interface ExchangeUnderTest {
  exchange: Exchange;
  clock: Clock;
  /** Posts a fault; answers its id. */
  post(fault: Record<string, unknown>): Promise<string>;
  remove(id: string): Promise<void>;
  /** Lets that much of the organisation's time pass. */
  pass(ms: number): Promise<void>;
  /** A script of the admin that does this when it runs, or whose file on the server is another one. */
  script(does: ScriptDoes): Promise<ScriptFile>;
  /** The commands that reached the organisation, as `cmdlet effect`. */
  log(): Promise<string[]>;
  close(): Promise<void>;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** What every side of the Exchange port has to do. */
export function exchangeContract(side: string, open: () => Promise<ExchangeUnderTest>): void {
  describe(`the Exchange port, ${side}`, () => {
    let sut: ExchangeUnderTest;
    let exchange: Exchange;
    beforeEach(async () => {
      sut = await open();
      exchange = sut.exchange;
    });
    afterEach(() => sut.close());

    const change = (over: Partial<Change> = {}): Change => ({
      notAfter: sut.clock.now() + 30 * SECOND,
      caller: 'incident-1 step 2',
      scope: [{ server: 'mbx1' }],
      ...over,
    });
    const row = async (server: string, monitor: string): Promise<HealthRow> => {
      const { value } = await exchange.serverHealth(server);
      const found = value.find((each) => `${each.healthSet}\\${each.name}` === monitor);
      if (!found) throw new Error(`${server} has no row ${monitor}`);
      return found;
    };
    const startOf = async (server: string, name: string) =>
      (await exchange.service(server, name)).value.startedAt ?? null;
    const probe = async (server: string, identity: string) =>
      (await exchange.invokeProbe(server, identity)).value?.resultType;
    const failure = (code: ExchangeFailure) => expect.objectContaining({ name: 'ExchangeError', code });

    test('the organisation names its servers with roles, version, site and group', async () => {
      const { value } = await exchange.organisation();
      expect(value.id).toBe(sut.clock.epoch);
      const facts = (server: string) => value.servers.find((each) => each.server === server);
      expect(facts('mbx1')).toEqual({
        server: 'mbx1',
        fqdn: 'mbx1.contoso.com',
        roles: ['mailbox'],
        version: '15.0',
        site: 'Tokyo',
        dag: 'dag1',
        group: 'dag1',
        organisation: value.id,
      });
      expect(facts('cas1')).toMatchObject({ roles: ['client-access'], group: 'cas:Tokyo' });
      expect(facts('ex1')).toMatchObject({ roles: ['client-access', 'mailbox'], version: '15.2', group: 'dag2' });
      expect(facts('mbx9')).not.toHaveProperty('group');
    });

    test('a healthy server has rows for its roles, all Healthy, fresh and told apart by their keys', async () => {
      const { value } = await exchange.serverHealth('mbx1');
      expect(new Set(value.map((each) => each.alertValue))).toEqual(new Set(['Healthy']));
      expect(value.filter(({ isStale }) => isStale)).toEqual([]);
      const byClock = value.filter(({ recurrenceSeconds }) => recurrenceSeconds !== 0);
      expect(byClock.every((each) => sut.clock.now() - (each.lastExecution ?? 0) <= MINUTE)).toBe(true);
      // Real servers have such rows too: what drives them is events, and none came for long.
      const byEvents = value.filter((each) => !byClock.includes(each)).map(({ name }) => name);
      expect(byEvents).toContain('OwaIMInitializationFailedMonitor');
      const keys = value.map((each) => [each.healthSet, each.name, each.targetResource].join('\\'));
      expect(new Set(keys).size).toBe(keys.length);
      expect(keys).toContain('IMAP.Protocol\\ImapDeepTestMonitor\\MSExchangeImap4BE');
      expect(keys.filter((key) => key.startsWith('IMAP.Proxy'))).toEqual([]);
    });

    test('a monitor evaluates by itself as time passes', async () => {
      const before = await row('mbx1', 'IMAP.Protocol\\ImapSelfTestMonitor');
      await sut.pass(2 * MINUTE);
      const after = await row('mbx1', 'IMAP.Protocol\\ImapSelfTestMonitor');
      expect(after.lastExecution! - before.lastExecution!).toBe(2 * MINUTE);
    });

    test('a probe says whether the cause is there; a row follows one recurrence after the cure', async () => {
      const id = await sut.post({ fault: 'imap-backend-hang', server: 'mbx1' });
      expect(await probe('mbx1', 'IMAP.Protocol\\ImapDeepTestProbe')).toBe('TimedOut');
      expect(await probe('mbx1', 'IMAP.Protocol\\ImapSelfTestProbe\\MSExchangeImap4BE')).toBe('TimedOut');
      expect(await probe('mbx2', 'IMAP.Protocol\\ImapDeepTestProbe')).toBe('Succeeded');
      const { alertValue, lastTransition } = await row('mbx1', 'IMAP.Protocol\\ImapDeepTestMonitor');
      expect(alertValue).toBe('Unhealthy');
      expect(sut.clock.now() - lastTransition!).toBeGreaterThan(5 * MINUTE);

      await sut.remove(id);
      expect(await probe('mbx1', 'IMAP.Protocol\\ImapDeepTestProbe')).toBe('Succeeded');
      await sut.pass(MINUTE);
      expect(await row('mbx1', 'IMAP.Protocol\\ImapDeepTestMonitor')).toMatchObject({ alertValue: 'Healthy' });
    });

    test.each([
      ['a probe that does not exist', 'mbx1', 'IMAP.Protocol\\NoSuchProbe'],
      ['a probe of another role', 'mbx1', 'IMAP.Proxy\\ImapProxyTestProbe'],
      ['a health set without probes', 'mbx1', 'Store\\StoreProbe'],
      ['IMAP where it is unused', 'mbx4', 'IMAP.Protocol\\ImapSelfTestProbe'],
    ])('%s is a warning and no object', async (_, server, identity) => {
      const { value, warnings } = await exchange.invokeProbe(server, identity);
      expect(value).toBeUndefined();
      expect(warnings).toHaveLength(1);
    });

    test('what is not there is notFound', async () => {
      await expect(exchange.serverHealth('nobody')).rejects.toEqual(failure('notFound'));
      await expect(exchange.serverHealth('constructor')).rejects.toEqual(failure('notFound'));
      await expect(exchange.service('cas1', 'MSExchangeIMAP4BE')).rejects.toEqual(failure('notFound'));
      await expect(exchange.copiesOf('DB77')).rejects.toEqual(failure('notFound'));
      await expect(exchange.availabilityGroup('dag7')).rejects.toEqual(failure('notFound'));
      await expect(exchange.mailboxServer('cas1')).rejects.toEqual(failure('notFound'));
    });

    test('a restart gives the service a new start time, once', async () => {
      const startedAt = await startOf('mbx1', 'MSExchangeIMAP4BE');
      const restarted = await exchange.restartService('mbx1', 'MSExchangeIMAP4BE', { startedAt }, change());
      expect(restarted.value.effect).toBe('changed');
      const after = await startOf('mbx1', 'MSExchangeIMAP4BE');
      expect(after).toBeGreaterThan(startedAt!);

      const again = await exchange.restartService('mbx1', 'MSExchangeIMAP4BE', { startedAt }, change());
      expect(again.value.effect).toBe('already');
      expect(await startOf('mbx1', 'MSExchangeIMAP4BE')).toBe(after);
    });

    test('of two equal restarts at the same time, one takes effect', async () => {
      const startedAt = await startOf('mbx1', 'MSExchangeIMAP4BE');
      const restart = () => exchange.restartService('mbx1', 'MSExchangeIMAP4BE', { startedAt }, change());
      const both = await Promise.all([restart(), restart()]);
      expect(both.map(({ value }) => value.effect).sort()).toEqual(['already', 'changed']);
    });

    test('a change that comes too late is refused, and nothing happens', async () => {
      const startedAt = await startOf('mbx1', 'MSExchangeIMAP4BE');
      const late = change({ notAfter: sut.clock.now() - 1 });
      await expect(exchange.restartService('mbx1', 'MSExchangeIMAP4BE', { startedAt }, late)).rejects.toEqual(
        failure('refused'),
      );
      await expect(exchange.setActivationBlocked('mbx1', true, { activationBlocked: false }, late)).rejects.toEqual(
        failure('refused'),
      );
      expect(await startOf('mbx1', 'MSExchangeIMAP4BE')).toBe(startedAt);
      expect((await exchange.mailboxServer('mbx1')).value.activationBlocked).toBe(false);
    });

    describe('a script of the admin', () => {
      const RUN = { run: 'incident-1:2' };
      const order = (file: ScriptFile, more: object = {}) => ({
        ...file,
        parameters: { Days: 3, Text: "a'b; $(x)", Force: true },
        timeLimit: 20 * SECOND,
        repeat: false,
        ...more,
      });
      const state = async (file: ScriptFile, run = RUN.run) => (await exchange.script('mbx1', file, run)).value;

      test('runs once for each run, and its state says what became of it', async () => {
        const file = await sut.script('works');
        expect(await state(file)).toEqual({ file: 'same', run: 'none' });
        expect((await exchange.runScript('mbx1', order(file), RUN, change())).value.effect).toBe('changed');
        expect(await state(file)).toMatchObject({ file: 'same', run: 'succeeded', output: expect.any(String) });
        expect((await exchange.runScript('mbx1', order(file), RUN, change())).value.effect).toBe('already');
        expect((await exchange.runScript('mbx1', order(file, { repeat: true }), RUN, change())).value.effect).toBe(
          'already',
        );
        expect((await state(file, 'incident-1:3')).run).toBe('none');
        expect((await exchange.runScript('mbx1', order(file), { run: 'incident-1:3' }, change())).value.effect).toBe(
          'changed',
        );
      });

      test('of two equal runs at the same time, one takes effect', async () => {
        const file = await sut.script('works');
        const run = () => exchange.runScript('mbx1', order(file), RUN, change());
        const both = await Promise.all([run(), run()]);
        expect(both.map(({ value }) => value.effect).sort()).toEqual(['already', 'changed']);
      });

      test.each(['fails', 'hangs'] as const)('that %s has failed, and its output says why', async (does) => {
        const file = await sut.script(does);
        const { value } = await exchange.runScript('mbx1', order(file, { timeLimit: 2 * SECOND }), RUN, change());
        expect(value.effect).toBe('changed');
        const words = { fails: 'ERROR: ', hangs: 'did not end within 2000 ms' }[does];
        expect(await state(file)).toMatchObject({ run: 'failed', output: expect.stringContaining(words) });
      });

      test.each([
        ['differs', 'different'],
        ['missing', 'missing'],
      ] as const)('that %s on the server is refused, and does not run', async (does, found) => {
        const file = await sut.script(does);
        expect(await state(file)).toEqual({ file: found, run: 'none' });
        await expect(exchange.runScript('mbx1', order(file), RUN, change())).rejects.toEqual(failure('refused'));
        expect((await state(file)).run).toBe('none');
      });

      test('that was interrupted runs again only if it may', async () => {
        const file = await sut.script('interrupted');
        const run = (repeat: boolean) => exchange.runScript('mbx1', order(file, { repeat }), RUN, change());
        await expect(run(true)).rejects.toMatchObject({ name: 'ExchangeError' });
        expect((await state(file)).run).toBe('interrupted');
        expect((await run(false)).value.effect).toBe('already');
        expect((await state(file)).run).toBe('interrupted');
        expect((await run(true)).value.effect).toBe('changed');
        expect((await state(file)).run).toBe('succeeded');
      });

      test('that comes too late is refused, and does not run', async () => {
        const file = await sut.script('works');
        const late = change({ notAfter: sut.clock.now() - 1 });
        await expect(exchange.runScript('mbx1', order(file), RUN, late)).rejects.toEqual(failure('refused'));
        expect((await state(file)).run).toBe('none');
      });
    });

    test('blocking activation returns at once, and the databases leave one by one', async () => {
      const active = async () =>
        (await exchange.copiesOn('mbx1')).value.filter(({ status }) => status === 'Mounted').length;
      expect(await active()).toBe(2);
      const blocked = await exchange.setActivationBlocked('mbx1', true, { activationBlocked: false }, change());
      expect(blocked.value.effect).toBe('changed');
      expect(await active()).toBe(2);
      await sut.pass(20 * SECOND);
      expect(await active()).toBe(1);
      await sut.pass(20 * SECOND);
      expect(await active()).toBe(0);
      const again = await exchange.setActivationBlocked('mbx1', true, { activationBlocked: false }, change());
      expect(again.value.effect).toBe('already');
    });

    test('a setting that is not as it was seen is left as it is', async () => {
      const blocked = exchange.setActivationBlocked('mbx1', true, { activationBlocked: true }, change());
      await expect(blocked).rejects.toEqual(failure('refused'));
      const on = exchange.setProtocolLog('cas1', 'pop', true, { enabled: true }, change());
      await expect(on).rejects.toEqual(failure('refused'));
      expect((await exchange.mailboxServer('mbx1')).value.activationBlocked).toBe(false);
      expect((await exchange.protocolLog('cas1', 'pop')).value.enabled).toBe(false);
    });

    test('a protocol log is switched once, and has a location', async () => {
      const on = () => exchange.setProtocolLog('cas1', 'imap', true, { enabled: false }, change());
      expect((await on()).value.effect).toBe('changed');
      expect((await on()).value.effect).toBe('already');
      const { value } = await exchange.protocolLog('cas1', 'imap');
      expect(value).toEqual({ enabled: true, location: expect.stringContaining('\\Logging\\Imap4') });
      expect((await exchange.protocolLog('cas1', 'pop')).value.enabled).toBe(false);
    });

    test('after a reboot remoting answers first, then the services, then the probes', async () => {
      const { bootedAt } = (await exchange.bootTime('cas1')).value;
      const restarted = await exchange.restartServer('cas1', { bootedAt }, change());
      expect(restarted.value.effect).toBe('changed');
      await expect(exchange.bootTime('cas1')).rejects.toEqual(failure('unreachable'));

      await sut.pass(3 * MINUTE);
      const booted = (await exchange.bootTime('cas1')).value;
      expect(booted.bootedAt).toBeGreaterThan(bootedAt);
      expect(booted.uptimeSeconds).toBe(60);
      await expect(exchange.serverHealth('cas1')).rejects.toEqual(failure('unreachable'));
      expect((await exchange.service('cas1', 'MSExchangeIMAP4')).value.status).toBe('StartPending');

      await sut.pass(MINUTE);
      expect((await row('cas1', 'IMAP.Proxy\\ImapProxyTestMonitor')).alertValue).toBe('UnInitialized');
      expect(await probe('cas1', 'IMAP.Proxy\\ImapProxyTestProbe')).toBe('Failed');
      expect((await exchange.service('cas1', 'MSExchangeIMAP4')).value.status).toBe('Running');

      await sut.pass(3 * MINUTE);
      expect((await row('cas1', 'IMAP.Proxy\\ImapProxyTestMonitor')).alertValue).toBe('Healthy');
      expect(await probe('cas1', 'IMAP.Proxy\\ImapProxyTestProbe')).toBe('Succeeded');
      const again = await exchange.restartServer('cas1', { bootedAt }, change());
      expect(again.value.effect).toBe('already');
    });

    test('groups say who is up, and what the witness is', async () => {
      const { value } = await exchange.availabilityGroup('dag2');
      expect(value).toEqual({
        name: 'dag2',
        members: [
          { server: 'ex1', site: 'Tokyo', up: true, suspended: false },
          { server: 'ex2', site: 'Tokyo', up: true, suspended: false },
        ],
        witness: { server: 'cas2', up: true },
      });
    });

    test('component states and recovery actions tell what Exchange itself did', async () => {
      await sut.post({ fault: 'component-inactive', server: 'cas1', component: 'ImapProxy', requester: 'HealthAPI' });
      await sut.post({ fault: 'responder-at-work', server: 'cas1', for: '10m' });
      const states = (await exchange.componentStates('cas1')).value;
      expect(states.find((each) => each.component === 'ImapProxy')).toEqual({
        component: 'ImapProxy',
        state: 'Inactive',
        requesters: [{ requester: 'HealthAPI', state: 'Inactive' }],
      });
      expect((await exchange.service('cas1', 'MSExchangeIMAP4')).value.status).toBe('Stopped');
      const acting = (await exchange.recoveryActions('cas1', sut.clock.now())).value;
      expect(acting).toEqual([
        expect.objectContaining({ action: 'RestartService', resource: 'MSExchangeIMAP4', state: 'started' }),
      ]);
      await sut.pass(10 * MINUTE);
      const after = (await exchange.recoveryActions('cas1', sut.clock.now() - MINUTE)).value;
      expect(after).toEqual([expect.objectContaining({ state: 'finished', endedAt: expect.any(Number) })]);
    });

    test.each<[string, Record<string, unknown>, ExchangeFailure]>([
      ['a refused command', { fault: 'refuse', command: 'get-serverhealth' }, 'refused'],
      ...(['accessDenied', 'sessionLimit', 'unreachable', 'notFound', 'timedOut', 'unknown'] as const).map(
        (as): [string, Record<string, unknown>, ExchangeFailure] => [
          `a command that fails as ${as}`,
          { fault: 'refuse', command: 'get-serverhealth', as },
          as,
        ],
      ),
      ['no session left', { fault: 'session-limit' }, 'sessionLimit'],
      ['a dropped connection', { fault: 'drop-after-effect', command: 'Get-ServerHealth' }, 'unreachable'],
    ])('%s fails with its code, as often as it was told to', async (_, fault, code) => {
      await sut.post({ ...fault, times: 1 });
      await expect(exchange.serverHealth('mbx1')).rejects.toEqual(failure(code));
      await expect(exchange.serverHealth('mbx1')).resolves.toBeDefined();
    });

    test('a change whose answer was dropped took effect', async () => {
      await sut.post({ fault: 'drop-after-effect', command: 'Restart-Service', times: 1 });
      const startedAt = await startOf('mbx1', 'MSExchangeIMAP4BE');
      const restart = () => exchange.restartService('mbx1', 'MSExchangeIMAP4BE', { startedAt }, change());
      await expect(restart()).rejects.toEqual(failure('unreachable'));
      expect((await restart()).value.effect).toBe('already');
    });

    test('a service that does not stop times out, and stays in StopPending', async () => {
      await sut.post({ fault: 'stop-hangs', service: 'MSExchangeIMAP4BE' });
      const startedAt = await startOf('mbx1', 'MSExchangeIMAP4BE');
      const restart = () => exchange.restartService('mbx1', 'MSExchangeIMAP4BE', { startedAt }, change());
      await expect(restart()).rejects.toEqual(failure('timedOut'));
      expect((await exchange.service('mbx1', 'MSExchangeIMAP4BE')).value).toMatchObject({
        status: 'StopPending',
        startedAt,
      });
      await expect(restart()).rejects.toEqual(failure('refused'));
    });

    test("the caller's own abort comes back as its reason", async () => {
      const reason = new Error('shutting down');
      await expect(exchange.serverHealth('mbx1', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    });

    test('the log counts commands, not intentions', async () => {
      const startedAt = await startOf('mbx1', 'MSExchangeIMAP4BE');
      const restart = (notAfter: number) =>
        exchange.restartService('mbx1', 'MSExchangeIMAP4BE', { startedAt }, change({ notAfter }));
      await restart(sut.clock.now() + MINUTE);
      await restart(sut.clock.now() + MINUTE);
      await restart(0).catch(() => undefined);
      expect(await sut.log()).toEqual([
        'Get-Service none',
        'Restart-Service changed',
        'Restart-Service already',
        'Restart-Service refused',
      ]);
    });
  });
}
