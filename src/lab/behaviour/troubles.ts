import { z } from 'zod';
import type { Instant } from '../../incident/alert.ts';
import { establish } from '../world/health.ts';
import { fromIssues, LabProblems, problem, unknownName } from '../world/problems.ts';
import type { Trouble, World } from '../world/world.ts';
import { addCause, removeCauses } from './cures.ts';
import { type Causes, type Fault, type FaultContext, findServer } from './faults/fault.ts';
import { FAULTS, faultNamed } from './faults/index.ts';
import { announceResponder, finishResponder, recordAttempts } from './responders.ts';

/**
 * Adds a fault. `posted` is the body of a request: `{fault, server?, times?, …}`.
 * Throws `LabProblems` if there is no such fault or the server can't have it.
 */
export function postFault(world: World, posted: unknown, now: Instant): Trouble {
  const { fault: kind, ...rest } = z.looseObject({}).safeParse(posted).data ?? {};
  const known = FAULTS.map(({ name }) => name);
  if (typeof kind !== 'string') problem('/fault', `missing: name the fault. Known: ${known.join(', ')}`);
  const fault = faultNamed(kind);
  if (!fault) problem('/fault', unknownName('fault', kind, known));
  const checked = fault.options.safeParse(rest);
  if (!checked.success) throw new LabProblems(`Invalid fault ${kind}`, fromIssues(checked.error.issues));

  const options = checked.data;
  const server = options.server === undefined ? undefined : findServer(world, String(options.server));
  if (!server && fault.needsServer) {
    problem('/server', `missing: ${kind} needs a server. Known: ${Object.keys(world.servers).join(', ')}`);
  }
  const id = `f${world.lastTrouble + 1}`;
  const trouble: Trouble = {
    id,
    kind,
    ...(server ? { server: server.name } : {}),
    body: options,
    postedAt: now,
    state: 'present',
    ...(options.times === undefined ? {} : { timesLeft: options.times as number }),
  };
  const here = { world, server, trouble, options, now };
  fault.check?.(here);
  const causes = fault.causes?.(here) ?? [];
  world.lastTrouble++;
  world.troubles[id] = trouble;
  if (causes.length === 0) world.disturbances.push(id);
  dropOldest(world);

  for (const [where, cause] of causes) addCause(world, where, cause, now);
  if (options.onset) announceResponder(world, trouble, causes, now);
  else establishRows(fault, here, causes);
  fault.begin?.(here);
  return trouble;
}

/** Fixes what a fault broke and deletes it. False: there is none with that id. */
export function deleteFault(world: World, id: string, now: Instant): boolean {
  const found = Object.hasOwn(world.troubles, id) ? contextOf(world, id, now) : undefined;
  if (!found) return false;
  const { fault, here } = found;
  removeCauses(world, id, now);
  for (const server of here.server ? [here.server] : Object.values(world.servers)) {
    finishResponder(server, id, now, 'failed');
    fault?.remove?.({ ...here, server });
  }
  world.agenda = world.agenda.filter((next) => !('trouble' in next && next.trouble === id));
  delete world.troubles[id];
  world.disturbances = world.disturbances.filter((other) => other !== id);
  return true;
}

/** The next turn of a trouble that changes over time: `relapse`, `flap` or `over`. */
export function turn(world: World, id: string, now: Instant): void {
  const { fault, here } = contextOf(world, id, now) ?? {};
  if (here?.trouble.state === 'present') fault?.turn?.(here);
}

/**
 * How much the turn at `at` can be postponed after time has jumped (a saved lab was not running, or runs fast), because
 * turns without lasting effect need not run one by one.
 */
export function turnsToSkip(world: World, id: string, at: Instant, now: Instant): number {
  const { fault, here } = contextOf(world, id, now) ?? {};
  return (here && fault?.skip?.(here, at)) ?? 0;
}

function contextOf(
  world: World,
  id: string,
  now: Instant,
): { fault: Fault | undefined; here: FaultContext } | undefined {
  const trouble = world.troubles[id];
  if (!trouble) return undefined;
  const server = trouble.server === undefined ? undefined : world.servers[trouble.server];
  return { fault: faultNamed(trouble.kind), here: { world, server, trouble, options: trouble.body, now } };
}

/** An alert is raised after Managed Availability gave up: rows have been Unhealthy for a while, and its attempts are recorded. */
function establishRows({ untried }: Fault, { world, now }: FaultContext, causes: Causes): void {
  const since = now - world.settings['established-for'];
  for (const [where, cause] of causes) {
    const servers = where === '*' ? Object.values(world.servers) : [world.servers[where]!];
    for (const server of servers) if (!server.boot) establish(world, server, since);
    if (!untried) recordAttempts(world, where, cause, now);
  }
}

/** Keeps the records of the last 1,000 ended troubles. */
function dropOldest(world: World): void {
  const over = Object.values(world.troubles).filter((trouble) => trouble.state !== 'present');
  for (const { id } of over.slice(0, Math.max(0, over.length - 1_000))) delete world.troubles[id];
}
