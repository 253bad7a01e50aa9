import { caughtByFence } from './audit.ts';
import type { Aftermath } from './round.ts';

/** What many rounds come to. Seconds and milliseconds are real. */
export interface Figures {
  rounds: number;
  troubles: Record<string, number>;
  alerts: number;
  incidents: number;
  changes: number;
  caughtByFence: number;
  /** From a SIGKILL to the next entry of an incident that the killed one had in hand, the domain's own waits included. */
  takeovers: number[];
  seconds: number;
}

export function noFigures(): Figures {
  return { rounds: 0, troubles: {}, alerts: 0, incidents: 0, changes: 0, caughtByFence: 0, takeovers: [], seconds: 0 };
}

export function count(figures: Figures, aftermath: Aftermath): void {
  figures.rounds += 1;
  for (const kind of aftermath.happened) figures.troubles[kind] = (figures.troubles[kind] ?? 0) + 1;
  figures.alerts += aftermath.accepted.length;
  figures.incidents += aftermath.incidents.length;
  figures.changes += aftermath.commands.filter(({ effect }) => effect === 'changed').length;
  figures.caughtByFence += caughtByFence(aftermath.commands).length;
  figures.takeovers.push(...takeovers(aftermath));
  figures.seconds += aftermath.seconds;
}

/** Where other daemons ran: how long until one of them wrote on, in each journal that the killed one had written last. */
export function takeovers({ kills, entries }: Pick<Aftermath, 'kills' | 'entries'>): number[] {
  return kills
    .filter(({ others }) => others)
    .flatMap(({ at, pid }) => {
      const before = entries.filter(({ seenAt }) => seenAt <= at);
      const incidents = [...new Set(before.map(({ incident }) => incident))];
      return incidents.flatMap((id) => {
        const last = before.findLast(({ incident }) => incident === id)?.entry;
        if (last?.type === 'finished' || !last?.worker.endsWith(`:${pid}`)) return [];
        const next = entries.find(({ incident, seenAt }) => incident === id && seenAt > at);
        return next ? [next.seenAt - at] : [];
      });
    });
}

export function tell(figures: Figures): string {
  const takeovers = figures.takeovers.toSorted((a, b) => a - b);
  const median = takeovers[Math.floor(takeovers.length / 2)];
  const summary = takeovers.length > 0 ? `median ${median} ms, worst ${takeovers.at(-1)} ms` : 'none';
  return `${JSON.stringify({ ...figures, takeovers })}\nTakeovers: ${summary}`;
}
