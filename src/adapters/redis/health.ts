import { Cluster, type Redis, ReplyError } from 'ioredis';
import { NotCopied } from '../../ports/journal.ts';
import type { StoreHealth } from '../../ports/store.ts';
import type { Client } from './connect.ts';
import { durability } from './durability.ts';
import { REINDEXING } from './reindex.ts';

/** Parameters of the health check. `key`: any key of the store, because in a cluster one master has all of them. */
export interface Asked {
  kind: string;
  where: string;
  key: string;
  /** Key that exists while the indexes are rebuilt. */
  reindexing: string;
  waitReplicas: number;
  /** Tries to write and returns the error of Redis. Absent: nothing is written, because the data may belong to another store. */
  refusal?: () => Promise<string | undefined>;
}

/** Whether Redis answers, and warnings about its durability. */
export async function redisHealth(client: Client, asked: Asked): Promise<StoreHealth> {
  const { kind, where } = asked;
  try {
    const server = await keeperOf(client, asked.key);
    const info = fieldsOf(await server.info());
    // While Redis loads, it answers only INFO.
    if (info.get('loading') === '1') throw new Error('it is still loading its data');
    if (client.status !== 'ready') throw new Error('there is no connection');
    if ((await client.exists(asked.reindexing)) === 1) {
      return { up: false, kind, warnings: [], says: `${kind} at ${where}: ${REINDEXING}` };
    }
    const fsync = info.get('aof_enabled') === '1' ? await appendFsync(server) : undefined;
    const version = info.get('valkey_version') ?? info.get('redis_version') ?? 'of unknown version';
    const warnings = [...durability({ kind, info, fsync }), ...replication(info, asked.waitReplicas)];
    const refused = await asked.refusal?.();
    if (refused !== undefined) return { up: false, kind, warnings, says: `${kind} at ${where} ${refused}` };
    return { up: true, kind, warnings, says: `${kind} ${version} at ${where}` };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    if (error instanceof ReplyError) {
      return { up: false, kind, warnings: [], says: `${kind} at ${where} ${refused('refuses', said)}` };
    }
    // The error of ioredis if there is no connection.
    const why = /enableOfflineQueue/.test(said) ? 'there is no connection' : said;
    return { up: false, kind, warnings: [], says: `${kind} at ${where} does not answer: ${why}` };
  }
}

/** Advice for a Redis that answers but refuses commands, by the beginning of its error. */
const REMEDIES: [RegExp, string][] = [
  [
    /^OOM/,
    'Type `redis-cli CONFIG SET maxmemory` with a higher value, or set `store.finished-retention` to a lower one.',
  ],
  [
    /^MISCONF/,
    'Check its log for why it could not write to disk, and with `df` whether the disk is full; it recovers once it can write.',
  ],
  [/^READONLY/, 'Set `store.url` to the master that `redis-cli INFO replication` names.'],
  [/^NOREPLICAS/, 'Restore its replicas, or lower its `min-replicas-to-write`.'],
  [
    /^(NOPERM|ERR The user executing the script)/,
    'Allow the user of `store.url` this command and its keys with `redis-cli ACL SETUSER`.',
  ],
  [/^OTHERSTORE/, 'Check which Redis `store.url` names, and whether it was flushed or lost its files.'],
];

/** Tries the operations of the store. Returns the error of Redis with advice, or undefined. Fails if there is no answer. */
export async function refusal(prove: () => Promise<unknown>): Promise<string | undefined> {
  try {
    const [command, words] = (await prove()) as string[];
    return command === undefined ? undefined : refused(`refuses ${command}`, String(words));
  } catch (error) {
    if (error instanceof NotCopied) return `does not keep writes safe: ${error.message}.`;
    if (!(error instanceof ReplyError)) throw error;
    return refused('refuses', (error as Error).message);
  }
}

function refused(what: string, answer: string): string {
  // Redis appends the script and its line to the message.
  const words = answer.replace(/ script: .*$/s, '').trim();
  const remedy = REMEDIES.find(([pattern]) => pattern.test(words))?.[1];
  return [`${what}: ${words.replace(/\.?$/, '.')}`, ...(remedy ? [remedy] : [])].join(' ');
}

/** The server that has the store's keys, because any server of a cluster answers INFO even if that one is down. */
async function keeperOf(client: Client, key: string): Promise<Redis> {
  if (!(client instanceof Cluster)) return client;
  const slot = Number(await client.cluster('KEYSLOT', key));
  const keeper = client.slots[slot]?.[0];
  const found = client.nodes('master').find(({ options }) => `${options.host}:${options.port}` === keeper);
  if (!found) throw new Error('the master that holds its keys is unreachable');
  return found;
}

function replication(info: Map<string, string>, waitReplicas: number): string[] {
  if (info.get('role') === 'slave') {
    return [
      'This Redis is a replica: nothing can be written to it. Set `store.url` to the master that `redis-cli INFO replication` names.',
    ];
  }
  const replicas = Number(info.get('connected_slaves') ?? 0);
  if (replicas < waitReplicas) {
    return [
      `Redis has ${replicas} of the ${waitReplicas} replicas that store.wait-replicas requires: no alerts are accepted and no commands are sent until it has them.`,
    ];
  }
  if (replicas > 0 && waitReplicas === 0) {
    return [
      info.get('cluster_enabled') === '1'
        ? 'Redis has replicas, and a failover to one of them loses writes not yet copied. On a cluster nothing waits for replicas; `min-replicas-to-write` reduces the risk.'
        : 'Redis has replicas, and a failover to one of them loses writes not yet copied. Set `store.wait-replicas`.',
    ];
  }
  return [];
}

/** `appendfsync`, or undefined for managed services, which refuse CONFIG. */
async function appendFsync(server: Redis): Promise<string | undefined> {
  try {
    const answer = (await server.config('GET', 'appendfsync')) as string[];
    return answer[1];
  } catch {
    return undefined;
  }
}

function fieldsOf(info: string): Map<string, string> {
  return new Map(
    info
      .split('\r\n')
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}
