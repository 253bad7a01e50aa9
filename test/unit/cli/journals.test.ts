import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, describe, expect, test } from 'vitest';
import { entriesIn, type JournalFilter, type ReadJournal, withJournals } from '../../../src/cli/daemon/journals.ts';
import { writeInstants } from '../../../src/ports/instants.ts';
import { journal } from '../backtest/support.ts';

const directory = mkdtempSync(join(tmpdir(), 'sr-journals-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const restarted = journal('protocol-restarted');
const proxy = journal('proxy-rebooted');

/** As the API answers it: times as text, no version. */
const answer = (entries: typeof restarted) => writeInstants(entries.map(({ version: _, ...entry }) => entry));

function fileOf(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

async function read(filter: JournalFilter): Promise<ReadJournal[]> {
  return withJournals(new Command(), filter, async (journals) => {
    const found: ReadJournal[] = [];
    for await (const one of journals) found.push(one);
    return found;
  });
}

describe('journals in a file', () => {
  const lines = [answer(restarted), { says: 'a recording', entries: proxy }].map((one) => JSON.stringify(one));
  const file = fileOf('journals.jsonl', `${lines.join('\r\n')}\n\nnot JSON\n{"entries": 1}\n`);

  test('are read line by line, as the API or the store writes them', async () => {
    const found = await read({ file });
    expect(found.slice(0, 2).map((one) => 'entries' in one && one.entries)).toEqual([restarted, proxy]);
    expect(found.map(({ share }) => share)).toEqual(found.map(({ share }) => share).toSorted((a, b) => a - b));
  });

  test('that cannot be read are named with their line', async () => {
    const found = await read({ file });
    expect(found.slice(2)).toEqual([
      { incident: `${file}:4`, share: expect.any(Number), why: expect.stringContaining('JSON') },
      { incident: `${file}:5`, share: expect.any(Number), why: expect.stringContaining('is not a journal') },
    ]);
  });

  test('may be one journal over many lines', async () => {
    const one = fileOf('one.json', JSON.stringify(answer(restarted), null, 2));
    expect(await read({ file: one })).toEqual([{ incident: expect.any(String), share: 1, entries: restarted }]);
  });

  const FILTERS: [string, JournalFilter, number][] = [
    ['a server', { server: 'cas1' }, 1],
    ['a server with its domain', { server: 'CAS1.contoso.com' }, 1],
    ['a server that has none', { server: 'mbx9' }, 0],
    ['a time before them', { since: '2020-01-01' }, 2],
    ['a time after them', { since: '2099-01-01' }, 0],
    ['their number', { limit: 1 }, 1],
  ];
  test.each(FILTERS)('are chosen by %s', async (_, filter, count) => {
    const found = await read({ file, ...filter });
    expect(found.filter((one) => 'entries' in one)).toHaveLength(count);
  });

  test('that do not exist are a clear error', async () => {
    await expect(read({ file: join(directory, 'none.jsonl') })).rejects.toThrow('The journals cannot be read: ENOENT');
  });
});

test.each([
  ['a number', 1],
  ['nothing', null],
  ['a list of numbers', [1]],
  ['an incident', { id: 'x' }],
])('%s is not a journal', (_, given) => {
  expect(() => entriesIn(given)).toThrow('is not a journal');
});
