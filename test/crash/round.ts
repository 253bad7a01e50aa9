import { setTimeout as pause } from 'node:timers/promises';
import { type Client, redisTarget } from '../../src/adapters/redis/connect.ts';
import type { LedgerEntry } from '../../src/ports.ts';
import { get, post, type Running, Site, until } from '../support/processes.ts';
import { Fleet } from './fleet.ts';
import {
  alertDuring,
  alertOf,
  mainAlert,
  otherAlert,
  type Plan,
  type PlannedTrouble,
  type TroubleKind,
} from './plan.ts';
import { type Command, type SeenEntry, Watch } from './watch.ts';

const SPEED = 300;
/** Real milliseconds that a round may take; an undisturbed one takes about fifteen seconds. */
const ROUND_MS = 120_000;

export interface Incident {
  id: string;
  server: string;
  healthSet: string;
  state: 'open' | 'finished';
  outcome?: string;
  reason?: string;
  left: string[];
  owed: string[];
  alerts: { senderId: string }[];
}

/** The part of the lab's organisation that a run may change. */
export interface Organisation {
  servers: {
    name: string;
    state: string;
    services: { name: string; status: string }[];
    settings: { activationBlocked: boolean; protocolLog: { imap: boolean; pop: boolean } };
  }[];
}

/** What is left of a round when it is over: everything that an audit needs. */
export interface Aftermath {
  plan: Plan;
  /** Which of the planned troubles came to pass: a run can be over before the moment of one. */
  happened: TroubleKind[];
  accepted: string[];
  commands: Command[];
  entries: SeenEntry[];
  incidents: Incident[];
  verified: { incident: string; ok: boolean; why?: string }[];
  before: Organisation;
  after: Organisation;
  faults: { fault: string; state: string }[];
  ledger: LedgerEntry[];
  ready: { url: string; status: number; says: string }[];
  kills: Kill[];
  outputs: string[];
  seconds: number;
}

/** When a daemon was killed, and who it was. Real milliseconds. */
export interface Kill {
  at: number;
  pid: number;
  /** Other daemons ran at that moment. */
  others: boolean;
}

/** Plays one round, to its end and until every trouble is over. */
export async function play(plan: Plan): Promise<Aftermath> {
  const began = Date.now();
  const site = await Site.open({ SECOND_RESPONDER_LOG_LEVEL: 'debug' });
  try {
    let redis = await site.redis();
    const lab = await site.lab(SPEED);
    const organisation = () => get<Organisation>(`${lab.url}/lab/v1/organisation`);
    const before = await organisation();
    await post(`${lab.url}/lab/v1/faults`, plan.procedure.fault);
    const watch = new Watch(lab.url);
    await watch.begin(redis.address);
    const fleet = new Fleet(site, { REDIS_URL: redis.address, SECOND_RESPONDER_EXCHANGE_URL: lab.url });
    await Promise.all(Array.from({ length: plan.daemons }, () => fleet.add()));

    const happened: TroubleKind[] = [];
    const kills: Kill[] = [];
    const accepted: string[] = [];

    const make: Record<TroubleKind, (trouble: PlannedTrouble) => Promise<unknown>> = {
      async 'kill a daemon'({ whom }) {
        const daemon = await fleet.take(whom);
        await daemon.kill('SIGKILL');
        kills.push({ at: Date.now(), pid: daemon.pid, others: fleet.awake.length > 0 });
        await fleet.add();
      },
      'freeze a daemon': ({ whom, ms }) => fleet.freeze(whom, ms),
      async 'restart a daemon'({ whom }) {
        const daemon = await fleet.take(whom);
        const asked = Date.now();
        await daemon.kill('SIGTERM');
        const took = Date.now() - asked;
        if (took > 10_000) throw new Error(`a daemon took ${took} ms to stop`);
        await fleet.add();
      },
      async 'kill Redis'({ ms }) {
        await redis.kill('SIGKILL');
        await pause(ms);
        redis = await site.redis(Number(new URL(redis.address).port));
      },
      async 'freeze Redis'({ ms }) {
        const { pid } = redis;
        process.kill(pid, 'SIGSTOP');
        await pause(ms);
        process.kill(pid, 'SIGCONT');
      },
      async 'pause Redis'({ ms }) {
        await askRedis(redis.address, (client) => client.client('PAUSE', ms));
        await pause(ms);
      },
      async 'fill Redis'({ ms }) {
        await askRedis(redis.address, (client) => client.config('SET', 'maxmemory', '1'));
        await pause(ms);
        await askRedis(redis.address, (client) => client.config('SET', 'maxmemory', '0'));
      },
    };

    // Redis has one trouble at a time; the daemons any mixture.
    let redisIsFree: Promise<unknown> = Promise.resolve();
    const troubles = plan.troubles.map(async (trouble, index) => {
      if (!(await watch.reached(trouble.at))) return;
      await pause(trouble.delay);
      const ofRedis = trouble.kind.endsWith('Redis');
      const free = ofRedis ? redisIsFree : Promise.resolve();
      const lasts = free.then(() => {
        happened.push(trouble.kind);
        return make[trouble.kind](trouble);
      });
      if (ofRedis) redisIsFree = lasts.catch(() => {});
      await free;
      const { delay, ...alert } = trouble.alert;
      await Promise.all([lasts, pause(delay).then(() => send(alertDuring(index), alert))]);
    });

    await send(mainAlert(plan), plan.procedure.alert);
    const others = plan.others.map(async ({ at, ...alert }, index) => {
      if (await watch.reached(at)) await send(otherAlert(index), alert);
    });

    // Like a sender with a spool: an alert is posted until it is answered 202, by whichever daemon answers.
    async function send(id: string, alert: object): Promise<void> {
      const deadline = Date.now() + ROUND_MS;
      for (let turn = 0; Date.now() < deadline; turn += 1) {
        const { awake } = fleet;
        const url = awake[turn % Math.max(1, awake.length)]?.url;
        if (url && (await postOnce(`${url}/api/v1/alerts/generic`, { id, status: 'firing', ...alert })) === 202) {
          accepted.push(id);
          return;
        }
        await pause(100);
      }
      throw new Error(`nobody accepted the alert ${id}`);
    }

    const all = Promise.all([...troubles, ...others]);
    await Promise.race([whenOver(fleet, plan, accepted), all.then(() => new Promise<never>(() => {}))]);
    watch.noMoreMoments();
    await all;
    const incidents = await whenOver(fleet, plan, accepted);
    const [daemon] = fleet.awake as [Running];
    const aftermath: Aftermath = {
      plan,
      happened,
      accepted,
      incidents,
      kills,
      before,
      after: await until(organisation, (now) => now.servers.every(({ state }) => state === 'up'), 20_000),
      faults: await get(`${lab.url}/lab/v1/faults`),
      ledger: (await answerOf<{ undo: LedgerEntry[] }>(`${daemon.url}/api/v1/undo`)).undo,
      verified: await Promise.all(
        incidents.map(async ({ id }) => ({
          incident: id,
          ...(await answerOf<{ ok: boolean; why?: string }>(`${daemon.url}/api/v1/incidents/${id}/verify`)),
        })),
      ),
      ready: await Promise.all(fleet.awake.map(readiness)),
      commands: await get<Command[]>(`${lab.url}/lab/v1/commands`),
      entries: watch.entries,
      outputs: fleet.outputs,
      seconds: (Date.now() - began) / 1000,
    };
    await watch.end();
    return aftermath;
  } finally {
    await site.close();
  }
}

