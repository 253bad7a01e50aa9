/** Every guard, in the order in which they are asked. Adding one: its file, and a line here. */
import { dagGate } from './dag.ts';
import { evidence } from './evidence.ts';
import type { Answer, Guard, GuardContext } from './guard.ts';
import { killSwitch } from './kill-switch.ts';
import { mode } from './mode.ts';
import { self } from './self.ts';
import { claim, slot } from './shared-state.ts';
import { throttle } from './throttle.ts';

export const GUARDS: readonly Guard[] = [killSwitch, mode, evidence, claim, slot, throttle, dagGate, self];

/** The first guard that does not allow, with its answer. What shared state decides is decided once more by the start itself. */
export async function askGuards(context: GuardContext): Promise<{ guard: string; answer: Answer } | undefined> {
  for (const guard of GUARDS) {
    const answer = await guard.judge(context);
    if (answer.answer !== 'allow') return { guard: guard.name, answer };
  }
  return undefined;
}
