import type { Config } from '../config/config.ts';
import { shortName } from '../incident/alert.ts';
import type { EngineSettings } from './parts.ts';

/** How long health must last after an activation block was lifted (organisation's ms). */
const WATCH_AFTER_UNDO = 10 * 60_000;

/** The engine's view of the configuration. `hostname`: the machine this daemon runs on. */
export function settingsOf({ safety, verification, alerts }: Config, hostname: string): EngineSettings {
  return {
    mode: safety.mode,
    evidenceMaxAge: safety.evidenceMaxAge,
    approvalExpiry: safety.approvalExpiry,
    holdLimit: safety.holdLimit,
    self: [hostname, ...safety.self].map(shortName),
    throttles: safety.throttles,
    disruptionWindow: safety.disruptionWindow,
    commandTimeLimit: safety.commandTimeout,
    notAfter: safety.notAfter,
    looks: verification.looks,
    lookEvery: verification.lookEvery,
    watchAfterUndo: WATCH_AFTER_UNDO,
    reopenAfter: alerts.reopenAfter,
    alertRetention: alerts.retention,
  };
}
