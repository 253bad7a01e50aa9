import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { safeAddress } from '../../lib/shown.ts';

/** The shape of replies is ioredis's default. */
type Options = Omit<RedisOptions, 'replyMapping'>;

/** Either kind of client; both have the same commands. */
export type Client = Redis | Cluster;

/**
 * The use of a connection. `commands` fails immediately while Redis is down, and after two seconds without an answer, so that no
 * caller hangs. It never resends a command that may have been executed. (A cluster's client does, because it can't distinguish
 * such a command from one that was not sent; every script tolerates that, because it names a head, a mark or a token.) `reads` is
 * the same for long answers, with a limit of ten seconds. `blocking` waits without limit, for readers of the feed and for BullMQ.
 * `question` tries once and does not reconnect.
 */
export type Purpose = 'commands' | 'reads' | 'blocking' | 'question';

/** A Redis server, sentinel group or cluster, from any form of URL. */
export interface RedisTarget {
  /** Address for messages, without the password. */
  describe: string;
  connect(purpose: Purpose): Client;
}

const COMMAND_TIMEOUT_MS = 2_000;
const READ_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
const SETTLED_WITHIN_MS = 10_000;
const FORMS = [
  'redis://[user:password@]host[:6379][/db]',
  'rediss://… (TLS)',
  'redis+unix:///path/to/redis.sock',
  'redis+sentinel://[user:password@]host1:26379,host2:26379/name[/db]',
  'redis+cluster://[user:password@]host1:7001,host2:7002',
].join(', ');

/** Parses a URL; throws with the problem and the accepted forms if it is malformed. */
export function redisTarget(url: string): RedisTarget {
  const parts = /^([a-z+]+):\/\/(?:([^@/]*)@)?([^/]*)(\/.*)?$/i.exec(url.trim());
  if (!parts) throw malformed(url, 'it is not a URL');
  const [, scheme = '', login, hosts = '', path = ''] = parts;
  if (hosts.includes('@') || (hosts !== '' && path.includes('@'))) {
    throw malformed(url, 'its user or password contains a / or @: write %2F or %40');
  }
  if (/[?#]/.test(hosts + path)) throw malformed(url, 'it contains a ? or #, which is not supported');
  const auth = credentials(url, login);
  switch (scheme.toLowerCase()) {
    case 'redis':
    case 'rediss': {
      const [node, ...more] = nodes(url, hosts, 6379);
      if (!node || more.length > 0) throw malformed(url, 'it must name one host');
      const tls = scheme.toLowerCase() === 'rediss' ? { tls: {} } : {};
      return single(`${node.host}:${node.port}`, { ...auth, ...node, ...tls, ...database(url, path.slice(1)) });
    }
    case 'redis+unix':
      if (hosts !== '' || path === '') throw malformed(url, 'the path of the socket must follow three slashes');
      return single(path, { ...auth, path });
    case 'redis+sentinel': {
      const [, name = '', db = ''] = path.split('/');
      if (name === '') throw malformed(url, 'the name of the monitored master is missing after the hosts');
      const sentinels = nodes(url, hosts, 26379);
      // A frozen master keeps its connections, so only its sentinels report that it was replaced.
      const watched = { sentinels, name, failoverDetector: true };
      return single(`${name} by sentinels ${hosts}`, { ...auth, ...watched, ...database(url, db) });
    }
    case 'redis+cluster':
      if (path !== '' && path !== '/') throw malformed(url, 'a cluster does not support database numbers');
      return cluster(hosts, nodes(url, hosts, 6379), auth);
    default:
      throw malformed(url, 'the scheme is unknown');
  }
}

function single(describe: string, options: Options): RedisTarget {
  return { describe, connect: (purpose) => new Redis({ ...options, ...forPurpose(purpose) }) };
}

function cluster(describe: string, startup: { host: string; port: number }[], auth: Options): RedisTarget {
  return {
    describe: `cluster ${describe}`,
    connect: (purpose) => {
      const { enableOfflineQueue, retryStrategy: clusterRetryStrategy, ...redisOptions } = forPurpose(purpose);
      const options = { clusterRetryStrategy, enableOfflineQueue, redisOptions: { ...auth, ...redisOptions } };
      return settling(new Cluster(startup, options));
    },
  };
}

/**
 * ioredis never settles connect() if the master is down at the first ready check or if its pool of nodes was empty, and BullMQ's
 * worker takes no job until it is settled.
 */
function settling(cluster: Cluster): Cluster {
  const { connect, duplicate } = cluster;
  cluster.connect = async () => {
    const done = new AbortController();
    const becomesReady = once(cluster, 'ready', { signal: done.signal });
    const late = pause(SETTLED_WITHIN_MS, undefined, { signal: done.signal, ref: false }).then(() => {
      throw new Error(`the cluster was not ready within ${SETTLED_WITHIN_MS} ms`);
    });
    try {
      await Promise.race([connect.call(cluster), becomesReady, late]);
    } finally {
      done.abort();
    }
  };
  cluster.duplicate = ((...asked) => settling(duplicate.apply(cluster, asked))) as Cluster['duplicate'];
  return cluster;
}

function forPurpose(purpose: Purpose) {
  const patient = purpose === 'blocking';
  return {
    connectTimeout: CONNECT_TIMEOUT_MS,
    // While Redis loads its data, its estimate of the remaining time is often far too high.
    maxLoadingRetryTime: 1_000,
    // After a failover the old master answers READONLY, so reconnect to the current master.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
    // A question must fail immediately if Redis is still loading.
    enableReadyCheck: purpose !== 'question',
    enableOfflineQueue: purpose !== 'commands' && purpose !== 'reads',
    autoResendUnfulfilledCommands: patient,
    ...(patient
      ? { maxRetriesPerRequest: null }
      : { maxRetriesPerRequest: 1, commandTimeout: purpose === 'reads' ? READ_TIMEOUT_MS : COMMAND_TIMEOUT_MS }),
    retryStrategy: purpose === 'question' ? null : retryStrategy,
  };
}

/** Short delays first, for a Redis that was only restarted; never more than a second. */
function retryStrategy(times: number): number {
  return Math.min(50 * times, 1_000);
}

function nodes(url: string, hosts: string, defaultPort: number): { host: string; port: number }[] {
  return hosts.split(',').map((one) => {
    const parts = /^(?:\[([0-9a-f:]+)\]|([\w.-]+))(?::(\d+))?$/i.exec(one);
    const host = parts?.[1] ?? parts?.[2];
    const port = Number(parts?.[3] ?? defaultPort);
    if (host === undefined) throw malformed(url, 'one of its hosts is not valid');
    if (port < 1 || port > 65_535) throw malformed(url, 'one of its ports is not valid');
    return { host, port };
  });
}

function database(url: string, text: string): { db?: number } {
  if (text === '') return {};
  if (!/^\d+$/.test(text)) throw malformed(url, 'its database is not a number');
  return { db: Number(text) };
}

function credentials(url: string, login: string | undefined): { username?: string; password?: string } {
  if (!login) return {};
  const colon = login.indexOf(':');
  try {
    const [user, password] = colon < 0 ? ['', login] : [login.slice(0, colon), login.slice(colon + 1)];
    return { ...(user !== '' && { username: decodeURIComponent(user) }), password: decodeURIComponent(password) };
  } catch {
    throw malformed(url, 'its user or password contains a %: write %25');
  }
}

function malformed(url: string, why: string): Error {
  return new Error(`Redis URL "${safeAddress(url)}": ${why}. Forms: ${FORMS}`);
}
