import { type Plan, type PlannedTrouble, singlePlan } from './plan.ts';
import { PROCEDURES } from './procedures.ts';
import { EVERYTHING, playAll } from './rounds.ts';

const MINUTE = 60_000;

/** A machine's clock is set, and its daemon killed: the next one there goes on by that clock. */
function setAndKilled(minutes: number): Plan {
  return clocks(`by ${minutes} min, and then its daemon killed`, (set) => [
    { ...set, shift: minutes * MINUTE },
    { ...set, kind: 'kill a daemon', delay: 3_000 },
  ]);
}

/** What a daemon noted while its clock was fast must not be due an hour late when that is put right. */
function forthAndBack(minutes: number): Plan {
  const watches = PROCEDURES.find(({ playbook }) => playbook === 'imap-load');
  const plan = clocks(`by ${minutes} min, and back while it watches for ten minutes`, (set) => [
    { ...set, shift: minutes * MINUTE, at: { after: 'entry', count: 1 } },
    { ...set, shift: 0, at: { after: 'change', count: 2 }, delay: 800 },
  ]);
  return { ...plan, ...(watches && { procedure: watches }) };
}

function clocks(name: string, troubles: (set: PlannedTrouble) => PlannedTrouble[]): Plan {
  const plan = singlePlan(name, { kind: 'set a clock' }, { daemons: 1 });
  return { ...plan, troubles: plan.troubles.flatMap(troubles) };
}

const everything = [-60, -2, 2, 60].flatMap((minutes) => [setAndKilled(minutes), forthAndBack(minutes)]);

playAll('a clock is set', EVERYTHING ? everything : [setAndKilled(-60), forthAndBack(60), forthAndBack(-2)], {
  sideBySide: true,
});
