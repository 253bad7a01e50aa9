import type { Took } from '../../incident/event.ts';
import type { StartConditions } from '../../ports/journal.ts';

/** The part of a start's conditions that is recorded with it. */
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
