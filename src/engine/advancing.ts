import type { Instant } from '../incident/alert.ts';
import type { Slept } from '../incident/event.ts';
import type { Incident } from '../incident/incident.ts';
import type { JournalCursor } from './journal-cursor.ts';
import type { Engine } from './parts.ts';

/** How far an incident got. Waiting is a result, not an exception: it holds no worker. */
export type Advanced =
  | { is: 'finished' }
  | { is: 'sleeping'; until: Instant }
  /** Somebody else must do something first; look again then, if no news comes before. */
  | { is: 'waiting'; until: Instant }
  | { is: 'unknown' };

/** What one decision led to: go on at once, or stop here for now. */
export type Went = Advanced | 'on';

/** One advance of one incident. `justVerified`: its family was looked at since this advance began, with no wait between. */
export interface Advance {
  cursor: JournalCursor;
  signal: AbortSignal;
  /** Throws when another worker may have taken over, as far as this process can tell. */
  stillMine(): void;
  /** Asked right before a command is sent; asks the store too. Throws Stale or NotCopied as well. */
  confirm(): Promise<void>;
  justVerified: boolean;
}

/**
 * Real milliseconds between two questions to a guard that waits: soon at first, seldom once it has waited for long. A
 * nudge comes earlier where somebody knows better.
 */
const ASK_AGAIN = { first: 5_000, last: 60_000 };

/** A guard said wait: it is asked again in a while. */
export function askAgain({ clock }: Engine, { held }: Incident): Advanced {
  const waited = held ? (clock.now() - held.at) / clock.speed : 0;
  const pause = Math.min(ASK_AGAIN.last, Math.max(ASK_AGAIN.first, waited / 4));
  return { is: 'waiting', until: clock.now() + pause * clock.speed };
}

/** A sleep is written down when it begins, when its reason changes, and when it is counted; not at each poll. */
export async function sleep({ cursor }: Advance, data: Slept, counted: boolean): Promise<Went> {
  const { slept } = cursor.incident;
  const same = slept?.n === data.n && slept?.for === data.for && slept.says === data.says;
  if (counted || !same) await cursor.record({ type: 'slept', data });
  return { is: 'sleeping', until: data.until };
}
