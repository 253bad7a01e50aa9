/** The monitors of a recording: the recorded rows, and a cause with a cure for every unhealthy one. */
import type { Instant } from '../../incident/alert.ts';
import { sameName } from '../../incident/names.ts';
import type { HealthRow, ProbeResult } from '../../ports/exchange.ts';
import { type Answer, answered, type RecordedProbe, type RecordedServer } from '../../recording/recording.ts';
import { hash } from '../world/chance.ts';
import { activeOn } from '../world/databases.ts';
import { backEndsOf, deepWatch, recurrenceOf, type Watch, watchesOf } from '../world/health.ts';
import { definitionOf, serviceOfHealthSet } from '../world/health-sets.ts';
import {
  type Cause,
  type Cure,
  type RecordedMonitor,
  type RowMemory,
  type Server,
  schedule,
  type World,
} from '../world/world.ts';
import { placeCause, type RecordedCure, type Replay, since, stand } from './parts.ts';

/** A row that was Unhealthy while its probe succeeded becomes Healthy after this time. */
const TRANSIENT_FOR = 5 * 60_000;

const isSick = ({ alertValue }: HealthRow) => alertValue === 'Unhealthy' || alertValue === 'Degraded';
const HOLDING: readonly string[] = ['Repairing', 'Disabled', 'Unavailable', 'Unknown'];

/** Exactly the recorded rows, in their order. */
export function replayMonitors(server: Server, recorded: RecordedServer, all: Replay): void {
  const answer = recorded.serverHealth;
  const rows = answered(answer);
  if (!answer || !rows) return;
  server.monitors = rows.map((row) => monitorOf(row, answer, server, recorded.probes ?? [], all));
  for (const [index, watch] of watchesOf(server, all.settings).entries()) {
    server.rows[watch.key] = memoryOf(rows[index]!, answer, server, all);
  }
}

function monitorOf(
  row: HealthRow,
  answer: Answer<unknown>,
  server: Server,
  probes: readonly RecordedProbe[],
  all: Replay,
): RecordedMonitor {
  const { healthSet, name, targetResource, component, recurrenceSeconds, timeoutSeconds, lastExecution } = row;
  const here = since(answer, all);
  const known = definitionOf(row, server.roles);
  if (!known) all.notes.add('Monitors that the lab does not know become unhealthy only by the fault unhealthy', name);
  const service = server.services[known?.service?.toLowerCase() ?? ''];
  const [ofHealthSet, probe] = probes.find(({ monitor }) => isRow(monitor, row))?.identity.split('\\') ?? [];
  return {
    healthSet,
    name,
    targetResource,
    component,
    ...(recurrenceSeconds !== undefined && { recurrenceSeconds }),
    timeoutSeconds,
    phase: phaseOf(
      lastExecution === undefined ? undefined : here(lastExecution),
      recurrenceOf(row, all.settings),
      `${server.name}/${healthSet}/${name}/${targetResource}`,
    ),
    ...(ofHealthSet && probe && { probe: { healthSet: ofHealthSet, name: probe } }),
    ...(service && service.status !== 'Running' && !isSick(row) && { needsNoService: true }),
  };
}

function memoryOf(row: HealthRow, answer: Answer<unknown>, server: Server, all: Replay): RowMemory {
  const here = since(answer, all);
  const { alertValue, lastTransition, lastExecution, isStale } = row;
  const holds = isStale ? 'stale' : HOLDING.includes(alertValue) ? 'value' : undefined;
  if (holds === 'stale')
    all.notes.add('Rows that were stale stay stale until their server boots', `${row.name} on ${server.name}`);
  if (holds === 'value') {
    all.notes.add(
      `Rows that were ${HOLDING.join(', ')} keep that value`,
      `${row.name} on ${server.name} (${alertValue})`,
    );
  }
  return {
    base: alertValue,
    ...(lastTransition !== undefined && { since: here(lastTransition) }),
    failing: isSick(row),
    changedAt: all.now,
    lastExecution: lastExecution === undefined ? null : here(lastExecution),
    ...(holds && { holds }),
  };
}

/** The causes on all servers; those of log-ons last, because they can be on another server. */
export function replayFaults(recorded: readonly { server: Server; recorded: RecordedServer }[], all: Replay): void {
  const seen = recorded.flatMap(({ server, recorded: { serverHealth, probes = [] } }) => {
    const rows = answered(serverHealth);
    return rows ? [{ server, rows, probes }] : [];
  });
  for (const isLogOn of [false, true]) {
    for (const { server, rows, probes } of seen) {
      for (const [index, watch] of watchesOf(server, all.settings).entries()) {
        if ((watch.reaches !== undefined) !== isLogOn) continue;
        const row = rows[index]!;
        replayFault(server, watch, row, probes.find(({ monitor }) => isRow(monitor, row))?.answer, all);
      }
    }
  }
  for (const { server, probes } of seen) replayRefusals(server, probes, all);
}

