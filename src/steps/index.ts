/** Every kind of step and undo. To add one, create its file and add a line here. */
import { ask } from './ask.ts';
import { checklist } from './checklist.ts';
import { confirmNoActiveCopies } from './confirm-no-active-copies.ts';
import { escalate } from './escalate.ts';
import { activationUndo, allowActivation, failOverDatabases } from './fail-over-databases.ts';
import { identifyMailboxServer } from './identify-mailbox-server.ts';
import { logLocation } from './log-location.ts';
import { notify } from './notify.ts';
import { protocolLog, protocolLogUndo } from './protocol-log.ts';
import { recheck } from './recheck.ts';
import { remediate } from './remediate.ts';
import { restartServer } from './restart-server.ts';
import { restartService, restartServiceUndo } from './restart-service.ts';
import { runScript, runScriptUndo } from './run-script.ts';
import type { Step, Undo } from './step.ts';
import { wait } from './wait.ts';
import { watchHealth } from './watch-health.ts';

export const STEPS: readonly Step[] = [
  restartService,
  recheck,
  watchHealth,
  wait,
  failOverDatabases,
  confirmNoActiveCopies,
  allowActivation,
  restartServer,
  protocolLog,
  logLocation,
  identifyMailboxServer,
  remediate,
  runScript,
  ask,
  checklist,
  notify,
  escalate,
];

export const UNDOS: readonly Undo[] = [activationUndo, protocolLogUndo, restartServiceUndo, runScriptUndo];

/** The step of that name. Plans come from validated playbooks, so a missing step is a bug. */
export function stepNamed(name: string): Step {
  const step = STEPS.find((candidate) => candidate.name === name);
  if (!step) throw new Error(`no step is called ${name}`);
  return step;
}

export function undoOfKind(kind: string): Undo {
  const undo = UNDOS.find((candidate) => candidate.kind === kind);
  if (!undo) throw new Error(`no undo is called ${kind}`);
  return undo;
}
