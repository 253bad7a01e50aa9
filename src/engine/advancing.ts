import type { Instant } from '../incident/alert.ts';
import type { Slept } from '../incident/event.ts';
import type { Incident } from '../incident/incident.ts';
import type { JournalCursor } from './journal-cursor.ts';
import type { Engine } from './parts.ts';

/** The state that an incident reached. Waiting is a result, not an exception: it holds no worker. */
export type Advanced =
  | { is: 'finished' }
  | { is: 'sleeping'; until: Instant }
  /** Something else must happen first: check again then, if no news comes before. */
  | { is: 'waiting'; until: Instant }
  | { is: 'unknown' };

/** The result of one decision: continue now, or stop for now. */
export type Progress = Advanced | 'on';

/** One advance of one incident. `justVerified`: its family was verified in this advance, with no wait since. */
export interface Advance {
  cursor: JournalCursor;
  signal: AbortSignal;
  /** Throws if another worker may have taken over, as far as this process can tell. */
  stillMine(): void;
  /** Called right before a command is sent; asks the store too. Also throws Stale or NotCopied. */
  confirm(): Promise<void>;
  justVerified: boolean;
}

/**
 * Real milliseconds until a waiting guard is asked again: short at first, longer after a long wait. A wake-up may come
 * earlier.
 */
const ASK_AGAIN = { first: 5_000, last: 60_000 };

/** A guard said wait: ask it again later. */
export function askAgain({ clock }: Engine, { held }: Incident): Advanced {
  const waited = held ? (clock.now() - held.at) / clock.speed : 0;
  const pause = Math.min(ASK_AGAIN.last, Math.max(ASK_AGAIN.first, waited / 4));
  return { is: 'waiting', until: clock.now() + pause * clock.speed };
}

/** A sleep is recorded at its beginning, when its reason changes, and when it is counted; not at each poll. */
export async function sleep({ cursor }: Advance, data: Slept, counted: boolean): Promise<Progress> {
  const { slept } = cursor.incident;
  const same = slept?.n === data.n && slept?.for === data.for && slept.says === data.says;
  if (counted || !same) await cursor.record({ type: 'slept', data });
  return { is: 'sleeping', until: data.until };
}
