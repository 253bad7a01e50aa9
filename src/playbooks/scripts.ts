/**
 * Scripts of the admin that playbooks may run: `scripts/NAME.ps1` beside the folder of playbooks, and what `NAME.yaml`
 * declares about it. The declaration is read, never the script: its parameters have types before PowerShell sees them.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { ConfigError, didYouMean, formatProblem, zodProblems } from '../config/problems.ts';
import { positiveDuration } from '../config/schema.ts';
import { readYaml } from '../config/yaml.ts';

/** A file name without a folder, so that no other file can be meant. */
export const SCRIPT_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}\.ps1$/;
const PARAMETER_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
const MOST = 30 * 60_000;

const parameter = z.strictObject({
  type: z.enum(['string', 'int', 'bool']).describe('The type of its values.'),
  values: z.array(z.string().min(1)).min(1).optional().describe('The only texts that it may have.'),
  optional: z.boolean().default(false).describe('Whether a playbook may leave it out.'),
});

/** The schema of a declaration. */
export const scriptSchema = z.strictObject({
  summary: z.string().trim().min(1, 'is empty').max(200).describe('One line: what the script does.'),
  parameters: z
    .record(z.string().regex(PARAMETER_NAME, 'is not a name of a PowerShell parameter'), parameter)
    .default({})
    .describe('Its parameters with their types.'),
  within: positiveDuration
    .refine((ms) => ms <= MOST, 'is longer than 30m')
    .describe('The longest that it may take; then the server stops it.'),
  'after-crash': z
    .enum(['repeat', 'escalate'])
    .default('escalate')
    .describe('If it was interrupted half-way: run it again (it must be safe to run twice), or escalate.'),
  disrupts: z.string().trim().min(1).max(200).optional().describe('What users may notice while it runs.'),
});

export interface Script extends z.output<typeof scriptSchema> {
  name: string;
  sha256: string;
}

export type ScriptValue = string | number | boolean;

/** The folder of scripts that belongs to a folder of playbooks. */
export const scriptsBeside = (playbooks: string) => join(playbooks, '..', 'scripts');

/** The folder of scripts for a file with playbooks. */
export const scriptsFor = (file: string) => scriptsBeside(dirname(file));

/** SHA-256 of a script as it is now; undefined if there is none of that name. */
export function sha256Of(folder: string, name: string): string | undefined {
  if (!SCRIPT_NAME.test(name)) return undefined;
  const file = join(folder, name);
  return existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : undefined;
}

/** A script with its declaration, or what is wrong with them. */
export function readScript(folder: string, name: string): { script: Script } | { complaints: string[] } {
  if (!SCRIPT_NAME.test(name)) {
    return { complaints: [`${JSON.stringify(name)} is not the name of a script, such as "clear-cache.ps1"`] };
  }
  const sha256 = sha256Of(folder, name);
  if (sha256 === undefined) return { complaints: [`there is no ${join(folder, name)}`] };
  const file = join(folder, name.replace(/ps1$/, 'yaml'));
  if (!existsSync(file)) return { complaints: [`${file} is missing: it must declare what ${name} does`] };
  try {
    const source = readYaml(file);
    const read = scriptSchema.safeParse(source.data, { reportInput: true });
    if (read.success) return { script: { ...read.data, name, sha256 } };
    return { complaints: zodProblems(read.error, scriptSchema, source.locate).map(formatProblem) };
  } catch (error) {
    if (error instanceof ConfigError) return { complaints: error.problems.map(formatProblem) };
    throw error;
  }
}

/** What is wrong with the values that a playbook gives. */
export function wrongValues({ name, parameters }: Script, given: Record<string, ScriptValue>): string[] {
  const missing = Object.entries(parameters)
    .filter(([key, { optional }]) => !optional && !(key in given))
    .map(([key]) => `${name} needs ${key}`);
  const wrong = Object.entries(given).flatMap(([key, value]) => {
    const declared = Object.hasOwn(parameters, key) ? parameters[key] : undefined;
    if (!declared) {
      const hint =
        didYouMean(key, Object.keys(parameters)) ?? `it declares: ${Object.keys(parameters).join(', ') || 'none'}`;
      return [`${name} declares no parameter ${key}; ${hint}`];
    }
    return wrongValue(key, value, declared);
  });
  return [...missing, ...wrong];
}

function wrongValue(key: string, value: ScriptValue, { type, values }: z.output<typeof parameter>): string[] {
  const fits = {
    string: typeof value === 'string',
    int: Number.isSafeInteger(value),
    bool: typeof value === 'boolean',
  };
  if (!fits[type])
    return [`${key} must be ${{ string: 'a text', int: 'a whole number', bool: 'true or false' }[type]}`];
  if (typeof value !== 'string') return [];
  if (/[{}]/.test(value) && value !== SERVER)
    return [`${key}: only "${SERVER}" is replaced, and only as the whole value`];
  return values && value !== SERVER && !values.includes(value) ? [`${key} must be one of: ${values.join(', ')}`] : [];
}

/** Stands for the short name of the incident's server. */
export const SERVER = '{server}';
