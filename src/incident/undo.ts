import type { Instant } from './alert.ts';
import type { Intent } from './intent.ts';
import type { Outcome } from './outcome.ts';

/**
 * How to undo a change, recorded in the journal before the change is made. Keyed by server and setting: the value found
 * first is the one to restore, and a later incident inherits the outstanding undo action.
 */
export interface UndoAction {
  /** Unique in its incident: `3:activation`. */
  id: string;
  /** Which undo of `steps/` runs: `activation`, `protocol-log`, `restart-service`. */
  kind: string;
  server: string;
  /** The ledger's key on that server: `activation`, `imap-protocol-log`. */
  setting: string;
  /** `always`: at the end of every incident. `recovered`: only if the server is healthy again. */
  when: 'always' | 'recovered';
  /** The value to restore; plain data specific to the kind. */
  value: Record<string, unknown>;
  /** The change to undo, for people: `activation of databases on mbx1 is blocked (…)`. */
  says: string;
  /** How to verify health after the undo. */
  after?: 'recheck' | 'watch';
  /** Another undo action of this incident that must be settled first. */
  dependsOn?: string;
}

export interface UndoState extends UndoAction {
  state: 'owed' | 'started' | 'putBack' | 'notNeeded' | 'failed' | 'settled';
  at: Instant;
  /** Number of failed tries. */
  tries: number;
  /** The command, recorded before it is sent; compared with the server's state after a crash. */
  intent?: Intent;
}

/** Whether the undo action is still outstanding. */
export function isOutstanding(undo: UndoState): boolean {
  return undo.state === 'owed' || undo.state === 'started' || undo.state === 'failed';
}

/** Whether the server stays drained of databases until this has run. */
export function isDrain({ kind }: UndoAction): boolean {
  return kind === 'activation';
}

/** Whether the undo action is due for this outcome. A failed one was due, whatever outcome its failure led to. */
export function isDue(undo: UndoState, outcome: Outcome): boolean {
  return undo.when === 'always' || undo.state === 'failed' || outcome === 'recovered';
}

/** The pending undo actions of a step. */
export function undoOfStep(undo: readonly UndoState[], n: number): UndoState[] {
  return undo.filter(({ id, state }) => state === 'owed' && id.startsWith(`${n}:`));
}
