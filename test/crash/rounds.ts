import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { audit } from './audit.ts';
import { count, noFigures, tell } from './figures.ts';
import { describePlan, type Plan } from './plan.ts';
import { play } from './round.ts';

/** CRASH_SEED: the first round's seed; those after it have the numbers after it. */
const SEED = Number(process.env.CRASH_SEED ?? 1);

/** As many seeds as CRASH_ROUNDS says, or so many. */
export function seeds(rounds: number): number[] {
  return Array.from({ length: Number(process.env.CRASH_ROUNDS ?? rounds) }, (_, index) => SEED + index);
}

/** CRASH_ALL=1: everything there is, for hours, instead of a sample. */
export const EVERYTHING = process.env.CRASH_ALL === '1';

/** A test for each; prints what was played, what plays it again, and what all of them come to. */
export function playAll(title: string, plans: Plan[], how: { sideBySide: boolean }): void {
  const figures = noFigures();
  afterAll(() => console.log(tell(title, figures)));
  for (const plan of plans) {
    const name = `${title}: ${plan.name}`;
    const run = async () => {
      console.log(`${title}: ${describePlan(plan)}`);
      const aftermath = await play(plan);
      count(figures, aftermath);
      const wrong = audit(aftermath);
      const { seconds, kills, stops } = aftermath;
      console.log(
        `${name}: ${Math.round(seconds)} s, ${kills.length} killed, ${stops.length} stopped, ${wrong.length} wrong`,
      );
      if (wrong.length > 0) {
        const file = join(mkdtempSync(join(tmpdir(), 'crash-')), 'aftermath.json');
        writeFileSync(file, JSON.stringify(aftermath, null, 2));
        console.log(`${plan.again}npm run crash -- -t '${name}' plays it again; everything seen is in ${file}`);
      }
      expect(wrong).toEqual([]);
    };
    if (how.sideBySide) test.concurrent(name, { timeout: 2 * plan.limit + 60_000 }, run);
    else test(name, { timeout: 2 * plan.limit + 60_000 }, run);
  }
}
