import type { StepFinished } from '../../incident/event.ts';
import type { Advance, Went } from '../advancing.ts';

export async function endStep({ cursor }: Advance, data: StepFinished): Promise<Went> {
  await cursor.record({ type: 'stepFinished', data });
  return 'on';
}
