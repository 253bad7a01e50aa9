/** Two folds of one journal side by side: as it was, and as it would have been with other playbooks. */
import { WATCH_AFTER_UNDO } from '../engine/settings.ts';
import type { Instant } from '../incident/alert.ts';
import type { Entry, IncidentEvent } from '../incident/event.ts';
import { apply, fold } from '../incident/fold.ts';
import { currentRun, type Incident, type StepRecord } from '../incident/incident.ts';
import { nextStep, unmetCondition } from '../incident/next.ts';
import type { Outcome } from '../incident/outcome.ts';
import type { Mode, StepSpec } from '../incident/plan.ts';
import { isDue, isOutstanding } from '../incident/undo.ts';
import { undoOfKind } from '../steps/index.ts';
import { type End, type Figures, figuresOf } from './figures.ts';

/** What differs, from the least to the most important. */
export const DIFFERENCES = [
  'same',
  'timing',
  'mode',
  'other-steps',
  'earlier-end',
  'now-handled',
  'not-handled',
] as const;
export type Difference = (typeof DIFFERENCES)[number];

/**
 * `known`: the journal shows it. `assumed`: something happens at another time or without a step that did not help, and
 * is assumed to have the recorded result. `unknown`: the journal can't show it.
 */
export const CERTAINTIES = ['known', 'assumed', 'unknown'] as const;
export type Certainty = (typeof CERTAINTIES)[number];

/** Where the record is no guide any more: what has happened until then, and the steps that follow. */
export interface Rest {
  playbook: string;
  mode: Mode;
  steps: StepSpec[];
  /** At the least: nothing more happens. */
  soFar: Figures;
  /** The same with the undo actions that are due. */
  withUndo: Figures;
}

export interface Replay {
  /** The whole record, to see what became of a step. */
  readonly record: Incident;
  readonly entries: readonly Entry[];
  readonly was: Incident;
  readonly would: Incident;
  /** The number of a recorded step in the new plan; undefined: the step is not there any more. */
  readonly numbers: Map<number, number | undefined>;
  /** Corresponding steps of the plans, both ways. */
  readonly toNew: Map<number, number>;
  readonly toOld: Map<number, number>;
  /** Milliseconds that the new run is later than the recorded one. */
  shift: number;
  /** What the end of a recorded step adds to that: its own result is known all the same. */
  readonly shiftAfter: Map<number, number>;
  /** Plans that a person is asked to approve. */
  approvals: number;
  difference: Difference;
  certainty: Certainty;
  says: string[];
  /** Ways in which it may also end. */
  ends: End[];
  rests: Rest[];
}

/** Throws if the journal cannot be read. */
export function createReplay(entries: readonly Entry[]): Replay {
  const first = entries.slice(0, 1);
  return {
    record: fold(entries),
    entries,
    was: fold(first),
    would: fold(first),
    numbers: new Map(),
    toNew: new Map(),
    toOld: new Map(),
    shift: 0,
    shiftAfter: new Map(),
    approvals: 0,
    difference: 'same',
    certainty: 'known',
    says: [],
    ends: [],
    rests: [],
  };
}

export function differs(replay: Replay, difference: Difference, certainty: Certainty, says: string): void {
  if (DIFFERENCES.indexOf(difference) > DIFFERENCES.indexOf(replay.difference)) replay.difference = difference;
  if (CERTAINTIES.indexOf(certainty) > CERTAINTIES.indexOf(replay.certainty)) replay.certainty = certainty;
  replay.says.push(says);
}

/** The step that the new run begins next, after skipping those that do not apply to the server. */
export function upcoming(replay: Replay, at: Entry): StepRecord | undefined {
  const { would } = replay;
  for (;;) {
    const run = currentRun(would);
    const record = run && !run.healed ? nextStep(would, run) : undefined;
    const unmet = record?.step.when && unmetCondition(record.step.when, would.facts);
    if (!record || !unmet) return record;
    happens(would, at, { type: 'stepFinished', data: { n: record.step.n, state: 'skipped', says: unmet } });
  }
}

/** The steps of the current plan that a run has not done yet and that apply to the server. */
export function remaining(incident: Incident): StepRecord[] {
  const own = new Set(currentRun(incident)?.plan.map(({ n }) => n));
  return incident.steps.filter(
    ({ step, state }) =>
      own.has(step.n) &&
      (state === 'pending' || state === 'notSent') &&
      !(step.when && unmetCondition(step.when, incident.facts)),
  );
}

export function happens(incident: Incident, { seq, at, worker, version, previous }: Entry, event: IncidentEvent): void {
  apply(incident, { seq, at, worker, version, previous, ...event });
}

/** The figures of the new run, if it ended at this time of the record. */
export function figuresAt({ would, shift, approvals }: Replay, at: Instant, outcome: Outcome): Figures {
  const figures = figuresOf(would, at, outcome, approvals);
  return { ...figures, time: figures.time + shift };
}

/** The same, with the undo actions that are due after this outcome. */
export function figuresWithUndo(replay: Replay, at: Instant, outcome: Outcome): Figures {
  const figures = figuresAt(replay, at, outcome);
  const due = replay.would.undo.filter((undo) => isOutstanding(undo) && isDue(undo, outcome));
  const takes = due.reduce((sum, { kind }) => sum + (undoOfKind(kind).takes ?? 0), 0);
  return {
    ...figures,
    time: figures.time + takes + (due.some(({ after }) => after === 'watch') ? WATCH_AFTER_UNDO : 0),
    serviceRestarts: figures.serviceRestarts + due.filter(({ kind }) => undoOfKind(kind).starts).length,
  };
}

export function endsWith(replay: Replay, at: Instant, outcome: Outcome): void {
  replay.ends.push({ outcome, figures: figuresWithUndo(replay, at, outcome) });
}

/** What a server that is found healthy makes of the new run. */
export const healed = ({ would }: Replay): Outcome => (would.changed ? 'recovered' : 'transient');

/** From here on the journal does not show what happens: the new run goes on with these steps. */
export function goesOn(replay: Replay, at: Instant): void {
  const run = currentRun(replay.would);
  if (!run) throw new Error(`${replay.would.id} goes on without a playbook`);
  replay.rests.push({
    playbook: run.playbook,
    mode: run.mode,
    steps: remaining(replay.would).map(({ step: { step, options, when } }) => ({
      step,
      options,
      ...(when && { when }),
    })),
    soFar: figuresAt(replay, at, 'recovered'),
    withUndo: figuresWithUndo(replay, at, 'recovered'),
  });
}
