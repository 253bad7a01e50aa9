import type { Intent } from './intent.ts';
import type { UndoAction } from './undo.ts';

/** What guards judge, and what the start of a changing step takes. */
export interface PlannedChange {
  /** The throttled action; `setting` is not throttled. */
  action: Action;
  intent: Intent;
  /** What the throttle counts on that server: the service's name. */
  resource?: string;
  undo?: UndoAction[];
}

export type Action = 'restart-service' | 'fail-over-databases' | 'restart-server' | 'setting';

/** Takes a server or its databases out of service: one at a time in a group. */
export const DISRUPTIVE: ReadonlySet<Action> = new Set(['fail-over-databases', 'restart-server']);

/** Which disruption a command of a journal was; undefined where it took nothing out of service. */
export function disruptionOf({ command, arguments: given }: Intent): Action | undefined {
  if (command === 'Restart-Computer') return 'restart-server';
  // Lifting an activation block takes nothing out of service.
  const lifts = given.DatabaseCopyActivationDisabledAndMoveNow === false;
  return command === 'Set-MailboxServer' && !lifts ? 'fail-over-databases' : undefined;
}
