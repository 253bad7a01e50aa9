import fc from 'fast-check';
import { expect, test } from 'vitest';
import { around } from '../../support/around.ts';
import { bench } from '../../support/engine.ts';

/**
 * Invariants that must hold under any faults of the organisation and the lines to it: random faults and disturbances on
 * random servers, all alerted at the same time. Judged by the lab's own state and log. A failure prints its seed.
 */
const server = fc.constantFrom('mbx1', 'mbx2', 'mbx3', 'ex1', 'ex2', 'cas1', 'cas2', 'mbx9');
const mailbox = fc.constantFrom('mbx1', 'mbx2', 'mbx3', 'ex1', 'ex2', 'mbx9');
const front = fc.constantFrom('cas1', 'cas2', 'ex1', 'ex2');

const trouble = fc.oneof(
  fc.record({
    fault: fc.constantFrom('imap-backend-hang', 'imap-backend-wedged', 'imap-store-stuck'),
    server: mailbox,
  }),
  fc.record({ fault: fc.constantFrom('imap-proxy-hang', 'imap-proxy-wedged'), server: front }),
  fc.record({ fault: fc.constantFrom('imap-slow', 'imap-slow-relapse'), server }),
  fc.record({
    fault: fc.constant('imap-ctp-backend'),
    server: fc.constantFrom('cas1', 'cas2'),
    backend: fc.constantFrom('mbx1', 'mbx2', 'mbx3'),
    backendFault: fc.constantFrom('imap-backend-hang', 'imap-backend-wedged', 'imap-store-stuck'),
  }),
  fc.record({ fault: fc.constant('unfixable'), healthSet: fc.constant('IMAP.Protocol'), server: mailbox }),
  fc.record({ fault: fc.constant('transient'), server }),
);
/** The states of a component and a service, independently. */
const component = {
  fault: fc.constant('component-inactive'),
  component: fc.constantFrom('ImapProxy', 'ServerWideOffline', 'Monitoring', 'PopProxy', 'OwaProxy'),
  requester: fc.constantFrom('Maintenance', 'Sidelined', 'Functional', 'HealthAPI', 'HealthApi'),
  state: fc.constantFrom('Inactive', 'Draining'),
  service: fc.constantFrom('stops', 'runs'),
};
const serviceState = {
  fault: fc.constant('service-state'),
  service: fc.constantFrom('MSExchangeIMAP4', 'MSExchangeIMAP4BE', 'MSExchangePOP3BE', 'MSExchangeDiagnostics'),
  status: fc.constantFrom('Stopped', 'Running', 'StopPending'),
  startType: fc.constantFrom('Automatic', 'Manual', 'Disabled'),
  startsAtBoot: fc.boolean(),
};
const changing = fc.constantFrom('Restart-Service', 'Set-MailboxServer', 'Restart-Computer', 'Set-ImapSettings');
const reading = fc.constantFrom(
  'Get-ServerHealth',
  'Get-Service',
  'Get-MailboxDatabaseCopyStatus',
  'Get-MailboxServer',
  'Invoke-MonitoringProbe',
);
const times = fc.integer({ min: 1, max: 4 });
const disturbance = fc.oneof(
  fc.record({ fault: fc.constant('drop-after-effect'), command: changing, times }),
  fc.record({ fault: fc.constant('refuse'), command: fc.oneof(changing, reading), times }),
  fc.record({
    fault: fc.constant('slow'),
    command: fc.oneof(changing, reading),
    by: fc.constantFrom('5s', '40s', '3m'),
    times,
  }),
  fc.record({ fault: fc.constant('session-limit'), times }),
  fc.record({ fault: fc.constant('never-returns'), server, times: fc.constant(1) }),
  fc.record({ fault: fc.constant('will-not-move'), server: mailbox }),
  fc.record({ fault: fc.constant('stop-hangs'), service: fc.constant('MSExchangeIMAP4BE'), server: mailbox, times }),
  fc.record({ fault: fc.constant('stale-rows'), server }),
  fc.record({
    fault: fc.constant('responder-at-work'),
    server,
    for: fc.constantFrom('3m', '40m'),
  }),
  fc.record({ fault: fc.constant('node-suspended'), server: mailbox }),
  fc.record({
    fault: fc.constant('busy'),
    server,
    with: fc.constantFrom('setup', 'servicing', 'backup', 'seeding', 'pending-update'),
  }),
  fc.record({ ...component, server }),
  fc.record({ ...serviceState, server }),
  fc.record({ fault: fc.constant('unhealthy'), server, healthSet: fc.constantFrom('AD', 'Store', 'DiskSpace') }),
  fc.record(
    {
      fault: fc.constant('row'),
      server,
      healthSet: fc.constantFrom('IMAP', 'IMAP.Protocol', 'IMAP.Proxy', 'AD'),
      every: fc.constantFrom('0s', '1m', '20m'),
      value: fc.constantFrom('Disabled', 'Repairing', 'Unavailable', 'Unknown', 'UnInitialized'),
      stale: fc.boolean(),
      age: fc.constantFrom('5m', '30d', 'never'),
    },
    { requiredKeys: ['fault', 'server', 'healthSet'] },
  ),
  fc.record({ fault: fc.constant('no-object'), probe: fc.constantFrom('ImapSelfTestProbe', 'ImapCTPProbe') }),
);

