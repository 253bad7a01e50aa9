import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Operations } from '../../ports/operations.ts';
import type { Source, SourceSettings } from '../../sources/index.ts';
import type { Access, Identity } from './auth.ts';
import type { HttpProblem, ProblemType } from './problem.ts';
import type { SchemaName } from './schemas.ts';
import type { Stock } from './stock.ts';

/** The part of the telemetry that this adapter feeds and serves. */
export interface HttpMetrics {
  /** `now` is wall time, ms. */
  received(source: string, counts: AlertCounts, now: number): void;
  /** The content type that is written for an Accept header: one of few. */
  format(accept: string | undefined): string;
  /** Prometheus text, or OpenMetrics where `accept` asks for it. */
  expose(accept: string | undefined): Promise<{ contentType: string; text: string }>;
}

export interface AlertCounts {
  accepted?: number;
  repeat?: number;
  refused?: number;
  /** Could not be stored; the sender was asked to come again. */
  failed?: number;
  /** Left out by the sender itself. */
  truncated?: number;
}

export interface HttpLogger {
  debug(message: string, details?: Record<string, unknown>): unknown;
  info(message: string, details?: Record<string, unknown>): unknown;
  warn(message: string, details?: Record<string, unknown>): unknown;
  error(message: string, details?: Record<string, unknown>): unknown;
}

/** What routes work with. */
export interface Surroundings {
  operations: Operations;
  sources: SourceSettings;
  metrics: HttpMetrics;
  logger: HttpLogger;
  version: string;
  maxAlertsPerRequest: number;
  /** Counts that many alerts of a sender; throws `too-many-requests` when it has sent too many. */
  allow(identity: Identity | undefined, alerts: number): void;
  /** Counts and logs alerts that are not taken. */
  refused(source: Source, request: Request, identity: Identity | undefined, problem: HttpProblem): void;
  /** Whether alerts are taken in here (`work.receive`). */
  receive: boolean;
  /** Real milliseconds. */
  acceptTimeoutMs: number;
  heartbeatMs: number;
  /** Event streams that may be open, by caller. */
  streams: Stock;
  /** Wall time, ms. */
  now(): number;
  /** Set once the daemon stops: streams end. */
  closing: AbortSignal;
}

export interface Call {
  request: Request;
  response: Response;
  /** As it was sent; checked by the route. */
  body: unknown;
  identity: Identity | undefined;
  /** On whose account it goes: the token's owner, or the network. */
  caller: string;
}

/** An address of the API: how it is served and how it is described, in one place. */
export interface Route {
  method: 'get' | 'post' | 'put';
  /** With parameters as Express writes them: `/api/v1/incidents/:id`. */
  path: string;
  access: Access;
  tag: string;
  summary: string;
  body?: { schema: z.ZodType; example?: unknown; required: boolean };
  query?: z.ZodObject;
  headers?: Record<string, string>;
  answers: { status: number; description: string; schema?: SchemaName; type?: string }[];
  /** Problems besides those that every address can answer with. */
  problems: ProblemType[];
  handle(call: Call): Promise<void> | void;
}

/** A path parameter that has but one value. */
export function parameter(request: Request, name: string): string {
  const value = request.params[name];
  return typeof value === 'string' ? value : '';
}
