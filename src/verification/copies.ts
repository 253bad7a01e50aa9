import { isNamed } from '../incident/names.ts';
import type { DatabaseCopy } from '../ports/exchange.ts';

const ACTIVE = ['Mounted', 'Mounting', 'Dismounted', 'Dismounting'];

/** Whether this is the active copy: the one that serves the database, or would. */
export function isActive(copy: DatabaseCopy): boolean {
  return isNamed(copy.status, ACTIVE);
}

/**
 * `DB02 (Mounted: it has this copy only)`: a database that is still on the server, with the server's own reason if it
 * gave one.
 */
export function describeCopy(copy: DatabaseCopy): string {
  const why = copy.error ?? (copy.copies < 2 ? 'it has this copy only' : undefined);
  return why ? `${copy.database} (${copy.status}: ${why})` : `${copy.database} (${copy.status})`;
}
