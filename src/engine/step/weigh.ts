import type { GuardContext } from '../../guards/guard.ts';
import { limitsOn, ourStart, throttleRules } from '../../guards/throttle.ts';
import type { StepStarted } from '../../incident/event.ts';
import { groupOf } from '../../incident/health.ts';
import { currentRun } from '../../incident/incident.ts';
import { DISRUPTIVE, type PlannedChange } from '../../incident/planned-change.ts';
import { startOfStep } from '../../incident/traces.ts';
import type { StartConditions } from '../../ports/journal.ts';
import type { Advance } from '../advancing.ts';
import { factsOf } from '../organisation.ts';
import type { Engine } from '../parts.ts';
import { scopeOf } from './change.ts';
import { tookBy } from './took.ts';

/** A change that is about to start, with everything the guards need to know. */
export interface Weighed {
  start: StepStarted;
  conditions: Pick<StartConditions, 'kill' | 'throttles'>;
  context: GuardContext;
}

/** Reads what the guards need to know about a change; changes nothing. Returns a sentence if its server does not exist. */
export async function weigh(
  engine: Engine,
  { cursor, signal, justVerified }: Pick<Advance, 'cursor' | 'signal' | 'justVerified'>,
  n: number,
  note: Record<string, unknown>,
  change: PlannedChange,
): Promise<Weighed | string> {
  const { incident } = cursor;
  const { clock, settings, store } = engine;
  const run = currentRun(incident);
  if (!run) throw new Error(`step ${n} of ${incident.id} begins without a playbook`);
  const { value: organisation } = await engine.exchange.organisation({ signal });
  const target = factsOf(organisation, change.intent.server);
  if (!target) return `${change.intent.server} is not a server of this organisation`;
  const group = groupOf(target);
  const own = incident.facts && groupOf(incident.facts);
  const scope = scopeOf(run.playbook, [incident.server, target.server], [own, group]);

  const disruptive = DISRUPTIVE.has(change.action);
  const throttles = [
    ...throttleRules(change, target, group, limitsOn(settings, change.action, run.playbook, target), clock.now()),
    ourStart(target.server, change.resource, clock.now()),
  ];
  const until = engine.realNow() + settings.disruptionWindow / clock.speed;
  const start: StepStarted = {
    n,
    note,
    intent: change.intent,
    ...(change.undo && { undo: change.undo }),
    ...(disruptive && group && { slot: group }),
    ...(group && { group }),
    took: tookBy({
      organisation: organisation.id,
      throttles,
      ...(disruptive && { disrupts: { servers: [target.server], until } }),
    }),
  };
  const conditions = { kill: scope, throttles };
  const taken = startOfStep(incident, start);
  return {
    start,
    conditions,
    context: {
      incident,
      run,
      change,
      target,
      organisation,
      exchange: engine.exchange,
      verifier: engine.verifier,
      catalog: engine.catalog,
      store,
      clock,
      settings,
      scope,
      killSwitches: await store.killSwitches(),
      refusal: taken && (await store.wouldRefuse({ ...taken, ...conditions })),
      startedByUs: (minutes) => startedByUs(engine, organisation.id, target.server, change.resource, minutes),
      justVerified,
      signal,
    },
  };
}

/** Whether an incident of ours, or its undo, has started that service or server within this many minutes. */
async function startedByUs(
  engine: Engine,
  organisation: string,
  server: string,
  resource: string | undefined,
  minutes: number,
) {
  const rule = { ...ourStart(server, resource, engine.clock.now()), minutesBetween: minutes };
  const refusal = await engine.store.wouldRefuse({ owner: '', organisation, kill: [], claims: [], throttles: [rule] });
  return refusal?.by === 'throttle';
}
