import { expect, it } from 'vitest';
import { createMemoryStore } from '../../../src/adapters/memory/store.ts';
import type { IncidentEvent } from '../../../src/incident/event.ts';
import { confirmContract } from '../../contracts/confirm.ts';
import { lessonsContract } from '../../contracts/lessons.ts';
import { anAlert, storeContract } from '../../contracts/store.ts';

const makeStore = async () => {
  const store = createMemoryStore();
  return { store, close: () => store.close() };
};
storeContract('the store in memory', makeStore);
lessonsContract('what the store in memory remembers for other incidents', makeStore);
confirmContract('the store in memory, before a command', makeStore);

it('takes an identity as new again once its mark is over', async () => {
  let now = 0;
  const store = createMemoryStore({ now: () => now });
  await store.accept([anAlert('a')], 1_000);
  now = 999;
  expect(await store.accept([anAlert('a')], 1_000)).toEqual([{ id: 'a', repeat: true }]);
  now = 1_000;
  expect(await store.accept([anAlert('a')], 1_000)).toEqual([{ id: 'a', repeat: false }]);
});

it('forgets the oldest finished incidents beyond its number, never an open one', async () => {
  const store = createMemoryStore({ finishedCount: 1 });
  const ids = ['open', 'first', 'second'];
  for (const id of ids) {
    const opening = { key: id, server: 'mbx1', family: 'IMAP' };
    const data = { id, server: 'mbx1', family: 'IMAP' };
    const opened = await store.append(
      id,
      { seq: 0, hash: '' },
      { type: 'opened', data },
      { at: 1, worker: 'w', opening },
    );
    if (id === 'open' || !opened.ok) continue;
    const finishing = { key: id, root: id, keepSlots: [], isRoot: true, outcome: 'recovered' };
    const event: IncidentEvent = { type: 'finished', data: { outcome: 'recovered', reason: '', left: [], owed: [] } };
    await store.append(id, opened.head, event, { at: 2, worker: 'w', finishing });
  }
  expect((await store.list({ limit: 5 })).ids.sort()).toEqual(['open', 'second']);
});

it('says that nothing outlives the process', async () => {
  expect((await createMemoryStore().health()).warnings.join()).toMatch(/lost when this process stops/);
});
