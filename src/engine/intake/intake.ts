import type { Alert } from '../../incident/alert.ts';
import type { AcceptedAlert } from '../../ports/store.ts';
import type { Engine } from '../parts.ts';

interface Waiting {
  alerts: Alert[];
  resolve(accepted: AcceptedAlert[]): void;
  reject(error: unknown): void;
}

/** Maximum number of alerts in one write: more would make others wait for a long script. */
const LARGEST_WRITE = 1_000;

/**
 * Group commit: the requests of one turn of the event loop are stored in one round trip, and each is answered only
 * after the store has answered. Queueing them is only a hint: the sweep finds lost ones.
 */
export function createIntake(engine: Engine): (alerts: Alert[]) => Promise<AcceptedAlert[]> {
  let gathered: Waiting[] = [];

  function flush(): void {
    const batches = inBatches(gathered);
    gathered = [];
    for (const batch of batches) void commit(batch);
  }

  async function commit(batch: Waiting[]): Promise<void> {
    let accepted: AcceptedAlert[];
    try {
      accepted = await engine.store.accept(
        batch.flatMap((one) => one.alerts),
        engine.settings.alertRetention,
      );
    } catch (error) {
      for (const one of batch) one.reject(error);
      return;
    }
    let at = 0;
    for (const one of batch) {
      one.resolve(accepted.slice(at, at + one.alerts.length));
      at += one.alerts.length;
    }
    try {
      await engine.wakeups.alerts([...new Set(accepted.map((one) => one.id))]);
    } catch (error) {
      engine.log.warn('Stored alerts, but failed to queue them; the sweep will find them', {
        error: String(error),
      });
    }
  }

  const accept = (alerts: Alert[]) =>
    new Promise<AcceptedAlert[]>((resolve, reject) => {
      if (gathered.length === 0) setImmediate(flush);
      gathered.push({ alerts, resolve, reject });
    });

  return async (alerts) => {
    const accepted: AcceptedAlert[] = [];
    // Write by write: others get their turn in between, and none waits for the whole batch.
    for (let from = 0; from < alerts.length; from += LARGEST_WRITE) {
      accepted.push(...(await accept(alerts.slice(from, from + LARGEST_WRITE))));
    }
    return accepted;
  };
}

function inBatches(waiting: Waiting[]): Waiting[][] {
  const batches: Waiting[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const one of waiting) {
    if (size + one.alerts.length > LARGEST_WRITE) {
      batches.push([]);
      size = 0;
    }
    batches.at(-1)?.push(one);
    size += one.alerts.length;
  }
  return batches;
}
