import type { Script, Scripts } from './scripts/script.ts';

const TIME: Script = { keys: ['due'], lua: "return redis.call('TIME')" };

const ASK_EVERY_MS = 1_000;
/** An answer that was under way for longer says too little. */
const QUICK_MS = 500;

/**
 * The time of the Redis that all share, in real milliseconds: what one daemon writes as due is due for the others,
 * whatever the clocks of their machines say, and whoever sets them.
 */
export class RedisClock {
  readonly #scripts: Scripts;
  readonly #timer: NodeJS.Timeout;
  #base = Date.now();
  #since = performance.now();

  constructor(scripts: Scripts) {
    this.#scripts = scripts;
    // While Redis is away it goes on by itself.
    this.#timer = setInterval(() => void this.follow().catch(() => {}), ASK_EVERY_MS);
    this.#timer.unref();
  }

  now(): number {
    return Math.round(this.#base + performance.now() - this.#since);
  }

  /** Asks once. Fails when Redis does not answer. */
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
