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

/** The first guard that does not allow, with its answer. The atomic start checks conditions on shared state again. */
export async function askGuards(context: GuardContext): Promise<{ guard: string; answer: Answer } | undefined> {
  for (const guard of GUARDS) {
    const answer = await guard.judge(context);
    if (answer.answer !== 'allow') return { guard: guard.name, answer };
  }
  return undefined;
}
