import { safeAddress } from '../lib/shown.ts';
import { configSchema } from './config.ts';
import { getIn } from './data.ts';
import type { Loaded } from './load.ts';
import { defaultOf, leavesOf } from './shape.ts';
import { kebab, writePath } from './spelling.ts';

export interface ShownValue {
  /** `http.body-limit` */
  path: string;
  /** As it is written (`10m`); secrets masked; undefined where nothing is set. */
  value: unknown;
  /** `default`, `file`, `environment NAME`. */
  origin: string;
}

const MASK = '********';
const SECRET = new Set(['token', 'signingSecret']);

/** Every value with where it came from. Secrets are masked, also inside addresses. */
export function showConfig(loaded: Loaded): ShownValue[] {
  return leavesOf(configSchema).map(({ path, schema }) => {
    const name = writePath(path, kebab);
    const used = getIn(loaded.config, path);
    const written = getIn(loaded.written, path) ?? defaultOf(schema);
    // Durations and sizes are shown with their unit; everything else as it is used: absolute paths, the mode in force.
    const value = typeof used === 'number' && typeof written === 'string' ? written : used;
    return { path: name, value: mask(value), origin: loaded.origins.get(name) ?? 'default' };
  });
}

function mask(value: unknown, key = ''): unknown {
  if (SECRET.has(key)) return value === undefined ? undefined : MASK;
  if (Array.isArray(value)) return value.map((item) => mask(item));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [kebab(name), mask(inner, name)]));
  }
  return typeof value === 'string' ? maskAddress(value) : value;
}

/** `redis://:secret@host` shows no password; a webhook's path and query are often its secret. */
function maskAddress(text: string): string {
  if (!text.includes('://')) return text;
  const shown = safeAddress(text);
  // A path of Redis is no secret: a socket, a number, a name.
  const [, path] = /^redis[^:]*:\/\/[^?#]*?(\/[\w./-]*)$/i.exec(text) ?? [];
  return (path !== undefined && shown.endsWith('/…') ? shown.slice(0, -2) + path : shown).replaceAll('…', MASK);
}
