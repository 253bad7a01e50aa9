import type { Aftermath } from './aftermath.ts';
import { caughtByFence } from './audit.ts';

/** What many rounds come to. Seconds and milliseconds are real. */
export interface Figures {
  rounds: number;
  troubles: Record<string, number>;
  kills: number;
  stops: number[];
  alerts: number;
  answers: Record<string, number>;
  incidents: number;
  outcomes: Record<string, number>;
  entries: number;
  changes: number;
  caughtByFence: number;
  /** From a SIGKILL to the next entry of an incident that the killed one had in hand, where Redis was well meanwhile. */
  takeovers: { others: number[]; restarted: number[] };
  seconds: number;
}

export function noFigures(): Figures {
  return {
    rounds: 0,
    troubles: {},
    kills: 0,
    stops: [],
    alerts: 0,
    answers: {},
    incidents: 0,
    outcomes: {},
    entries: 0,
    changes: 0,
    caughtByFence: 0,
    takeovers: { others: [], restarted: [] },
    seconds: 0,
  };
}

export function count(figures: Figures, aftermath: Aftermath): void {
  const add = (counts: Record<string, number>, what: string) => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  figures.rounds += 1;
  for (const { kind } of aftermath.happened) add(figures.troubles, kind);
  figures.kills += aftermath.kills.length;
  figures.stops.push(...aftermath.stops);
  figures.alerts += aftermath.accepted.length;
  for (const { status } of aftermath.answers) add(figures.answers, `${status}`);
  figures.incidents += aftermath.incidents.length;
  for (const { outcome } of aftermath.incidents) add(figures.outcomes, `${outcome}`);
  figures.entries += aftermath.entries.length;
  figures.changes += aftermath.commands.filter(({ effect }) => effect === 'changed').length;
  figures.caughtByFence += caughtByFence(aftermath.commands).length;
  const { others, restarted } = takeovers(aftermath);
  figures.takeovers.others.push(...others);
  figures.takeovers.restarted.push(...restarted);
  figures.seconds += aftermath.seconds;
}

/** Until anybody wrote on, in each journal that the killed one had in hand: by those that ran, or by the one after it. */
function takeovers({
  kills,
  entries,
  happened,
}: Pick<Aftermath, 'kills' | 'entries' | 'happened'>): Figures['takeovers'] {
  const found: Figures['takeovers'] = { others: [], restarted: [] };
  for (const { at, held, others, pid } of kills) {
    for (const id of held) {
      const next = entries.find(({ incident, seenAt, entry }) => {
        return incident === id && seenAt > at && !entry.worker.endsWith(`:${pid}`);
      });
      if (!next) continue;
      // With Redis away, or the next one killed or frozen as well, it is not the taking over that takes long.
      const { seenAt } = next;
      const alone =
        !happened.some(({ kind, from, to }) => kind !== 'kill a daemon' && from < seenAt && to > at) &&
        kills.filter((other) => other.at >= at && other.at < seenAt).length === 1;
      if (alone) found[others ? 'others' : 'restarted'].push(seenAt - at);
    }
  }
  return found;
}

export function tell(title: string, figures: Figures): string {
  const { others, restarted } = figures.takeovers;
  return [
    `${title}: ${JSON.stringify({ ...figures, stops: spread(figures.stops), takeovers: undefined })}`,
    `${title}: taken over by others ${spread(others)}; by the next one ${spread(restarted)}`,
  ].join('\n');
}

function spread(ms: number[]): string {
  const sorted = ms.toSorted((a, b) => a - b);
  if (sorted.length === 0) return 'none';
  return `${sorted.length} (median ${sorted[Math.floor(sorted.length / 2)]} ms, worst ${sorted.at(-1)} ms)`;
}
