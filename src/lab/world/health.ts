import type { Instant } from '../../incident/alert.ts';
import type { HealthRow, ProbeResult, Protocol } from '../../ports/exchange.ts';
import { hash } from './chance.ts';
import { activeOn } from './databases.ts';
import { definitionOf, keyOf, type MonitorDefinition, monitorsFor } from './health-sets.ts';
import type { LabSettings } from './organisation.ts';
import type { Cause, RecordedMonitor, RowMemory, Server, World } from './world.ts';

/** A monitor on one server. */
export interface Watch extends MonitorDefinition {
  key: string;
  /** Recurrence of its evaluation in milliseconds; 0: evaluated by events only. */
  recurrence: number;
  /** It evaluates at multiples of the recurrence after this. */
  phase: number;
  /** The same two values in its row. */
  recurrenceSeconds?: number;
  timeoutSeconds: number;
}

/** How long a row that was set by an event is Degraded before it is Unhealthy. */
const DEGRADED_FOR = 60_000;

const watches = new WeakMap<Server, Watch[]>();

/** The monitors of a server, one for each row of Get-ServerHealth. */
export function watchesOf(server: Server, settings: LabSettings): Watch[] {
  let found = watches.get(server);
  if (!found) {
    const all = server.monitors ? recordedWatches(server, server.monitors, settings) : usualWatches(server, settings);
    found = all.map((watch) => paced(watch, server.paces?.[watch.key], settings));
    watches.set(server, found);
  }
  return found;
}

/** Sets the recurrence of a monitor; `undefined` restores it. */
function setPace(server: Server, key: string, seconds: number | undefined): void {
  const { [key]: _, ...others } = server.paces ?? {};
  server.paces = seconds === undefined ? others : { ...others, [key]: seconds };
  watches.delete(server);
}

function paced(watch: Watch, seconds: number | undefined, settings: LabSettings): Watch {
  if (seconds === undefined) return watch;
  const recurrence = recurrenceOf({ recurrenceSeconds: seconds }, settings);
  return { ...watch, recurrence, phase: recurrence && watch.phase % recurrence, recurrenceSeconds: seconds };
}

function usualWatches(server: Server, settings: LabSettings): Watch[] {
  return monitorsFor(server).map((monitor) => {
    const key = keyOf(monitor);
    const recurrenceSeconds = monitor.isEventDriven ? 0 : settings['probe-recurrence'] / 1_000;
    const recurrence = monitor.isEventDriven ? 0 : Math.max(1, settings['probe-recurrence']);
    return {
      ...monitor,
      key,
      recurrence,
      phase: recurrence && hash(`${server.name}/${key}`) % recurrence,
      recurrenceSeconds,
      timeoutSeconds: settings['probe-timeout'] / 1_000,
    };
  });
}

/** A recorded row, with what the table has about it: the parts that it checks and its probe. */
function recordedWatches(server: Server, monitors: readonly RecordedMonitor[], settings: LabSettings): Watch[] {
  const times = new Map<string, number>();
  return monitors.map(({ probe, needsNoService, ...row }) => {
    const { service, ...known } = definitionOf(row, server.roles) ?? { dependencies: [], looksAt: [] };
    const key = keyOf(row);
    const before = times.get(key) ?? 0;
    times.set(key, before + 1);
    const isThere = service !== undefined && server.services[service.toLowerCase()] !== undefined;
    return {
      ...known,
      ...(isThere && !needsNoService && { service }),
      ...(probe && { probe: probe.name, probeHealthSet: probe.healthSet }),
      ...row,
      roles: server.roles,
      // Real rows should never have the same names; if they do, all are kept.
      key: before === 0 ? key : `${key}#${before + 1}`,
      recurrence: recurrenceOf(row, settings),
    };
  });
}

/** Recurrence of a row in milliseconds; the default of all rows if it does not contain one. */
export function recurrenceOf({ recurrenceSeconds }: { recurrenceSeconds?: number }, settings: LabSettings): number {
  if (recurrenceSeconds === 0) return 0;
  const recurrence = recurrenceSeconds === undefined ? settings['probe-recurrence'] : recurrenceSeconds * 1_000;
  return Math.max(1, Math.round(recurrence));
}

