import { isDue, isOutstanding } from '../../incident/undo.ts';
import { Conflict, NotFound } from '../../ports/operations.ts';
import type { LedgerEntry } from '../../ports/store.ts';
import type { Engine } from '../parts.ts';
import { readIncident } from '../read-incident.ts';
import { askFor } from './asked.ts';

/**
 * At start: logs outstanding undo actions and retries those that failed when they were due, for example on a server
 * that did not answer. Changes left in place on purpose stay.
 */
export async function sweepUndo(engine: Engine): Promise<void> {
  const again = new Map<string, string[]>();
  for (const entry of await engine.store.ledger()) {
    const { debt: action, incident, at, world: organisation } = entry;
    if (organisation !== engine.clock.epoch) continue;
    engine.log.warn(`Outstanding undo action: ${action.says}`, {
      incident,
      server: action.server,
      since: new Date(at).toISOString(),
    });
    if (await hasFailed(engine, entry)) {
      again.set(action.server, [...(again.get(action.server) ?? []), action.setting]);
    }
  }
  for (const [server, settings] of again) await tryAgain(engine, server, settings);
}

async function hasFailed({ store }: Engine, { debt: action, incident: id }: LedgerEntry): Promise<boolean> {
  const known = await readIncident(store, id);
  // No incident is left that would run it.
  if (!known) return true;
  const { finished, undo } = known.incident;
  const own = undo.find(({ server, setting }) => server === action.server && setting === action.setting);
  return finished !== undefined && own !== undefined && isOutstanding(own) && isDue(own, finished.outcome);
}

async function tryAgain(engine: Engine, server: string, settings: string[]): Promise<void> {
  const person = { by: 'second-responder', note: 'it could not be put back before; retried at start' };
  try {
    await askFor(engine, 'putBack', { server, settings }, person);
  } catch (error) {
    // Another daemon or incident is already running it; or nothing may be changed.
    if (!(error instanceof Conflict || error instanceof NotFound)) throw error;
    engine.log.info(`Not retried: ${error.message}`, { server });
  }
}
