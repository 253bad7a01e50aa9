import type { StepFinished } from '../../incident/event.ts';
import type { Advance, Progress } from '../advancing.ts';

export async function endStep({ cursor }: Advance, data: StepFinished): Promise<Progress> {
  await cursor.record({ type: 'stepFinished', data });
  return 'on';
}
