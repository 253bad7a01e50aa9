import type { Notice, Notifier } from '../../ports/notifier.ts';
import type { Logger } from '../parts.ts';

/** Real milliseconds that a worker waits for a channel; a channel that hangs blocks no worker. */
const WAIT = 1_000;
/** Real milliseconds until a failed channel is retried, doubled each time up to `longest`, and the number of tries. */
const TRY_AGAIN = { first: 15_000, longest: 10 * 60_000, tries: 12 };
/** Number of notices remembered, so that no channel gets one twice. */
const REMEMBERED = 10_000;

export interface NotificationEvents {
  log: Pick<Logger, 'warn' | 'error'>;
  /** Called after every try. */
  tried(channel: string, result: 'sent' | 'failed'): void;
  /** A person got the notice after its sender stopped waiting. */
  arrivedLate(notice: Notice): void;
}

interface Sending {
  notice: Notice;
  /** A person has got it. */
  arrived: boolean;
  /** Its sender stopped waiting. */
  late: boolean;
  /** Why each failed channel has not got it. */
  troubles: Map<Notifier, string>;
}

/**
 * Sends each notice to every channel independently. A channel that fails or hangs is retried outside the workers, and
 * delays neither the others nor, once a person is reached, the end of an incident.
 */
export class Notifications {
  #notifiers: readonly Notifier[] = [];
  /** Channels that reach a person; the log counts only if there is no other. */
  #toPeople: ReadonlySet<Notifier> = new Set();
  readonly #events: NotificationEvents;
  readonly #sendings = new Map<string, Sending>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(notifiers: readonly Notifier[], events: NotificationEvents) {
    this.#events = events;
    this.use(notifiers);
  }

  /** Replaces the channels. Notices that reached nobody go to the new ones when they are sent again. */
  use(notifiers: readonly Notifier[]): void {
    this.#notifiers = notifiers;
    const toPeople = notifiers.filter(({ channel }) => channel !== 'log');
    this.#toPeople = new Set(toPeople.length > 0 ? toPeople : notifiers);
    for (const [key, { arrived }] of this.#sendings) if (!arrived) this.#sendings.delete(key);
  }

  /**
   * Resolves once a person is reached. An escalation fails until then; sending it again with the same key repeats it on
   * no channel. A plain notice never fails.
   */
  async send(notice: Notice): Promise<void> {
    const sending = this.#sendings.get(notice.key) ?? (await this.#begin(notice));
    if (sending.arrived || notice.kind === 'notice' || this.#notifiers.length === 0) return;
    sending.late = true;
    throw new Error([...sending.troubles.values()].join('; ') || 'no channel has answered yet');
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  async #begin(notice: Notice): Promise<Sending> {
    const sending: Sending = { notice, arrived: false, late: false, troubles: new Map() };
    const [oldest] = this.#sendings.keys();
    if (this.#sendings.size >= REMEMBERED && oldest !== undefined) this.#sendings.delete(oldest);
    this.#sendings.set(notice.key, sending);
    await new Promise<void>((resolve) => {
      const limit = setTimeout(resolve, WAIT);
      const tries = this.#notifiers.map(async (notifier) => {
        await this.#try(sending, notifier, 1);
        if (sending.arrived) resolve();
      });
      void Promise.all(tries).then(() => {
        clearTimeout(limit);
        resolve();
      });
    });
    return sending;
  }

  async #try(sending: Sending, notifier: Notifier, times: number): Promise<void> {
    const { notice, troubles } = sending;
    const { channel } = notifier;
    const { log, tried, arrivedLate } = this.#events;
    try {
      await notifier.send(notice);
      tried(channel, 'sent');
      troubles.delete(notifier);
      if (!this.#toPeople.has(notifier) || sending.arrived) return;
      sending.arrived = true;
      if (sending.late) arrivedLate(notice);
    } catch (error) {
      tried(channel, 'failed');
      const why = `${channel}: ${error instanceof Error ? error.message : String(error)}`;
      troubles.set(notifier, why);
      const fields = { incident: notice.incident, key: notice.key, times, error: why };
      if (times >= TRY_AGAIN.tries) {
        log.error('Gave up sending a notification', fields);
        return;
      }
      log.warn('Failed to send a notification; it will be retried', fields);
      const pause = Math.min(TRY_AGAIN.longest, TRY_AGAIN.first * 2 ** (times - 1));
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        void this.#try(sending, notifier, times + 1);
      }, pause);
      this.#timers.add(timer.unref());
    }
  }
}
