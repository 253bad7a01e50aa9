import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** Health sets of one storm, from the most basic to what users touch; each fails on a third of the servers. */
export const HEALTH_SETS = ['AD', 'DiskSpace', 'IMAP.Protocol', 'PublicFolders'] as const;
/** Of an alerted family, other health sets and repeats: `server` is alerted ten times in all. */
const ECHOES = ['IMAP.Proxy', 'IMAP.Protocol', 'DiskSpace', 'PublicFolders'] as const;
const RESOLVED = ['AD', 'DiskSpace'] as const;
/** What the sender names of a health set with several monitors. */
const MONITORS: Record<string, string> = {
  'IMAP.Protocol': 'ImapSelfTestMonitor',
  'IMAP.Proxy': 'ImapProxyTestMonitor',
};

export const ALERTS_PER_SERVER = HEALTH_SETS.length + ECHOES.length + RESOLVED.length;
const RAISED_AT = '2026-01-05T10:00:00Z';

export const serverName = (index: number) => `mbx${index}`;
export const isSick = (server: number, healthSet: number) => (server + healthSet) % 3 === 0;

export interface StormAlert {
  id: string;
  server: string;
  healthSet: string;
  monitor?: string;
  status: 'firing' | 'resolved';
  raisedAt: string;
}

/** Ten alerts for each server, in an order that mixes all of them and is the same each time. */
export function alertsOf(servers: number): StormAlert[] {
  const all = Array.from({ length: servers }, (_, index) => {
    const alert = (healthSet: string, status: StormAlert['status'] = 'firing'): StormAlert => ({
      id: `${serverName(index)} ${healthSet}`,
      server: `${serverName(index)}.contoso.com`,
      healthSet,
      ...(MONITORS[healthSet] && { monitor: MONITORS[healthSet] }),
      status,
      raisedAt: RAISED_AT,
    });
    return [
      ...[...HEALTH_SETS, ...ECHOES].map((healthSet) => alert(healthSet)),
      ...RESOLVED.map((healthSet) => alert(healthSet, 'resolved')),
    ];
  }).flat();
  // A step that shares no factor with the length visits each place once.
  const step = 7_919;
  return all.map((_, index) => all[(index * step) % all.length] as StormAlert);
}

/** Groups of 4, 8, 12 and 16 combined servers, each database with a copy on the next member. */
export async function writeOrganisation(directory: string, servers: number): Promise<string> {
  const groups: Record<string, { members: string[] }> = {};
  for (let first = 0, size = 4; first < servers; first += size, size = (size % 16) + 4) {
    const members = Array.from({ length: Math.min(size, servers - first) }, (_, index) => serverName(first + index));
    groups[`dag${Object.keys(groups).length + 1}`] = { members };
  }
  const databases = Object.values(groups).flatMap(({ members }) =>
    members.map((member, index) => {
      const next = members[(index + 1) % members.length];
      return [`DB-${member}`, { copies: next === member ? [member] : [member, next] }] as const;
    }),
  );
  const organisation = {
    organisation: 'contoso.com',
    settings: { 'on-demand-probe': '60ms' },
    servers: Object.fromEntries(
      Array.from({ length: servers }, (_, index) => [
        serverName(index),
        { site: `Site${index % 20}`, version: '15.2', roles: ['client-access', 'mailbox'] },
      ]),
    ),
    groups,
    databases: Object.fromEntries(databases),
  };
  const file = join(directory, 'organisation.yaml');
  await writeFile(file, JSON.stringify(organisation)); // JSON is YAML, too
  return file;
}

export interface Listening {
  url: string;
  close(): Promise<void>;
}

async function listen(handle: (incoming: IncomingMessage, answer: ServerResponse) => void): Promise<Listening> {
  const server: Server = createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** Stands between daemon and lab, and counts how many calls are under way. */
export async function switchboard(lab: string): Promise<Listening & { most(): number; calls(): number }> {
  const agent = new Agent({ keepAlive: true });
  let now = 0;
  let most = 0;
  let calls = 0;
  const { hostname, port } = new URL(lab);
  const listening = await listen((incoming, answer) => {
    const { method, url: path, headers } = incoming;
    const isCall = path === '/lab/v1/call';
    if (isCall) {
      calls += 1;
      now += 1;
      most = Math.max(most, now);
      answer.once('close', () => {
        now -= 1;
      });
    }
    const onward = request({ agent, hostname, port, method, path, headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    incoming.pipe(onward);
  });
  return {
    ...listening,
    most: () => most,
    calls: () => calls,
    async close() {
      await listening.close();
      agent.destroy();
    },
  };
}

export interface Notice {
  key: string;
  kind: string;
  subject: string;
  text: string;
}

/** Where people are told: keeps each notice once, as its key is an identity. */
export async function inbox(): Promise<Listening & { notices(): Notice[] }> {
  const byKey = new Map<string, Notice>();
  const listening = await listen(async (incoming, answer) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const notice = JSON.parse(Buffer.concat(chunks).toString()) as Notice;
    byKey.set(notice.key, notice);
    answer.writeHead(204).end();
  });
  return { ...listening, notices: () => [...byKey.values()] };
}
