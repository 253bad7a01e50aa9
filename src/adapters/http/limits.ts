import type { Request, RequestHandler } from 'express';
import { ipKeyGenerator, type MemoryStore, rateLimit } from 'express-rate-limit';
import type { Identity } from './auth.ts';
import { HttpProblem, sendProblem } from './problem.ts';

/** Each sender has its own count; whoever shows no token (or a wrong one) is counted by address. */
export function limitRequests(options: {
  perMinute: number;
  store: MemoryStore;
  identified: WeakMap<Request, Identity>;
  openPaths: ReadonlySet<string>;
}): RequestHandler {
  const { perMinute, store, identified, openPaths } = options;
  return rateLimit({
    windowMs: 60_000,
    limit: perMinute,
    store,
    standardHeaders: 'draft-7',
    legacyHeaders: false,
    validate: { xForwardedForHeader: false },
    keyGenerator: (request) => {
      const identity = identified.get(request);
      return identity ? `token ${identity.name}` : `address ${ipKeyGenerator(request.ip ?? 'unknown')}`;
    },
    skip: (request) => openPaths.has(request.path),
    handler: (_request, response) => {
      const seconds = Number(response.getHeader('Retry-After')) || 60;
      sendProblem(response, tooMany(`${perMinute} requests`, seconds));
    },
  });
}

const tooMany = (what: string, seconds: number) =>
  new HttpProblem('too-many-requests', `More than ${what} in a minute: come again in ${seconds} s.`, {
    headers: { 'Retry-After': String(seconds) },
  });

/** How many alerts each sender may still send: a bucket that fills evenly and holds a minute's worth. */
export class AlertAllowance {
  readonly #perMinute: number;
  readonly #buckets = new Map<string, { left: number; at: number }>();

  constructor(perMinute: number) {
    this.#perMinute = perMinute;
  }

  /**
   * Takes `alerts` from the bucket of `name`; throws `too-many-requests` and takes nothing while there are not as many. More
   * than a minute's worth at once is taken from a full bucket, and then paid back. `now` is wall time, ms.
   */
  take(name: string, alerts: number, now: number): void {
    const most = this.#perMinute;
    const bucket = this.#buckets.get(name) ?? { left: most, at: now };
    const passed = Math.max(0, now - bucket.at);
    const left = Math.min(most, bucket.left + (passed * most) / 60_000);
    const needed = Math.min(alerts, most);
    const enough = left >= needed;
    this.#buckets.set(name, { left: enough ? left - alerts : left, at: now });
    if (!enough) throw tooMany(`${most} alerts`, Math.ceil(((needed - left) * 60) / most));
  }
}