const ALERTS: Record<string, { healthSet: string; monitor: string }> = {
  mbx: { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' },
  ex: { healthSet: 'IMAP', monitor: 'ImapCTPMonitor' },
  cas: { healthSet: 'IMAP', monitor: 'ImapCTPMonitor' },
};

test('the invariants hold under random faults and disturbances', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(trouble, { minLength: 1, maxLength: 3 }),
      fc.array(disturbance, { maxLength: 3 }),
      // On the first unhealthy server, so that they meet its problem.
      fc.array(fc.oneof(fc.record(component), fc.record(serviceState)), { maxLength: 2 }),
      fc.boolean(),
      async (troubles, elsewhere, there, aloneOnly) => {
        const disturbances = [...elsewhere, ...there.map((fault) => ({ ...fault, server: troubles[0]?.server }))];
        const broken: string[] = [];
        const b = bench({
          // If the same problem on several servers is treated too, their incidents get in each other's way.
          settings: { commonCause: { share: aloneOnly ? 0.2 : 1, servers: 20, within: 600_000 } },
          aroundExchange: (exchange) =>
            around(exchange, 'restartServer', (restart) => (...args) => {
              const active = b.lab.organisation().databases.filter((database) => database.activeOn === args[0]);
              if (active.length > 0)
                broken.push(`${args[0]} was sent a restart with ${active.map((one) => one.name)} active`);
              return restart(...args);
            }),
        });
        const servers = new Set<string>();
        for (const fault of troubles) {
          if (posted(b, fault)) servers.add(fault.server);
        }
        const standing: object[] = disturbances.filter((fault) => posted(b, fault));
        const ids = [];
        for (const name of servers) {
          const alert = ALERTS[name.replace(/\d/, '')];
          if (alert) ids.push(await b.alert({ server: name, ...alert }));
        }
        await b.run();

        expect(broken).toEqual([]);
        // Every alert reaches an outcome.
        expect(await b.store.openIncidents()).toEqual([]);
        const incidents = await Promise.all((await b.store.list({ limit: 100 })).ids.map((id) => b.incident(id)));
        for (const incident of incidents) expect(incident.finished).toBeDefined();
        // A command takes effect at most once for one step.
        const changed = b.lab.commands().filter((command) => command.effect === 'changed');
        const once = changed.map(({ caller, command }) => `${caller} ${command}`);
        expect(once).toEqual([...new Set(once)]);
        // Components that people took out of service are left alone, whether their service runs or not.
        for (const taken of standing.filter(isTakenOut)) {
          const theirs = incidents.filter((one) => one.server === taken.server).map(({ id }) => id);
          const against = changed.filter(
            ({ server: where, caller }) =>
              where === taken.server || (taken.component === 'ImapProxy' && theirs.some((id) => caller.startsWith(id))),
          );
          expect(against).toEqual([]);
        }
        // A service that no run treats and that was stopped before is not waited for after a reboot.
        for (const { server: where, service, status } of standing.filter(isServiceState)) {
          if (status !== 'Stopped' || service.includes('IMAP')) continue;
          const reasons = incidents.filter((one) => one.server === where).map(({ finished }) => finished?.reason ?? '');
          expect(reasons.filter((reason) => reason.includes('not back') && reason.includes(service))).toEqual([]);
        }
        // Nothing is left changed by accident: every change is in the ledger and in the report of an incident.
        const ledger = await b.store.ledger();
        const reported = incidents.flatMap((incident) => [
          ...(incident.finished?.left ?? []),
          ...(incident.finished?.owed ?? []),
        ]);
        for (const one of b.lab.organisation().servers) {
          if (one.settings.activationBlocked) {
            expect(ledger.some(({ debt }) => debt.server === one.name && debt.setting === 'activation')).toBe(true);
            expect(reported.some((line) => line.includes(one.name))).toBe(true);
          }
          if (one.settings.protocolLog.imap) {
            expect(ledger.some(({ debt }) => debt.server === one.name && debt.setting === 'imap-protocol-log')).toBe(
              true,
            );
            expect(reported.some((line) => line.includes(one.name))).toBe(true);
          }
        }
        // Recovered means a change and healthy afterwards; transient means no change.
        for (const incident of incidents) {
          const { outcome, left } = incident.finished ?? {};
          if (outcome === 'recovered') expect([incident.changed, left]).toEqual([true, []]);
          if (outcome === 'transient') expect(incident.changed).toBe(false);
        }
      },
    ),
    { numRuns: Number(process.env.RUNS ?? 60), ...(process.env.SEED && { seed: Number(process.env.SEED) }) },
  );
}, 300_000);

interface TakenOut {
  server: string;
  component: string;
  requester: string;
}

/** A decision about a component that these incidents treat; other components don't matter. */
function isTakenOut(fault: object): fault is TakenOut {
  const { component, requester } = fault as Partial<TakenOut>;
  if (component === 'ServerWideOffline' || component === 'Monitoring') return true;
  return component === 'ImapProxy' && requester?.toLowerCase() !== 'healthapi';
}

function isServiceState(fault: object): fault is { server: string; service: string; status: string } {
  return (fault as { fault: string }).fault === 'service-state';
}

function posted(b: ReturnType<typeof bench>, fault: object): boolean {
  try {
    b.lab.post(fault);
    return true;
  } catch {
    return false; // two of one kind on a server, or one that does not fit it
  }
}
