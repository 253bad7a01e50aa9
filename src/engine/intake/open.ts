import { randomBytes } from 'node:crypto';
import { ANY_FAMILY } from '../../incident/alert.ts';
import type { Opened } from '../../incident/event.ts';
import type { Incident } from '../../incident/incident.ts';
import { append } from '../append.ts';
import type { Engine } from '../parts.ts';

/** Opens an incident; returns it, or the one that is open for the same problem. The caller wakes a worker. */
export async function open(
  engine: Engine,
  data: Opened,
  alertId?: string,
): Promise<{ incident: Incident } | { open: string }> {
  const taking = alertId === undefined ? {} : { taking: [alertId] };
  const due = engine.realNow();
  const opened = await append(engine, data.id, undefined, { type: 'opened', data }, { due, ...taking });
  if (opened.ok) return { incident: opened.incident };
  if (!('open' in opened)) throw new Error(`incident ${data.id} could not be opened`);
  return { open: opened.open };
}

/** Readable and sortable by time: `mbx1-imap-mhb3k2x9-4f`. */
export function newId(server: string, what: string, now: number): string {
  const named = what === ANY_FAMILY ? 'any' : what.replace(/[^A-Za-z0-9]/g, '');
  return `${server}-${named}-${now.toString(36)}-${randomBytes(2).toString('hex')}`.toLowerCase();
}
