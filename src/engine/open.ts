import { randomBytes } from 'node:crypto';
import { ANY_FAMILY, incidentKey } from '../incident/alert.ts';
import type { Opened } from '../incident/event.ts';
import { fold } from '../incident/fold.ts';
import type { Incident } from '../incident/incident.ts';
import type { AppendOptions } from '../ports.ts';
import type { Engine } from './parts.ts';

/** Opens an incident; answers it, or the one that is open for the same matter. Waking somebody for it is the caller's. */
export async function open(
  engine: Engine,
  data: Opened,
  more: { alertId?: string; trouble?: NonNullable<AppendOptions['trouble']> } = {},
): Promise<{ incident: Incident } | { open: string }> {
  const { id, server, family } = data;
  const { alertId, trouble } = more;
  const opened = await engine.store.append(
    id,
    { seq: 0, hash: '' },
    { type: 'opened', data },
    {
      at: engine.clock.now(),
      worker: engine.worker,
      due: engine.realNow(),
      opening: { key: incidentKey(server, family), server, family, ...(alertId !== undefined && { alertId }) },
      ...(trouble && { trouble }),
    },
  );
  if (opened.ok) {
    const incident = fold([opened.entry]);
    engine.onEntry(incident, opened.entry, opened.head);
    return { incident };
  }
  if (!('open' in opened)) throw new Error(`incident ${id} could not be opened`);
  return { open: opened.open };
}

/** Readable and sortable by time: `mbx1-imap-mhb3k2x9-4f`. */
export function newId(server: string, what: string, now: number): string {
  const named = what === ANY_FAMILY ? 'any' : what.replace(/[^A-Za-z0-9]/g, '');
  return `${server}-${named}-${now.toString(36)}-${randomBytes(2).toString('hex')}`.toLowerCase();
}
