import { inFamily } from '../incident/alert.ts';
import { isEventDriven, isMonitor } from '../incident/health.ts';
import { currentRun, type Incident } from '../incident/incident.ts';
import { isNamed, sameName } from '../incident/names.ts';
import { type DatabaseCopy, ExchangeError, type HealthRow, type Reply, type ServiceState } from '../ports/exchange.ts';
import { componentsOfService, outOfService } from '../verification/components.ts';
import type { StepContext } from './step.ts';

/**
 * What a server must show to be back from a restart: what worked before it, and what the run is curing. Journalled with
 * the restart, so that another worker asks for the same. A part that is absent could not be read (or was written by an
 * older version): then everything is expected, as of a healthy server.
 */
export interface Expected {
  /** Names of services. */
  services?: string[];
  /** Monitors of the family that evaluate by a clock, each as `rowName` writes it. */
  monitors?: string[];
  /** Whether any monitor of the server evaluated. */
  evaluates?: boolean;
  /** Whether the cluster node was up. */
  node?: boolean;
  /** Databases whose copies were in service here. */
  copies?: string[];
}

/** How the server is found before its restart. `within`: how long it may take to come back. */
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

/** Stopped services that the run is there to bring back: those it restarted, and those its monitors watch. */
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

/** The services that are still to come. */
export function stillDown(services: readonly ServiceState[], { services: expected }: Expected): string[] {
  return services
    .filter((service) => isAutomatic(service) && service.status !== 'Running')
    .map(({ name }) => name)
    .filter((name) => expected === undefined || isNamed(name, expected));
}

/** Whether the monitors that are waited for have evaluated since the boot, so that probes can be answered. */
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
    monitors === undefined ? evaluatesByItself(row) : isNamed(rowName(row), monitors),
  );
  if (awaited.length > 0) return awaited.every(isWarm);
  if (monitors === undefined && own.length === 0) return false;
  // None of those is there: then any other tells that the health manager is at work again, if it was before.
  return evaluates === false || (monitors?.length ? own : rows).some(isWarm);
}

/** Whether the cluster node is waited for. */
export const awaitsNode = ({ node }: Expected) => node !== false;

/** The databases whose copies are still to come. */
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

/** The monitor does its work: it was evaluated, lately. */
function evaluated({ alertValue, isStale, lastExecution }: HealthRow): boolean {
  return !isStale && lastExecution !== undefined && !isNamed(alertValue, IDLE);
}

/** It will evaluate, whatever happens: nobody has switched it off, and it does not wait for an event. */
const evaluatesByItself = (row: HealthRow) => !sameName(row.alertValue, 'Disabled') && !isEventDriven(row);

/** A clock drives it, often enough to be seen in good time. */
function showsWithin({ recurrenceSeconds, timeoutSeconds }: HealthRow, within: number): boolean {
  if (!recurrenceSeconds) return false;
  return (recurrenceSeconds + timeoutSeconds) * 1000 <= within / 2;
}

/** What could not be read is no reason against the restart: nothing is known of it, so everything is expected. */
async function readable<T>(call: Promise<Reply<T>>): Promise<T | undefined> {
  try {
    return (await call).value;
  } catch (error) {
    if (error instanceof ExchangeError) return undefined;
    throw error;
  }
}
