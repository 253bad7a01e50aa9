import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { Alert } from '../incident/alert.ts';
import type { Problem } from './problems.ts';

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

/** One kind of sender. `parse` never throws: what cannot be read is refused by name. */
export interface Source {
  /** The last part of its address: `/api/v1/alerts/<name>`. */
  readonly name: string;
  readonly description: string;
  /** What may be posted, for the API's own description. */
  readonly body: z.ZodType;
  /** A body that is accepted as it stands. */
  readonly example: unknown;
  parse(body: unknown, env: SourceEnvironment): Parsed;
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

/** Parses each element by itself, so that one bad element costs the others nothing. */
export function each(
  elements: readonly unknown[],
  at: (index: number) => PropertyKey[],
  parseOne: (element: unknown, at: PropertyKey[]) => Alert | Problem[],
): Parsed {
  const parsed: Parsed = { alerts: [], refused: [], refusedElements: 0 };
  elements.forEach((element, index) => {
    const result = parseOne(element, at(index));
    if (Array.isArray(result)) {
      parsed.refused.push(...result);
      parsed.refusedElements++;
    } else parsed.alerts.push(result);
  });
  return parsed;
}

/** One element or a list of them, each with its place. */
export function oneOrMany(body: unknown, parseOne: (element: unknown, at: PropertyKey[]) => Alert | Problem[]): Parsed {
  if (!Array.isArray(body)) return each([body], () => [], parseOne);
  if (body.length === 0) return refuseAll('the list is empty: send at least one alert');
  return each(body, (index) => [index], parseOne);
}

/** The document as a whole cannot be read. */
export function refuseAll(message: string, pointer = ''): Parsed {
  return { alerts: [], refused: [{ pointer, message }], refusedElements: 1 };
}

/** Drops keys without a value: optional properties are absent, never `undefined`. */
export function present<T extends object>(values: T): { [K in keyof T]: NonNullable<T[K]> } {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null),
  ) as never;
}
