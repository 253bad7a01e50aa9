/** What every side of the Store port does, as sentences. Run against memory and against a real Redis. */
import { afterEach, beforeEach, describe } from 'vitest';
import { alertQueueContract } from './store/alert-queue.ts';
import { careContract } from './store/care.ts';
import { createGiven, type StoreSide } from './store/given.ts';
import { journalsContract } from './store/journals.ts';
import { leasesContract } from './store/leases.ts';
import { ledgerContract } from './store/ledger.ts';
import { startsContract } from './store/starts.ts';

export { anAlert, type StoreSide } from './store/given.ts';

export function storeContract(name: string, makeStore: () => Promise<StoreSide>): void {
  describe(name, () => {
    const given = createGiven();
    beforeEach(async () => {
      given.side = await makeStore();
      given.store = given.side.store;
    });
    afterEach(async () => {
      await given.side.close();
    });

    alertQueueContract(given);
    journalsContract(given);
    startsContract(given);
    ledgerContract(given);
    leasesContract(given);
    careContract(given);
  });
}
