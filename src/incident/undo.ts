import type { Instant } from './alert.ts';
import type { Intent } from './intent.ts';
import type { Outcome } from './outcome.ts';

/**
 * What must be put back, written to the journal before the change is made. Keyed by server and setting: the value
 * found first stays the one to restore, and a later incident inherits the debt.
 */
export interface UndoAction {
  /** Unique in its incident: `3:activation`. */
  id: string;
  /** Which undo of `steps/` puts it back: `activation`, `protocol-log`, `restart-service`. */
  kind: string;
  server: string;
  /** The ledger's key on that server: `activation`, `imap-protocol-log`. */
  setting: string;
  /** `always`: at the end of every run. `recovered`: only when the server is healthy again. */
  when: 'always' | 'recovered';
  /** The value to restore; plain data, the undo's own. */
  value: Record<string, unknown>;
  /** For people: `allow database activation on mbx1 again`. */
  says: string;
  /** How health is looked at after it was put back. */
  after?: 'recheck' | 'watch';
  /** Another debt of this incident that must be settled first. */
  dependsOn?: string;
}

export interface UndoState extends UndoAction {
  state: 'owed' | 'started' | 'putBack' | 'notNeeded' | 'failed' | 'settled';
  at: Instant;
  /** Tries that did not get through. */
  tries: number;
  /** Noted before the command that puts it back; a look after a crash compares with it. */
  intent?: Intent;
}

/** Whether a debt is still open. */
export function isOutstanding(undo: UndoState): boolean {
  return undo.state === 'owed' || undo.state === 'started' || undo.state === 'failed';
}

/** Whether the server stays drained of databases until this is put back. */
export function isDrain({ kind }: UndoAction): boolean {
  return kind === 'activation';
}

/** Whether it is to be put back where it ends so. What failed had been due, whatever became of the incident by that. */
export function isDue(undo: UndoState, outcome: Outcome): boolean {
  return undo.when === 'always' || undo.state === 'failed' || outcome === 'recovered';
}

/** What a step owes that is still to be put back. */
export function undoOfStep(undo: readonly UndoState[], n: number): UndoState[] {
  return undo.filter((debt) => debt.state === 'owed' && debt.id.startsWith(`${n}:`));
}
