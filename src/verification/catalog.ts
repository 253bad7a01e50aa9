import type { MonitorRef } from '../incident/health.ts';

/** How a monitor is verified: by running its probe, or by a fresh `AlertValue` of its row (it has no probe of its own). */
export type Verification = 'probe' | 'alert-value';

export interface CatalogMonitor {
  healthSet: string;
  monitor: string;
  verification: Verification;
  /** What Invoke-MonitoringProbe is given: `<healthSet>\<name>`. */
  probe?: CatalogProbe;
  /** The lower, the more basic: what is treated first. */
  rank: number;
}

export interface CatalogProbe {
  healthSet: string;
  name: string;
  /** Picks a mailbox at random each time, and so another back end: one good run proves little. */
  randomMailbox: boolean;
}

export interface HealthSetEntry {
  name: string;
  /** Exchange's own grouping: CustomerTouchPoints, ServiceComponents, ServerResources, KeyDependencies. */
  group: string;
  roles: ('client-access' | 'mailbox')[];
  /** What one trouble shows in: `IMAP` for IMAP, IMAP.Proxy and IMAP.Protocol. */
  family: string;
  /** Health sets whose trouble is this one's trouble: `AD`, `Network`, `Store`. */
  dependsOn: string[];
  monitors: CatalogMonitor[];
}

/** What is known of Exchange's health sets: which monitor is verified how, and what comes first. */
export interface Catalog {
  healthSets(): HealthSetEntry[];
  /** Whatever the case, and by the spellings of published headings (`ImapTestDeepMonitor`) too. */
  find(healthSet: string, monitor: string): CatalogMonitor | undefined;
  /** Monitors of a family that a probe verifies, most basic first. */
  probesOf(family: string): CatalogMonitor[];
  /** A monitor that is not in the catalog ranks last. */
  rank(ref: Pick<MonitorRef, 'healthSet' | 'monitor'>): number;
}
