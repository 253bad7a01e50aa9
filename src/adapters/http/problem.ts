import type { Response } from 'express';
import type { Problem } from '../../sources/index.ts';

/** Every error of this API, as RFC 9457 problem documents. docs/errors.md explains each; a test compares the two. */
export const PROBLEM_TYPES = {
  'invalid-request': [400, 'The request is not valid'],
  'malformed-json': [400, 'The body is not JSON'],
  unauthenticated: [401, 'Authentication required'],
  forbidden: [403, 'Not allowed for this role'],
  'foreign-host': [403, 'The Host header is not allowed'],
  'foreign-origin': [403, 'Cross-origin request refused'],
  'not-found': [404, 'Not found'],
  'method-not-allowed': [405, 'Method not allowed'],
  'too-slow': [408, 'The request took too long to arrive'],
  conflict: [409, 'The current state does not allow this'],
  'too-large': [413, 'The request is too large'],
  'unsupported-media-type': [415, 'The body must be plain application/json in UTF-8'],
  'invalid-playbooks': [422, 'The playbooks are not valid; the previous ones stay in force'],
  'too-many-requests': [429, 'Too many requests'],
  'headers-too-large': [431, 'The headers are too large'],
  internal: [500, 'Bug in the daemon'],
  busy: [503, 'Temporarily overloaded'],
  'not-receiving': [503, 'This daemon does not receive alerts'],
  'store-unavailable': [503, 'The store does not answer'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemType = keyof typeof PROBLEM_TYPES;

/** Thrown by a route to respond with a problem. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly type: ProblemType;
  readonly problems: readonly Problem[];
  readonly headers: Readonly<Record<string, string>>;
  /** Number of alerts that were refused because of it. */
  readonly alerts: number;
  constructor(
    type: ProblemType,
    detail: string,
    more: { problems?: readonly Problem[]; headers?: Record<string, string>; alerts?: number } = {},
  ) {
    super(detail);
    this.type = type;
    this.problems = more.problems ?? [];
    this.headers = more.headers ?? {};
    this.alerts = more.alerts ?? 1;
  }
}

/** A problem document. */
export function problemDocument(problem: HttpProblem): {
  status: number;
  headers: Record<string, string>;
  body: string;
} {
  const [status, title] = PROBLEM_TYPES[problem.type];
  const { type, message: detail, problems } = problem;
  return {
    status,
    headers: { ...problem.headers, 'Content-Type': 'application/problem+json; charset=utf-8' },
    body: JSON.stringify({ type: `urn:second-responder:problem:${type}`, title, status, detail, problems }),
  };
}

export function sendProblem(response: Response, problem: HttpProblem): void {
  const { status, headers, body } = problemDocument(problem);
  response.status(status).set(headers).send(body);
}

export const notFound = (what: string) => new HttpProblem('not-found', what);

export const invalid = (problems: readonly Problem[], alerts = 1) =>
  new HttpProblem(
    'invalid-request',
    problems.length === 1 ? 'The request has 1 problem.' : `The request has ${problems.length} problems.`,
    { problems: told(problems), alerts },
  );

/** Maximum number of problems in a response, so that it is not much longer than the request. */
const MOST_TOLD = 1_000;

export function told(problems: readonly Problem[]): Problem[] {
  const more = problems.length - MOST_TOLD;
  const first = problems.slice(0, MOST_TOLD);
  return more > 0 ? [...first, { pointer: '', message: `and ${more} more problems` }] : first;
}

/** Seconds that a sender should wait before it posts again. */
export const RETRY_AFTER_SECONDS = 5;

export const storeAway = (detail: string, alerts = 1) =>
  new HttpProblem('store-unavailable', detail, { headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) }, alerts });

export const busy = (detail: string, seconds = RETRY_AFTER_SECONDS, alerts = 1) =>
  new HttpProblem('busy', detail, { headers: { 'Retry-After': String(seconds) }, alerts });
