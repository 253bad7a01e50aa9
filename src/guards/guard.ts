import type { Window } from '../config/windows.ts';
import type { Instant } from '../incident/alert.ts';
import type { ServerFacts } from '../incident/health.ts';
import type { Incident, Run } from '../incident/incident.ts';
import type { Mode } from '../incident/plan.ts';
import type { PlannedChange } from '../incident/planned-change.ts';
import type { Restriction } from '../incident/restrictions.ts';
import type { Clock } from '../ports/clock.ts';
import type { Exchange, Organisation } from '../ports/exchange.ts';
import type { StartRefusal } from '../ports/journal.ts';
import type { KillScope, KillSwitch } from '../ports/kill-switch.ts';
import type { Store } from '../ports/store.ts';
import type { Catalog } from '../verification/catalog.ts';
import type { Verifier } from '../verification/verify.ts';

/**
 * A reason not to act now, checked before each step that changes something. To add one, create its file and add a line
 * in `index.ts`. `reasons` is the fixed list of its reasons; they are metric labels.
 */
export interface Guard {
  readonly name: string;
  readonly reasons: readonly string[];
  /** What must hold for it to allow a change, in words: `no kill switch is on …`. */
  readonly requires: string;
  judge(context: GuardContext): Promise<Answer> | Answer;
}

export type Answer =
  | { answer: 'allow' }
  /**
   * `suppresses`: if this wait exceeds its limit, the incident ends `suppressed` instead of escalated, unless something
   * was changed.
   */
  | { answer: 'wait'; reason: string; says: string; until?: Instant; approval?: boolean; suppresses?: boolean }
  /** Ends in escalation (or suppression), never in a harsher step. */
  | { answer: 'refuse'; reason: string; says: string; suppressed?: boolean }
  /** The evidence is too old: verify first. */
  | { answer: 'verify' };

export const ALLOW: Answer = { answer: 'allow' };

export interface GuardSettings {
  /** The upper limit for the mode of every playbook. */
  mode: Mode;
  restrictions: readonly Restriction[];
  evidenceMaxAge: number;
  approvalExpiry: number;
  /** Number of different people who must approve. */
  approvers: number;
  /** Number of consecutive runs without recovery after which a playbook is demoted; 0 disables it. */
  trustRuns: number;
  maintenance: readonly Window[];
  commonCause: CommonCause;
  /** Short names of machines that are never taken out of service. */
  self: readonly string[];
  throttles: Record<string, ThrottleLimits>;
}

/** Limits above which the same problem on several servers counts as a common cause. */
export interface CommonCause {
  /** More than this share of a group's servers (0 to 1), and at least two. */
  share: number;
  /** This many servers, anywhere. */
  servers: number;
  /** Period in which they were found (organisation's ms). */
  within: number;
}

/** In the terms of Managed Availability; -1 means no limit. */
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
  /** The server that is changed, which is not always the incident's own. */
  target: ServerFacts;
  organisation: Organisation;
  exchange: Exchange;
  verifier: Verifier;
  catalog: Catalog;
  /** What other incidents have found and done. */
  store: Pick<Store, 'openOn' | 'troubled' | 'runs'>;
  clock: Clock;
  settings: GuardSettings;
  /** The scope for which kill switches are checked. */
  scope: KillScope[];
  killSwitches: KillSwitch[];
  /** What would currently refuse the atomic start. */
  refusal: StartRefusal | undefined;
  /** Whether we restarted the service or server ourselves within this many minutes (organisation's). */
  startedByUs(minutes: number): Promise<boolean>;
  /** The family was verified in this same advance: the evidence is current, however fast the clock runs. */
  justVerified: boolean;
  signal: AbortSignal;
}
