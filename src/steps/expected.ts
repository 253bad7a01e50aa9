import { inFamily } from '../incident/alert.ts';
import { isEventDriven, isMonitor } from '../incident/health.ts';
import { currentRun, type Incident } from '../incident/incident.ts';
import { isNamed, sameName } from '../incident/names.ts';
import { type DatabaseCopy, ExchangeError, type HealthRow, type Reply, type ServiceState } from '../ports/exchange.ts';
import { componentsOfService, outOfService } from '../verification/components.ts';
import type { StepContext } from './step.ts';

/**
 * What must work again before a server counts as back from a restart: whatever worked before, and whatever the run is
 * fixing. Recorded in the journal with the restart, so that every worker waits for the same. An absent part could not
 * be read (or an older version wrote the entry): then everything of a healthy server is expected.
 */
export interface Expected {
  /** Names of services. */
  services?: string[];
  /** Monitors of the family that evaluate on a schedule, in the form of `rowName`. */
  monitors?: string[];
  /** Whether any monitor of the server was being evaluated. */
  evaluates?: boolean;
  /** Whether the cluster node was up. */
  node?: boolean;
  /** Databases whose copies on this server were in service. */
  copies?: string[];
}

/** The state of the server before its restart. `within`: how long it may take to come back (ms). */
export async function expectedAfter(context: StepContext, within: number): Promise<Expected> {
  const { incident, exchange, facts, signal } = context;
  const { server } = incident;
  const rows = await readable(exchange.serverHealth(server, { signal }));
  const services = await readable(exchange.services(server, { signal }));
  const states = await readable(exchange.componentStates(server, { signal }));
  const group = facts.dag ? await readable(exchange.availabilityGroup(facts.dag, { signal })) : undefined;
  const copies = facts.dag ? await readable(exchange.copiesOn(server, { signal })) : undefined;
  const member = group?.members.find((one) => sameName(one.server, server));
  const isOut = (name: string) => outOfService(states ?? [], componentsOfService(name, rows)).length > 0;
  const treated = treatedServices(incident, rows ?? []);
  return {
    ...(services && {
      services: services
        .filter(isAutomatic)
        .filter(({ name, status }) => !isOut(name) && (status !== 'Stopped' || isNamed(name, treated)))
        .map(({ name }) => name),
    }),
    ...(rows && {
      monitors: rows
        .filter((row) => inFamily(incident.family, row.healthSet) && evaluated(row) && showsWithin(row, within))
        .map(rowName),
      evaluates: rows.some(evaluated),
    }),
    ...(member && { node: member.up }),
    ...(copies && { copies: copies.filter((copy) => !isStarting(copy)).map(({ database }) => database) }),
  };
}

/** Stopped services that the run should bring back: those it restarted, and those its monitors watch. */
function treatedServices(incident: Incident, rows: readonly HealthRow[]): string[] {
  const restarted = incident.steps
    .filter(({ step, intent, state }) => {
      const done = state === 'done' || state === 'failed';
      return step.step === 'restart-service' && done && intent && sameName(intent.server, incident.server);
    })
    .map(({ intent }) => String(intent?.arguments.Name));
  const handles = currentRun(incident)?.handles ?? [];
  const watched = rows
    .filter((row) => handles.some((pattern) => isMonitor(pattern, { ...row, monitor: row.name })))
    .map(({ targetResource }) => targetResource);
  return [...restarted, ...watched];
}

/** Expected services that are not running yet. */
export function stillDown(services: readonly ServiceState[], { services: expected }: Expected): string[] {
  return services
    .filter((service) => isAutomatic(service) && service.status !== 'Running')
    .map(({ name }) => name)
    .filter((name) => expected === undefined || isNamed(name, expected));
}

/** Whether the expected monitors have evaluated since the boot, so that probes can be answered. */
export function monitorsAreWarm(
  rows: readonly HealthRow[],
  family: string,
  bootedAt: number,
  { monitors, evaluates }: Expected,
): boolean {
  const isWarm = ({ alertValue, isStale, lastExecution = 0 }: HealthRow) =>
    !isStale && lastExecution > bootedAt && !sameName(alertValue, 'UnInitialized');
  const own = rows.filter((row) => inFamily(family, row.healthSet));
  const awaited = own.filter((row) =>
    monitors === undefined ? evaluatesAnyway(row) : isNamed(rowName(row), monitors),
  );
  if (awaited.length > 0) return awaited.every(isWarm);
  if (monitors === undefined && own.length === 0) return false;
  // If none of them exists, any other evaluated monitor shows that the health manager works again, if it worked before.
  return evaluates === false || (monitors?.length ? own : rows).some(isWarm);
}

/** Whether the cluster node must be up again. */
export const awaitsNode = ({ node }: Expected) => node !== false;

/** Expected databases whose copies are still starting. */
export function copiesStarting(copies: readonly DatabaseCopy[], { copies: expected }: Expected): string[] {
  return copies
    .filter(isStarting)
    .map(({ database }) => database)
    .filter((database) => expected === undefined || isNamed(database, expected));
}

const isAutomatic = ({ startType }: ServiceState) => sameName(startType, 'Automatic');
const isStarting = ({ status }: DatabaseCopy) => isNamed(status, ['Initializing', 'ServiceDown']);
const rowName = ({ healthSet, name, targetResource }: HealthRow) => `${healthSet}\\${name}\\${targetResource}`;

const IDLE = ['UnInitialized', 'Disabled', 'Unavailable'];

/** Whether the monitor is active: it was evaluated recently. */
function evaluated({ alertValue, isStale, lastExecution }: HealthRow): boolean {
  return !isStale && lastExecution !== undefined && !isNamed(alertValue, IDLE);
}

/** Whether it will evaluate in any case: it is not disabled, and does not depend on an event. */
const evaluatesAnyway = (row: HealthRow) => !sameName(row.alertValue, 'Disabled') && !isEventDriven(row);

/** Whether it evaluates on a schedule, often enough to finish within half of `within` (ms). */
function showsWithin({ recurrenceSeconds, timeoutSeconds }: HealthRow, within: number): boolean {
  if (!recurrenceSeconds) return false;
  return (recurrenceSeconds + timeoutSeconds) * 1000 <= within / 2;
}

/** Undefined if it can't be read. That does not prevent the restart: then everything is expected to work afterwards. */
async function readable<T>(call: Promise<Reply<T>>): Promise<T | undefined> {
  try {
    return (await call).value;
  } catch (error) {
    if (error instanceof ExchangeError) return undefined;
    throw error;
  }
}
