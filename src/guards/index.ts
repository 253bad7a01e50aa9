/** Every guard, in the order in which they are asked. To add one, create its file and add a line here. */
import { busy } from './busy.ts';
import { commonCause } from './common-cause.ts';
import { dagGate } from './dag.ts';
import { dependency } from './dependency.ts';
import { evidence } from './evidence.ts';
import type { Answer, Guard, GuardContext } from './guard.ts';
import { killSwitch } from './kill-switch.ts';
import { maintenance } from './maintenance.ts';
import { mode } from './mode.ts';
import { responder } from './responder.ts';
import { self } from './self.ts';
import { claim, slot } from './shared-state.ts';
import { site } from './site.ts';
import { throttle } from './throttle.ts';
import { trust } from './trust.ts';

export const GUARDS: readonly Guard[] = [
  killSwitch,
  mode,
  evidence,
  maintenance,
  responder,
  busy,
  dependency,
  commonCause,
  claim,
  slot,
  throttle,
  dagGate,
  site,
  self,
  trust,
];

/** A guard and its answer. */
export interface Asked {
  guard: string;
  answer: Answer;
}

/**
 * The first guard that does not allow, with its answer; `onAnswer` is called with every answer until then. The atomic start
 * checks conditions on shared state again.
 */
export async function askGuards(
  context: GuardContext,
  onAnswer: (asked: Asked) => void = () => {},
): Promise<Asked | undefined> {
  for (const guard of GUARDS) {
    const asked = { guard: guard.name, answer: await guard.judge(context) };
    onAnswer(asked);
    if (asked.answer.answer !== 'allow') return asked;
  }
  return undefined;
}

/** The answer of every guard, also after one that does not allow. */
export function askAllGuards(context: GuardContext): Promise<Asked[]> {
  return Promise.all(GUARDS.map(async ({ name, judge }) => ({ guard: name, answer: await judge(context) })));
}
