import type { Instant } from '../../incident/alert.ts';
import { type ScheduledEvent, type Server, schedule, type World } from '../world/world.ts';
import { end } from './cures.ts';
import { faultNamed } from './faults/index.ts';
import { goOnBooting, move, runAgain } from './machines.ts';
import { finishResponder, startResponder } from './responders.ts';
import { turn, turnsToSkip } from './troubles.ts';

/** Runs all scheduled events up to now, in order. Returns whether there were any. */
export function catchUp(world: World, now: Instant): boolean {
  let changed = false;
  for (let next = world.agenda[0]; next && next.at <= now; next = world.agenda[0]) {
    world.agenda.shift();
    changed = true;
    const skip = next.what === 'flap' ? turnsToSkip(world, next.trouble, next.at, now) : 0;
    if (skip > 0) schedule(world, { ...next, at: next.at + skip });
    else run(world, next);
  }
  return changed;
}

function run(world: World, next: ScheduledEvent): void {
  if (!('server' in next)) {
    turn(world, next.trouble, next.at);
    return;
  }
  const server = world.servers[next.server];
  if (!server) return;
  switch (next.what) {
    case 'service-runs':
      runAgain(world, server, next.service, next.at);
      break;
    case 'database-moves':
      move(world, server, next.database, next.at);
      break;
    case 'responder-starts':
      startResponder(world, { ...next, server });
      break;
    case 'responder-ends':
      responderEnds(world, server, next.trouble, next.at);
      break;
    default:
      goOnBooting(world, server, next.what, next.at);
      break;
  }
}

/** The responder of a fault fails, otherwise there would be no alert. One that is the trouble itself succeeds and ends it. */
function responderEnds(world: World, server: Server, trouble: string, at: Instant): void {
  const atWork = faultNamed(world.troubles[trouble]?.kind ?? '')?.endsWithResponder;
  finishResponder(server, trouble, at, atWork ? 'succeeded' : 'failed');
  if (atWork) end(world, trouble, 'used up', at);
}
