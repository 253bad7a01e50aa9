import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Explain } from '../../ports/explanation.ts';
import type { Operations } from '../../ports/operations.ts';
import type { Source, SourceSettings } from '../../sources/index.ts';
import type { Access, Identity } from './auth.ts';
import type { HttpProblem, ProblemType } from './problem.ts';
import type { SchemaName } from './schemas.ts';
import type { Stock } from './stock.ts';

/** The part of the telemetry that this adapter uses. */
export interface HttpMetrics {
  /** `now` is wall time, ms. */
  received(source: string, counts: AlertCounts, now: number): void;
  /** The content type for an Accept header. */
  format(accept: string | undefined): string;
  /** Prometheus text, or OpenMetrics if `accept` requests it. */
  expose(accept: string | undefined): Promise<{ contentType: string; text: string }>;
}

export interface AlertCounts {
  accepted?: number;
  repeat?: number;
  refused?: number;
  /** Could not be stored; the sender should try again. */
  failed?: number;
  /** Omitted by the sender. */
  truncated?: number;
}

export interface HttpLogger {
  debug(message: string, details?: Record<string, unknown>): unknown;
  info(message: string, details?: Record<string, unknown>): unknown;
  warn(message: string, details?: Record<string, unknown>): unknown;
  error(message: string, details?: Record<string, unknown>): unknown;
}

/** Dependencies of routes. */
export interface Surroundings {
  operations: Operations;
  explain: Explain;
  sources: SourceSettings;
  metrics: HttpMetrics;
  logger: HttpLogger;
  version: string;
  maxAlertsPerRequest: number;
  /** Counts alerts of a sender; throws `too-many-requests` if it has sent too many. */
  allow(identity: Identity | undefined, alerts: number): void;
  /** Counts and logs refused alerts. */
  refused(source: Source, request: Request, identity: Identity | undefined, problem: HttpProblem): void;
  /** Whether this daemon receives alerts (`work.receive`). */
  receive: boolean;
  /** Real milliseconds. */
  acceptTimeoutMs: number;
  heartbeatMs: number;
  /** Limit of open event streams, by caller. */
  streams: Stock;
  /** Wall-clock time in milliseconds. */
  now(): number;
  /** Aborted when the daemon stops, which ends streams. */
  closing: AbortSignal;
}

export interface Call {
  request: Request;
  response: Response;
  /** As received; validated by the route. */
  body: unknown;
  identity: Identity | undefined;
  /** The caller that it counts for: the owner of the token, or the network. */
  caller: string;
}

/** An address of the API: its handler and its description. */
export interface Route {
  method: 'get' | 'post' | 'put';
  /** With parameters as in Express: `/api/v1/incidents/:id`. */
  path: string;
  access: Access;
  tag: string;
  summary: string;
  body?: { schema: z.ZodType; example?: unknown; required: boolean };
  query?: z.ZodObject;
  headers?: Record<string, string>;
  answers: { status: number; description: string; schema?: SchemaName; type?: string }[];
  /** Problems in addition to those of every address. */
  problems: ProblemType[];
  handle(call: Call): Promise<void> | void;
}

/** A path parameter with a single value. */
export function parameter(request: Request, name: string): string {
  const value = request.params[name];
  return typeof value === 'string' ? value : '';
}
