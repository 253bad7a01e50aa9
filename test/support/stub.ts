import type { Alert } from '../../src/incident/alert.ts';
import { link } from '../../src/incident/chain.ts';
import type { Asked, Entry, IncidentEvent } from '../../src/incident/event.ts';
import type { ServerFacts } from '../../src/incident/health.ts';
import type { Exchange, HealthRow, ProbeResult, Reply, ServiceState } from '../../src/ports/exchange.ts';
/** 12 May 2026, 09:00 UTC: where the journals and clocks of tables begin. */
export const NINE = Date.UTC(2026, 4, 12, 9);
export const SECOND = 1000;
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export function reply<T>(value: T, ...warnings: string[]): Reply<T> {
  return { value, warnings };
}

/** An organisation made of plain answers; a call that a case does not expect fails it by name. */
export function stubExchange(answers: Partial<Exchange>): Exchange {
  return new Proxy({} as Exchange, {
    get(_target, name) {
      return (
        Reflect.get(answers, name) ??
        (() => {
          throw new Error(`${String(name)} was not expected to be called`);
        })
      );
    },
  });
}

export function facts(server: string, more: Partial<ServerFacts> = {}): ServerFacts {
  return {
    server,
    fqdn: `${server}.contoso.com`,
    roles: server.startsWith('cas')
      ? ['client-access']
      : server.startsWith('ex')
        ? ['client-access', 'mailbox']
        : ['mailbox'],
    version: server.startsWith('ex') ? '15.2' : '15.0',
    site: 'Tokyo',
    organisation: 'contoso.com',
    ...more,
  };
}

/** A row of Get-ServerHealth that evaluated half a minute before nine. */
export function row(healthSet: string, name: string, more: Partial<HealthRow> = {}): HealthRow {
  return {
    healthSet,
    name,
    targetResource: '',
    alertValue: 'Healthy',
    component: 'None',
    lastExecution: NINE - 30 * SECOND,
    recurrenceSeconds: 60,
    timeoutSeconds: 30,
    isStale: false,
    ...more,
  };
}

export function run(resultType: ProbeResult['resultType'], error = ''): Reply<ProbeResult> {
  return reply({ resultType, error, exception: '', startedAt: NINE, endedAt: NINE });
}

/** A service that has run for nine days. */
export function service(name: string, more: Partial<ServiceState> = {}): ServiceState {
  return { name, status: 'Running', startType: 'Automatic', startedAt: NINE - 9 * 24 * HOUR, ...more };
}

export function alertOf(more: Partial<Alert> = {}): Alert {
  return {
    id: 'a1',
    source: 'scom',
    senderId: '1',
    status: 'firing',
    server: 'mbx1',
    serverAsSent: 'MBX1.contoso.com',
    healthSet: 'IMAP.Protocol',
    raisedAt: NINE,
    receivedAt: NINE,
    ...more,
  };
}

/** A person asks for what is owed on mbx1. */
export function askedFor(what: Asked['what']): IncidentEvent {
  const debt = { id: 'd', kind: 'activation', server: 'mbx1', setting: 'activation', value: {}, says: 'blocked' };
  const asked: Asked = {
    what,
    by: 'yuki',
    note: 'why not',
    debts: [{ ...debt, when: 'recovered', after: 'watch' }],
    facts: facts('mbx1', { dag: 'dag1' }),
  };
  return { type: 'opened', data: { id: 'i', server: 'mbx1', family: 'IMAP', asked } };
}

/** A chained journal of these events, one a second from nine o'clock on, or at the instants given beside them. */
export function journal(...events: (IncidentEvent | [number, IncidentEvent])[]): Entry[] {
  let head = { seq: 0, hash: '' };
  return events.map((given, index) => {
    const [at, event] = Array.isArray(given) ? given : [NINE + index * SECOND, given];
    const { entry, hash } = link(head, event, { at, worker: 'test' });
    head = { seq: entry.seq, hash };
    return entry;
  });
}
