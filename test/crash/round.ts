import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { get, post, type Running, Site, until } from '../support/processes.ts';
import type { Aftermath, Answer, Incident, Organisation, Span } from './aftermath.ts';
import { withoutIncident } from './audit.ts';
import { Fleet } from './fleet.ts';
import { Inbox } from './inbox.ts';
import { alertDuring, mainAlert, otherAlert, type Plan } from './plan.ts';
import { troublesOf } from './troubles.ts';
import { Watch } from './watch.ts';

/** Plays one round, to its end and until every trouble is over. */
export async function play(plan: Plan): Promise<Aftermath> {
  const began = Date.now();
  const site = await Site.open({ SECOND_RESPONDER_LOG_LEVEL: 'debug' });
  const inbox = await Inbox.open();
  const ends: (() => Promise<void>)[] = [() => inbox.close(), () => site.close()];
  try {
    const redis = await site.redis();
    const lab = await site.lab(plan.speed);
    const organisation = () => get<Organisation>(`${lab.url}/lab/v1/organisation`);
    const before = await organisation();
    await post(`${lab.url}/lab/v1/faults`, plan.procedure.fault);
    for (const disturbance of plan.disturbances) await post(`${lab.url}/lab/v1/faults`, disturbance);
    const watch = await Watch.begin(lab.url, redis.address);
    ends.push(() => watch.end());
    const fleet = new Fleet({
      site,
      env: {
        SECOND_RESPONDER_WORK_LEASE: plan.lease,
        ...(plan.evidenceMaxAge && { SECOND_RESPONDER_SAFETY_EVIDENCE_MAX_AGE: plan.evidenceMaxAge }),
        SECOND_RESPONDER_NOTIFY: JSON.stringify([{ channel: 'webhook', url: inbox.address }]),
        // Any legal sequence: the daemon keeps its guarantees with one that fails its proof too.
        ...(plan.playbooks && {
          SECOND_RESPONDER_PLAYBOOKS_DIRECTORY: write(site.directory, plan.playbooks),
          SECOND_RESPONDER_PLAYBOOKS_PROOF: 'warn',
        }),
      },
      redisPort: Number(new URL(redis.address).port),
      lab: lab.url,
      heldBy: (pid) => watch.heldBy(pid),
      ...(plan.exact && { exact: plan.exact }),
    });
    ends.push(() => fleet.close());
    await Promise.all(Array.from({ length: plan.daemons }, () => fleet.add()));

    const accepted: string[] = [];
    const answers: Answer[] = [];
    const happened: Span[] = [];
    const make = troublesOf({ site, redis, fleet, watch });

    // Redis, and the way to it, have one trouble at a time; the daemons any mixture.
    let redisIsFree: Promise<unknown> = Promise.resolve();
    const troubles = plan.troubles.map(async (trouble, index) => {
      if (!(await watch.reached(trouble.at))) return;
      await pause(trouble.delay);
      const ofRedis = trouble.kind.endsWith('Redis');
      const free = ofRedis ? redisIsFree : Promise.resolve();
      const lasts = free.then(async () => {
        const span: Span = { kind: trouble.kind, from: Date.now(), to: Number.POSITIVE_INFINITY };
        happened.push(span);
        Object.assign(span, await make[trouble.kind](trouble));
        span.to = Date.now();
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
      const deadline = Date.now() + plan.limit;
      for (let turn = 0; Date.now() < deadline; turn += 1) {
        const { awake } = fleet;
        const daemon = awake[turn % Math.max(1, awake.length)];
        if (daemon) {
          const asked = Date.now();
          const status = await postOnce(`${daemon.url}/api/v1/alerts/generic`, { id, status: 'firing', ...alert });
          answers.push({ id, asked, at: Date.now(), status });
          if (status === 202) {
            accepted.push(id);
            return;
          }
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
    // The last to be killed may still be on its way up.
    await until(
      async () => fleet.awake.length,
      (awake) => awake >= plan.daemons,
      60_000,
    ).catch(() => {});
    const ready = await Promise.all(fleet.awake.map(readiness));
    const daemon = await fleet.someone();
    return {
      plan,
      happened,
      accepted,
      answers,
      incidents,
      ready,
      kills: fleet.kills,
      stops: fleet.stops,
      sent: fleet.sent,
      notices: inbox.notices,
      before,
      after: await until(organisation, (now) => now.servers.every(({ state }) => state === 'up'), 20_000),
      faults: await get(`${lab.url}/lab/v1/faults`),
      ledger: (await answerOf<{ undo: Aftermath['ledger'] }>(`${daemon.url}/api/v1/undo`)).undo,
      verified: await Promise.all(
        incidents.map(async ({ id }) => ({
          incident: id,
          ...(await answerOf<{ ok: boolean; why?: string }>(`${daemon.url}/api/v1/incidents/${id}/verify`)),
        })),
      ),
      torn: await watch.torn(),
      commands: await get(`${lab.url}/lab/v1/commands`),
      entries: watch.entries,
      outputs: fleet.outputs,
      seconds: (Date.now() - began) / 1000,
    };
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

function write(directory: string, playbooks: Record<string, string>): string {
  const folder = join(directory, 'playbooks');
  mkdirSync(folder);
  for (const [file, text] of Object.entries(playbooks)) writeFileSync(join(folder, file), text);
  return folder;
}

/** All incidents, once every accepted alert has one and none is open; or as they are when that took too long. */
async function whenOver(fleet: Fleet, plan: Plan, accepted: string[]): Promise<Incident[]> {
  const deadline = Date.now() + plan.limit;
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
    await pause(100);
  }
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
