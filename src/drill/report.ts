/** What a drill found: in sum, and compared with an earlier one. */
import { z } from 'zod';
import { type DrilledServer, NO_CURE } from './cells.ts';
import { type CellResult, OTHER_REASONS } from './drill.ts';

export interface DrillReport {
  format: 'second-responder drill';
  version: 1;
  organisation: string;
  /** ISO 8601. */
  at: string;
  /** False if it was interrupted: cells are missing. */
  complete: boolean;
  cells: CellResult[];
  servers: DrilledServer[];
}

export interface DrillSummary {
  /** Incidents that something in the playbook could cure, and how many of them recovered. */
  curable: number;
  healed: number;
  /** Of the healed ones. */
  minutes: { median: number; worst: number };
  /** Incidents that nothing could cure, and how many of them woke a person, as they should. */
  incurable: number;
  woken: number;
  /** Cells that did not recover, by reason, the most frequent first. */
  notHealed: { why: string; says: string; cells: number; servers: string[] }[];
}

export const isHealed = ({ outcome }: Pick<CellResult, 'outcome'>) =>
  outcome === 'recovered' || outcome === 'transient';

export function summarise(cells: readonly CellResult[]): DrillSummary {
  const minutes = cells
    .filter(isHealed)
    .map((cell) => cell.minutes)
    .sort((a, b) => a - b);
  const incurable = cells.filter(isIncurable);
  const reasons = new Map<string, CellResult[]>();
  for (const cell of cells) {
    if (cell.why !== undefined) reasons.set(cell.why, [...(reasons.get(cell.why) ?? []), cell]);
  }
  return {
    curable: cells.length - incurable.length,
    healed: minutes.length,
    incurable: incurable.length,
    woken: incurable.filter(({ woken }) => woken).length,
    minutes: { median: minutes[Math.floor(minutes.length / 2)] ?? 0, worst: minutes.at(-1) ?? 0 },
    notHealed: [...reasons]
      .map(([why, some]) => ({
        why,
        says: OTHER_REASONS[why as keyof typeof OTHER_REASONS] ?? some[0]?.says ?? '',
        cells: some.length,
        servers: [...new Set(some.map(({ server }) => server))],
      }))
      .sort((a, b) => b.cells - a.cells),
  };
}

export function inSentences({ curable, healed, minutes, incurable, woken }: DrillSummary): string[] {
  const times = healed > 0 ? `, half of them within ${minutes.median} min and all within ${minutes.worst} min` : '';
  return [
    `${healed} of ${curable} incidents that a step of their playbook cures recovered without a person${times}.`,
    `${woken} of ${incurable} incidents that nothing cures woke a person.`,
  ];
}

export const isIncurable = ({ cure }: Pick<CellResult, 'cure'>) => cure === NO_CURE;

export interface Worse {
  server: string;
  monitor: string;
  cure: string;
  /** What got worse, in one sentence. */
  says: string;
}

/** A longer recovery counts from this many minutes, and from this share of the earlier one. */
const LONGER = { minutes: 5, share: 0.25 };

/** What got worse since the baseline. New servers, monitors and cures are not worse, and neither is a missing server. */
export function worseThan(baseline: DrillReport, now: DrillReport): Worse[] {
  const keyOf = ({ server, monitor, cure }: CellResult) => `${server} ${monitor} ${cure}`.toLowerCase();
  const cells = new Map(now.cells.map((cell) => [keyOf(cell), cell]));
  const servers = new Set(now.servers.map(({ server }) => server));
  return baseline.cells.flatMap((before): Worse[] => {
    const after = cells.get(keyOf(before));
    const { server, monitor, cure } = before;
    if (!after) {
      const isGone =
        !now.complete ||
        !servers.has(server) ||
        now.cells.some((one) => one.server === server && one.monitor === monitor);
      return isGone ? [] : [{ server, monitor, cure, says: 'is no longer handled by a playbook' }];
    }
    return changeFor(before, after).map((says) => ({ server, monitor, cure, says }));
  });
}

function changeFor(before: CellResult, after: CellResult): string[] {
  if (isHealed(before) && !isHealed(after))
    return [`recovered before, and now ends as ${after.outcome}: ${after.says}`];
  if (!before.woken && after.woken) return [`woke nobody before, and now wakes a person: ${after.says}`];
  if (after.reboots > before.reboots) return [`needed ${before.reboots} reboots before, and now ${after.reboots}`];
  const longer = after.minutes - before.minutes;
  if (isHealed(after) && longer > LONGER.minutes && longer > before.minutes * LONGER.share)
    return [`took ${before.minutes} min before, and now ${after.minutes} min`];
  return [];
}

const cellSchema = z.object({
  server: z.string(),
  monitor: z.string(),
  playbook: z.string(),
  cure: z.string(),
  outcome: z.enum(['recovered', 'transient', 'escalated', 'suppressed', 'cancelled', 'endless']),
  minutes: z.number(),
  commands: z.array(z.string()),
  serviceRestarts: z.number(),
  reboots: z.number(),
  woken: z.boolean(),
  why: z.string().optional(),
  says: z.string(),
});

const reportSchema = z.object({
  format: z.literal('second-responder drill'),
  version: z.literal(1),
  organisation: z.string(),
  at: z.string(),
  complete: z.boolean(),
  cells: z.array(cellSchema),
  servers: z.array(
    z.object({ server: z.string(), group: z.string().optional(), handled: z.number(), unhandled: z.number() }),
  ),
});

/** Reads a report that `drill --json` wrote. Throws `Error` with a message for people. */
export function readReport(text: string, file: string): DrillReport {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new Error(`${file} is not valid JSON`);
  }
  const read = reportSchema.safeParse(data);
  if (read.success) return read.data as DrillReport;
  const [issue] = read.error.issues;
  throw new Error(`${file} is not a report of "drill --json": /${issue?.path.join('/')}: ${issue?.message}`);
}
