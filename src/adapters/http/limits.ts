import type { Request, RequestHandler } from 'express';
import { ipKeyGenerator, type MemoryStore, rateLimit } from 'express-rate-limit';
import type { Identity } from './auth.ts';
import { busy, HttpProblem } from './problem.ts';
import type { Stock } from './stock.ts';

/** The network of an address: all addresses of an IPv6 /64 are one. */
export const networkOf = (address: string | undefined): string => ipKeyGenerator(address ?? 'unknown', 64);

/** The caller that a request counts for: the owner of the token; without a valid token, the network. */
export const callerOf = (request: Request, identity: Identity | undefined): string =>
  identity ? `token ${identity.name}` : `address ${networkOf(request.socket.remoteAddress)}`;

/** Each caller has its own limit. */
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
    keyGenerator: (request) => callerOf(request, identified.get(request)),
    skip: (request) => openPaths.has(request.path),
    handler: (_request, response, next) => {
      const seconds = Number(response.getHeader('Retry-After')) || 60;
      next(tooMany(`${perMinute} requests`, seconds));
    },
  });
}

const tooMany = (what: string, seconds: number, alerts = 1) =>
  new HttpProblem('too-many-requests', `More than ${what} in a minute: try again in ${seconds} s.`, {
    headers: { 'Retry-After': String(seconds) },
    alerts,
  });

/** Rate limit of alerts for each sender: a bucket that fills evenly and holds one minute's amount. */
export class AlertAllowance {
  readonly #perMinute: number;
  readonly #buckets = new Map<string, { left: number; at: number }>();

  constructor(perMinute: number) {
    this.#perMinute = perMinute;
  }

  /**
   * Takes `alerts` from the bucket of `name`; throws `too-many-requests` and takes nothing if there are not enough. More than
   * one minute's amount can be taken from a full bucket, which then has to refill. `now` is wall-clock time in milliseconds.
   */
  take(name: string, alerts: number, now: number): void {
    const most = this.#perMinute;
    const bucket = this.#buckets.get(name) ?? { left: most, at: now };
    const passed = Math.max(0, now - bucket.at);
    const left = Math.min(most, bucket.left + (passed * most) / 60_000);
    const needed = Math.min(alerts, most);
    const enough = left >= needed;
    this.#buckets.set(name, { left: enough ? left - alerts : left, at: now });
    if (!enough) throw tooMany(`${most} alerts`, Math.ceil(((needed - left) * 60) / most), alerts);
  }
}

/** Generous size of an alert in a request, so that the maximum number of alerts fits into the largest body. */
export const BYTES_OF_AN_ALERT = 2048;

/** Memory for large bodies. */
export interface Room {
  /** Throws `busy` and takes nothing if there is not enough. */
  take(bytes: number): void;
  give(bytes: number): void;
}

/** Maximum share of one caller, so that its large requests do not block others. */
export function roomOf(stock: Stock, caller: string): Room {
  return {
    take(bytes) {
      if (!stock.take(caller, bytes)) throw busy('Other large requests are being read: send it again.');
    },
    give: (bytes) => stock.giveBack(caller, bytes),
  };
}
