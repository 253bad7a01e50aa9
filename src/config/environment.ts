/** `SECOND_RESPONDER_` + a path in capitals overrides the file: `SECOND_RESPONDER_HTTP_BODY_LIMIT=2mb`. */
import { z } from 'zod';
import { didYouMean, type Problem } from './problems.ts';
import { bare, type Leaf, leavesOf } from './shape.ts';
import { kebab, toSchemaSpelling, writePath } from './spelling.ts';

const ENVIRONMENT_PREFIX = 'SECOND_RESPONDER_';

/** Variables that configure the commands which call a daemon. */
const NOT_CONFIGURATION = new Set(['SECOND_RESPONDER_URL', 'SECOND_RESPONDER_TOKEN']);

/**
 * Kubernetes and Docker links set variables in each container that are named after the other services. For a service
 * called second-responder they look like ours: SECOND_RESPONDER_PORT=tcp://10.0.0.1:8080.
 */
function isServiceLink(variable: string, text: string): boolean {
  const name = variable.slice(ENVIRONMENT_PREFIX.length);
  if (name === 'PORT') return /^(tcp|udp|sctp):\/\//.test(text);
  return /^(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/.test(name);
}

export interface Override {
  variable: string;
  path: string[];
  value: unknown;
}

/** `['http', 'bodyLimit']` → `SECOND_RESPONDER_HTTP_BODY_LIMIT` */
export function variableOf(path: readonly string[]): string {
  return ENVIRONMENT_PREFIX + path.map(kebab).join('_').replaceAll('-', '_').toUpperCase();
}

/**
 * The values that the environment overrides. An empty variable counts as unset; REDIS_URL is the only name without our
 * prefix.
 */
export function readEnvironment(
  schema: z.ZodType,
  env: Readonly<Record<string, string | undefined>>,
): { overrides: Override[]; problems: Problem[] } {
  const leaves = new Map<string, Leaf>(leavesOf(schema).map((leaf) => [variableOf(leaf.path), leaf]));
  const overrides: Override[] = [];
  const problems: Problem[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(ENVIRONMENT_PREFIX) || !text || NOT_CONFIGURATION.has(variable)) continue;
    if (isServiceLink(variable, text)) continue;
    const leaf = leaves.get(variable);
    if (!leaf) {
      const hint = didYouMean(variable, leaves.keys());
      problems.push({ ...variablePlace(variable), message: 'no setting has this name', ...(hint && { hint }) });
      continue;
    }
    const value = readValue(text, leaf.schema);
    if (value === undefined) {
      problems.push({
        ...variablePlace(variable),
        message: `must be JSON because ${writePath(leaf.path, kebab)} ${bare(leaf.schema) instanceof z.ZodArray ? 'is a list' : 'has keys'}`,
      });
      continue;
    }
    const twice = () => problems.push({ ...variablePlace(variable), message: 'has a key in both spellings' });
    overrides.push({ variable, path: leaf.path, value: toSchemaSpelling(value, leaf.schema, twice) });
  }
  if (env.REDIS_URL) overrides.push({ variable: 'REDIS_URL', path: ['store', 'url'], value: env.REDIS_URL });
  return { overrides, problems };
}

export function variablePlace(variable: string): Pick<Problem, 'file' | 'line' | 'column' | 'path'> {
  return { file: 'environment', line: 0, column: 0, path: variable };
}

/** Text that does not fit stays text, so that the schema reports it; undefined for invalid JSON. */
function readValue(text: string, schema: z.ZodType): unknown {
  const inner = bare(schema);
  if (inner instanceof z.ZodNumber) return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  if (inner instanceof z.ZodBoolean) return text === 'true' ? true : text === 'false' ? false : text;
  if (!(inner instanceof z.ZodArray || inner instanceof z.ZodRecord)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
