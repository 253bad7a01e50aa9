import type { Took } from '../../incident/event.ts';
import type { StartConditions } from '../../ports/journal.ts';

/** What of a start's conditions is written down beside it. */
export function tookBy({
  organisation,
  throttles,
  disrupts,
}: Pick<StartConditions, 'organisation' | 'throttles' | 'disrupts'>): Took {
  return {
    world: organisation,
    throttles: throttles.map(({ key, now, minutesBetween }) => ({ key, now, minutesBetween })),
    ...(disrupts && { disrupts }),
  };
}
