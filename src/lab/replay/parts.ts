import type { Instant } from '../../incident/alert.ts';
import type { Answer } from '../../recording/recording.ts';
import type { LabSettings } from '../world/organisation.ts';
import type { Cause, Trouble, World } from '../world/world.ts';
import type { Notes } from './notes.ts';

/** Cures of recorded unhealthy monitors. */
export const RECORDED_CURES = ['restart-service', 'restart-server', 'fail-over', 'none'] as const;
export type RecordedCure = (typeof RECORDED_CURES)[number];

export interface ReplayOptions {
  now: Instant;
  /** Seed of all random decisions. */
  seed: number;
  cure: RecordedCure;
}

/** Shared state of a replay. */
export interface Replay extends ReplayOptions {
  world: World;
  notes: Notes;
  settings: LabSettings;
}

/** Differences between clocks of servers up to this are not noted. */
const CLOCKS_DIFFER = 60_000;

/** Converts the times of an answer as if it were given now. No time is in the future. */
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

/** Adds a fault or disturbance at the start, without causes; they are added by its id. */
export function stand(
  { world, now }: Replay,
  { kind, server, body }: { kind: string; server: string; body: Trouble['body'] },
): Trouble {
  world.lastTrouble++;
  const trouble: Trouble = { id: `f${world.lastTrouble}`, kind, server, body, postedAt: now, state: 'present' };
  world.troubles[trouble.id] = trouble;
  return trouble;
}

/** Adds a cause without changing rows, which already have their recorded values. */
export function placeCause(world: World, server: string, cause: Cause): void {
  world.causes[server] = [...(world.causes[server] ?? []), cause];
}
