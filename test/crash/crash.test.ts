import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { audit } from './audit.ts';
import { count, noFigures, tell } from './figures.ts';
import { describePlan, planOf } from './plan.ts';
import { play } from './round.ts';

/** CRASH_SEED: the first round's seed; those after it have the numbers after it. CRASH_ROUNDS: how many. */
const SEED = Number(process.env.CRASH_SEED ?? 1);
const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 10);

const figures = noFigures();
afterAll(() => console.log(tell(figures)));

test.each(Array.from({ length: ROUNDS }, (_, index) => planOf(SEED + index)))('seed $seed', async (plan) => {
  console.log(describePlan(plan));
  const aftermath = await play(plan);
  count(figures, aftermath);
  const wrong = audit(aftermath);
  if (wrong.length > 0) {
    const file = join(mkdtempSync(join(tmpdir(), 'crash-')), `seed-${plan.seed}.json`);
    writeFileSync(file, JSON.stringify(aftermath, null, 2));
    console.log(`CRASH_SEED=${plan.seed} CRASH_ROUNDS=1 npm run crash plays it again; everything seen is in ${file}`);
  }
  expect(wrong).toEqual([]);
});
