import type { Config } from '../config/config.ts';
import { shortName } from '../incident/alert.ts';
import { restrictionsOf } from '../incident/restrictions.ts';
import type { EngineSettings } from './parts.ts';

/** How long the server must stay healthy after an activation block was lifted (organisation's ms). */
export const WATCH_AFTER_UNDO = 10 * 60_000;

/** The engine's view of the configuration. `hostname`: the machine this daemon runs on. */
export function settingsOf(
  { safety, verification, alerts, store, exchange, work, playbooks }: Config,
  hostname: string,
): EngineSettings {
  return {
    mode: safety.mode,
    restrictions: restrictionsOf(playbooks.restrictions),
    evidenceMaxAge: safety.evidenceMaxAge,
    approvalExpiry: safety.approvalExpiry,
    approvers: safety.approvers,
    trustRuns: safety.trust.runs,
    maintenance: safety.maintenance,
    commonCause: { ...safety.commonCause, share: safety.commonCause.share / 100 },
    holdLimit: safety.holdLimit,
    self: [
      hostname,
      ...hostsOf(store.url),
      ...hostsOf(exchange.url),
      ...onlyOne(exchange.endpoints),
      ...safety.self,
    ].map(shortName),
    throttles: safety.throttles,
    disruptionWindow: safety.disruptionWindow,
    commandTimeLimit: safety.commandTimeout,
    notAfter: safety.notAfter,
    retries: verification.looks,
    retryEvery: verification.lookEvery,
    watchAfterUndo: WATCH_AFTER_UNDO,
    reopenAfter: alerts.reopenAfter,
    lease: work.lease,
    alertRetention: alerts.retention,
  };
}

/** If all calls go through one server, it is never taken out of service: nobody could check whether it came back. */
function onlyOne(endpoints: readonly string[]): string[] {
  const hosts = endpoints.flatMap((each) => (each.includes('://') ? hostsOf(each) : [each]));
  return new Set(hosts.map(shortName)).size === 1 ? hosts : [];
}

/** The hosts in an address: machines that the daemon depends on are never taken out of service. */
function hostsOf(address: string | undefined): string[] {
  const hosts = /^[a-z+]+:\/\/(?:[^@/]*@)?([^/]*)/i.exec(address ?? '')?.[1] ?? '';
  return hosts.split(',').flatMap((host) => /^([^[\]:]+)(?::\d+)?$/.exec(host)?.[1] ?? []);
}
