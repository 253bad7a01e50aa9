import type { GuardSettings } from '../guards/guard.ts';
import type { Asked } from '../guards/index.ts';
import type { Entry } from '../incident/event.ts';
import type { Incident } from '../incident/incident.ts';
import type { Decision, NextSettings } from '../incident/next.ts';
import type { Playbook } from '../incident/plan.ts';
import type { Together } from '../lib/together.ts';
import type { Clock } from '../ports/clock.ts';
import type { Exchange } from '../ports/exchange.ts';
import type { Head } from '../ports/journal.ts';
import type { Notice } from '../ports/notifier.ts';
import type { Store } from '../ports/store.ts';
import type { Wakeups } from '../ports/wakeups.ts';
import type { Catalog } from '../verification/catalog.ts';
import type { Verifier } from '../verification/verify.ts';
import type { StoreWatch } from './store-watch.ts';

export interface EngineSettings extends NextSettings, GuardSettings {
  /** How long a guard may make an incident wait (organisation's ms). */
  holdLimit: number;
  /** The target refuses a command that arrives later than this (real ms). */
  notAfter: number;
  /** Alerts about a server this soon after our disruptive action join that incident (organisation's ms). */
  disruptionWindow: number;
  /** Real milliseconds for a changing command. */
  commandTimeLimit: number;
  /** Real milliseconds after the last outcome from which a repeated alert opens a new incident. */
  reopenAfter: number;
  /** Duration of a lease in real milliseconds: a silent worker keeps an incident from the others this long. */
  lease: number;
  /** Real milliseconds for which the id of an alert is remembered. */
  alertRetention: number;
}

export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** Everything the engine works with. Only the composition root knows the implementations. */
export interface Engine {
  store: Store;
  wakeups: Wakeups;
  exchange: Exchange;
  verifier: Verifier;
  catalog: Catalog;
  clock: Clock;
  settings: EngineSettings;
  /** The playbooks loaded now; a run keeps the plan it started with. */
  playbooks(): readonly Playbook[];
  notify(notice: Notice): Promise<void>;
  /**
   * Called for every entry that this process appended, with the incident after it; logs, metrics and recordings
   * subscribe.
   */
  onEntry(incident: Incident, entry: Entry, head: Head): void;
  /** Called with each decision before it is performed; a rehearsal can pause there. */
  beforeDecision?(incident: Incident, decision: Decision): Promise<void>;
  /** Called with each answer of a guard about step `n`; rehearsals show them. */
  onGuard?(incident: Incident, n: number, asked: Asked): void;
  watch: StoreWatch;
  waiters: Waiters;
  /** Correlates concurrent alerts about one problem together. */
  correlating: Together;
  notifyTries: NotifyTries;
  log: Logger;
  /** The name of this worker in journals and leases. */
  worker: string;
  /** Real time. */
  realNow(): number;
}

/**
 * Incidents that wait for the claims of another, as far as this process knows, so that they are woken immediately
 * instead of at the next check. Only a shortcut: a lost entry costs time, nothing else.
 */
export class Waiters {
  readonly #waiting = new Map<string, Set<string>>();

  add(owner: string, incident: string): void {
    const waiting = this.#waiting.get(owner) ?? new Set();
    waiting.add(incident);
    this.#waiting.set(owner, waiting);
  }

  take(owner: string): string[] {
    const waiting = [...(this.#waiting.get(owner) ?? [])];
    this.#waiting.delete(owner);
    return waiting;
  }
}

/** Counts failed tries of this process to notify people about an incident. */
export class NotifyTries {
  readonly #failed = new Map<string, number>();

  count(incident: string): number {
    const tries = (this.#failed.get(incident) ?? 0) + 1;
    this.#failed.set(incident, tries);
    return tries;
  }

  forget(incident: string): void {
    this.#failed.delete(incident);
  }
}
