import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../src/adapters/http/json.ts';

/** Patterns of JavaScript run out of stack in one of ten megabytes; `http.body-limit` may be larger. */
const LONG = 20_000_000;

describe('the place of an error behind something long', () => {
  it.each([
    ['a string', `"${'a'.repeat(LONG)}"`],
    ['a string of escapes', `"${'\\n'.repeat(LONG / 2)}"`],
    ['a number', '1'.repeat(LONG)],
    ['blanks', `1${' '.repeat(LONG)}`],
  ])('%s', (_, long) => {
    expect(parseJson(`${long} x`)).toEqual({
      ok: false,
      message: `is not JSON at line 1, column ${long.length + 2}: "x"`,
    });
  });
});