function replayFault(
  server: Server,
  watch: Watch,
  row: HealthRow,
  answer: RecordedProbe['answer'] | undefined,
  all: Replay,
): void {
  const { world, now } = all;
  const run = answered(answer);
  const ran = run && run.resultType !== 'Succeeded' ? run : undefined;
  if (!isSick(row) && !ran) return;
  if (watch.reaches && (ran || isSick(row)) && leadToBackEnd(world, server, watch, isSick(row))) return;

  const { name } = server;
  const monitor = { server: name, healthSet: row.healthSet, monitor: row.name };
  if (isSick(row) && run && !ran && !watch.reaches) {
    const { id } = stand(all, { kind: 'transient', server: name, body: { ...monitor, for: TRANSIENT_FOR } });
    placeCause(world, name, { ...causeOf(watch, id, undefined), rowOnly: true, cure: { by: 'none' } });
    schedule(world, { at: now + TRANSIENT_FOR, what: 'over', trouble: id });
    all.notes.add('Unhealthy monitors whose probe succeeded turn healthy after five minutes', `${row.name} on ${name}`);
    return;
  }
  const cure = cureOf(world, server, watch, all.cure);
  const { id } = stand(all, { kind: 'unhealthy', server: name, body: { ...monitor, cure: written(cure) } });
  placeCause(world, name, { ...causeOf(watch, id, ran), cure, ...(!isSick(row) && { probeOnly: true }) });
  const shows = isSick(row)
    ? 'Unhealthy monitors become faults that can be cured'
    : 'Probes that failed although their monitor was healthy become faults that can be cured';
  all.notes.add(shows, `${row.name} on ${name} (${written(cure)})`);
}

function causeOf(watch: Watch, trouble: string, run: ProbeResult | undefined): Cause {
  const { resultType, error = '', exception = '' } = run ?? {};
  return {
    trouble,
    sits: { monitor: watch.key },
    rowOnly: false,
    cure: { by: 'none' },
    says: error || `${watch.healthSet}: ${watch.probe ?? watch.name} found the component failing`,
    hangs: resultType === 'TimedOut',
    ...(resultType && { answer: { resultType, error, exception } }),
  };
}

/**
 * If log-ons fail because of a failing back end, that is the cause and has the cure: the server that noticed has no
 * problem. False: no back end is known to fail.
 */
function leadToBackEnd(world: World, server: Server, watch: Watch, isRowSick: boolean): boolean {
  const protocol = watch.reaches!;
  for (const backEnd of backEndsOf(world, server)) {
    const there = world.servers[backEnd]!;
    const deep = deepWatch(world, there, protocol);
    const failing = world.causes[backEnd]?.find(({ sits }) => 'monitor' in sits && sits.monitor === deep?.key);
    if (!failing) continue;
    if (isRowSick) {
      placeCause(world, server.name, {
        trouble: failing.trouble,
        sits: { part: `${protocol}-ctp-route` },
        rowOnly: false,
        cure: { by: 'back-end', server: backEnd },
        says: `The back end ${backEnd} failed some of the log-ons`,
        hangs: false,
        backEnd,
      });
    }
    return true;
  }
  return false;
}

/** The requested cure, or the next stronger one that is possible on this server. */
function cureOf(world: World, server: Server, watch: Watch, wanted: RecordedCure): Cure {
  if (wanted === 'none') return { by: 'none' };
  if (wanted === 'fail-over' && activeOn(world, server.name).length > 0) return { by: 'databases-away' };
  const service = wanted === 'restart-service' ? serviceBehind(server, watch) : undefined;
  return service ? { by: 'restart-service', services: [service], still: [service] } : { by: 'restart-server' };
}

/** The service that the monitor names, that of the table, or that of other monitors in its health set. */
function serviceBehind(server: Server, { targetResource, service, healthSet }: Watch): string | undefined {
  const candidates = [targetResource, service, serviceOfHealthSet(healthSet)];
  for (const candidate of candidates) {
    const found = Object.values(server.services).find(({ name }) => sameName(name, candidate ?? ''));
    if (found) return found.name;
  }
  return undefined;
}

/** As in the body of POST /lab/v1/faults. */
function written(cure: Cure): string {
  if (cure.by === 'restart-service') return `restart-service:${cure.services[0]}`;
  return cure.by === 'databases-away' ? 'fail-over' : cure.by;
}

/** Refused probes stay refused with the same messages; other differences are noted. */
function replayRefusals(server: Server, probes: readonly RecordedProbe[], all: Replay): void {
  const { world, notes, settings } = all;
  for (const { identity, monitor, answer } of probes) {
    if (!watchesOf(server, settings).some((watch) => isRow(monitor, watch))) {
      notes.add('Probes of monitors that were not recorded are unknown', `${identity} on ${server.name}`);
    }
    if (answer.failure) continue;
    if (answer.value === undefined) {
      const body = { server: server.name, probe: identity, says: answer.warnings };
      world.disturbances.push(stand(all, { kind: 'no-object', server: server.name, body }).id);
    } else if (answer.warnings.length > 0 || (answer.value.resultType === 'Succeeded' && wordy(answer.value))) {
      notes.add('Probe texts other than the result are not repeated', `${identity} on ${server.name}`);
    }
  }
}

const wordy = ({ error, exception }: ProbeResult) => error !== '' || exception !== '';

function isRow(
  a: Pick<HealthRow, 'healthSet' | 'name' | 'targetResource'>,
  b: Pick<HealthRow, 'healthSet' | 'name' | 'targetResource'>,
): boolean {
  return sameName(a.healthSet, b.healthSet) && sameName(a.name, b.name) && sameName(a.targetResource, b.targetResource);
}

/** The phase of a monitor that last evaluated at that time. */
function phaseOf(lastExecution: Instant | undefined, recurrence: number, name: string): number {
  if (recurrence === 0) return 0;
  const any = lastExecution ?? hash(name);
  return ((any % recurrence) + recurrence) % recurrence;
}
