/** What every side of the Wakeups port does, as sentences. Run against memory and against BullMQ on a real Redis. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Wakeups } from '../../src/ports/wakeups.ts';

/** A promise, and the way to keep it. */
function signal(): { come: Promise<void>; now: () => void } {
  let now = () => {};
  const come = new Promise<void>((resolve) => {
    now = resolve;
  });
  return { come, now };
}

export function wakeupsContract(name: string, makeWakeups: () => Promise<Wakeups>): void {
  describe(name, () => {
    let wakeups: Wakeups;
    let heard: string[];
    beforeEach(async () => {
      wakeups = await makeWakeups();
      heard = [];
    });
    afterEach(() => wakeups.close(1_000));

    const listening = {
      alert: async (id: string) => {
        heard.push(`alert ${id}`);
      },
      incident: async (id: string) => {
        heard.push(`incident ${id}`);
      },
    };
    const hears = async (...expected: string[]) =>
      expect.poll(() => [...heard].sort(), { timeout: 30_000 }).toEqual([...expected].sort());

    it('brings every alert and every incident to its handler', async () => {
      await wakeups.work(listening, { alerts: 4, incidents: 4 });
      await wakeups.alerts(['a', 'b']);
      await wakeups.incident('i');
      await hears('alert a', 'alert b', 'incident i');
    });

    it('keeps what comes before the work begins', async () => {
      await wakeups.alerts(['a']);
      await wakeups.incident('i');
      await wakeups.work(listening, { alerts: 4, incidents: 4 });
      await hears('alert a', 'incident i');
    });

    it('accepts an empty list', async () => {
      await wakeups.alerts([]);
    });

    it('takes ids of any characters', async () => {
      await wakeups.work(listening, { alerts: 4, incidents: 4 });
      await wakeups.incident('i:1 "x"\n{sr} 異常');
      await hears('incident i:1 "x"\n{sr} 異常');
    });

    it('brings the same incident again, also one that is being advanced', async () => {
      const first = signal();
      const handler = async (id: string) => {
        heard.push(`incident ${id}`);
        if (heard.length === 1) await wakeups.incident(id).then(first.now);
      };
      await wakeups.work({ ...listening, incident: handler }, { alerts: 4, incidents: 4 });
      await wakeups.incident('i');
      await first.come;
      await hears('incident i', 'incident i');
      await wakeups.incident('i');
      await hears('incident i', 'incident i', 'incident i');
    });

    it('brings what is for later after what is for now', async () => {
      await wakeups.incident('later', 150);
      await wakeups.incident('now');
      await wakeups.work(listening, { alerts: 1, incidents: 1 });
      await expect.poll(() => heard, { timeout: 30_000 }).toEqual(['incident now', 'incident later']);
    });

    it('brings what is more basic first when work has piled up, and before all what has no priority', async () => {
      await wakeups.incident('what users touch', 0, 3);
      await wakeups.incident('a service', 0, 2);
      await wakeups.incident('the directory', 0, 0);
      await wakeups.incident('another service', 0, 2);
      await wakeups.incident('somebody waits for it');
      const waiting = (await wakeups.counts()).find(({ queue, state }) => queue === 'incidents' && state === 'waiting');
      expect(waiting?.jobs).toBe(5);
      await wakeups.work(listening, { alerts: 1, incidents: 1 });
      const first = ['somebody waits for it', 'the directory', 'a service', 'another service', 'what users touch'];
      await expect.poll(() => heard, { timeout: 30_000 }).toEqual(first.map((id) => `incident ${id}`));
    });

    it('counts a job that waits for its time as delayed', async () => {
      await wakeups.incident('i', 600_000);
      const counts = await wakeups.counts();
      expect(counts).toContainEqual({ queue: 'incidents', state: 'delayed', jobs: 1 });
      expect(counts).toContainEqual({ queue: 'alerts', state: 'waiting', jobs: 0 });
    });

    it('tries again when a handler fails', async () => {
      const failing = async (id: string) => {
        heard.push(`alert ${id}`);
        if (heard.length < 3) throw new Error('not yet');
      };
      await wakeups.work({ ...listening, alert: failing }, { alerts: 1, incidents: 1 });
      await wakeups.alerts(['a']);
      await hears('alert a', 'alert a', 'alert a');
    });

    it('goes on after a handler that always fails', async () => {
      const failing = async (id: string) => {
        if (id === 'bad') throw new Error('never');
        heard.push(`alert ${id}`);
      };
      await wakeups.work({ ...listening, alert: failing }, { alerts: 1, incidents: 1 });
      await wakeups.alerts(['bad', 'good']);
      await hears('alert good');
    });

    it('works on no more than it was told at a time', async () => {
      const gate = signal();
      let atOnce = 0;
      let most = 0;
      const handler = async (id: string) => {
        atOnce += 1;
        most = Math.max(most, atOnce);
        if (atOnce === 2) gate.now();
        await gate.come;
        atOnce -= 1;
        heard.push(`incident ${id}`);
      };
      await wakeups.work({ ...listening, incident: handler }, { alerts: 2, incidents: 2 });
      for (const id of ['1', '2', '3', '4']) await wakeups.incident(id);
      await hears('incident 1', 'incident 2', 'incident 3', 'incident 4');
      expect(most).toBe(2);
    });

    it('never lets slow incidents hold up alerts', async () => {
      const gate = signal();
      await wakeups.work({ ...listening, incident: () => gate.come }, { alerts: 1, incidents: 1 });
      await wakeups.incident('slow');
      await wakeups.alerts(['a']);
      await hears('alert a');
      gate.now();
    });

    it('waits for what is in hand when it closes', async () => {
      const [begun, gate] = [signal(), signal()];
      const handler = async () => {
        begun.now();
        await gate.come;
        heard.push('done');
      };
      await wakeups.work({ ...listening, incident: handler }, { alerts: 1, incidents: 1 });
      await wakeups.incident('i');
      await begun.come;
      const closed = wakeups.close(10_000).then(() => heard.push('closed'));
      gate.now();
      await closed;
      expect(heard).toEqual(['done', 'closed']);
    });

    it('closes when the grace is over, whatever is in hand', async () => {
      const [begun, gate] = [signal(), signal()];
      const handler = async () => {
        begun.now();
        await gate.come;
      };
      await wakeups.work({ ...listening, incident: handler }, { alerts: 1, incidents: 1 });
      await wakeups.incident('i');
      await begun.come;
      await wakeups.close(10);
      gate.now();
    });

    it('closes without having worked', async () => {
      await wakeups.close(1_000);
    });
  });
}
