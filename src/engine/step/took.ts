import type { Took } from '../../incident/event.ts';
import type { StartConditions } from '../../ports/journal.ts';

/** What of a start's conditions is written down beside it. */
export function tookBy({
  world,
  throttles,
  disrupts,
}: Pick<StartConditions, 'world' | 'throttles' | 'disrupts'>): Took {
  return {
    world,
    throttles: throttles.map(({ key, now, minutesBetween }) => ({ key, now, minutesBetween })),
    ...(disrupts && { disrupts }),
  };
}
