import type { Instant } from '../../incident/alert.ts';
import type { Answer } from '../../recording/recording.ts';
import type { LabSettings } from '../world/organisation.ts';
import type { Cause, Trouble, World } from '../world/world.ts';
import type { Notes } from './notes.ts';

/** What cures a monitor that was unhealthy when it was recorded. */
export const RECORDED_CURES = ['restart-service', 'restart-server', 'fail-over', 'none'] as const;
export type RecordedCure = (typeof RECORDED_CURES)[number];

export interface ReplayOptions {
  now: Instant;
  /** Decides what is random. */
  seed: number;
  cure: RecordedCure;
}

/** What the parts of a replay share. */
export interface Replay extends ReplayOptions {
  world: World;
  notes: Notes;
  settings: LabSettings;
}

/** Clocks of servers differ by so much without anybody being told. */
const CLOCKS_DIFFER = 60_000;

/** Where an answer's instants lie when that answer is given now. None lies in the future. */
export function since(answer: Answer<unknown>, { now, notes }: Replay): (at: Instant) => Instant {
  return (at) => {
    if (at - answer.at > CLOCKS_DIFFER) {
      notes.add(
        'Times later than their own answer are replaced by the time of the answer: the clocks differed',
        new Date(at).toISOString(),
      );
    }
    return Math.min(now, now - (answer.at - at));
  };
}

/** A fault or disturbance that is there from the start; whoever adds causes to it does so by its id. */
export function stand(
  { world, now }: Replay,
  { kind, server, body }: { kind: string; server: string; body: Trouble['body'] },
): Trouble {
  world.lastTrouble++;
  const trouble: Trouble = { id: `f${world.lastTrouble}`, kind, server, body, postedAt: now, state: 'present' };
  world.troubles[trouble.id] = trouble;
  return trouble;
}

/** Adds a cause without looking what shows it: the rows say already what they said. */
export function placeCause(world: World, server: string, cause: Cause): void {
  world.causes[server] = [...(world.causes[server] ?? []), cause];
}
