import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalText, entryHash, link, verifyChain } from '../../../src/incident/chain.ts';
import type { Entry, IncidentEvent } from '../../../src/incident/event.ts';

function aChain(length: number): { entries: Entry[]; head: { seq: number; hash: string } } {
  let head = { seq: 0, hash: '' };
  const entries = Array.from({ length }, (_, n) => {
    const event: IncidentEvent = { type: 'slept', data: { until: n, for: 'look', says: `待機 ${n}` } };
    const linked = link(head, event, { at: n, worker: 'w' });
    head = { seq: linked.entry.seq, hash: linked.hash };
    return linked.entry;
  });
  return { entries, head };
}

describe('the chain of hashes', () => {
  it('verifies as written, and when it is empty', () => {
    const { entries, head } = aChain(5);
    expect(verifyChain(entries, head)).toEqual({ ok: true, entries: 5 });
    expect(verifyChain([], { seq: 0, hash: '' })).toEqual({ ok: true, entries: 0 });
  });

  type Chain = ReturnType<typeof aChain>;
  it.each<[string, (chain: Chain) => void, seq: number]>([
    ['a first entry that was changed', ({ entries }) => Object.assign(entries[0]!, { worker: 'x' }), 1],
    ['a middle entry that was changed', ({ entries }) => Object.assign(entries[2]!.data, { says: 'x' }), 3],
    ['a last entry that was changed', ({ entries }) => Object.assign(entries[4]!, { at: 99 }), 5],
    ['an entry that was taken out', ({ entries }) => entries.splice(2, 1), 3],
    ['a beginning that was cut off', ({ entries }) => entries.splice(0, 1), 1],
    ['an end that was cut off', ({ entries }) => entries.splice(4, 1), 5],
    ['two entries that changed places', ({ entries }) => entries.push(...entries.splice(3, 1)), 4],
    [
      'an entry that was put in',
      ({ entries }) => entries.splice(2, 0, { ...entries[1]!, seq: 3, previous: entryHash(entries[1]!) }),
      4,
    ],
    ['a head of another chain', (chain) => Object.assign(chain.head, { hash: 'f'.repeat(64) }), 5],
  ])('finds %s', (_, change, seq) => {
    const chain = aChain(5);
    change(chain);
    expect(verifyChain(chain.entries, chain.head)).toMatchObject({ ok: false, seq });
  });

  it('does not depend on the order in which fields were set', () => {
    const { entries } = aChain(1);
    const turned = Object.fromEntries(Object.entries(entries[0]!).reverse()) as unknown as Entry;
    expect(entryHash(turned)).toBe(entryHash(entries[0]!));
  });

  it('has one text for an entry, before it is stored and after', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()), (note) => {
        const event: IncidentEvent = { type: 'stepStarted', data: { n: 1, note } };
        const { text, entry, hash } = link({ seq: 0, hash: '' }, event, { at: 1, worker: 'w' });
        expect(canonicalText(JSON.parse(text) as Entry)).toBe(text);
        expect(text).not.toContain('\n');
        expect(entryHash(entry)).toBe(hash);
      }),
    );
  });

  it('leaves out what is undefined, and keeps lone surrogates readable', () => {
    const note = { nothing: undefined, lone: '\ud800', nan: Number.NaN, list: [undefined, 1] };
    const { entry } = link({ seq: 0, hash: '' }, { type: 'stepStarted', data: { n: 1, note } }, { at: 1, worker: 'w' });
    expect(entry.data).toEqual({ n: 1, note: { lone: '\ud800', nan: null, list: [null, 1] } });
  });
});
