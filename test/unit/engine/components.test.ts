import { describe, expect, test } from 'vitest';
import { createLab } from '../../../src/lab/lab.ts';
import { readRecording } from '../../../src/recording/file.ts';
import type { Recording } from '../../../src/recording/recording.ts';
import { around } from '../../support/around.ts';
import { type Bench, type BenchOptions, bench, Killed } from '../../support/engine.ts';

/** Who took a component out of service, whether its service runs, and how the health set is then treated. */
const PROXY = { healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' };
const CTP = { healthSet: 'IMAP', monitor: 'ImapCTPMonitor' };
const LOAD = { healthSet: 'IMAP', monitor: 'AverageCommandProcessingTimeGt60sMonitor' };
const SELF_TEST = { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };

const out = (requester: string, more: object = {}, server = 'cas1') => ({
  ...{ fault: 'component-inactive', server, component: 'ImapProxy', requester },
  ...more,
});
const RUNS = { service: 'runs' };
/** Automatic, stopped, and not started by a boot. */
const DOWN = (service: string, server: string) => ({
  ...{ fault: 'service-state', server, service, status: 'Stopped', startsAtBoot: false },
});

function given(faults: object[], options: BenchOptions = {}): Bench {
  const b = bench(options);
  for (const fault of faults) b.lab.post(fault);
  return b;
}

describe('a component that a person took out of service', () => {
  const WEDGED = { fault: 'imap-proxy-wedged', server: 'cas1' };
  const CASES: { says: string; faults: object[]; alert: object & { server: string }; because: string }[] = [
    ...['Maintenance', 'Functional', 'Sidelined', 'Deployment', 'Unknown'].flatMap((requester) =>
      (['runs', 'stops'] as const).map((service) => ({
        says: `by ${requester}, and its service ${service}`,
        faults: [WEDGED, out(requester, { service })],
        alert: { server: 'cas1', ...PROXY },
        because: `ImapProxy is Inactive on cas1, requested by ${requester}`,
      })),
    ),
    {
      says: 'draining, which stops no service',
      faults: [WEDGED, out('Maintenance', { state: 'Draining' })],
      alert: { server: 'cas1', ...PROXY },
      because: 'ImapProxy is Draining on cas1, requested by Maintenance',
    },
    {
      says: 'beside Managed Availability',
      faults: [WEDGED, out('HealthAPI', RUNS), out('Maintenance', RUNS)],
      alert: { server: 'cas1', ...PROXY },
      because: 'requested by HealthAPI, Maintenance',
    },
    {
      says: 'and the service is stopped and set to Manual',
      faults: [
        { fault: 'service-state', server: 'cas1', service: 'MSExchangeIMAP4', startType: 'Manual' },
        out('Maintenance'),
      ],
      alert: { server: 'cas1', ...PROXY },
      because: 'requested by Maintenance',
    },
    {
      says: 'on a combined server, which would be drained and restarted',
      faults: [{ fault: 'imap-proxy-wedged', server: 'ex1' }, out('Maintenance', RUNS, 'ex1')],
      alert: { server: 'ex1', ...PROXY },
      because: 'ImapProxy is Inactive on ex1',
    },
    {
      says: 'and the load is high',
      faults: [{ fault: 'imap-slow', server: 'cas1' }, out('Maintenance', RUNS)],
      alert: { server: 'cas1', ...LOAD },
      because: 'ImapProxy is Inactive on cas1',
    },
    {
      says: 'and log-ons reach an unhealthy back end, which would be restarted',
      faults: [{ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' }, out('Sidelined', RUNS)],
      alert: { server: 'cas1', ...CTP },
      because: 'ImapProxy is Inactive on cas1, requested by Sidelined',
    },
  ];
  test.each(CASES)('$says: nothing is changed, and the reason is named', async ({ faults, alert, because }) => {
    const b = given(faults);
    const { finished } = await b.handle(alert);
    expect(b.changes()).toEqual([]);
    expect(finished).toMatchObject({ outcome: 'escalated', left: [], owed: [] });
    expect(finished?.reason).toContain(because);
  });

  test('in the middle of a run: the rest is not done', async () => {
    const b = given([WEDGED]);
    const id = await b.alert({ server: 'cas1', ...PROXY });
    await b.run(({ steps }) => steps[0]?.state === 'done');
    b.lab.post(out('Maintenance', RUNS));
    await b.run();
    expect(b.changes()).toEqual(['cas1 Restart-Service MSExchangeIMAP4']);
    expect((await b.incident(id)).finished?.reason).toContain(
      'ImapProxy is Inactive on cas1, requested by Maintenance',
    );
  });

  test('another component stops nothing', async () => {
    const faults = ['OwaProxy', 'PopProxy', 'HubTransport', 'ForwardSyncDaemon'].map((component) =>
      out('Maintenance', { component }),
    );
    const b = given([WEDGED, ...faults]);
    expect((await b.handle({ server: 'cas1', ...PROXY })).finished?.outcome).toBe('recovered');
    expect(b.changes()).toEqual(['cas1 Restart-Service MSExchangeIMAP4', 'cas1 Restart-Computer']);
  });

  test('the other client access server of the site then serves nobody: this one is not restarted', async () => {
    // Its probe still succeeds, because its service runs.
    const b = given([
      WEDGED,
      out('Maintenance', RUNS, 'cas2'),
      out('Maintenance', RUNS, 'ex1'),
      out('HealthAPI', RUNS, 'ex2'),
    ]);
    const { finished } = await b.handle({ server: 'cas1', ...PROXY });
    expect(b.changes()).toEqual(['cas1 Restart-Service MSExchangeIMAP4']);
    expect(finished?.reason).toContain('ImapProxy is Inactive on cas2, requested by Maintenance');
  });
});

describe('a component that Managed Availability took out of service', () => {
  test('and its service runs: the service is restarted', async () => {
    const b = given([{ fault: 'imap-proxy-hang', server: 'cas1' }, out('HealthApi', RUNS)]);
    expect((await b.handle({ server: 'cas1', ...PROXY })).finished?.outcome).toBe('recovered');
    expect(b.changes()).toEqual(['cas1 Restart-Service MSExchangeIMAP4']);
  });

  test('after the restart of its service, which then stops by design: the run continues, and is not demoted for it', async () => {
    const b = given([{ fault: 'imap-proxy-wedged', server: 'cas1' }]);
    const id = await b.alert({ server: 'cas1', ...PROXY });
    await b.run(({ steps }) => steps[0]?.state === 'done');
    b.lab.post(out('HealthAPI'));
    await b.run();
    const { finished, steps } = await b.incident(id);
    expect(b.changes()).toEqual(['cas1 Restart-Service MSExchangeIMAP4', 'cas1 Restart-Computer']);
    expect(steps.find(({ step }) => step.step === 'restart-server')?.state).toBe('done');
    expect(finished?.reason).toContain('Still unhealthy');
  });
});

describe('recordings of servers whose proxy is out of service', () => {
  const replayed = (name: string, change: (recording: Recording) => void = () => {}) => {
    const recording = readRecording(`test/fixtures/recordings/${name}.json`);
    change(recording);
    return bench({ lab: createLab({ speed: 1, virtual: true, recording }) });
  };
  const ALERT = { server: 'ex1', ...PROXY };

  test.each(['component-requester-case', 'component-stopped-by-design'])(
    '%s: the restart is skipped, and services stopped by design are not waited for after the reboot',
    async (name) => {
      const b = replayed(name);
      const { finished, steps } = await b.handle(ALERT);
      expect(b.changes()).toEqual(['ex1 Set-MailboxServer true', 'ex1 Restart-Computer']);
      const said = (step: string) => steps.find((one) => one.step.step === step)?.end;
      expect(said('restart-service')).toMatchObject({
        state: 'skipped',
        says: 'Managed Availability has set ImapProxy Inactive on ex1; MSExchangeIMAP4 is stopped by design',
      });
      expect(said('restart-server')).toMatchObject({ state: 'done', says: 'ex1 is back from its restart' });
      // The probe needs the service, so the problem is still there: a person decides about the component.
      expect(finished).toMatchObject({ outcome: 'escalated', reason: expect.stringContaining('Still unhealthy') });
    },
  );

  test('a recorded service that runs beside its component runs after a restart too', async () => {
    const b = replayed('component-stopped-by-design', ({ servers }) => {
      const imap = servers[0]!.services!.value!.find(({ name }) => name === 'MSExchangeIMAP4')!;
      Object.assign(imap, { status: 'Running', startedAt: servers[0]!.services!.at - 3_600_000_000 });
    });
    expect((await b.handle(ALERT)).finished?.outcome).toBe('recovered');
    expect(b.changes()).toEqual(['ex1 Restart-Service MSExchangeIMAP4']);
  });

  test.each([
    ['Stopped', 'Automatic'],
    ['Stopped', 'Manual'],
    ['Running', 'Automatic'],
    ['Running', 'Manual'],
    ['StopPending', 'Automatic'],
  ] as const)('by Maintenance, the service %s and %s: nothing is changed', async (status, startType) => {
    const b = replayed('component-stopped-by-design', ({ servers }) => {
      const { componentStates, services } = servers[0]!;
      const proxy = componentStates!.value!.find(({ component }) => component === 'ImapProxy')!;
      proxy.requesters = [{ requester: 'Maintenance', state: 'Inactive' }];
      const imap = services!.value!.find(({ name }) => name === 'MSExchangeIMAP4')!;
      Object.assign(imap, { status, startType, ...(status !== 'Stopped' && { startedAt: services!.at - 9_000_000 }) });
    });
    const { finished } = await b.handle(ALERT);
    expect(b.changes()).toEqual([]);
    expect(finished?.reason).toContain('ImapProxy is Inactive on ex1, requested by Maintenance');
  });
});

describe('after a reboot a server is expected in its previous state', () => {
  const WEDGED = { fault: 'imap-backend-wedged', server: 'mbx1' };
  const CHANGES = [
    'mbx1 Restart-Service MSExchangeIMAP4BE',
    'mbx1 Set-MailboxServer true',
    'mbx1 Restart-Computer',
    'mbx1 Set-MailboxServer false',
  ];

  test('services that were not running before are not waited for', async () => {
    const b = given([WEDGED, DOWN('MSExchangePOP3BE', 'mbx1'), DOWN('MSExchangeFastSearch', 'mbx1')]);
    const { finished } = await b.handle({ server: 'mbx1', ...SELF_TEST });
    expect(b.changes()).toEqual(CHANGES);
    expect(finished).toMatchObject({ outcome: 'recovered', left: [] });
  });

  test('the same by another worker, which takes over during the reboot', async () => {
    let dies = true;
    const b = given([WEDGED, DOWN('MSExchangePOP3BE', 'mbx1')], {
      aroundExchange: (exchange) =>
        around(exchange, 'restartServer', (restart) => async (...args) => {
          const answer = await restart(...args);
          if (!dies) return answer;
          dies = false;
          throw new Killed();
        }),
    });
    expect((await b.handle({ server: 'mbx1', ...SELF_TEST })).finished?.outcome).toBe('recovered');
    expect(b.changes()).toEqual(CHANGES);
  });

  test('the service that the run treats is waited for, although it was stopped before', async () => {
    const b = given([
      { fault: 'service-state', server: 'mbx1', service: 'MSExchangeIMAP4BE', startsAtBoot: false },
      WEDGED,
    ]);
    const { finished } = await b.handle({ server: 'mbx1', ...SELF_TEST });
    expect(finished).toMatchObject({
      outcome: 'escalated',
      reason: 'mbx1 is not back 45m after its restart: waiting for MSExchangeIMAP4BE on mbx1',
    });
  });
});
