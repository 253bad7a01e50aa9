import { sameName } from '../incident/names.ts';
import { DISRUPTIVE } from '../incident/planned-change.ts';
import type { RecoveryAction } from '../ports/exchange.ts';
import { ALLOW, type Answer, type Guard, type GuardContext } from './guard.ts';

const MINUTE = 60_000;
/**
 * How long (ms) to wait for the effect of an action of Managed Availability: on the same resource, and of a failover or
 * reboot.
 */
const AFTER = 10 * MINUTE;
const AFTER_DISRUPTION = 30 * MINUTE;
/** A start without an end is ignored after this long (ms): its worker was restarted, or the end was not recorded. */
const FORGOTTEN = 60 * MINUTE;
/** Recovery actions that take databases or servers out of service. */
const DISRUPTIONS = new Set([
  'ServerFailover',
  'DatabaseFailover',
  'MoveClusterGroup',
  'ForceReboot',
  'ClusterNodeHammerDown',
  'RestartFastNode',
]);
/** Actions that notify people or write a dump: they change nothing on the server. */
const HARMLESS = new Set(['Escalate', 'WatsonDump', 'ControlService', 'LogEvent']);

/**
 * Managed Availability is the first responder: while it acts, and until its action can have taken effect, the daemon
 * waits.
 */
export const responder: Guard = {
  name: 'responder',
  reasons: ['responder-acting', 'responder-lately'],
  requires: 'Managed Availability is not recovering the server itself, and has not just done so',
  async judge(context) {
    const answer = await busyHere(context);
    if (answer !== ALLOW) return answer;
    // Its action may have helped: verify before anything is changed.
    const waited = context.incident.held?.guard === 'responder' && !context.justVerified;
    return waited ? { answer: 'verify' } : ALLOW;
  },
};

async function busyHere(context: GuardContext): Promise<Answer> {
  const { target, change, exchange, clock, signal } = context;
  const now = clock.now();
  const { value: actions } = await exchange.recoveryActions(target.server, now - FORGOTTEN, { signal });
  const here = judge(actions, target.server, now, (action) => {
    const sameResource = change.resource === undefined || sameName(action.resource, change.resource);
    return sameResource || DISRUPTIONS.has(action.action) ? AFTER : 0;
  });
  if (here || !DISRUPTIVE.has(change.action)) return here ?? ALLOW;
  for (const member of await membersUp(context)) {
    const { value: theirs } = await exchange.recoveryActions(member, now - FORGOTTEN, { signal });
    const there = judge(theirs, member, now, (action) =>
      DISRUPTIONS.has(action.action) ? AFTER_DISRUPTION : undefined,
    );
    if (there) return there;
  }
  return ALLOW;
}

/** The members that can be asked; a member that is down is the quorum check's concern. */
async function membersUp({ target, exchange, signal }: GuardContext): Promise<string[]> {
  if (!target.dag) return [target.server];
  const { value: group } = await exchange.availabilityGroup(target.dag, { signal });
  return group.members.filter((member) => member.up).map(({ server }) => server);
}

/** `patience`: how long (ms) to wait after the end of an action; undefined if the action does not matter. */
function judge(
  actions: readonly RecoveryAction[],
  server: string,
  now: number,
  patience: (action: RecoveryAction) => number | undefined,
): Answer | undefined {
  for (const action of actions) {
    const wait = patience(action);
    if (wait === undefined || HARMLESS.has(action.action) || action.result === 'throttled') continue;
    const what = `Managed Availability's ${action.requester} (${action.action} ${action.resource} on ${server})`;
    if (action.state === 'started' && now - action.startedAt < FORGOTTEN) {
      return {
        answer: 'wait',
        reason: 'responder-acting',
        says: `${what} has been acting since ${time(action.startedAt)}`,
      };
    }
    if (action.endedAt !== undefined && now - action.endedAt < wait) {
      const until = action.endedAt + wait;
      const says = `${what} ended at ${time(action.endedAt)}; waiting for its effect until ${time(until)}`;
      return { answer: 'wait', reason: 'responder-lately', says };
    }
  }
  return undefined;
}

const time = (at: number) => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
