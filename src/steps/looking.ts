import type { MonitorRef } from '../incident/health.ts';
import { currentRun } from '../incident/incident.ts';
import type { Look, StepContext } from './step.ts';

/**
 * Looks at the monitors that the current playbook handles. Healthy and unhealthy are answers; seeing nothing is looked
 * at again, a few times, and then ends in escalation: never in a harsher step, and never in "healthy".
 */
export async function lookAtHandled(context: StepContext): Promise<Look> {
  const { incident, record, clock, settings } = context;
  const handles: MonitorRef[] = currentRun(incident)?.handles ?? [];
  const looked = await context.verifier.monitors(incident.server, handles, incident.change, context.signal);
  if (looked.verdict === 'cleared') return { look: 'done', health: 'healthy', says: looked.reason, looked };
  if (looked.verdict === 'confirmed') return { look: 'done', health: 'unhealthy', says: looked.reason, looked };
  if (looked.dueBy !== undefined) {
    // Its monitor has not evaluated since our change, or no event came yet: not blind, only early.
    const soon = Math.min(looked.dueBy, clock.now() + settings.lookEvery / 2);
    return { look: 'pending', until: soon, says: 'waiting until the monitor has evaluated again' };
  }
  if (record.blindLooks < settings.looks) {
    return { look: 'pending', until: clock.now() + settings.lookEvery, says: looked.reason, counts: 'look' };
  }
  return {
    look: 'refused',
    says: `Health could not be seen (looked ${record.blindLooks + 1} times): ${looked.reason}`,
    looked,
  };
}
