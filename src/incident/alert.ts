/** Milliseconds since 1970 (UTC) on the organisation's clock, which a lab may run faster than the wall's. */
export type Instant = number;

/** What a monitoring system posted, normalised. Everything in it is a hint: Exchange decides what is wrong. */
export interface Alert {
  /** The identity: a digest of source, sender's id, time raised and status. Two posts with one identity are one alert. */
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
  /** Other names that the sender gave, in its order: the first that Exchange knows as a server is the one that is meant. */
  otherServers?: string[];
  /** Its name stands only in a path, which may be that of a class or a group of SCOM and not of a machine. */
  namedByPath?: true;
  healthSet?: string;
  monitor?: string;
  targetResource?: string;
  /** When the sender says that it was raised; the time of receipt where it does not say. */
  raisedAt: Instant;
  /** On the wall's clock: senders live in real time even when a lab does not. */
  receivedAt: Instant;
  /** SCOM counts repeats of an alert in place; a risen count reopens the matter. */
  repeatCount?: number;
  title?: string;
  description?: string;
  severity?: string;
  /** The sender says that the server is in maintenance mode there (SCOM's MonitoringObjectInMaintenanceMode). */
  inMaintenance?: boolean;
  /** What the sender gave and could not be read, in sentences: it counts as not given. */
  notes?: string[];
}

/** A host name's first label in lower case: `MBX1.contoso.com` and `mbx1` are one server. */
export function shortName(server: string): string {
  return (server.split('.')[0] ?? server).toLowerCase();
}

/** The health sets that one trouble can show in: `IMAP`, `IMAP.Proxy` and `IMAP.Protocol` are the family `IMAP`. */
export function familyOf(healthSet: string | undefined): string {
  return healthSet?.split('.')[0] || ANY_FAMILY;
}

/** The family of an alert whose text named no health set: every Unhealthy monitor of the server is looked at. */
export const ANY_FAMILY = '*';

/** Whether a health set belongs to a family. */
export function inFamily(family: string, healthSet: string): boolean {
  return family === ANY_FAMILY || familyOf(healthSet).toLowerCase() === family.toLowerCase();
}

/** What incidents are correlated by: one trouble on one server. */
export function incidentKey(server: string, family: string): string {
  return `${shortName(server)}/${family.toLowerCase()}`;
}
