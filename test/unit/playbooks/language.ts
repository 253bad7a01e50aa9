/** A small language for tests, and the shipped catalog. */
import { z } from 'zod';
import { ConfigError } from '../../../src/config/problems.ts';
import { duration } from '../../../src/config/schema.ts';
import type { StepLanguage } from '../../../src/playbooks/language.ts';
import { type PlaybookLanguage, readPlaybooks } from '../../../src/playbooks/read.ts';
import { loadCatalog } from '../../../src/verification/catalog.ts';

const restartService: StepLanguage = {
  name: 'restart-service',
  summary: 'Restarts a service.',
  shorthand: 'name',
  options: z.strictObject({
    name: z.union([z.string(), z.array(z.string()).min(1)]),
    on: z.enum(['this-server', 'back-end']).prefault('this-server'),
  }),
  checks({ name }, { services }) {
    return [name as string | string[]]
      .flat()
      .filter((service) => !services.includes(service))
      .map((service) => `name: ${service} is not on the allow-list`);
  },
};

const STEPS: StepLanguage[] = [
  restartService,
  { name: 'recheck', summary: 'Rechecks health.', options: z.strictObject({ attempts: z.int().prefault(1) }) },
  { name: 'wait', summary: 'Waits.', shorthand: 'for', options: z.strictObject({ for: duration }) },
  { name: 'fail-over-databases', summary: 'Drains.', options: z.strictObject({}) },
  { name: 'escalate', summary: 'Calls.', shorthand: 'to', options: z.strictObject({ to: z.string().optional() }) },
];

export const LANGUAGE: PlaybookLanguage = {
  steps: STEPS,
  services: ['MSExchangeIMAP4', 'MSExchangeIMAP4BE'],
  catalog: loadCatalog('config/health-sets.yaml'),
  settings: { defaults: { mode: 'observe', steps: {} }, restrictions: [], places: {} },
};

/** Reads one text as the file `p.yaml`. */
export function read(text: string) {
  return readPlaybooks([{ file: 'p.yaml', text }], LANGUAGE);
}

/** A playbook with these steps, given as lines of the file. */
export function withSteps(...lines: string[]): string {
  const head = ['playbook: p', 'summary: s', 'handles: [IMAP\\ImapCTPMonitor]', 'steps:'];
  return [...head, ...lines.map((line) => `  ${line}`)].join('\n');
}

export function stepsOf(...lines: string[]) {
  return read(withSteps(...lines))[0]?.steps;
}

/** Each problem as one line. */
export function problemsOf(reading: () => unknown): string[] {
  try {
    reading();
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
}
