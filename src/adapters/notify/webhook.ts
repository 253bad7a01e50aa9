import { setTimeout as sleep } from 'node:timers/promises';
import { fitsHeader, safeAddress } from '../../lib/shown.ts';
import type { Notice, Notifier } from '../../ports/notifier.ts';

export interface WebhookOptions {
  url: string;
  /** Read at each attempt, because it may be replaced; the first line is used. */
  token?: string | undefined;
  /** Time limit of each attempt, in real milliseconds. */
  timeLimit?: number;
  /** Retries after the first attempt, if a retry may help. */
  retries?: number;
  /** Delay before retry n (from 1), in real milliseconds; for tests. */
  backoff?: (retry: number) => number;
}

/**
 * Posts each notice as JSON: `{key, kind, incident, subject, text}`. It may arrive more than once; the header
 * Idempotency-Key is the notice's key, by which a receiver drops repeats. Fails with the last response after all attempts; a
 * response of 4xx (except 408 and 429) is final immediately.
 */
export function webhookNotifier(options: WebhookOptions): Notifier {
  const { url, timeLimit = 10_000, retries = 3, backoff = (retry) => 500 * 4 ** (retry - 1) } = options;
  const where = new URL(url).host;

  async function attempt(notice: Notice): Promise<'sent' | { failed: string; final: boolean }> {
    const token = options.token?.split('\n')[0]?.trim();
    if (token && !fitsHeader(token))
      return { failed: 'its token contains a character that is not allowed in an HTTP header', final: true };
    try {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'error',
        headers: {
          'Content-Type': 'application/json',
          'Idempotency-Key': notice.key,
          'User-Agent': 'second-responder',
          ...(token && { Authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(notice),
        signal: AbortSignal.timeout(timeLimit),
      });
      await response.body?.cancel();
      if (response.ok) return 'sent';
      const { status } = response;
      return { failed: `answered ${status}`, final: status < 500 && status !== 408 && status !== 429 };
    } catch (error) {
      const { name, message, cause } = error as Error;
      if (name === 'TimeoutError') return { failed: `did not answer within ${timeLimit} ms`, final: false };
      const says = cause instanceof Error ? cause.message : message;
      return { failed: says.replaceAll(url, safeAddress(url)), final: false };
    }
  }

  return {
    channel: 'webhook',
    async send(notice) {
      for (let retry = 0; ; retry++) {
        const result = await attempt(notice);
        if (result === 'sent') return;
        // The path of the address may contain a secret, so only its host is named.
        if (result.final || retry >= retries) throw new Error(`webhook ${where}: ${result.failed}`);
        await sleep(backoff(retry + 1));
      }
    },
  };
}
