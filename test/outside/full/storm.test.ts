import { afterEach, expect, test } from 'vitest';
import { get, post, type Running, Site, until } from '../../support/processes.ts';

/** Ten thousand alerts, two thousand of them distinct, as fast as they are taken. */
const DISTINCT = 2_000;
const REPEATS = 5;
const PER_REQUEST = 50;
const SENDERS = 8;

interface Incident {
  id: string;
  state: string;
  outcome?: string;
  alerts: { senderId: string }[];
}

let site: Site;
afterEach(() => site.close());

const SERVERS = ['mbx1', 'mbx2', 'mbx3', 'ex1', 'ex2', 'cas1', 'cas2', 'mbx9'];

/** A few on servers that there are, most on servers that there are not: what a wild monitoring system sends. */
function alertOf(index: number) {
  const server = index % 10 === 0 ? SERVERS[(index / 10) % SERVERS.length] : `srv${index % 400}.contoso.com`;
  const healthSets = ['IMAP.Protocol', 'OWA.Proxy', 'ActiveSync', 'POP', 'ECP'];
  return {
    id: `storm-${index}`,
    server,
    healthSet: healthSets[index % healthSets.length],
    status: 'firing',
    raisedAt: '2026-01-05T10:00:00Z',
  };
}

function batches(): object[][] {
  const all = Array.from({ length: DISTINCT * REPEATS }, (_, index) => alertOf(index % DISTINCT));
  return Array.from({ length: all.length / PER_REQUEST }, (_, index) =>
    all.slice(index * PER_REQUEST, (index + 1) * PER_REQUEST),
  );
}

/** Posts every batch, each until it is answered 202, as a sender with a spool does. */
async function postAll(url: string, on: { accepted(done: number): void }): Promise<Set<string>> {
  const queue = batches();
  const accepted = new Set<string>();
  let done = 0;
  await Promise.all(
    Array.from({ length: SENDERS }, async () => {
      for (let batch = queue.shift(); batch; batch = queue.shift()) {
        for (;;) {
          const answer = await post(`${url}/api/v1/alerts/generic`, batch).catch(() => undefined);
          if (answer?.status === 202) break;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        for (const alert of batch as { id: string }[]) accepted.add(alert.id);
        done += batch.length;
        on.accepted(done);
      }
    }),
  );
  return accepted;
}

async function everyIncident(url: string): Promise<Incident[]> {
  const all: Incident[] = [];
  let cursor: string | undefined;
  do {
    const query: string = cursor ? `&cursor=${encodeURIComponent(cursor)}` : '';
    const page = await get<{ incidents: Incident[]; next?: string }>(`${url}/api/v1/incidents?limit=500${query}`);
    all.push(...page.incidents);
    cursor = page.next;
  } while (cursor);
  return all;
}

const open = async (url: string) => {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith('second_responder_incidents_open{'));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
};

/** Every accepted alert belongs to an incident that ended, and no step's command took effect twice. */
async function nothingLostNothingTwice(daemon: Running, lab: Running, accepted: Set<string>): Promise<void> {
  const ends = async () => {
    if ((await open(daemon.url)) > 0) return undefined;
    const incidents = await everyIncident(daemon.url);
    const seen = new Set(incidents.flatMap((incident) => incident.alerts.map((alert) => alert.senderId)));
    return {
      incidents: incidents.length,
      open: incidents.filter((incident) => incident.state !== 'finished').length,
      lost: [...accepted].filter((id) => !seen.has(id)).length,
    };
  };
  const end = await until(ends, (now) => now?.open === 0 && now.lost === 0, 90_000);
  expect(end?.incidents).toBeLessThanOrEqual(DISTINCT);
  const commands = await get<{ effect: string; caller: string; command: string }[]>(`${lab.url}/lab/v1/commands`);
  const changed = commands
    .filter((command) => command.effect === 'changed')
    .map(({ caller, command }) => `${caller} ${command}`);
  expect(changed.length).toBe(new Set(changed).size);
}

test('ten thousand alerts: none lost, and no more incidents than matters', async () => {
  site = await Site.open();
  const redis = await site.redis();
  const lab = await site.lab(600);
  const daemon = await site.daemon({
    REDIS_URL: redis.address,
    SECOND_RESPONDER_EXCHANGE_URL: lab.url,
    SECOND_RESPONDER_LOG_LEVEL: 'warn',
  });
  await post(`${lab.url}/lab/v1/faults`, { fault: 'imap-backend-hang', server: 'mbx1' });
  const accepted = await postAll(daemon.url, { accepted() {} });
  expect(accepted.size).toBe(DISTINCT);
  await nothingLostNothingTwice(daemon, lab, accepted);
}, 150_000);

test('the same with the daemon killed in the middle and started again', async () => {
  site = await Site.open();
  const redis = await site.redis();
  const lab = await site.lab(600);
  const env = { REDIS_URL: redis.address, SECOND_RESPONDER_EXCHANGE_URL: lab.url, SECOND_RESPONDER_LOG_LEVEL: 'warn' };
  await post(`${lab.url}/lab/v1/faults`, { fault: 'imap-backend-wedged', server: 'mbx1' });
  await post(`${lab.url}/lab/v1/faults`, { fault: 'imap-proxy-wedged', server: 'cas2' });
  const first = await site.daemon(env);
  const port = new URL(first.url).port;
  let killed: Promise<void> | undefined;
  let second: Promise<Running> | undefined;
  const accepted = await postAll(first.url, {
    accepted(done) {
      if (done < (DISTINCT * REPEATS) / 3 || killed) return;
      killed = first.kill('SIGKILL');
      second = killed.then(() => site.daemon({ ...env, SECOND_RESPONDER_HTTP_PORT: port }));
    },
  });
  expect(accepted.size).toBe(DISTINCT);
  const again = await second;
  if (!again) throw new Error('it was not killed');
  await nothingLostNothingTwice({ ...again, url: first.url }, lab, accepted);
}, 150_000);
