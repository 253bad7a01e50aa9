import { isNamed } from '../incident/names.ts';
import type { DatabaseCopy } from '../ports/exchange.ts';

const ACTIVE = ['Mounted', 'Mounting', 'Dismounted', 'Dismounting'];

/** Whether a copy is the active one: its database is served (or would be) from here. */
export function isActive(copy: DatabaseCopy): boolean {
  return isNamed(copy.status, ACTIVE);
}

/** `DB02 (Mounted: the only copy)`: a database that is still here, with the server's own reason where it gave one. */
export function describeCopy(copy: DatabaseCopy): string {
  const why = copy.error ?? (copy.copies < 2 ? 'it has this copy only' : undefined);
  return why ? `${copy.database} (${copy.status}: ${why})` : `${copy.database} (${copy.status})`;
}
