import { Endless, type RehearsalOptions } from '../rehearsal/rehearsal.ts';
import { inMode, play, stage } from '../rehearsal/situation.ts';
import { compare, type Difference } from './compare.ts';
import { type Happened, type Observed, observe } from './observe.ts';
import type { Scenario } from './read.ts';

export interface Result {
  scenario: Scenario;
  passed: boolean;
  differences: Difference[];
  /** Absent: the incident never ended; `broke` says why. */
  observed?: Observed;
  broke?: string;
  /** Real milliseconds. */
  real: number;
}

export type Ground = Pick<RehearsalOptions, 'config' | 'catalog' | 'playbooks' | 'onEntry'>;

/** Plays one scenario and compares what happened with what it expects. */
export async function playScenario(scenario: Scenario, ground: Ground): Promise<Result> {
  const began = performance.now();
  const { situation, mode, expect } = scenario;
  const ended = (result: Omit<Result, 'scenario' | 'real'>): Result => ({
    scenario,
    ...result,
    real: performance.now() - began,
  });
  const happened: Happened[] = [];
  try {
    const staged = stage(situation, {
      ...inMode(mode, ground),
      onEntry(incident, entry) {
        happened.push({ incident: incident.id, ...entry });
        ground.onEntry?.(incident, entry);
      },
    });
    const { rehearsal } = staged;
    const start = rehearsal.lab.clock.now();
    const incident = await play(staged, situation.people);
    const observed = incident && observe(rehearsal, incident, happened, start);
    if (!observed) {
      const broke = incident ? 'the incident never ended' : 'the alert opened no incident';
      return ended({ passed: false, differences: [], broke });
    }
    const differences = expect ? compare(expect, observed) : [];
    return ended({ passed: differences.length === 0, differences, observed });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // Anything else is a bug, and its stack is needed.
    const broke = error instanceof Endless ? error.message : (error.stack ?? error.message);
    return ended({ passed: false, differences: [], broke });
  }
}
