/** Numbers that look random, the same ones for the same seed. */
export interface Chance {
  /** From 0 to 1. */
  part(): number;
  whole(least: number, most: number): number;
  oneOf<T>(list: readonly T[]): T;
}

/** Mulberry32. */
export function chanceFrom(seed: number): Chance {
  let state = seed >>> 0;
  function part(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
  const whole = (least: number, most: number): number => least + Math.floor(part() * (most - least + 1));
  return { part, whole, oneOf: (list) => list[whole(0, list.length - 1)] as (typeof list)[number] };
}
