import { describe, expect, test } from 'vitest';
import { FAULTS } from '../../../src/lab/behaviour/faults/index.ts';
import { HEALTH_SETS } from '../../../src/lab/world/health-sets.ts';
import { HOUR, labForTest, MINUTE } from './world.ts';

const PROTOCOL = ['IMAP.Protocol\\ImapDeepTestMonitor', 'IMAP.Protocol\\ImapSelfTestMonitor'];
const DEEP = ['IMAP.Protocol\\ImapDeepTestMonitor'];
const PROXY = ['IMAP.Proxy\\ImapProxyTestMonitor'];
const LOAD = ['IMAP\\AverageCommandProcessingTimeGt60sMonitor'];
const CTP = ['IMAP\\ImapCTPMonitor'];

type World = ReturnType<typeof labForTest>;
type Act = (world: World, server: string) => Promise<unknown>;

const restart =
  (...names: string[]): Act =>
  async (world, server) => {
    for (const name of names) await world.restartService(server, name);
  };
const reboot: Act = (world, server) => world.restartServer(server);
const drain: Act = async (world, server) => {
  await world.block(server);
  world.pass(3 * MINUTE);
};

const BE = 'MSExchangeIMAP4BE';
const FE = 'MSExchangeIMAP4';

describe('a fault shows where it sits, and goes by its cure alone', () => {
  const sentences: [fault: string, server: string, shows: string[], vain: Act[], cure: Act][] = [
    ['imap-backend-hang', 'mbx1', PROTOCOL, [drain], restart(BE)],
    ['imap-backend-hang', 'ex1', PROTOCOL, [restart(FE)], restart(BE)],
    ['imap-backend-wedged', 'mbx1', PROTOCOL, [restart(BE), drain], reboot],
    ['imap-backend-wedged', 'mbx9', PROTOCOL, [restart(BE), drain], reboot],
    ['imap-store-stuck', 'mbx1', DEEP, [restart(BE)], drain],
    ['imap-proxy-hang', 'cas1', PROXY, [], restart(FE)],
    ['imap-proxy-wedged', 'cas1', PROXY, [restart(FE)], reboot],
    ['imap-slow', 'mbx1', LOAD, [drain], restart(BE)],
    ['imap-slow', 'cas1', LOAD, [], restart(FE)],
    ['imap-slow', 'ex1', LOAD, [restart(FE)], restart(BE)],
    ['imap-slow-relapse', 'mbx1', LOAD, [drain], reboot],
  ];
  test.each(sentences)('%s on %s', async (fault, server, shows, vain, cure) => {
    const world = labForTest();
    const { id } = world.lab.post({ fault, server });
    const shown = () => world.unwell(server);
    expect(await shown()).toEqual(shows.map((name) => `${name} Unhealthy`));

    for (const act of vain) {
      await act(world, server);
      world.pass(10 * MINUTE);
      expect(await shown()).toEqual(shows.map((name) => `${name} Unhealthy`));
      expect(world.lab.fault(id)?.state).toBe('present');
    }
    await cure(world, server);
    world.pass(MINUTE);
    expect(await world.unwell(server)).toEqual([]);
    expect(world.lab.fault(id)?.state).toBe('cured');
    world.pass(HOUR);
    expect(await world.unwell(server)).toEqual([]);
  });

  test('a reboot cures what a restart of the service cures', async () => {
    const world = labForTest();
    world.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
    await world.restartServer('mbx1');
    expect(await world.unwell('mbx1')).toEqual([]);
  });

  test('every health set can be made unhealthy, and the three cures work', async () => {
    for (const healthSet of HEALTH_SETS) {
      const world = labForTest();
      const server = (await world.rows('ex1')).some((row) => row.healthSet === healthSet)
        ? 'ex1'
        : (await world.rows('mbx1')).some((row) => row.healthSet === healthSet)
          ? 'mbx1'
          : 'cas1';
      world.lab.post({ fault: 'unhealthy', server, healthSet, cure: 'restart-service:MSExchangeHM' });
      expect(await world.unwell(server)).toHaveLength(1);
      await world.restartService(server, 'MSExchangeHM');
      world.pass(MINUTE);
      expect(await world.unwell(server)).toEqual([]);
    }
    for (const [cure, act] of [
      ['restart-server', reboot],
      ['fail-over', drain],
      [{ by: 'restart-service', service: 'msexchangeis' }, restart('MSExchangeIS')],
    ] as const) {
      const world = labForTest();
      const { id } = world.lab.post({ fault: 'unhealthy', server: 'mbx1', healthSet: 'Store', cure });
      await act(world, 'mbx1');
      expect(world.lab.fault(id)?.state).toBe('cured');
    }
  });
});