/** All incidents, once every accepted alert has one and none is open; or as they are when that took too long. */
async function whenOver(fleet: Fleet, plan: Plan, accepted: string[]): Promise<Incident[]> {
  const deadline = Date.now() + ROUND_MS;
  let incidents: Incident[] = [];
  for (;;) {
    const url = fleet.awake.at(-1)?.url;
    const answer = url && (await askOnce<{ incidents: Incident[] }>(`${url}/api/v1/incidents?limit=500`));
    if (answer) ({ incidents } = answer);
    const over =
      answer &&
      incidents.every(({ state }) => state === 'finished') &&
      withoutIncident(plan, accepted, incidents).length === 0;
    if (over || Date.now() > deadline) return incidents;
    await pause(50);
  }
}

/**
 * Accepted alerts that have no finished incident of their own server and family of health sets: to belong to an incident
 * that had the server in hand is not enough, as they are looked at by themselves after it.
 */
export function withoutIncident(plan: Plan, accepted: string[], incidents: Incident[]): string[] {
  const family = (healthSet: string | undefined) => healthSet?.split('.')[0];
  return accepted.filter((id) => {
    const alert = alertOf(plan, id);
    return !incidents.some(
      ({ state, server, healthSet, alerts }) =>
        state === 'finished' &&
        server === alert?.server &&
        family(healthSet) === family(alert.healthSet) &&
        alerts.some(({ senderId }) => senderId === id),
    );
  });
}

/** Ready within ten seconds, as a daemon must be whose Redis has just come back; or what it says then. */
async function readiness({ url }: Running): Promise<{ url: string; status: number; says: string }> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(8_000) }).then(
      async (response) => ({ url, status: response.status, says: await response.text() }),
      (error: unknown) => ({ url, status: 0, says: String(error) }),
    );
    if (answer.status === 200 || Date.now() > deadline) return answer;
    await pause(100);
  }
}

async function postOnce(url: string, body: object): Promise<number> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(5_000),
  }).then(
    ({ status }) => status,
    () => 0,
  );
}

async function askOnce<T>(url: string): Promise<T | undefined> {
  return fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
    async (response) => (response.ok ? ((await response.json()) as T) : undefined),
    () => undefined,
  );
}

async function answerOf<T>(url: string): Promise<T> {
  return (await until(() => askOnce<T>(url), Boolean, 10_000)) as T;
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
