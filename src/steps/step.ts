import type { Instant } from '../incident/alert.ts';
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
 * One kind of step: a file of its own, and a line in `index.ts`. What a playbook may write of it (`StepLanguage`), and
 * what it does:
 *
 *     begin   reads the world and says what it is about to do, before anything is written down
 *     issue   sends the one command that changes something; absent on steps that change nothing
 *     look    reads the world and says what became of it: the same question at once, after a wait and after a crash
 */
export interface Step extends StepLanguage {
  /** Whether it sends a command that changes something. Guards look before such a step. */
  readonly changes: boolean;
  /** One planned step for each command: a list of services becomes as many steps. */
  expand?(options: Options, facts: ServerFacts): Options[];
  /** For people, in the plan and the journal: `Restart-Service MSExchangeIMAP4BE on the back end`. */
  says(options: Options): string;
  /** What a person should know who is asked to approve it. Absent on steps that take no time and disturb nobody. */
  worst?(options: Options): Worst;
  begin(context: StepContext): Promise<Begin>;
  issue?(context: StepContext, intent: Intent): Promise<void>;
  /** `issued`: the command was sent and answered just now, by this worker. */
  poll(context: StepContext, issued: boolean): Promise<Polled>;
}

export type Options = Record<string, unknown>;

/** A step at its worst. `takes`: milliseconds (organisation's); absent where something else decides, as another incident. */
export interface Worst {
  takes?: number;
  /** What users may notice. */
  disrupts?: string;
  putBack?: string;
}

export interface StepSettings {
  /** Further looks when one saw nothing, and the time between them (organisation's ms). */
  looks: number;
  lookEvery: number;
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
  /** What every changing call carries; made at the moment of sending. */
  change(): Change;
  /** What is still owed for a setting, whoever changed it. */
  ledgerOf(server: string, setting: string): Promise<LedgerEntry | undefined>;
  /** Opens (or finds, or joins) the child incident of this step. */
  openChild(server: string, family: string): Promise<{ incident: string; joined: boolean }>;
  outcomeOf(incident: string): Promise<{ outcome: Outcome; reason: string } | undefined>;
  notify(subject: string, text: string): Promise<void>;
  signal: AbortSignal;
}

export type Begin =
  | { begin: 'skip'; says: string }
  /** Ends in escalation: never in going on to a harsher step. */
  | { begin: 'refuse'; says: string }
  | { begin: 'start'; note: Record<string, unknown>; change?: PlannedChange };
export type Polled =
  | {
      is: 'done' | 'failed';
      says: string;
      health?: 'healthy' | 'unhealthy';
      looked?: VerifyResult;
      result?: Record<string, unknown>;
      /** The world is another than before this step. */
      changed?: boolean;
      /** Set by a step that ends the playbook by itself. */
      escalate?: string;
      exhausted?: boolean;
    }
  /** Ends in escalation. */
  | { is: 'refused'; says: string; looked?: VerifyResult; result?: Record<string, unknown>; changed?: boolean }
  /** Not over: look again then. `counts` is remembered: a look that saw nothing, or saw trouble, or must be retried. */
  | { is: 'pending'; until: Instant; says: string; counts?: 'look' | 'health' }
  /** The command did not take effect, and nobody else can still send it: issue it, with the same fence. */
  | { is: 'notIssued' };

/** How one kind of change is put back. Registered in `index.ts` beside the steps. */
export interface Undo {
  readonly kind: string;
  /** The service that it starts, so that its new start time is known as ours. */
  starts?(undo: UndoState): string;
  begin(context: UndoContext): Promise<{ begin: 'notNeeded'; says: string } | { begin: 'start'; intent: Intent }>;
  issue(context: UndoContext, intent: Intent): Promise<void>;
  /** `done`: it is as it was. */
  poll(context: UndoContext, intent: Intent, issued: boolean): Promise<Polled>;
}

export type UndoContext = Pick<StepContext, 'incident' | 'exchange' | 'clock' | 'settings' | 'change' | 'signal'> & {
  debt: UndoState;
};

/** A step's own view of its options, which its schema has checked when the playbook was read. */
export function optionsOf<T>(context: StepContext): T {
  return context.record.step.options as T;
}
