import { access, constants, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { StoreFacts, StoreHealth } from '../../ports/store.ts';
import { redisTarget } from './connect.ts';
import { durability } from './durability.ts';
import { redisHealth } from './health.ts';
import { findRedisServer, runningPrivateRedis } from './private-server.ts';

export interface StorePlace {
  url?: string | undefined;
  directory: string;
  appendfsync: 'always' | 'everysec';
  prefix: string;
  waitReplicas: number;
}

/**
 * Facts about the store that a daemon with these settings would use. Queries a running Redis on one connection; starts none and
 * writes nothing, because the data may belong to another store. Throws for an invalid address.
 */
export async function inspectRedis(place: StorePlace): Promise<StoreFacts> {
  if (place.url !== undefined) return { found: 'answer', health: await healthAt(place.url, 'redis', place) };
  const directory = resolve(place.directory);
  const why = await whyUnusable(directory);
  if (why !== undefined) return { found: 'unusable', says: why };
  const running = await runningPrivateRedis(directory);
  if (running !== undefined) return { found: 'answer', health: await healthAt(running, 'private redis', place) };
  if (findRedisServer() === undefined) return { found: 'no-program', directory };
  // Redis before 7 has a single file, and so does a backup that is being restored.
  const files = await Promise.all(['appendonlydir', 'appendonly.aof'].map((name) => isThere(join(directory, name))));
  const warnings = durability({ kind: 'private redis', info: new Map(), fsync: place.appendfsync });
  return { found: 'asleep', directory, kept: files.includes(true), warnings };
}

async function healthAt(url: string, kind: string, { prefix, waitReplicas }: StorePlace): Promise<StoreHealth> {
  const target = redisTarget(url);
  const client = target.connect('question');
  let trouble: string | undefined;
  client.on('error', (error: Error) => {
    trouble ??= error.message;
  });
  try {
    const refused = await client.ping().then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (refused !== undefined) {
      const says = `${kind} at ${target.describe} does not answer: ${trouble ?? refused}`;
      return { up: false, kind, warnings: [], says };
    }
    const keys = { key: `{${prefix}}:open`, reindexing: `{${prefix}}:reindexing` };
    return await redisHealth(client, { kind, where: target.describe, ...keys, waitReplicas });
  } finally {
    client.disconnect();
  }
}

/** Why the folder can't be used; a missing folder is created in its nearest existing parent. */
async function whyUnusable(directory: string): Promise<string | undefined> {
  const found = await stat(directory).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error && found.code === 'ENOENT') {
    return dirname(directory) === directory ? found.message : whyUnusable(dirname(directory));
  }
  if (found instanceof Error) return found.message;
  if (!found.isDirectory()) return `${directory} is not a folder`;
  return access(directory, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => undefined,
    (error: Error) => error.message,
  );
}

const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );
