import { ExchangeError } from '../ports/exchange.ts';
import type { StepContext } from './step.ts';

/** How far back Managed Availability's own attempts are told of (organisation's ms), and how many at most. */
const LOOK_BACK = 24 * 3_600_000;
const AT_MOST = 20;

/**
 * What a restart destroys and a person will want to know: what Managed Availability did before, and which services did
 * not run. Never holds up the step: what can't be read is said.
 */
export async function collect(
  { exchange, clock, signal }: Pick<StepContext, 'exchange' | 'clock' | 'signal'>,
  server: string,
): Promise<Record<string, unknown>> {
  try {
    const { value: actions } = await exchange.recoveryActions(server, clock.now() - LOOK_BACK, { signal });
    const { value: services } = await exchange.services(server, { signal });
    return {
      recoveryActions: actions.slice(-AT_MOST),
      notRunning: services
        .filter((service) => service.startType === 'Automatic' && service.status !== 'Running')
        .map((service) => service.name),
    };
  } catch (error) {
    if (error instanceof ExchangeError) return { says: `could not be collected (${error.code}): ${error.message}` };
    throw error;
  }
}
