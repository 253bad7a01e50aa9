/** Milliseconds since 1970 (UTC) on the organisation's clock; a lab's may run faster than real time. */
export type Instant = number;

/** A normalised alert from a monitoring system. All of it is a hint: Exchange decides what is wrong. */
export interface Alert {
  /** Digest of source, sender's id, time raised and status. Two posts with the same id are one alert. */
  id: string;
  /** `scom`, `alertmanager` or `generic`. */
  source: string;
  /** The sender's own id, as it sent it. */
  senderId: string;
  status: 'firing' | 'resolved';
  /** Short host name in lower case, the form incidents are keyed by. */
  server: string;
  /** The server as the sender wrote it. */
  serverAsSent: string;
  /** Other names the sender gave, in its order. The first one that Exchange knows is the server. */
  otherServers?: string[];
  /** The server's name comes from a path only, which may name a class or group of SCOM instead of a machine. */
  namedByPath?: true;
  healthSet?: string;
  monitor?: string;
  targetResource?: string;
  /** When it was raised according to the sender; otherwise the time of receipt. */
  raisedAt: Instant;
  /** Real time, because senders live in real time even when a lab does not. */
  receivedAt: Instant;
  /** SCOM counts repeats of an alert in place; a higher count reopens the problem. */
  repeatCount?: number;
  title?: string;
  description?: string;
  severity?: string;
  /** The sender reports that the server is in maintenance mode (SCOM's MonitoringObjectInMaintenanceMode). */
  inMaintenance?: boolean;
  /** Fields that could not be read, one sentence each; they count as absent. */
  notes?: string[];
}

/** The first label of a host name in lower case: `MBX1.contoso.com` and `mbx1` are one server. */
export function shortName(server: string): string {
  return (server.split('.')[0] ?? server).toLowerCase();
}

/** The family of a health set: one problem can show in `IMAP`, `IMAP.Proxy` and `IMAP.Protocol`, family `IMAP`. */
export function familyOf(healthSet: string | undefined): string {
  return healthSet?.split('.')[0] || ANY_FAMILY;
}

/** The family of an alert that names no health set: every Unhealthy monitor of the server is verified. */
export const ANY_FAMILY = '*';

/** Whether a health set belongs to a family. */
export function inFamily(family: string, healthSet: string): boolean {
  return family === ANY_FAMILY || familyOf(healthSet).toLowerCase() === family.toLowerCase();
}

/** The key by which alerts are correlated: one problem on one server. */
export function incidentKey(server: string, family: string): string {
  return `${shortName(server)}/${family.toLowerCase()}`;
}
