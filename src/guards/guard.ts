import type { Window } from '../config/windows.ts';
import type { Instant } from '../incident/alert.ts';
import type { ServerFacts } from '../incident/health.ts';
import type { Incident, Run } from '../incident/incident.ts';
import type { Mode } from '../incident/plan.ts';
import type { PlannedChange } from '../incident/planned-change.ts';
import type { Clock } from '../ports/clock.ts';
import type { Exchange, Organisation } from '../ports/exchange.ts';
import type { StartRefusal } from '../ports/journal.ts';
import type { KillScope, KillSwitch } from '../ports/kill-switch.ts';
import type { Store } from '../ports/store.ts';
import type { Catalog } from '../verification/catalog.ts';
import type { Verifier } from '../verification/verify.ts';

/**
 * A reason not to act now. Looks before each step that changes something. Adding one: its file, and a line in
 * `index.ts`. `reasons` is the closed list of what it may say, and becomes a metric's label.
 */
export interface Guard {
  readonly name: string;
  readonly reasons: readonly string[];
  judge(context: GuardContext): Promise<Answer> | Answer;
}

export type Answer =
  | { answer: 'allow' }
  /** `suppresses`: a wait that outlives its limit ends `suppressed` instead of escalated, unless something was changed. */
  | { answer: 'wait'; reason: string; says: string; until?: Instant; approval?: boolean; suppresses?: boolean }
  /** Ends in escalation (or suppression), never in going on to a harsher step. */
  | { answer: 'refuse'; reason: string; says: string; suppressed?: boolean }
  /** The evidence is too old: look again first. */
  | { answer: 'verify' };

export const ALLOW: Answer = { answer: 'allow' };

export interface GuardSettings {
  /** The boldest any playbook may be. */
  mode: Mode;
  evidenceMaxAge: number;
  approvalExpiry: number;
  /** How many different people must approve. */
  approvers: number;
  /** Runs in a row without recovery after which a playbook is trusted less; 0: it never is. */
  trustRuns: number;
  maintenance: readonly Window[];
  commonCause: CommonCause;
  /** Short names of machines that are never taken out of service. */
  self: readonly string[];
  throttles: Record<string, ThrottleLimits>;
}

/** When the same trouble on several servers is no server's fault. */
export interface CommonCause {
  /** More than this part of a group's servers (0 to 1), and at least two. */
  share: number;
  /** So many servers, wherever they are. */
  servers: number;
  /** Seen within so long (organisation's ms). */
  within: number;
}

/** In Managed Availability's own terms; -1 means no limit. */
export interface ThrottleLimits {
  minutesBetween: number;
  perHour: number;
  perDay: number;
  groupMinutesBetween: number;
  groupPerDay: number;
}

export interface GuardContext {
  incident: Incident;
  run: Run;
  change: PlannedChange;
  /** The server acted on, which is not always the incident's own. */
  target: ServerFacts;
  organisation: Organisation;
  exchange: Exchange;
  verifier: Verifier;
  catalog: Catalog;
  /** What other incidents have seen and done. */
  store: Pick<Store, 'openOn' | 'troubled' | 'runs'>;
  clock: Clock;
  settings: GuardSettings;
  /** What the kill switch is asked about. */
  scope: KillScope[];
  killSwitches: KillSwitch[];
  /** What the atomic start would be refused by, as things stand. */
  refusal: StartRefusal | undefined;
  /** Whether we have started the service or server acted on ourselves within so many minutes (organisation's). */
  startedByUs(minutes: number): Promise<boolean>;
  /** The family was looked at in this very advance: its age is nothing, however fast the clock runs. */
  justVerified: boolean;
  signal: AbortSignal;
}
