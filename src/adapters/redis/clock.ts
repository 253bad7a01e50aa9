import type { Script, Scripts } from './scripts/script.ts';

const TIME: Script = { keys: ['due'], lua: "return redis.call('TIME')" };

const ASK_EVERY_MS = 1_000;
/** A slower answer is too inexact. */
const QUICK_MS = 500;

/**
 * The time of the shared Redis, in real milliseconds, so that all daemons agree on when something is due, whatever the clocks of
 * their machines show.
 */
export class RedisClock {
  readonly #scripts: Scripts;
  readonly #timer: NodeJS.Timeout;
  #base = Date.now();
  #since = performance.now();

  constructor(scripts: Scripts) {
    this.#scripts = scripts;
    // If Redis is down, it continues with the last known offset.
    this.#timer = setInterval(() => void this.follow().catch(() => {}), ASK_EVERY_MS);
    this.#timer.unref();
  }

  now(): number {
    return Math.round(this.#base + performance.now() - this.#since);
  }

  /** Asks Redis once. Fails if Redis does not answer. */
  async follow(): Promise<void> {
    const asked = performance.now();
    const [seconds, microseconds] = (await this.#scripts.run(TIME)) as [string, string];
    const answered = performance.now();
    if (answered - asked > QUICK_MS) return;
    this.#base = Number(seconds) * 1_000 + Number(microseconds) / 1_000;
    this.#since = (asked + answered) / 2;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