describe('an established trouble looks as it does when the alert is raised', () => {
  test('the rows are fresh, and Managed Availability has tried in vain', async () => {
    const { lab, exchange, rows } = labForTest();
    lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
    const row = (await rows('mbx1')).find((each) => each.name === 'ImapDeepTestMonitor')!;
    expect(lab.clock.now() - row.lastTransition!).toBe(25 * MINUTE);
    expect(lab.clock.now() - row.lastExecution!).toBeLessThanOrEqual(MINUTE);
    const attempts = (await exchange.recoveryActions('mbx1', 0)).value;
    expect(attempts.map(({ resource, state, result }) => `${resource} ${state} ${result}`)).toEqual([
      'MSExchangeIMAP4BE finished failed',
      'MSExchangeIMAP4BE finished throttled',
    ]);
    expect(attempts.every(({ endedAt }) => lab.clock.now() - endedAt! > 10 * MINUTE)).toBe(true);
    const { startedAt } = (await exchange.service('mbx1', 'MSExchangeIMAP4BE')).value;
    expect(lab.clock.now() - startedAt!).toBeGreaterThan(24 * HOUR);
  });

  test('with onset it degrades first, is Unhealthy after three failed runs, and a responder sets to work', async () => {
    const { lab, exchange, unwell, pass } = labForTest();
    lab.post({ fault: 'imap-proxy-hang', server: 'cas1', onset: true });
    expect(await unwell('cas1')).toEqual([]);
    pass(MINUTE);
    expect(await unwell('cas1')).toContain('IMAP.Proxy\\ImapProxyTestMonitor Degraded');
    pass(2 * MINUTE);
    expect(await unwell('cas1')).toContain('IMAP.Proxy\\ImapProxyTestMonitor Unhealthy');
    pass(MINUTE);
    expect((await exchange.recoveryActions('cas1', 0)).value).toMatchObject([{ state: 'started' }]);
    pass(MINUTE);
    expect((await exchange.recoveryActions('cas1', 0)).value).toMatchObject([{ state: 'finished', result: 'failed' }]);
  });
});

