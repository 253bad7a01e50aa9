import { Cron } from 'croner';
import type { Instant } from '../incident/alert.ts';
import { shortName } from '../incident/alert.ts';

/** A time in which people work on servers. One that names neither servers nor groups is for all of them. */
export interface Window {
  name: string;
  servers: readonly string[];
  groups: readonly string[];
  /** A cron pattern (`0 22 * * TUE#2`), or one moment (`2026-12-05T22:00:00`), by the clocks of `timeZone`. */
  starts: string;
  /** Milliseconds. */
  lasts: number;
  /** IANA: `Europe/Berlin`. */
  timeZone: string;
}

/** The window that a server is in, and its end. A window takes as long as it takes, also where clocks change within it. */
export function openWindow(
  windows: readonly Window[],
  place: { server: string; group?: string | undefined },
  now: Instant,
): { window: Window; until: Instant } | undefined {
  for (const window of windows) {
    if (!isFor(window, place)) continue;
    const start = startAfter(window, now - window.lasts);
    if (start !== undefined && start <= now) return { window, until: start + window.lasts };
  }
  return undefined;
}

function isFor(
  { servers, groups }: Window,
  { server, group }: { server: string; group?: string | undefined },
): boolean {
  if (servers.length === 0 && groups.length === 0) return true;
  return (
    servers.some((name) => shortName(name) === server) ||
    groups.some((name) => name.toLowerCase() === group?.toLowerCase())
  );
}

/** Its first start after a moment; undefined when there is none. Throws what is wrong with the pattern or the time zone. */
export function startAfter(
  { starts, timeZone }: Pick<Window, 'starts' | 'timeZone'>,
  after: Instant,
): Instant | undefined {
  const cron = new Cron(starts, { timezone: timeZone, paused: true });
  return cron.nextRun(new Date(after))?.getTime();
}
