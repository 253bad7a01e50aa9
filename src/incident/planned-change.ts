import type { Intent } from './intent.ts';
import type { UndoAction } from './undo.ts';

/** A change for guards to judge, and what its start takes. */
export interface PlannedChange {
  /** The throttled action; `setting` is not throttled. */
  action: Action;
  intent: Intent;
  /** What the throttle counts on that server: the name of the service. */
  resource?: string;
  undo?: UndoAction[];
}

export type Action = 'restart-service' | 'fail-over-databases' | 'restart-server' | 'run-script' | 'setting';

/** Actions that take a server or its databases out of service: one at a time in a group. */
export const DISRUPTIVE: ReadonlySet<Action> = new Set(['fail-over-databases', 'restart-server']);

/** The disruption that a command of a journal caused; undefined if it took nothing out of service. */
export function disruptionOf({ command, arguments: given }: Intent): Action | undefined {
  if (command === 'Restart-Computer') return 'restart-server';
  // Lifting an activation block takes nothing out of service.
  const lifts = given.DatabaseCopyActivationDisabledAndMoveNow === false;
  return command === 'Set-MailboxServer' && !lifts ? 'fail-over-databases' : undefined;
}
