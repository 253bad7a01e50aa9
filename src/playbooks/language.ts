/**
 * What the playbook language knows about a kind of step: its name and its options. `src/steps/` has one file per kind;
 * the reader of playbooks knows no step by name.
 */
import type { z } from 'zod';
import type { Script, ScriptValue } from './scripts.ts';

/** What the checks of a step may use, besides its options. */
export interface StepEnvironment {
  /** The services that may be restarted (`safety.services`). */
  services: readonly string[];
  /** A script of the admin with these values for its parameters, or what is wrong. */
  script(
    name: string,
    values: Record<string, ScriptValue> | undefined,
  ): { script: Script; complaints?: never } | { script?: never; complaints: string[] };
}

export interface StepLanguage {
  /** The name in playbooks: `restart-service`. */
  readonly name: string;
  /** One sentence for Exchange admins, shown in editor completion and docs/playbooks.md. */
  readonly summary: string;
  /**
   * The option that a bare value sets. With `name`, the value of `restart-service: MSExchangeIMAP4BE` becomes that
   * option. If absent, the step takes no bare value.
   */
  readonly shorthand?: string;
  /**
   * A `z.strictObject` with the keys of the YAML (`back-within`) and its own defaults (`duration.prefault('45m')`).
   * Durations use `duration` of src/config/schema.ts and are milliseconds.
   */
  readonly options: z.ZodObject;
  /**
   * Checks beyond the schema: one sentence per problem with the validated options. A sentence that begins with an
   * option and a colon (`every: is longer than for`) is reported at that option.
   */
  checks?(options: Record<string, unknown>, environment: StepEnvironment): string[];

  /**
   * The options with what other files say, such as the hash of a script: part of the playbook from then on. Called if
   * `checks` found nothing.
   */
  complete?(options: Record<string, unknown>, environment: StepEnvironment): Record<string, unknown>;
}
