import { chanceFrom } from './chance.ts';
import { everyExactRun, exactRunOf } from './exact.ts';
import { exactPlan } from './plan.ts';
import { EVERYTHING, playAll, seeds } from './rounds.ts';

const sample = seeds(4).map((seed) => exactPlan(exactRunOf(chanceFrom(seed)), { again: `CRASH_SEED=${seed} ` }));
const everything = everyExactRun().map((run) => exactPlan(run, { again: 'CRASH_ALL=1 ' }));

playAll('at exact places', EVERYTHING ? everything : sample, { sideBySide: true });
