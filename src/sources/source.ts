import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { type Alert, shortName } from '../incident/alert.ts';
import { type Problem, pointer } from './problems.ts';

/** How what is sent is read; the `alerts` section of the configuration has these. */
export interface SourceSettings {
  scom: {
    /** A regular expression with a group `healthSet`, and perhaps `monitor` and `targetResource`. Case does not count. */
    titlePattern: string;
  };
  /** Names of the labels that may hold each thing, in order. */
  alertmanager: { server: string[]; healthSet: string[]; monitor: string[]; targetResource: string[] };
}

export interface SourceEnvironment {
  /** Wall time, ms. */
  now: number;
  settings: SourceSettings;
}

export interface Parsed {
  /** What is good, in the order sent. */
  alerts: Alert[];
  /** What is bad: every problem of every element. An element with one problem is refused as a whole. */
  refused: Problem[];
  /** How many elements are refused. */
  refusedElements: number;
  /** Alerts that the sender says it left out. */
  truncated?: number;
}

/** A long list is read in parts: whoever reads it may do something else after each. */
export type Reading = Generator<undefined, Parsed, undefined>;

/** Reads to the end without a pause. */
export function atOnce(reading: Reading): Parsed {
  for (;;) {
    const { done, value } = reading.next();
    if (done) return value;
  }
}

/** One kind of sender. `parse` never throws: what cannot be read is refused by name. */
export interface Source {
  /** The last part of its address: `/api/v1/alerts/<name>`. */
  readonly name: string;
  readonly description: string;
  /** What may be posted, for the API's own description. */
  readonly body: z.ZodType;
  /** A body that is accepted as it stands. */
  readonly example: unknown;
  /** It posts again only after a 5xx: what would pass later must be refused with one. */
  readonly retriesOnlyServerErrors?: true;
  /** How many alerts a body holds, as far as can be told before it is read. */
  count(body: unknown): number;
  parse(body: unknown, env: SourceEnvironment): Reading;
}

/**
 * The identity of an alert: the first 32 hex digits of a digest of source, sender's id, time raised and status. A time
 * the sender did not give counts as one and the same, so that its repeats are repeats.
 */
export function identity(source: string, senderId: string, raisedAt: number | undefined, status: string): string {
  return createHash('sha256')
    .update(JSON.stringify([source, senderId, raisedAt ?? null, status]))
    .digest('hex')
    .slice(0, 32);
}

/** Elements that are read in a few milliseconds. */
export const AT_A_TIME = 100;

/** Parses each element by itself, so that one bad element costs the others nothing. */
export function* each(
  elements: readonly unknown[],
  at: (index: number) => PropertyKey[],
  parseOne: (element: unknown, at: PropertyKey[]) => Alert | Problem[],
): Reading {
  const parsed: Parsed = { alerts: [], refused: [], refusedElements: 0 };
  for (const [index, element] of elements.entries()) {
    if (index > 0 && index % AT_A_TIME === 0) yield;
    const result = parseOne(element, at(index));
    if (Array.isArray(result)) {
      parsed.refused.push(...result);
      parsed.refusedElements++;
    } else parsed.alerts.push(result);
  }
  return parsed;
}

/** One element or a list of them, each with its place. */
export function* oneOrMany(
  body: unknown,
  parseOne: (element: unknown, at: PropertyKey[]) => Alert | Problem[],
): Reading {
  const { list, at } = listIn(body);
  if (!list) return yield* each([body], () => [], parseOne);
  if (list.length === 0) return refuseAll('the list is empty: send at least one alert', pointer(at));
  return yield* each(list, (index) => [...at, index], parseOne);
}

/** Windows PowerShell writes a list as `{"value": […], "Count": n}`, and SCOM's REST API as `{"rows": […]}`. */
function listIn(body: unknown): { list?: readonly unknown[]; at: string[] } {
  if (Array.isArray(body)) return { list: body, at: [] };
  if (typeof body !== 'object' || body === null) return { at: [] };
  const entries = Object.entries(body);
  const wrapped = entries.find(([key, inner]) => /^(value|rows)$/i.test(key) && Array.isArray(inner));
  const isAlert = entries.some(([key]) => key.toLowerCase() === 'id');
  return wrapped && !isAlert ? { list: wrapped[1], at: [wrapped[0]] } : { at: [] };
}

export const countIn = (body: unknown): number => listIn(body).list?.length ?? 1;

/** The document as a whole cannot be read. */
export function refuseAll(message: string, place = ''): Parsed {
  return { alerts: [], refused: [{ pointer: place, message }], refusedElements: 1 };
}

/** What an alert says of its server: the first name is taken until Exchange is asked. */
export function serverFields([first, ...others]: readonly { name: string }[]): Pick<
  Alert,
  'server' | 'serverAsSent' | 'otherServers'
> {
  const name = first?.name ?? '';
  return {
    server: shortName(name),
    serverAsSent: name,
    ...(others.length > 0 && { otherServers: others.map((other) => other.name) }),
  };
}

/** Drops keys without a value: optional properties are absent, never `undefined`. */
export function present<T extends object>(values: T): { [K in keyof T]: NonNullable<T[K]> } {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null),
  ) as never;
}

/** What an alert says of what could not be read of it. */
export const noted = (notes: string[]): Pick<Alert, 'notes'> => (notes.length > 0 ? { notes } : {});
