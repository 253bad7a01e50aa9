import type { ServerFacts } from '../incident/health.ts';
import type { PlannedChange } from '../incident/planned-change.ts';
import { restrictionsOn } from '../incident/restrictions.ts';
import type { ThrottleRule } from '../ports/journal.ts';
import { ALLOW, type Answer, type Guard, type GuardSettings, type ThrottleLimits } from './guard.ts';
import { answerOf } from './shared-state.ts';

const MINUTE = 60_000;

/**
 * The limits of an action. The store counts our own starts; in addition, a service or server that was started recently
 * by someone unknown counts as an attempt that did not help.
 */
export const throttle: Guard = {
  name: 'throttle',
  reasons: ['too-soon', 'hourly-limit', 'daily-limit', 'group-too-soon', 'group-daily-limit', 'started-by-others'],
  requires:
    'the limits of this action are not reached: time since the last one, number per hour and day, per server and group',
  async judge({
    incident,
    run,
    change,
    target,
    exchange,
    clock,
    settings,
    refusal,
    startedByUs,
    signal,
  }): Promise<Answer> {
    if (refusal?.by === 'throttle') return answerOf(refusal).answer;
    const limits = limitsOn(settings, change.action, run.playbook, target);
    // A run that has changed something already passed this limit; a child is part of its parent's run.
    if (!limits || limits.minutesBetween < 0 || incident.changed || incident.parent) return ALLOW;
    const startedAt = change.intent.fence[change.action === 'restart-server' ? 'bootedAt' : 'startedAt'];
    if (typeof startedAt !== 'number') return ALLOW;
    const window = limits.minutesBetween * MINUTE;
    if (clock.now() - startedAt > window) return ALLOW;
    if (await startedByUs(limits.minutesBetween)) return ALLOW;

    const { value: actions } = await exchange.recoveryActions(target.server, startedAt - window, { signal });
    const near = (at: number | undefined) => at !== undefined && Math.abs(at - startedAt) < 5 * MINUTE;
    if (actions.some((action) => near(action.startedAt) || near(action.endedAt))) return ALLOW;
    const { value: boot } = await exchange.bootTime(target.server, { signal });
    if (change.action !== 'restart-server' && startedAt - boot.bootedAt < 30 * MINUTE) return ALLOW;
    const what = change.resource ?? target.server;
    const minutes = Math.round((clock.now() - startedAt) / MINUTE);
    return {
      answer: 'refuse',
      reason: 'started-by-others',
      says: `${what} on ${target.server} was started ${minutes} min ago by someone else, and the problem is still there`,
    };
  },
};

type SomeLimits = { readonly [limit in keyof ThrottleLimits]?: number | undefined };

/** The limits of an action on a server: the tightest of `safety.throttles` and of the restrictions there. */
export function limitsOn(
  { throttles, restrictions }: Pick<GuardSettings, 'throttles' | 'restrictions'>,
  action: string,
  playbook: string,
  target: ServerFacts,
): ThrottleLimits | undefined {
  const limits = throttles[action];
  const tighter = restrictionsOn(restrictions, playbook, [target]).flatMap(({ throttles: own }): SomeLimits[] => {
    const limited = own?.[action];
    return limited ? [limited] : [];
  });
  return limits && tighter.reduce<ThrottleLimits>(tightest, limits);
}

/** -1 means no limit. */
function tightest(one: ThrottleLimits, other: SomeLimits): ThrottleLimits {
  const longer = (minutes: number, more = -1) => Math.max(minutes, more);
  const fewer = (times: number, less = -1) => (times < 0 || less < 0 ? Math.max(times, less) : Math.min(times, less));
  return {
    minutesBetween: longer(one.minutesBetween, other.minutesBetween),
    perHour: fewer(one.perHour, other.perHour),
    perDay: fewer(one.perDay, other.perDay),
    groupMinutesBetween: longer(one.groupMinutesBetween, other.groupMinutesBetween),
    groupPerDay: fewer(one.groupPerDay, other.groupPerDay),
  };
}

/** Records a start of ours. Limits nothing itself; the guard asks whether a recent start was ours. */
export function ourStart(server: string, resource: string | undefined, now: number): ThrottleRule {
  const key = `ours:${server}:${resource ?? 'boot'}`;
  return { key, minutesBetween: -1, perHour: -1, perDay: -1, group: false, now };
}

/** The counted limits of an action: on the server (and of the service there), and in its group. */
export function throttleRules(
  change: PlannedChange,
  target: ServerFacts,
  group: string | undefined,
  limits: ThrottleLimits | undefined,
  now: number,
): ThrottleRule[] {
  if (!limits) return [];
  const resource = change.resource ? `:${change.resource}` : '';
  const own: ThrottleRule = {
    key: `${change.action}:${target.server}${resource}`,
    minutesBetween: limits.minutesBetween,
    perHour: limits.perHour,
    perDay: limits.perDay,
    group: false,
    now,
  };
  if (!group) return [own];
  const shared: ThrottleRule = {
    key: `${change.action}@${group}`,
    minutesBetween: limits.groupMinutesBetween,
    perHour: -1,
    perDay: limits.groupPerDay,
    group: true,
    now,
  };
  return [own, shared];
}
