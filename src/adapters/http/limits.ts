import type { Request, RequestHandler } from 'express';
import { ipKeyGenerator, type MemoryStore, rateLimit } from 'express-rate-limit';
import type { Identity } from './auth.ts';
import { busy, HttpProblem } from './problem.ts';

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
    handler: (_request, response, next) => {
      const seconds = Number(response.getHeader('Retry-After')) || 60;
      next(tooMany(`${perMinute} requests`, seconds));
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

/** What an alert takes in a request, generously: as many alerts as are allowed fit in the largest body. */
export const BYTES_OF_AN_ALERT = 2048;

/** Bytes of large bodies that are held at the same time, so that many large posts together take no more memory than two. */
export class Room {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Throws `busy`, and takes nothing, where there is not so much. */
  take(bytes: number): void {
    if (bytes > this.#left) throw busy('Other large posts are being read: send it again.');
    this.#left -= bytes;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}
