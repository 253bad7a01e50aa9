import { expect, test } from 'vitest';
import { evidence } from '../../../src/guards/evidence.ts';
import { NINE } from '../../support/stub.ts';
import { context } from './context.ts';

const OLD = NINE + 24 * 3_600_000;

test.each([
  { says: 'seen just now', given: { now: NINE }, is: { answer: 'allow' } },
  { says: 'seen long ago', given: { now: OLD }, is: { answer: 'verify' } },
  {
    says: 'seen long ago, and verified a moment ago',
    given: { now: OLD, justVerified: true },
    is: { answer: 'allow' },
  },
])('a problem that was $says: $is.answer', async ({ given, is }) => {
  expect(await evidence.judge(context(given))).toEqual(is);
});
