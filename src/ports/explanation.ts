import type { Mode } from '../incident/plan.ts';

/** A playbook in plain words: what `playbooks explain` prints and the API answers. */
export interface Explanation {
  playbook: string;
  summary: string;
  /** The published procedure that it follows. */
  page?: string;
  file: string;
  hash: string;
  mode: ExplainedMode;
  /** The monitors that it treats, and how each is verified. */
  treats: { monitor: string; verifiedBy: string }[];
  /** The kinds of server on which it runs, in words. */
  servers: string[];
  /** How it proceeds in general: when it ends early, what a failure leads to. */
  rules: string[];
  steps: ExplainedStep[];
  /** What must hold before each change, in the order in which the guards are asked. */
  guards: { guard: string; requires: string }[];
  /** What is undone, when, and by which commands. */
  putBack: { step: number; when: string; what: string; commands: string[] }[];
  /** What may still be changed at its end; the escalation names it. */
  mayStay: string[];
  /** Of one run, without waits for people and for other servers. `time`: milliseconds. */
  worst: { time: number; serviceRestarts: number; serverRestarts: number; says: string };
  /** Why the proof of the playbook fails. */
  problems: string[];
  /** Steps of the page that are no step here, with the comment about them. */
  elsewhere: { page: string; note: string }[];
  /** The names in the commands. */
  example: { server: string; mailboxServer: string };
}

export interface ExplainedMode {
  /** In the file. */
  written: Mode;
  /** Limited by `safety.mode` and by demotion. */
  inForce: Mode;
  says: string;
}

export interface ExplainedStep {
  /** From 1, in the order of the file. */
  n: number;
  step: string;
  /** The step in a sentence. */
  does: string;
  /** When it applies, in words; absent: always. */
  when?: string;
  changes: boolean;
  verifies: boolean;
  /** `step 3.2 of Troubleshooting IMAP Health Set`, or that the page does not have it. */
  from?: string;
  /** The comment about it in the file. */
  note?: string;
  /** What each result leads to. */
  results: string[];
  disrupts?: string;
  /** Milliseconds; absent: no time worth counting. */
  atMost?: number;
  /** Once for each kind of server on which it sends something else. */
  commands: ExplainedCommands[];
}

export interface ExplainedCommands {
  /** Kinds of server, in words; empty: every kind. */
  on: string[];
  reads: string[];
  changes: string[];
  /** What is read to see the result. */
  polls: string[];
  skipped?: string;
  /** Why nothing follows on these servers. */
  stops?: string;
}

export const EXPLANATION_FORMATS = ['json', 'md', 'html', 'svg', 'mermaid'] as const;
export type ExplanationFormat = (typeof EXPLANATION_FORMATS)[number];

/** Explains a playbook that is in force, in its mode in force; undefined if there is none of that name. */
export type Explain = (name: string, inForce: Mode, format: ExplanationFormat) => Promise<ExplanationText | undefined>;

export interface ExplanationText {
  type: string;
  text: string;
  /** The styles in it, as sources of a content security policy. */
  styles: string[];
}
