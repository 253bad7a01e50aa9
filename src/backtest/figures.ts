/** What an incident cost, as far as its journal shows. */
import type { Instant } from '../incident/alert.ts';
import type { Incident } from '../incident/incident.ts';
import type { Outcome } from '../incident/outcome.ts';

export interface Figures {
  /** From the first alert to the end, in milliseconds (organisation's clock). */
  time: number;
  serviceRestarts: number;
  reboots: number;
  /** Escalations that notify a person; those of a child incident are reported by its parent. */
  woken: number;
  /** Plans that a person had to approve. */
  approvals: number;
}

export const KINDS = ['time', 'serviceRestarts', 'reboots', 'woken', 'approvals'] as const satisfies (keyof Figures)[];

export const NOTHING: Readonly<Figures> = { time: 0, serviceRestarts: 0, reboots: 0, woken: 0, approvals: 0 };

/** A way in which an incident ends. */
export interface End {
  outcome: Outcome;
  figures: Figures;
}

/** Counts commands that took effect. A folded incident doesn't keep its approvals apart, so they are passed in. */
export function figuresOf(incident: Incident, at: Instant, outcome: Outcome, approvals: number): Figures {
  const sent = [
    ...incident.steps.filter(({ end }) => end?.changed).map(({ intent }) => intent?.command),
    ...incident.undo.filter(({ state }) => state === 'putBack').map(({ intent }) => intent?.command),
  ];
  const times = (command: string) => sent.filter((one) => one === command).length;
  return {
    time: at - incident.openedAt,
    serviceRestarts: times('Restart-Service'),
    reboots: times('Restart-Computer'),
    woken: Number(outcome === 'escalated' && !incident.parent),
    approvals,
  };
}

/** For each kind of figure: the smallest, the largest, the sum. */
export const least = (all: readonly Figures[]): Figures => combined(all, (values) => Math.min(...values));
export const most = (all: readonly Figures[]): Figures => combined(all, (values) => Math.max(...values));
export const plus = (a: Figures, b: Figures): Figures => combined([a, b], ([x = 0, y = 0]) => x + y);

function combined(all: readonly Figures[], how: (values: number[]) => number): Figures {
  const figures = { ...NOTHING };
  for (const kind of KINDS) figures[kind] = how(all.map((one) => one[kind]));
  return figures;
}
