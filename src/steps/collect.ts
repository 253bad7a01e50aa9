import { ExchangeError } from '../ports/exchange.ts';
import type { StepContext } from './step.ts';

/**
 * Only Managed Availability's own recovery actions of this period (organisation's ms) are recorded, and only the
 * latest.
 */
const LOOK_BACK = 24 * 3_600_000;
const AT_MOST = 20;

/**
 * Records what a restart destroys and people need later: the recovery actions of Managed Availability, and the services
 * that were not running. Never fails the step: what can't be read is recorded as such.
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