type Reading = Pick<HealthRow, 'alertValue' | 'lastTransition' | 'lastExecution'>;

/**
 * Reads a row. Nothing runs in the background: the value follows from that at the last change of the server's state and
 * from the number of evaluations since.
 */
export function readRow(world: World, server: Server, watch: Watch, now: Instant): Reading {
  const { recurrence, phase } = watch;
  if (recurrence === 0) return readEventDriven(server, watch, now);
  const evaluation = (after: Instant) => phase + (Math.floor((after - phase) / recurrence) + 1) * recurrence;
  const last = evaluation(now) - recurrence;
  const memory = server.rows[watch.key];

  if (server.boot) return { alertValue: 'UnInitialized', lastTransition: server.bootedAt };
  if (!memory) return { alertValue: 'Healthy', lastTransition: server.bootedAt, lastExecution: last };

  const { base, since, failing, changedAt, holds } = memory;
  const first = evaluation(changedAt);
  const standsStill = now < first || holds === 'stale';
  const executed = standsStill && memory.lastExecution !== undefined ? memory.lastExecution : last;
  const asBefore: Reading = {
    alertValue: base,
    ...(since === undefined ? {} : { lastTransition: since }),
    ...(executed === null || (base === 'UnInitialized' && now < first) ? {} : { lastExecution: executed }),
  };
  if (now < first || holds) return asBefore;
  if (!failing) {
    return base === 'Healthy' ? asBefore : { alertValue: 'Healthy', lastTransition: first, lastExecution: last };
  }
  if (base === 'Unhealthy') return asBefore;
  const unhealthyAt = first + (world.settings['failures-to-unhealthy'] - 1) * recurrence;
  return now >= unhealthyAt
    ? { alertValue: 'Unhealthy', lastTransition: unhealthyAt, lastExecution: last }
    : { alertValue: 'Degraded', lastTransition: first, lastExecution: last };
}

/** The value of the last event applies until the next one. Without an event, it is Healthy. */
function readEventDriven(server: Server, { key }: Watch, now: Instant): Reading {
  const { bootedAt } = server;
  if (server.boot) return { alertValue: 'UnInitialized', lastTransition: bootedAt };
  const memory = server.rows[key];
  if (!memory) return { alertValue: 'Healthy', lastTransition: bootedAt, lastExecution: bootedAt };
  const { base, since, failing, changedAt, holds, lastExecution = changedAt } = memory;
  const worsenedAt = (since ?? changedAt) + DEGRADED_FOR;
  if (base === 'Degraded' && failing && !holds && now >= worsenedAt)
    return { alertValue: 'Unhealthy', lastTransition: worsenedAt, lastExecution: worsenedAt };
  return {
    alertValue: base,
    ...(since !== undefined && { lastTransition: since }),
    ...(lastExecution !== null && { lastExecution }),
  };
}

/** Records for every monitor of a server whether its probe fails from now on. Called after each change of the server's state. */
export function reassess(world: World, server: Server, now: Instant): void {
  if (server.boot) return;
  for (const watch of watchesOf(server, world.settings)) {
    const failing = rowFails(world, server, watch);
    if ((server.rows[watch.key]?.failing ?? false) !== failing) remember(world, server, watch, failing, now);
  }
}

function remember(world: World, server: Server, watch: Watch, failing: boolean, now: Instant): void {
  if (server.rows[watch.key]?.holds) return;
  if (watch.recurrence === 0) {
    server.rows[watch.key] = toldBy(failing, now);
    return;
  }
  const { alertValue, lastTransition } = readRow(world, server, watch, now);
  server.rows[watch.key] = { base: alertValue, since: lastTransition ?? now, failing, changedAt: now };
}

/** The event of a monitor without a recurrence, which sets its row immediately. */
function toldBy(failing: boolean, now: Instant): RowMemory {
  return { base: failing ? 'Unhealthy' : 'Healthy', since: now, failing, changedAt: now };
}

