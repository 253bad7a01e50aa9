import { COMMAND_FAULTS } from './commands.ts';
import type { Fault } from './fault.ts';
import { HEALTH_FAULTS } from './health.ts';
import { IMAP_FAULTS } from './imap.ts';
import { SERVER_FAULTS } from './servers.ts';
import { SERVICE_FAULTS } from './services.ts';

/** Every fault and disturbance. */
export const FAULTS: readonly Fault[] = [
  ...IMAP_FAULTS,
  ...HEALTH_FAULTS,
  ...SERVICE_FAULTS,
  ...COMMAND_FAULTS,
  ...SERVER_FAULTS,
];

export function faultNamed(name: string): Fault | undefined {
  return FAULTS.find((fault) => fault.name === name);
}
