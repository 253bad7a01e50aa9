import type { Instant } from '../incident/alert.ts';
import type { AskedRole } from '../incident/event.ts';
import type { ServerFacts, VerifyResult } from '../incident/health.ts';
import type { Incident, StepRecord } from '../incident/incident.ts';
import type { Intent } from '../incident/intent.ts';
import type { Outcome } from '../incident/outcome.ts';
import type { PlannedChange } from '../incident/planned-change.ts';
import type { UndoState } from '../incident/undo.ts';
import type { StepLanguage } from '../playbooks/language.ts';
import type { Clock } from '../ports/clock.ts';
import type { Change, Exchange } from '../ports/exchange.ts';
import type { LedgerEntry } from '../ports/store.ts';
import type { Verifier } from '../verification/verify.ts';

/**
 * One kind of step: a file, and a line in `index.ts`. `StepLanguage` is what a playbook may write about it. The rest:
 *
 *     begin   reads the server's state and returns what it will do, before anything is recorded
 *     issue   sends the one command that changes something; absent on steps that change nothing
 *     poll    reads what became of it: the same question immediately, after a wait and after a crash
 */
export interface Step extends StepLanguage {
  /** Whether it sends a command that changes something. Guards check such a step first. */
  readonly changes: boolean;
  /** Set by a step that verifies whether the last change helped: meanwhile the incident is `rechecking`. */
  readonly verifies?: true;
  /** One planned step per command: a list of services becomes several steps. */
  expand?(options: Options, facts: ServerFacts): Options[];
  /** For people, in the plan and the journal: `Restart-Service MSExchangeIMAP4BE on the back end`. */
  says(options: Options): string;
  /** The same as a sentence, for `playbooks explain`. Absent: the summary. */
  sentence?(options: Options): string;
  /** What a person must know to approve it. Absent on steps that take no time and disrupt nobody. */
  worst?(options: Options): Worst;
  /** A person must approve before it begins. */
  asks?(options: Options): Question;
  /** What its success proves; a reboot relies on it. */
  readonly proves?: 'no-active-copies';
  begin(context: StepContext): Promise<Begin>;
  issue?(context: StepContext, intent: Intent): Promise<void>;
  /** `issued`: this worker has just sent the command and got an answer. */
  poll(context: StepContext, issued: boolean): Promise<Polled>;
}

/** What a person decides: approving means yes. `within`: milliseconds (organisation's). */
export interface Question {
  question: string;
  role: AskedRole;
  within: number;
}

export type Options = Record<string, unknown>;

/**
 * The worst case of a step. `takes`: milliseconds (organisation's); absent if something else decides, such as another
 * incident.
 */
export interface Worst {
  takes?: number;
  /** What users may notice. */
  disrupts?: string;
  putBack?: string;
}

export interface StepSettings {
  /** Number of further verifications after an inconclusive one, and the time between them (organisation's ms). */
  retries: number;
  retryEvery: number;
  /** Real milliseconds for a command that changes something. */
  commandTimeLimit: number;
}

export interface StepContext {
  incident: Incident;
  record: StepRecord;
  facts: ServerFacts;
  exchange: Exchange;
  verifier: Verifier;
  clock: Clock;
  settings: StepSettings;
  /** Sent with every changing call; created at the moment of sending. */
  change(): Change;
  /** The outstanding undo action for a setting, from any incident. */
  ledgerOf(server: string, setting: string): Promise<LedgerEntry | undefined>;
  /** Opens (or finds, or joins) the child incident of this step. */
  openChild(server: string, family: string): Promise<{ incident: string; joined: boolean }>;
  outcomeOf(incident: string): Promise<{ outcome: Outcome; reason: string } | undefined>;
  notify(subject: string, text: string): Promise<void>;
  signal: AbortSignal;
}

export type Begin =
  | { begin: 'skip'; says: string }
  /** Ends in escalation, never in a harsher step. */
  | { begin: 'refuse'; says: string }
  | { begin: 'start'; note: Record<string, unknown>; change?: PlannedChange };
export type Polled =
  | {
      is: 'done' | 'failed';
      says: string;
      health?: 'healthy' | 'unhealthy';
      looked?: VerifyResult;
      result?: Record<string, unknown>;
      /** Whether this step changed something. */
      changed?: boolean;
      /** Set by a step that ends the playbook. */
      escalate?: string;
      exhausted?: boolean;
    }
  /** Ends in escalation. */
  | { is: 'refused'; says: string; looked?: VerifyResult; result?: Record<string, unknown>; changed?: boolean }
  /**
   * Not finished: poll again then. `counts` is recorded: the verification was inconclusive, or unhealthy and will be
   * retried.
   */
  | { is: 'pending'; until: Instant; says: string; counts?: 'look' | 'health' }
  /** The command did not take effect and nobody else can still send it: send it again with the same fence. */
  | { is: 'notIssued' };

/** How one kind of change is undone. Registered in `index.ts` beside the steps. */
export interface Undo {
  readonly kind: string;
  /** The longest it takes, in milliseconds (organisation's clock); absent: no time worth counting. */
  readonly takes?: number;
  /** The service that it restarts, so that its new start time is recognised as ours. */
  starts?(undo: UndoState): string;
  begin(context: UndoContext): Promise<{ begin: 'notNeeded'; says: string } | { begin: 'start'; intent: Intent }>;
  issue(context: UndoContext, intent: Intent): Promise<void>;
  /** `done`: the previous state is restored. */
  poll(context: UndoContext, intent: Intent, issued: boolean): Promise<Polled>;
}

export type UndoContext = Pick<StepContext, 'incident' | 'exchange' | 'clock' | 'settings' | 'change' | 'signal'> & {
  undo: UndoState;
};

/** The options of a step in its own type; its schema validated them when the playbook was read. */
export function optionsOf<T>(context: StepContext): T {
  return context.record.step.options as T;
}
