/** Counts and logs refused posts of alerts, by source and sender. */
import type { Request } from 'express';
import { oncePerMinute } from '../../lib/once-per-minute.ts';
import { SOURCES, type Source } from '../../sources/index.ts';
import type { Identity } from './auth.ts';
import { busy, type HttpProblem, PROBLEM_TYPES } from './problem.ts';
import type { HttpLogger, HttpMetrics } from './route.ts';

export const pathOf = (source: Source) => `/api/v1/alerts/${source.name}`;

const BY_PATH = new Map(SOURCES.map((source) => [pathOf(source), source]));

/** The source of a post of alerts; undefined for any other request. */
export function sourceOf({ method, path }: Request): Source | undefined {
  return method === 'POST' ? BY_PATH.get(path) : undefined;
}

/** Adapts a problem to its sender: Alertmanager never retries after a 4xx, not even 429. */
export function asUnderstood(problem: HttpProblem, source: Source): HttpProblem {
  if (!source.retriesOnlyServerErrors || PROBLEM_TYPES[problem.type][0] !== 429) return problem;
  return busy(problem.message, Number(problem.headers['Retry-After']), problem.alerts);
}

/** Senders repeat refused posts: each is counted, and each kind is logged once a minute. */
export function createRefusals(metrics: HttpMetrics, logger: HttpLogger, now: () => number) {
  let details: Record<string, unknown> = {};
  const tell = oncePerMinute((says) => logger.warn(says, details), now);
  return (source: Source, request: Request, identity: Identity | undefined, problem: HttpProblem): void => {
    const [status] = PROBLEM_TYPES[problem.type];
    const comesAgain = status === 429 || status >= 500;
    metrics.received(source.name, { [comesAgain ? 'failed' : 'refused']: problem.alerts }, now());
    const sender = identity?.name ?? request.ip ?? 'unknown';
    details = { why: problem.message, problems: problem.problems.slice(0, 20) };
    tell(`Refused alerts from ${source.name}, sent by ${sender}: ${status} ${problem.type}`);
  };
}
