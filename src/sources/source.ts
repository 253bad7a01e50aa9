import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { type Alert, shortName } from '../incident/alert.ts';
import { type Problem, pointer } from './problems.ts';

/** Settings for reading alerts, from the `alerts` section of the configuration. */
export interface SourceSettings {
  scom: {
    /**
     * A case-insensitive regular expression with a group `healthSet`, and optionally `monitor` and `targetResource`.
     */
    titlePattern: string;
  };
  /** Names of the labels that may hold each value, in order. */
  alertmanager: { server: string[]; healthSet: string[]; monitor: string[]; targetResource: string[] };
}

export interface SourceEnvironment {
  /** Real time (ms). */
  now: number;
  settings: SourceSettings;
}

export interface Parsed {
  /** The valid alerts, in the order sent. */
  alerts: Alert[];
  /** Every problem of every element. An element with a problem is refused as a whole. */
  refused: Problem[];
  /** Number of refused elements. */
  refusedElements: number;
  /** Number of alerts that the sender left out, according to itself. */
  truncated?: number;
}

/** A long list is read in parts, so that the reader can do other work in between. */
export type Reading = Generator<undefined, Parsed, undefined>;

/** Reads to the end without a pause. */
export function atOnce(reading: Reading): Parsed {
  for (;;) {
    const { done, value } = reading.next();
    if (done) return value;
  }
}

/** One kind of sender. `parse` never throws: it refuses unreadable elements by position. */
export interface Source {
  /** The last part of its address: `/api/v1/alerts/<name>`. */
  readonly name: string;
  readonly description: string;
  /** The schema of the body, for the API description. */
  readonly body: z.ZodType;
  /** A valid body. */
  readonly example: unknown;
  /** The sender retries only after a 5xx, so temporary refusals must use one. */
  readonly retriesOnlyServerErrors?: true;
  /** Number of alerts in a body, as far as known before it is read. */
  count(body: unknown): number;
  parse(body: unknown, env: SourceEnvironment): Reading;
}

/**
 * The id of an alert: the first 32 hex digits of a digest of source, sender's id, time raised and status. Missing times
 * count as equal, so that repeats are recognised.
 */
export function identity(source: string, senderId: string, raisedAt: number | undefined, status: string): string {
  return createHash('sha256')
    .update(JSON.stringify([source, senderId, raisedAt ?? null, status]))
    .digest('hex')
    .slice(0, 32);
}

/** Number of elements that take a few milliseconds to read. */
export const AT_A_TIME = 100;

/** Parses each element separately, so that an invalid one does not affect the others. */
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

/** Parses one element or a list, each with its position. */
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

/** Refuses the document as a whole. */
export function refuseAll(message: string, place = ''): Parsed {
  return { alerts: [], refused: [{ pointer: place, message }], refusedElements: 1 };
}

/** The server fields of an alert: the first name is used until Exchange is asked. */
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

/** The notes of an alert about its unreadable values. */
export const noted = (notes: string[]): Pick<Alert, 'notes'> => (notes.length > 0 ? { notes } : {});