/** Values of a row that override its monitor: see the disturbance `row`. */
export interface RowState {
  /** Milliseconds between two evaluations; 0: evaluated by events only. */
  every?: number;
  /** Its value from now on: the monitor is being repaired, is disabled … */
  value?: HealthRow['alertValue'];
  stale?: boolean;
  /** How long ago it was evaluated and got its value. */
  age?: number | 'never';
}

export function setRow(
  world: World,
  server: Server,
  watch: Watch,
  { every, value, stale, age }: RowState,
  now: Instant,
) {
  const { alertValue, lastTransition, lastExecution } = readRow(world, server, watch, now);
  if (every !== undefined) setPace(server, watch.key, every / 1_000);
  const executed = age === 'never' ? null : age === undefined ? (lastExecution ?? null) : now - age;
  const since = typeof age === 'number' ? now - age : lastTransition;
  server.rows[watch.key] = {
    base: value ?? alertValue,
    ...(since !== undefined && { since }),
    failing: rowFails(world, server, watch),
    changedAt: now,
    lastExecution: executed,
    ...(stale ? { holds: 'stale' } : value && { holds: 'value' }),
  };
}

/** Returns a row to its monitor. */
export function freeRow(world: World, server: Server, key: string, now: Instant): void {
  setPace(server, key, undefined);
  const watch = watchesOf(server, world.settings).find((each) => each.key === key);
  if (!watch) return;
  const failing = rowFails(world, server, watch);
  server.rows[key] =
    watch.recurrence === 0
      ? toldBy(failing, now)
      : { base: server.rows[key]?.base ?? 'Healthy', since: now, failing, changedAt: now };
}

/** Makes the rows that show a trouble Unhealthy since a while, as when an alert is raised. */
export function establish(world: World, server: Server, since: Instant): void {
  const at = Math.max(since, server.bootedAt);
  for (const watch of watchesOf(server, world.settings)) {
    const memory = server.rows[watch.key];
    if (!rowFails(world, server, watch)) continue;
    if (memory?.holds || (memory?.base === 'Unhealthy' && memory.failing && (memory.since ?? at) <= at)) continue;
    server.rows[watch.key] = { base: 'Unhealthy', since: at, failing: true, changedAt: at };
  }
}

/**
 * Starts all monitors after a boot: their rows say so until the first evaluation. Monitors without a recurrence are assumed
 * to be checked once. Disabled monitors stay disabled.
 */
export function startMonitors(world: World, server: Server, now: Instant): void {
  const before = server.rows;
  server.rows = Object.fromEntries(
    watchesOf(server, world.settings).map((watch): [string, RowMemory] => {
      const memory = before[watch.key];
      if (memory?.holds === 'value') return [watch.key, memory];
      const failing = rowFails(world, server, watch);
      if (watch.recurrence === 0) return [watch.key, toldBy(failing, now)];
      return [watch.key, { base: 'UnInitialized', since: server.bootedAt, failing, changedAt: now }];
    }),
  );
}

/** The monitors of a server that see a cause. */
export function seenBy(world: World, server: Server, cause: Cause): Watch[] {
  return watchesOf(server, world.settings).filter((watch) => sees(world, server, watch, cause));
}

function causesOn(world: World, server: string): readonly Cause[] {
  const own = world.causes[server] ?? [];
  const everywhere = world.causes['*'] ?? [];
  return everywhere.length === 0 ? own : [...own, ...everywhere];
}

function sees(world: World, server: Server, watch: Watch, cause: Cause): boolean {
  const { sits } = cause;
  if ('directory' in sits) return watch.probe !== undefined && watch.dependencies.includes('directory');
  if ('monitor' in sits) return sits.monitor === watch.key;
  if (!watch.looksAt.includes(sits.part)) return false;
  // A client access server no longer notices a failing back end when no mailbox is opened there.
  return cause.backEnd === undefined || backEndsOf(world, server).includes(cause.backEnd);
}

/** Why the service of this monitor can't answer, if so. */
function serviceTrouble(server: Server, watch: Watch): string | undefined {
  if (!watch.service) return undefined;
  const service = server.services[watch.service.toLowerCase()];
  return service?.status === 'Running' ? undefined : `${watch.service} is not running`;
}

