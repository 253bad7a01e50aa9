import { type Answer, answersOf, type Failure, type RecordedCall, type Recording } from './recording.ts';
import { textsOf } from './texts.ts';

export interface Summary {
  servers: number;
  groups: number;
  databases: number;
  /** Rows of Get-ServerHealth. */
  monitors: number;
  probes: number;
  /** Calls that were answered. */
  answered: number;
  failed: { about: string; call: RecordedCall; failure: Failure }[];
  /** Warnings that came with answers. */
  warnings: number;
  /** Free text, in which anything may stand: how many different ones there are of each kind. */
  texts: Record<string, number>;
}

/** What was recorded, what failed and why, and what a person should look through. */
export function summarise(recording: Recording): Summary {
  const told = answersOf(recording);
  const answers = told.filter(({ answer }) => answer.failure === undefined);
  const count = (call: RecordedCall, of: (value: unknown[]) => number) =>
    answers
      .filter((each) => each.call === call)
      .reduce((sum, { answer }) => sum + of((answer as Answer<unknown[]>).value ?? []), 0);
  return {
    servers: recording.servers.length,
    groups: recording.groups.length,
    databases: recording.databases.length,
    monitors: count('serverHealth', (rows) => rows.length),
    probes: count('invokeProbe', () => 1),
    answered: answers.length,
    failed: told.flatMap(({ about, call, answer: { failure } }) => (failure ? [{ about, call, failure }] : [])),
    warnings: answers.reduce((sum, { answer }) => sum + (answer.warnings?.length ?? 0), 0),
    texts: Object.fromEntries([...textsOf(recording)].map(([kind, texts]) => [kind, texts.size])),
  };
}
