import { setTimeout as pause } from 'node:timers/promises';
import { type Client, redisTarget } from '../../src/adapters/redis/connect.ts';
import type { Running, Site } from '../support/processes.ts';
import type { Span } from './aftermath.ts';
import type { Fleet } from './fleet.ts';
import type { PlannedTrouble, TroubleKind } from './plan.ts';
import type { Watch } from './watch.ts';

interface Given {
  site: Site;
  redis: Running & { address: string };
  fleet: Fleet;
  watch: Watch;
}

/** How long the kill switch stays on after a cut has been mended, as then what was held up goes on. Real milliseconds. */
const AFTER_THE_CUT = 2_000;

/** How each trouble is made. It lasts until the promise resolves, with what an audit wants to know of it. */
export function troublesOf({
  site,
  redis: first,
  fleet,
  watch,
}: Given): Record<TroubleKind, (trouble: PlannedTrouble) => Promise<Partial<Span> | undefined>> {
  let redis = first;

  /** Cuts off, mends in the end; with the kill switch on meanwhile when the plan says so. */
  async function cut(
    { ms, killSwitch }: PlannedTrouble,
    name: string | undefined,
    begin: () => void,
    end: () => void,
  ): Promise<Partial<Span>> {
    begin();
    const from = Date.now();
    const on = killSwitch ? await switchOn(watch) : undefined;
    await pause(ms);
    const to = Date.now();
    end();
    const cutOff = { from, to, ...(name !== undefined && { name }) };
    if (on === undefined) return { cutOff };
    await pause(AFTER_THE_CUT);
    const off = Date.now();
    await watch.setKillSwitch(false);
    return { cutOff, killSwitch: { from: on, to: off } };
  }

  return {
    async 'kill a daemon'({ whom }) {
      await fleet.kill(await fleet.choose(whom));
      return undefined;
    },
    async 'freeze a daemon'({ whom, ms }) {
      await fleet.freeze(await fleet.choose(whom), ms);
      return undefined;
    },
    async 'restart a daemon'({ whom }) {
      await fleet.stop(await fleet.choose(whom));
      return undefined;
    },
    async 'set a clock'({ whom, shift }) {
      fleet.setClock(await fleet.choose(whom), shift);
      return undefined;
    },
    async 'cut a daemon off from Redis'(trouble) {
      const { name, redis: gate } = await fleet.choose(trouble.whom);
      return cut(
        trouble,
        name,
        () => gate.cut(trouble.how),
        () => gate.mend(),
      );
    },
    async 'cut all off from Redis'(trouble) {
      return cut(
        trouble,
        undefined,
        () => fleet.cutAll(trouble.how),
        () => fleet.mendAll(),
      );
    },
    async 'kill Redis'({ ms }) {
      await redis.kill('SIGKILL');
      await pause(ms);
      redis = await site.redis(Number(new URL(redis.address).port));
      return undefined;
    },
    async 'freeze Redis'({ ms }) {
      const { pid } = redis;
      process.kill(pid, 'SIGSTOP');
      await pause(ms);
      process.kill(pid, 'SIGCONT');
      return undefined;
    },
    async 'pause Redis'({ ms }) {
      await askRedis(redis.address, (client) => client.client('PAUSE', ms));
      await pause(ms);
      return undefined;
    },
    async 'fill Redis'({ ms }) {
      await askRedis(redis.address, (client) => client.config('SET', 'maxmemory', '1'));
      await pause(ms);
      await askRedis(redis.address, (client) => client.config('SET', 'maxmemory', '0'));
      return undefined;
    },
  };
}

async function switchOn(watch: Watch): Promise<number> {
  await watch.setKillSwitch(true);
  return Date.now();
}

async function askRedis(address: string, ask: (client: Client) => Promise<unknown>): Promise<void> {
  const client = redisTarget(address).connect('blocking');
  client.on('error', () => {}); // it comes back
  try {
    await ask(client);
  } finally {
    client.disconnect();
  }
}
