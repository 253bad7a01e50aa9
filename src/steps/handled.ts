import type { MonitorRef } from '../incident/health.ts';
import { currentRun } from '../incident/incident.ts';
import type { Polled, StepContext } from './step.ts';

/**
 * Verifies the monitors that the current playbook handles. An inconclusive result is retried a few times and then ends
 * in escalation, never in a harsher step and never in "healthy".
 */
export async function verifyHandled(context: StepContext): Promise<Polled> {
  const { incident, record, clock, settings } = context;
  const handles: MonitorRef[] = currentRun(incident)?.handles ?? [];
  const verified = await context.verifier.monitors(incident.server, handles, incident.change, context.signal);
  if (verified.verdict === 'cleared') return { is: 'done', health: 'healthy', says: verified.reason, looked: verified };
  if (verified.verdict === 'confirmed')
    return { is: 'done', health: 'unhealthy', says: verified.reason, looked: verified };
  if (verified.dueBy !== undefined) {
    // The monitor has not evaluated since our change, or no event has come yet: too early to call it inconclusive.
    const retryAt = Math.min(verified.dueBy, clock.now() + settings.retryEvery / 2);
    return { is: 'pending', until: retryAt, says: 'waiting until the monitor has evaluated again' };
  }
  if (record.inconclusiveTries < settings.retries) {
    return { is: 'pending', until: clock.now() + settings.retryEvery, says: verified.reason, counts: 'look' };
  }
  return {
    is: 'refused',
    says: `Health could not be verified (tried ${record.inconclusiveTries + 1} times): ${verified.reason}`,
    looked: verified,
  };
}
