import { expect, test } from 'vitest';
import { OpenIncidents } from '../../../src/engine/operations/open-incidents.ts';
import { view } from '../../../src/incident/view.ts';
import { bench } from '../../support/engine.ts';

const families = ['IMAP', 'POP', 'OWA'];

test('incidents of this process are known, others are read, and finished ones are forgotten', async () => {
  const b = bench();
  const [first, ...others] = await Promise.all(families.map((healthSet) => b.alert({ server: 'mbx1', healthSet })));
  const read: string[] = [];
  const store = {
    openIncidents: () => b.store.openIncidents(),
    page: async (id: string) => {
      read.push(id);
      return b.store.page(id);
    },
  };
  const board = new OpenIncidents();
  board.note(view(await b.incident(first as string)));
  const phases = async () => (await board.read(store, b.lab.clock.now())).map(({ phase }) => phase);
  expect(await phases()).toEqual(['verifying', 'verifying', 'verifying']);
  expect(read.slice(0, 2).sort()).toEqual([...others].sort());
  await b.run();
  for (const id of await b.store.openIncidents()) throw new Error(`${id} is still open`);
  expect(await phases()).toEqual([]);
});

test('one scrape reads a few journals, those read longest ago; all are counted', async () => {
  const ids = Array.from({ length: 250 }, (_, n) => `incident-${n}`);
  const b = bench();
  const journal = await b.store.page(await b.alert({ server: 'mbx1', healthSet: 'IMAP' }));
  if (!journal) throw new Error('there is no journal');
  const read: string[] = [];
  const store = {
    openIncidents: async () => ids,
    page: async (id: string) => {
      read.push(id);
      const [opened, ...rest] = journal.entries;
      const data = { ...(opened?.data as object), id };
      return { ...journal, entries: [{ ...opened, data }, ...rest] as typeof journal.entries };
    },
  };
  const board = new OpenIncidents();
  for (let scrape = 1; scrape <= 5; scrape += 1) {
    expect(await board.read(store, 0)).toHaveLength(250);
    expect(read).toHaveLength(100 * scrape);
  }
  expect(new Set(read.slice(0, 250)).size).toBe(250);
  expect(read.slice(250)).toEqual(read.slice(0, 250));
});