describe('troubles that change by themselves', () => {
  test('slowness relapses 12 minutes after each restart, until the reboot', async () => {
    const world = labForTest();
    world.lab.post({ fault: 'imap-slow-relapse', server: 'mbx1' });
    for (let round = 0; round < 2; round++) {
      await world.restartService('mbx1', BE);
      world.pass(11 * MINUTE);
      expect(await world.unwell('mbx1')).toEqual([]);
      world.pass(4 * MINUTE);
      expect(await world.unwell('mbx1')).toEqual([`${LOAD[0]} Unhealthy`]);
    }
    await world.restartService('mbx1', BE);
    await world.restartServer('mbx1');
    world.pass(HOUR);
    expect(await world.unwell('mbx1')).toEqual([]);
  });

  test('a transient trouble: the probe succeeds at once, the row follows later', async () => {
    const world = labForTest();
    const { id } = world.lab.post({ fault: 'transient', server: 'mbx1', for: '5m' });
    expect(await world.probe('mbx1', 'IMAP.Protocol\\ImapSelfTestProbe')).toBe('Succeeded');
    world.pass(4 * MINUTE);
    expect(await world.unwell('mbx1')).toEqual(['IMAP.Protocol\\ImapSelfTestMonitor Unhealthy']);
    world.pass(2 * MINUTE);
    expect(await world.unwell('mbx1')).toEqual([]);
    expect(world.lab.fault(id)?.state).toBe('cured');
  });

  test('a flapping monitor is bad and good by turns, as often as it was told to', async () => {
    const world = labForTest();
    world.lab.post({ fault: 'flapping', server: 'mbx1', period: '10m', times: 2 });
    const seen: number[] = [];
    for (let turn = 0; turn < 5; turn++) {
      world.pass(9 * MINUTE);
      seen.push((await world.unwell('mbx1')).length);
      world.pass(MINUTE);
    }
    expect(seen).toEqual([1, 0, 1, 0, 0]);
  });

  test.each([0, '0s', 1, '900ms'])('a flapping monitor does not come again after %j', (period) => {
    const world = labForTest();
    expect(() => world.lab.post({ fault: 'flapping', server: 'mbx1', period })).toThrow('/period: too short');
  });

  test('years of flapping are caught up with, and it goes on at its own times', async () => {
    const world = labForTest();
    world.lab.post({ fault: 'flapping', server: 'mbx1', period: '10m' });
    const seen = async () => (await world.unwell('mbx1')).length;
    for (let jump = 0; jump < 5; jump++) world.pass(365_000 * 24 * HOUR);
    world.pass(9 * MINUTE);
    const before = await seen();
    world.pass(10 * MINUTE);
    const after = await seen();
    expect([before, after].sort()).toEqual([0, 1]);
  });

  test('spells that passed unseen count', async () => {
    const world = labForTest();
    const { id } = world.lab.post({ fault: 'flapping', server: 'mbx1', period: '10m', times: 3 });
    world.pass(49 * MINUTE);
    expect([(await world.unwell('mbx1')).length, world.lab.fault(id)?.state]).toEqual([1, 'present']);
    world.pass(2 * HOUR);
    expect([(await world.unwell('mbx1')).length, world.lab.fault(id)?.state]).toEqual([0, 'cured']);
  });

  test('nothing cures the unfixable, and deleting it does', async () => {
    const world = labForTest();
    const { id } = world.lab.post({ fault: 'unfixable', server: 'mbx1', healthSet: 'IMAP.Protocol' });
    await restart(BE)(world, 'mbx1');
    await drain(world, 'mbx1');
    await reboot(world, 'mbx1');
    world.pass(10 * MINUTE);
    expect(await world.unwell('mbx1')).toEqual(PROTOCOL.map((name) => `${name} Unhealthy`));
    world.lab.remove(id);
    world.pass(MINUTE);
    expect(await world.unwell('mbx1')).toEqual([]);
  });

  test('a fault with times: 2 takes two cures', async () => {
    const world = labForTest();
    const { id } = world.lab.post({ fault: 'imap-backend-hang', server: 'mbx1', times: 2 });
    await world.restartService('mbx1', BE);
    expect(await world.probe('mbx1', 'IMAP.Protocol\\ImapSelfTestProbe')).toBe('TimedOut');
    await world.restartService('mbx1', BE);
    expect(await world.probe('mbx1', 'IMAP.Protocol\\ImapSelfTestProbe')).toBe('Succeeded');
    expect(world.lab.fault(id)?.state).toBe('cured');
  });
});

