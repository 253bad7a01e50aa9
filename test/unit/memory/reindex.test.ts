import { createMemoryStore } from '../../../src/adapters/memory/store.ts';
import { reindexContract } from '../../contracts/reindex.ts';

reindexContract('the indexes of the store in memory, made anew', async () => {
  const store = createMemoryStore();
  return { store, close: () => store.close() };
});
