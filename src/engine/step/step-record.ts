import type { StepFinished } from '../../incident/event.ts';
import type { Advance, Went } from '../advancing.ts';

export async function endStep({ cursor }: Advance, data: StepFinished): Promise<Went> {
  await cursor.record({ type: 'stepFinished', data });
  return 'on';
}

/** A sleep is written down when it begins, when its reason changes, and when it is counted; not at each poll. */
export async function sleepInStep(
  { cursor }: Advance,
  data: { n: number; until: number; for: string; says: string },
  counted: boolean,
): Promise<Went> {
  const { slept } = cursor.incident;
  const same = slept?.n === data.n && slept.for === data.for && slept.says === data.says;
  if (counted || !same) await cursor.record({ type: 'slept', data });
  return { is: 'sleeping', until: data.until };
}
