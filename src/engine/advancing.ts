import type { Instant } from '../incident/alert.ts';
import type { Story } from './story.ts';

/** How far an incident got. Waiting is a result, not an exception: it holds no worker. */
export type Advanced =
  | { is: 'finished' }
  | { is: 'sleeping'; until: Instant }
  /** Somebody else must do something first; look again then, if no news comes before. */
  | { is: 'waiting'; until: Instant }
  | { is: 'unknown' };

/** What one decision led to: go on at once, or stop here for now. */
export type Went = Advanced | 'on';

/** One advance of one incident. `justLooked`: its family was looked at since this advance began, with no wait between. */
export interface Advance {
  story: Story;
  signal: AbortSignal;
  /** Throws when another worker may have taken over: asked right before a command is sent. */
  stillMine(): void;
  justLooked: boolean;
}
