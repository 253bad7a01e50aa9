import { expect, test } from 'vitest';
import { breakIt, testsOf } from '../mutations/break.ts';
import { ALL } from '../mutations/table.ts';

test.each(ALL.map((row) => [row.says, row] as const))('the code and the tests of a mutation exist: %s', (_, row) => {
  expect(() => [breakIt(row), testsOf(row)]).not.toThrow();
});