function rowFails(world: World, server: Server, watch: Watch): boolean {
  return (
    serviceTrouble(server, watch) !== undefined ||
    causesOn(world, server.name).some((cause) => !cause.probeOnly && sees(world, server, watch, cause))
  );
}

/** The mailbox servers that this server's CTP probes can reach: at most three, in a fixed shuffled order. */
export function backEndsOf(world: World, server: Server): string[] {
  const inGroups = server.routesTo.flatMap((group) => world.groups[group]?.members ?? []);
  const site = Object.values(world.servers).filter((other) => other.site === server.site);
  const candidates = inGroups.length > 0 ? inGroups : site.map((other) => other.name);
  return candidates
    .filter((name) => activeOn(world, name).some((database) => world.databases[database]?.monitoringMailboxes))
    .sort(
      (a, b) =>
        hash(`${world.seed}/${server.name}/${a}`) - hash(`${world.seed}/${server.name}/${b}`) || a.localeCompare(b),
    )
    .slice(0, 3);
}

type Answer = Pick<ProbeResult, 'resultType' | 'error' | 'exception'>;

const SUCCEEDED: Answer = { resultType: 'Succeeded', error: '', exception: '' };

/** Runs an on-demand probe. It checks the state of the server, not the row, which can differ. */
export function runProbe(world: World, server: Server, watch: Watch): Answer {
  const own = causesOn(world, server.name).find(
    (cause) =>
      !cause.rowOnly && cause.backEnd === undefined && (sees(world, server, watch, cause) || isOnTheWay(watch, cause)),
  );
  if (own?.answer) return own.answer;
  const stopped = serviceTrouble(server, watch);
  const trouble = own ? { says: own.says, hangs: own.hangs } : stopped ? { says: stopped, hangs: false } : undefined;
  if (!watch.reaches) return trouble ? failed(trouble) : SUCCEEDED;

  const backEnds = backEndsOf(world, server);
  const run = server.ctpRuns[watch.reaches]++;
  const backEnd = world.servers[backEnds[run % Math.max(1, backEnds.length)] ?? ''];
  if (!backEnd) {
    if (!world.hasUnseenDatabases) {
      return failed({ says: 'No mailboxes were found to use in the CTP probe', hangs: false });
    }
    return trouble ? failed(trouble) : SUCCEEDED;
  }
  const found = trouble ?? backEndTrouble(world, backEnd, watch.reaches);
  return found ? failed(found, `Cmd=LOGIN _Mbx:${backEnd.fqdn}`) : SUCCEEDED;
}

/** A log-on passes the front end, which the monitor of log-ons does not check. */
function isOnTheWay({ reaches }: Watch, { sits }: Cause): boolean {
  return reaches !== undefined && 'part' in sits && sits.part === `${reaches}-front-end`;
}

/** The monitor of a mailbox server that detects failing log-ons there. */
export function deepWatch(world: World, server: Server, protocol: Protocol): Watch | undefined {
  const name = `${protocol}deeptestmonitor`;
  return watchesOf(server, world.settings).find((watch) => watch.name.toLowerCase() === name);
}

/** Why a log-on fails on that mailbox server. */
function backEndTrouble(
  world: World,
  server: Server,
  protocol: Protocol,
): { says: string; hangs: boolean } | undefined {
  if (server.boot) return { says: 'the mailbox server does not answer', hangs: true };
  const deep = deepWatch(world, server, protocol);
  if (!deep) return undefined;
  const cause = causesOn(world, server.name).find((each) => !each.rowOnly && sees(world, server, deep, each));
  if (cause) return cause;
  const stopped = serviceTrouble(server, deep);
  return stopped ? { says: stopped, hangs: false } : undefined;
}

function failed(trouble: { says: string; hangs: boolean }, detail = ''): Answer {
  const error = [trouble.says, detail].filter(Boolean).join('. ');
  return trouble.hangs
    ? { resultType: 'TimedOut', error, exception: `System.TimeoutException: ${trouble.says}` }
    : { resultType: 'Failed', error, exception: `System.ApplicationException: ${trouble.says}` };
}
