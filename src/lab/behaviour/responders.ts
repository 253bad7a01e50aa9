/** The recovery actions of Managed Availability for a trouble, and their log. */
import type { Instant } from '../../incident/alert.ts';
import { seenBy } from '../world/health.ts';
import { type Cause, type Server, schedule, type Trouble, type World } from '../world/world.ts';

/** Records failed attempts of Managed Availability, old enough that the daemon need not wait for them. */
export function recordAttempts(world: World, where: string, cause: Cause, now: Instant): void {
  const server = world.servers[where];
  const resource = cause.cure.by === 'back-end' || !server ? undefined : resourceOf(world, server, cause);
  if (!server || !resource) return;
  world.settings['recovery-attempts'].forEach((ago, index) => {
    const startedAt = now - ago;
    server.recoveryActions.push({
      action: 'RestartService',
      resource: resource.service,
      requester: resource.requester,
      state: 'finished',
      // Only the first is executed; throttling prevents the next.
      result: index === 0 ? 'failed' : 'throttled',
      startedAt,
      endedAt: startedAt + (index === 0 ? world.settings['service-restart'] : 0),
    });
  });
  trimActions(server);
}

/** With `onset`, Managed Availability has not acted yet: it tries when the monitor becomes Unhealthy. */
export function announceResponder(world: World, trouble: Trouble, causes: [string, Cause][], now: Instant): void {
  for (const [where, cause] of causes) {
    const server = world.servers[where];
    const resource = server && resourceOf(world, server, cause);
    if (!server || !resource) continue;
    const at = now + world.settings['probe-recurrence'] * (world.settings['failures-to-unhealthy'] + 1);
    const acting = {
      server: server.name,
      trouble: trouble.id,
      resource: resource.service,
      requester: resource.requester,
    };
    schedule(world, { at, what: 'responder-starts', ...acting });
    schedule(world, { at: at + 30_000, what: 'responder-ends', ...acting });
  }
}

/** The service that Managed Availability would restart, and the responder that would do it. */
function resourceOf(world: World, server: Server, cause: Cause): { service: string; requester: string } | undefined {
  const watch = seenBy(world, server, cause)[0];
  const service = cause.cure.by === 'restart-service' ? cause.cure.services[0] : watch?.service;
  return watch && service ? { service, requester: watch.name.replace(/Monitor$/, 'Restart') } : undefined;
}

export function startResponder(
  world: World,
  acting: { server: Server; trouble: string; resource: string; requester: string; at: Instant },
): void {
  if (!world.troubles[acting.trouble]) return;
  acting.server.recoveryActions.push({
    action: 'RestartService',
    resource: acting.resource,
    requester: acting.requester,
    state: 'started',
    startedAt: acting.at,
    trouble: acting.trouble,
  });
  trimActions(acting.server);
}

/** Finishes the action that a responder started for a trouble. */
export function finishResponder(server: Server, trouble: string, now: Instant, result: 'succeeded' | 'failed'): void {
  for (const action of server.recoveryActions) {
    if (action.state === 'started' && action.trouble === trouble) {
      Object.assign(action, { state: 'finished', result, endedAt: now });
    }
  }
}

function trimActions(server: Server): void {
  server.recoveryActions.sort((a, b) => a.startedAt - b.startedAt);
  server.recoveryActions.splice(0, Math.max(0, server.recoveryActions.length - 1_000));
}
