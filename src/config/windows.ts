import { Cron } from 'croner';
import type { Instant } from '../incident/alert.ts';
import { shortName } from '../incident/alert.ts';

/** A maintenance window. One that names neither servers nor groups applies to all servers. */
export interface Window {
  name: string;
  servers: readonly string[];
  groups: readonly string[];
  /** A cron pattern (`0 22 * * TUE#2`) or a single time (`2026-12-05T22:00:00`) in `timeZone`. */
  starts: string;
  /** Milliseconds. */
  lasts: number;
  /** IANA: `Europe/Berlin`. */
  timeZone: string;
}

/**
 * The window that is open for a server, and when it ends. The length of a window is elapsed time, also across a clock
 * change.
 */
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

/** The first start after a time; undefined when there is none. Throws for an invalid pattern or time zone. */
export function startAfter(
  { starts, timeZone }: Pick<Window, 'starts' | 'timeZone'>,
  after: Instant,
): Instant | undefined {
  const cron = new Cron(starts, { timezone: timeZone, paused: true });
  return cron.nextRun(new Date(after))?.getTime();
}
