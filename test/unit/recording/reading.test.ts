/** Recording can't change anything: there is no call for it, and no way around. */
import { describe, expect, expectTypeOf, it } from 'vitest';
import { createLab } from '../../../src/lab/lab.ts';
import { CHANGING_CALLS, type Exchange, READING_CALLS } from '../../../src/ports/exchange.ts';
import { type ReadingExchange, readingOnly } from '../../../src/recording/reading.ts';
import { recordLab } from './recorded.ts';

const CHANGING = Object.keys(CHANGING_CALLS) as (keyof typeof CHANGING_CALLS)[];

/** A port each of whose changing verbs is a trap. */
function trapped(): { exchange: Exchange; sprung: string[] } {
  const sprung: string[] = [];
  const lab = createLab({ speed: 1, virtual: true }).exchange();
  const traps = CHANGING.map((verb) => [
    verb,
    async () => {
      sprung.push(verb);
      return { value: { effect: 'changed' }, warnings: [] };
    },
  ]);
  return { exchange: { ...lab, ...Object.fromEntries(traps) } as Exchange, sprung };
}

describe('the guard', () => {
  it('has a type without any changing call, and every call is either reading or changing', () => {
    expectTypeOf<keyof ReadingExchange & keyof typeof CHANGING_CALLS>().toEqualTypeOf<never>();
    expectTypeOf<keyof Exchange>().toEqualTypeOf<keyof typeof READING_CALLS | keyof typeof CHANGING_CALLS>();
  });

  it('has all reading calls and nothing else', () => {
    const guarded = readingOnly(trapped().exchange, { probes: true });
    expect(Reflect.ownKeys(guarded).sort()).toEqual(Object.keys(READING_CALLS).sort());
    expect(Object.getPrototypeOf(guarded)).toBeNull();
  });

  it.each(CHANGING)('does not offer %s under any name', (verb) => {
    const { exchange, sprung } = trapped();
    const guarded = readingOnly(exchange, { probes: true }) as unknown as Record<string, unknown>;
    expect(guarded[verb]).toBeUndefined();
    expect(Reflect.get(guarded, verb, exchange)).toBeUndefined();
    expect(() => (guarded[verb] as () => unknown)()).toThrow(TypeError);
    // Nothing can be put there either, and no verb leads back to the port.
    expect(() => Object.defineProperty(guarded, verb, { value: exchange[verb] })).toThrow(TypeError);
    for (const reading of Object.values(guarded)) expect(Object.values(reading as object)).not.toContain(exchange);
    expect(sprung).toEqual([]);
  });

  it('runs no probe unless probes were requested', async () => {
    const { exchange } = trapped();
    await expect(readingOnly(exchange, { probes: false }).invokeProbe('mbx1', 'IMAP\\X')).rejects.toThrow(
      /probes are not enabled/,
    );
  });
});

it('recording a whole organisation sends only reading commands, one after another', async () => {
  const lab = createLab({ speed: 1, virtual: true });
  let atATime = 0;
  let most = 0;
  const around = (exchange: Exchange) =>
    new Proxy(exchange, {
      get:
        (target, verb: keyof Exchange) =>
        async (...given: never[]) => {
          most = Math.max(most, ++atATime);
          try {
            return await (target[verb] as (...all: never[]) => unknown)(...given);
          } finally {
            atATime--;
          }
        },
    });
  await recordLab(lab, { probes: true, around });
  const sent = lab.commands();
  expect(sent.length).toBeGreaterThan(300);
  expect(sent.filter(({ command, effect }) => !/^(Get|Invoke)-/.test(command) || effect !== 'none')).toEqual([]);
  expect(most).toBe(1);
});