describe('client-touch-point probes reach a back end', () => {
  const IDENTITY = 'IMAP\\ImapCTPProbe';
  const named = async (world: World, server: string) => {
    const { value } = await world.exchange.invokeProbe(server, IDENTITY);
    return /_Mbx:([a-z0-9.-]+)/.exec(value?.error ?? '')?.[1];
  };

  test.each([
    ['cas1', 'mbx1'],
    ['cas1', 'mbx2'],
    ['cas2', 'mbx3'],
    ['ex1', 'ex2'],
  ])('from %s every three runs in a row meet sick %s', async (server, backEnd) => {
    const world = labForTest();
    world.lab.post({ fault: 'imap-backend-wedged', server: backEnd });
    const met = [];
    for (let run = 0; run < 9; run++) met.push(await named(world, server));
    for (let first = 0; first < 7; first++) expect(met.slice(first, first + 3)).toContain(`${backEnd}.contoso.com`);
    expect(met).toContain(undefined);
  });

  test('imap-ctp-backend shows on both sides, and is cured on the back end', async () => {
    const world = labForTest();
    world.lab.post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2', backendFault: 'imap-backend-hang' });
    expect(await world.unwell('cas1')).toEqual([`${CTP[0]} Unhealthy`]);
    expect(await world.unwell('mbx2')).toEqual(PROTOCOL.map((name) => `${name} Unhealthy`));
    expect(await world.unwell('cas2')).toEqual([]);
    await world.restartService('cas1', FE);
    world.pass(5 * MINUTE);
    expect(await world.unwell('cas1')).toEqual([`${CTP[0]} Unhealthy`]);
    await world.restartService('mbx2', BE);
    world.pass(MINUTE);
    expect(await world.unwell('cas1')).toEqual([]);
    expect(await world.unwell('mbx2')).toEqual([]);
  });

  test('a sick front end fails every run, and still names where it was routed to', async () => {
    const world = labForTest();
    world.lab.post({ fault: 'imap-proxy-wedged', server: 'cas1' });
    const met = new Set([await named(world, 'cas1'), await named(world, 'cas1'), await named(world, 'cas1')]);
    expect([...met].sort()).toEqual(['mbx1.contoso.com', 'mbx2.contoso.com', 'mbx3.contoso.com']);
  });

  test('a drained back end is not met any more', async () => {
    const world = labForTest();
    world.lab.post({ fault: 'imap-backend-wedged', server: 'mbx2' });
    await drain(world, 'mbx2');
    expect([await named(world, 'cas1'), await named(world, 'cas1'), await named(world, 'cas1')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

test('without the directory, exactly the probes that need it fail', async () => {
  const world = labForTest();
  const { id } = world.lab.post({ fault: 'directory-down' });
  expect(await world.probe('mbx1', 'IMAP.Protocol\\ImapSelfTestProbe')).toBe('Failed');
  expect(await world.probe('mbx1', 'EWS.Protocol\\EwsDeepTestProbe')).toBe('Succeeded');
  expect(await world.probe('cas2', 'OWA\\OwaCtpProbe')).toBe('Failed');
  expect((await world.unwell('cas2')).length).toBeGreaterThan(5);
  world.lab.remove(id);
  world.pass(MINUTE);
  expect(await world.unwell('cas2')).toEqual([]);
});

test('a service that is stopped by design stays stopped, and runs again when the component may', async () => {
  const world = labForTest();
  const { id } = world.lab.post({ fault: 'component-inactive', server: 'cas1', component: 'ImapProxy' });
  await world.restartService('cas1', FE);
  expect((await world.exchange.service('cas1', FE)).value.status).toBe('Stopped');
  world.lab.remove(id);
  expect((await world.exchange.service('cas1', FE)).value.status).toBe('Running');
});

describe('components and services vary by themselves', () => {
  const imap = async (world: ReturnType<typeof labForTest>) => (await world.exchange.service('cas1', FE)).value;
  const proxy = async (world: ReturnType<typeof labForTest>) =>
    (await world.exchange.componentStates('cas1')).value.find(({ component }) => component === 'ImapProxy');
  const out = { fault: 'component-inactive', server: 'cas1', component: 'ImapProxy' };

  test('a service that runs beside its Inactive component runs after a restart and after a boot too', async () => {
    const world = labForTest();
    world.lab.post({ ...out, requester: 'Maintenance', service: 'runs' });
    expect((await imap(world)).status).toBe('Running');
    await world.restartService('cas1', FE);
    expect((await imap(world)).status).toBe('Running');
    await world.restartServer('cas1');
    world.pass(10 * MINUTE);
    expect((await imap(world)).status).toBe('Running');
  });

  test('the strictest of several requesters wins, and each lifts its own', async () => {
    const world = labForTest();
    const ids = [
      { requester: 'Maintenance', state: 'Draining' },
      { requester: 'HealthApi', state: 'Inactive' },
    ].map((more) => world.lab.post({ ...out, service: 'runs', ...more }).id);
    expect(await proxy(world)).toEqual({
      component: 'ImapProxy',
      state: 'Inactive',
      requesters: [
        { requester: 'Maintenance', state: 'Draining' },
        { requester: 'HealthApi', state: 'Inactive' },
      ],
    });
    world.lab.remove(ids[1]!);
    expect(await proxy(world)).toMatchObject({ state: 'Draining', requesters: [{ requester: 'Maintenance' }] });
    world.lab.remove(ids[0]!);
    expect(await proxy(world)).toEqual({ component: 'ImapProxy', state: 'Active', requesters: [] });
  });

  test('draining stops no service, and to lift it starts none anew', async () => {
    const world = labForTest();
    const before = await imap(world);
    const { id } = world.lab.post({ ...out, state: 'Draining' });
    world.lab.remove(id);
    expect(await imap(world)).toEqual(before);
  });

  test('a service is stopped and set to Manual, and is as before when that is deleted', async () => {
    const world = labForTest();
    const fault = { fault: 'service-state', server: 'cas1', service: 'msexchangeimap4' };
    const { id } = world.lab.post({ ...fault, status: 'Stopped', startType: 'Manual' });
    expect(await imap(world)).toEqual({ name: FE, status: 'Stopped', startType: 'Manual' });
    expect(await world.unwell('cas1')).not.toEqual([]);
    world.lab.remove(id);
    expect(await imap(world)).toMatchObject({ status: 'Running', startType: 'Automatic' });
    expect(() => world.lab.post({ ...fault, service: 'MSExchangeIMAP5' })).toThrow();
  });

  test('what a boot does not bring up stays down', async () => {
    const world = labForTest();
    world.lab.post({ fault: 'service-state', server: 'cas1', service: FE, startsAtBoot: false });
    await world.restartServer('cas1');
    world.pass(10 * MINUTE);
    expect(await imap(world)).toMatchObject({ status: 'Stopped', startType: 'Automatic' });
  });
});

describe('disturbances', () => {
  test('no-object withholds one probe, with a warning', async () => {
    const world = labForTest();
    world.lab.post({ fault: 'no-object', probe: 'ImapSelfTestProbe' });
    expect(await world.probe('mbx1', 'IMAP.Protocol\\ImapSelfTestProbe')).toContain('cannot be invoked');
    expect(await world.probe('mbx1', 'IMAP.Protocol\\ImapDeepTestProbe')).toBe('Succeeded');
  });

  test('stale rows go on saying what they said', async () => {
    const world = labForTest();
    world.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
    world.lab.post({ fault: 'stale-rows', server: 'mbx1' });
    await world.restartService('mbx1', BE);
    world.pass(10 * MINUTE);
    const row = (await world.rows('mbx1')).find((each) => each.name === 'ImapDeepTestMonitor')!;
    expect(row).toMatchObject({ alertValue: 'Unhealthy', isStale: true });
    expect(world.lab.clock.now() - row.lastExecution!).toBeGreaterThan(13 * MINUTE);
    expect((await world.rows('mbx2')).some((each) => each.isStale)).toBe(false);
  });

  test('slow takes time, and a change has taken effect by then', async () => {
    const world = labForTest();
    world.lab.post({ fault: 'slow', command: 'Restart-Service', by: '40s' });
    const before = world.lab.clock.now();
    await world.restartService('mbx1', BE);
    expect(world.lab.clock.now() - before).toBe(45_000);
    const { startedAt } = (await world.exchange.service('mbx1', BE)).value;
    expect(startedAt).toBe(before + 5_000);
  });

  test('a server that never returns stays away', async () => {
    const world = labForTest();
    world.lab.post({ fault: 'never-returns', server: 'cas1' });
    await world.restartServer('cas1');
    world.pass(24 * HOUR);
    await expect(world.exchange.bootTime('cas1')).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('and comes back when that is mended', async () => {
    const world = labForTest();
    const { id } = world.lab.post({ fault: 'never-returns', times: 1 });
    await world.restartServer('cas1');
    world.lab.remove(id);
    world.pass(8 * MINUTE);
    expect(await world.unwell('cas1')).toEqual([]);
  });

  test('a reboot in the middle of another begins anew', async () => {
    const world = labForTest();
    const { bootedAt } = (await world.exchange.bootTime('cas1')).value;
    await world.exchange.restartServer('cas1', { bootedAt }, world.change());
    world.pass(5 * MINUTE);
    const again = (await world.exchange.bootTime('cas1')).value;
    await world.exchange.restartServer('cas1', { bootedAt: again.bootedAt }, world.change());
    world.pass(MINUTE + 30 * 1_000);
    await expect(world.exchange.bootTime('cas1')).rejects.toMatchObject({ code: 'unreachable' });
    world.pass(6 * MINUTE);
    expect(await world.unwell('cas1')).toEqual([]);
  });

  test('a service that hangs while stopping runs again when that is mended', async () => {
    const world = labForTest();
    const { id } = world.lab.post({ fault: 'stop-hangs', service: FE });
    await world.restartService('cas1', FE).catch(() => undefined);
    world.lab.remove(id);
    expect((await world.exchange.service('cas1', FE)).value.status).toBe('Running');
    expect(await world.probe('cas1', 'IMAP.Proxy\\ImapProxyTestProbe')).toBe('Succeeded');
  });

  test('a reboot ends a service that hangs while stopping', async () => {
    const world = labForTest();
    world.lab.post({ fault: 'stop-hangs', server: 'cas1', service: FE, times: 1 });
    await world.restartService('cas1', FE).catch(() => undefined);
    expect(await world.probe('cas1', 'IMAP.Proxy\\ImapProxyTestProbe')).toBe('Failed');
    await world.restartServer('cas1');
    expect((await world.exchange.service('cas1', FE)).value.status).toBe('Running');
  });
});

describe('what cannot be is refused, with the reason and the way out', () => {
  const sentences: [body: unknown, says: RegExp][] = [
    [undefined, /\/fault: missing.*imap-backend-hang/s],
    [[], /\/fault: missing/],
    ['imap-backend-hang', /\/fault: missing/],
    [{ fault: 'imap-backend-hung', server: 'mbx1' }, /did you mean "imap-backend-hang"/],
    [{ fault: '__proto__' }, /unknown fault/],
    [{ fault: 'constructor' }, /unknown fault/],
    [{ fault: 'imap-backend-hang' }, /\/server: missing.*mbx1/s],
    [{ fault: 'imap-backend-hang', server: 'mbx7' }, /did you mean "mbx/],
    [{ fault: 'imap-backend-hang', server: 'constructor' }, /unknown server/],
    [{ fault: 'imap-backend-hang', server: 'cas1' }, /cas1 has no monitor.*client-access/],
    [{ fault: 'imap-backend-hang', server: 'mbx4' }, /IMAP unused/],
    [{ fault: 'imap-backend-hang', server: 'mbx1', time: 3 }, /time/],
    [{ fault: 'imap-backend-hang', server: 'mbx1', times: 0 }, /\/times/],
    [{ fault: 'imap-store-stuck', server: 'mbx4' }, /mbx4/],
    [{ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx9' }, /does not reach mbx9.*mbx1/],
    [{ fault: 'imap-ctp-backend', server: 'mbx1', backend: 'mbx2' }, /no client-touch-point/],
    [{ fault: 'transient', server: 'mbx1', for: 'soon' }, /\/for: not a duration: write 30s/],
    [{ fault: 'slow', command: 'Get-Service', by: -1 }, /not a duration/],
    [{ fault: 'unhealthy', server: 'mbx1', healthSet: 'Stor' }, /did you mean "Store"/],
    [{ fault: 'unhealthy', server: 'mbx1', healthSet: 'IMAP.Proxy' }, /mbx1 has no rows of IMAP.Proxy/],
    [{ fault: 'unhealthy', server: 'mbx1', healthSet: 'Store', monitor: 'Nope' }, /Known: StoreMonitor/],
    [{ fault: 'unhealthy', server: 'mbx1', healthSet: 'Store', cure: 'pray' }, /Known: restart-service/],
    [{ fault: 'unhealthy', server: 'mbx1', healthSet: 'Store', cure: 'restart-service:MSExchangeISS' }, /MSExchangeIS/],
    [{ fault: 'will-not-move', database: 'DB99' }, /unknown database/],
  ];
  test.each(sentences)('%j', (body, says) => {
    const { lab } = labForTest();
    expect(() => lab.post(body)).toThrow(says);
    expect(lab.faults()).toEqual([]);
  });

  test('every fault of the contract is known', () => {
    const contract =
      'imap-backend-hang imap-backend-wedged imap-store-stuck imap-proxy-hang imap-proxy-wedged imap-ctp-backend imap-slow imap-slow-relapse transient unfixable directory-down flapping unhealthy slow refuse drop-after-effect no-object stale-rows session-limit stop-hangs never-returns will-not-move responder-at-work';
    expect(FAULTS.map(({ name }) => name)).toEqual(expect.arrayContaining(contract.split(' ')));
  });
});
