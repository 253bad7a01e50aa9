/**
 * How much is tried, and what must hold whatever is sent. `FUZZ_RUNS` is the number of cases of all properties together,
 * `FUZZ_SEED` repeats a run: both are printed.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';

/** What faces outside, and its share of the cases: what answers over a socket is slower. */
const SHARES = {
  sources: 0.24,
  times: 0.1,
  json: 0.12,
  bodies: 0.06,
  requests: 0.02,
  bytes: 0.005,
  tokens: 0.1,
  signatures: 0.07,
  replies: 0.1,
  answers: 0.015,
  verdicts: 0.04,
  playbooks: 0.03,
  configuration: 0.03,
  catalog: 0.02,
  environment: 0.02,
  addresses: 0.03,
} as const;

export type Parser = keyof typeof SHARES;

const RUNS = Number(process.env.FUZZ_RUNS ?? 20_000);
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
/** Real milliseconds that a case may take on average; a hang is seen by whoever started the run. */
const EACH = 60;
const MOST_MEMORY = 2 * 1024 ** 3;

/** One property of one parser; of several each gets its part of the share. */
export function fuzz<T>(
  parser: Parser,
  title: string,
  cases: fc.Arbitrary<T>,
  holds: (given: T) => void | Promise<void>,
  part = 1,
): void {
  const runs = Math.ceil(RUNS * SHARES[parser] * part);
  it(
    `${parser}: ${title}`,
    async () => {
      let worst = 0;
      const began = performance.now();
      const property = fc.asyncProperty(cases, async (given) => {
        const start = performance.now();
        const pending = holds(given);
        if (pending) await pending;
        worst = Math.max(worst, performance.now() - start);
      });
      await fc.assert(property, { numRuns: runs, seed: SEED });
      const took = performance.now() - began;
      console.log(`fuzz ${parser}: ${runs} cases, seed ${SEED}, ${Math.round(took)} ms, worst ${Math.round(worst)} ms`);
      expect(took / runs).toBeLessThan(EACH);
      expect(process.memoryUsage().rss).toBeLessThan(MOST_MEMORY);
      // Nobody may teach every object something.
      expect(Object.getOwnPropertyNames(Object.prototype).filter((key) => !OWN.has(key))).toEqual([]);
    },
    30_000 + runs * EACH,
  );
}

const OWN = new Set(Object.getOwnPropertyNames(Object.prototype));

/** What breaks parsers: endings, brackets, blanks, names of the language, in numbers that make slow patterns slow. */
const PIECES = [
  ...['', ' ', '\t', '\n', '\r\n', '\0', '\u2028', '\ufeff', '\ud800', '😀', '正常', 'ß', '%', '%zz', '\\', '/', ';'],
  ...['{', '}', '[', ']', '(', ')', '"', "'", ':', ',', '-', '+', '.', '*', '&', '!', '|', '>', '#', '@', '=', '$('],
  ...['0', '9', '1e999', '-0', 'NaN', 'null', 'true', 'undefined', '__proto__', 'constructor', 'toString', '<<'],
  ...['mbx1', 'mbx1.contoso.com', 'IMAP.Protocol', 'firing', '2024-11-23', 'T10:11:12Z', '/Date(', ')/', '_Mbx:', 'a'],
  ...[' health set unhealthy (', ') - ', '; Stop-Computer', 'x'.repeat(300)],
];

const piece = fc.constantFrom(...PIECES);

export const text: fc.Arbitrary<string> = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
  fc.tuple(piece, fc.integer({ min: 1, max: 3_000 }), piece).map(([one, times, last]) => one.repeat(times) + last),
);

const scalar: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: text },
  { weight: 1, arbitrary: fc.double() },
  { weight: 1, arbitrary: fc.constantFrom(null, true, false, 0, -1, 2 ** 53, 1e308, 8.64e15 + 1) },
);

/** What JSON can hold, with keys that mean something to JavaScript. */
export const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.oneof(piece, text), tie('value')), { maxLength: 4 })
      .map((pairs) =>
        JSON.parse(`{${pairs.map(([key, inner]) => `${JSON.stringify(key)}:${JSON.stringify(inner) ?? null}`)}}`),
      ),
  ),
})).value;

/** A good value with some of its parts replaced, taken out, or given another name. */
export function mutated(...good: unknown[]): fc.Arbitrary<unknown> {
  const change = fc.record({
    where: fc.nat(),
    how: fc.constantFrom('replace', 'drop', 'rename', 'double'),
    with: value,
  });
  return fc
    .tuple(fc.constantFrom(...good), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([start, changes]) => changes.reduce((now, each) => mutate(now, each), structuredClone(start)));
}

function mutate(root: unknown, { where, how, with: given }: { where: number; how: string; with: unknown }): unknown {
  const places: [holder: Record<string, unknown>, key: string][] = [];
  const walk = (holder: unknown) => {
    if (typeof holder !== 'object' || holder === null) return;
    for (const key of Object.keys(holder)) {
      places.push([holder as Record<string, unknown>, key]);
      walk((holder as Record<string, unknown>)[key]);
    }
  };
  walk(root);
  const place = places[where % (places.length + 1)];
  if (!place) return structuredClone(given);
  const [holder, key] = place;
  if (how === 'drop' && Array.isArray(holder)) holder.splice(Number(key), 1);
  else if (how === 'drop') delete holder[key];
  else if (how === 'rename' && typeof given === 'string' && !Array.isArray(holder) && given !== '__proto__') {
    holder[given] = holder[key];
    delete holder[key];
  } else if (how === 'double' && Array.isArray(holder)) holder.push(structuredClone(holder[0]));
  else holder[key] = structuredClone(given);
  return root;
}

/** A good text with spans of it cut, repeated, or replaced by what breaks parsers. */
export function spliced(...good: string[]): fc.Arbitrary<string> {
  const cut = fc.record({ at: fc.nat(), length: fc.nat(40), times: fc.nat(3), put: fc.oneof(piece, text) });
  return fc.tuple(fc.constantFrom(...good), fc.array(cut, { minLength: 1, maxLength: 5 })).map(([start, cuts]) =>
    cuts.reduce((now, { at, length, times, put }) => {
      const from = at % (now.length + 1);
      return now.slice(0, from) + put + now.slice(from, from + length).repeat(times) + now.slice(from + length);
    }, start),
  );
}

/** Either it answers, or it fails with an error of that name: never with anything else. */
export function failsOnlyWith(kind: abstract new (...args: never[]) => Error, attempt: () => unknown): void {
  try {
    attempt();
  } catch (error) {
    if (!(error instanceof kind)) throw error;
  }
}
