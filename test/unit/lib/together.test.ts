import { expect, test } from 'vitest';
import { Together } from '../../../src/lib/together.ts';

/** Work that ends on request. */
function gate() {
  const rounds: string[][] = [];
  const ends: { resolve(): void; reject(error: Error): void }[] = [];
  const work = (ids: string[]) => {
    rounds.push([...ids]);
    return new Promise<void>((resolve, reject) => {
      ends.push({ resolve, reject });
    });
  };
  return { rounds, ends, work };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('ids that arrive during a round are gathered, and processed together', async () => {
  const together = new Together();
  const { rounds, ends, work } = gate();
  const first = together.run('imap', 'a', work);
  await turn();
  const others = ['b', 'c', 'd'].map((id) => together.run('imap', id, work));
  await turn();
  expect(rounds).toEqual([['a']]);
  ends[0]?.resolve();
  await first;
  await turn();
  expect(rounds).toEqual([['a'], ['b', 'c', 'd']]);
  ends[1]?.resolve();
  await Promise.all(others);
});

test('different keys run in parallel', async () => {
  const together = new Together();
  const { rounds, ends, work } = gate();
  const both = [together.run('imap', 'a', work), together.run('owa', 'b', work)];
  await turn();
  expect(rounds).toEqual([['a'], ['b']]);
  for (const end of ends) end.resolve();
  await Promise.all(both);
});

test('a failed round is reported to its own callers, and the next one runs', async () => {
  const together = new Together();
  const { rounds, ends, work } = gate();
  const first = together.run('imap', 'a', work);
  await turn();
  const second = together.run('imap', 'b', work);
  ends[0]?.reject(new Error('the store is away'));
  await expect(first).rejects.toThrow('the store is away');
  await turn();
  expect(rounds).toEqual([['a'], ['b']]);
  ends[1]?.resolve();
  await second;
  const third = together.run('imap', 'c', work);
  await turn();
  expect(rounds.at(-1)).toEqual(['c']);
  ends[2]?.resolve();
  await third;
});
