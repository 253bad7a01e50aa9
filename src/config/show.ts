import { safeAddress } from '../lib/shown.ts';
import { configSchema } from './config.ts';
import { getIn } from './data.ts';
import type { Loaded } from './load.ts';
import { defaultOf, leavesOf } from './shape.ts';
import { kebab, writePath } from './spelling.ts';

export interface ShownValue {
  /** `http.body-limit` */
  path: string;
  /** In its written form (`10m`), with secrets masked; undefined if not set. */
  value: unknown;
  /** `default`, `file`, `environment NAME`. */
  origin: string;
}

const MASK = '********';
const SECRET = new Set(['token', 'signingSecret']);

/** Every value with its origin. Secrets are masked, also inside addresses. */
export function showConfig(loaded: Loaded): ShownValue[] {
  return leavesOf(configSchema).map(({ path, schema }) => {
    const name = writePath(path, kebab);
    const used = getIn(loaded.config, path);
    const written = getIn(loaded.written, path) ?? defaultOf(schema);
    // Durations and sizes are shown with their unit, all other values as the daemon uses them: absolute paths, the mode in force.
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

/** Masks the password of `redis://:secret@host`, and the path and query of a webhook, which often are its secret. */
function maskAddress(text: string): string {
  if (!text.includes('://')) return text;
  const shown = safeAddress(text);
  // The path of a Redis address is not secret: a socket, a number or a name.
  const [, path] = /^redis[^:]*:\/\/[^?#]*?(\/[\w./-]*)$/i.exec(text) ?? [];
  return (path !== undefined && shown.endsWith('/…') ? shown.slice(0, -2) + path : shown).replaceAll('…', MASK);
}
