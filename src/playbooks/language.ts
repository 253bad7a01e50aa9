/**
 * What the playbook language knows about a kind of step: its name, its options, what they may be. `src/steps/` holds one
 * file per kind, and each says this much about itself; the reader of playbooks knows no step by name.
 */
import type { z } from 'zod';

/** What a step's own checks may look at, besides its options. */
export interface StepEnvironment {
  /** The services that may be restarted at all (`safety.services`). */
  services: readonly string[];
}

export interface StepLanguage {
  /** As a playbook writes it: `restart-service`. */
  readonly name: string;
  /** One sentence for an Exchange admin: completion in editors and docs/playbooks.md show it. */
  readonly summary: string;
  /**
   * The option that a bare value stands for: with `name`, `restart-service: MSExchangeIMAP4BE` means
   * `restart-service: { name: MSExchangeIMAP4BE }`. Absent: the step takes no bare value.
   */
  readonly shorthand?: string;
  /**
   * A `z.strictObject` whose keys are spelled as in the YAML (`back-within`), that fills its own defaults
   * (`duration.prefault('45m')`), with durations by `duration` of src/config/schema.ts (they arrive as milliseconds).
   */
  readonly options: z.ZodObject;
  /**
   * What the schema cannot say: a sentence for each thing wrong with the (checked and filled) options. One that begins with
   * an option and a colon (`every: is longer than for`) is shown at that option.
   */
  checks?(options: Record<string, unknown>, environment: StepEnvironment): string[];
}
