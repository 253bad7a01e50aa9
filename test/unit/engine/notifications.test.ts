import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Notifications } from '../../../src/engine/finish/notifications.ts';
import type { Notice, Notifier } from '../../../src/ports/notifier.ts';

const MINUTE = 60_000;
const NOTICE: Notice = { key: 'i1:escalated', kind: 'escalation', incident: 'i1', subject: 's', text: 't' };

/** A channel that takes notices, refuses them, or never answers, as set. */
class Channel implements Notifier {
  readonly channel: string;
  got = 0;
  #does: 'works' | 'dead' | 'hangs';
  #release: (() => void)[] = [];
  constructor(does: 'works' | 'dead' | 'hangs', channel = 'webhook') {
    this.channel = channel;
    this.#does = does;
  }
  async send(): Promise<void> {
    if (this.#does === 'dead') throw new Error('refused the connection');
    if (this.#does === 'hangs') await new Promise<void>((resolve) => this.#release.push(resolve));
    this.got += 1;
  }
  mend(): void {
    this.#does = 'works';
    for (const release of this.#release.splice(0)) release();
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function of(...channels: Channel[]) {
  const said = { late: [] as string[], results: [] as string[], logged: [] as string[] };
  const log = {
    warn: (text: string) => void said.logged.push(text),
    error: (text: string) => void said.logged.push(text),
  };
  const notifications = new Notifications(channels, {
    log,
    tried: (channel, result) => void said.results.push(`${channel} ${result}`),
    arrivedLate: ({ incident }) => void said.late.push(incident),
  });
  /** The result within the time that a worker waits. */
  const send = async (notice = NOTICE) => {
    const sent = notifications.send(notice).then(
      () => 'reached',
      (error: Error) => error.message,
    );
    await vi.advanceTimersByTimeAsync(1_000);
    return sent;
  };
  return { send, said, notifications };
}

describe('an escalation', () => {
  test.each<['dead' | 'hangs']>([['dead'], ['hangs']])(
    'reaches the working channel once, beside one that %s',
    async (other) => {
      const [works, broken] = [new Channel('works'), new Channel(other)];
      const { send } = of(works, broken);
      expect(await send()).toBe('reached');
      expect(await send()).toBe('reached');
      broken.mend();
      await vi.advanceTimersByTimeAsync(MINUTE);
      expect([works.got, broken.got]).toEqual([1, 1]);
    },
  );

  test.each<['dead' | 'hangs', string]>([
    ['dead', 'webhook: refused the connection'],
    ['hangs', 'no channel has answered yet'],
  ])(
    'that reaches nobody, because the only channel %s, blocks its worker for a second, and reports when it arrived',
    async (does, why) => {
      const broken = new Channel(does);
      const { send, said } = of(new Channel('works', 'log'), broken);
      expect(await send()).toBe(why);
      expect(said.late).toEqual([]);
      broken.mend();
      await vi.advanceTimersByTimeAsync(MINUTE);
      expect(said.late).toEqual(['i1']);
      expect(await send()).toBe('reached');
      expect(broken.got).toBe(1);
    },
  );

  test('is counted at each try, and given up eventually', async () => {
    const { send, said } = of(new Channel('works'), new Channel('dead', 'pager'));
    await send();
    await vi.advanceTimersByTimeAsync(24 * 60 * MINUTE);
    expect(said.results.filter((one) => one === 'pager failed')).toHaveLength(12);
    expect(said.logged.at(-1)).toBe('Gave up sending a notification');
  });

  test('reaches the log if there is no other channel', async () => {
    expect(await of(new Channel('works', 'log')).send()).toBe('reached');
  });
});

test('a plain notice blocks nothing, and arrives later', async () => {
  const broken = new Channel('dead');
  const { send } = of(broken);
  expect(await send({ ...NOTICE, key: 'i1:3', kind: 'notice' })).toBe('reached');
  broken.mend();
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(broken.got).toBe(1);
});
