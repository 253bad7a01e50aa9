import { type Answer, answersOf, type Failure, type RecordedCall, type Recording } from './recording.ts';
import { textsOf } from './texts.ts';

export interface Summary {
  servers: number;
  groups: number;
  databases: number;
  /** Rows of Get-ServerHealth. */
  monitors: number;
  probes: number;
  /** Number of answered calls. */
  answered: number;
  failed: { about: string; call: RecordedCall; failure: Failure }[];
  /** Number of warnings in the answers. */
  warnings: number;
  /** Number of different free texts by kind; they may contain anything. */
  texts: Record<string, number>;
}

/** What was recorded, what failed and why, and what a person should review. */
export function summarise(recording: Recording): Summary {
  const all = answersOf(recording);
  const answers = all.filter(({ answer }) => answer.failure === undefined);
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
    failed: all.flatMap(({ about, call, answer: { failure } }) => (failure ? [{ about, call, failure }] : [])),
    warnings: answers.reduce((sum, { answer }) => sum + (answer.warnings?.length ?? 0), 0),
    texts: Object.fromEntries([...textsOf(recording)].map(([kind, texts]) => [kind, texts.size])),
  };
}
