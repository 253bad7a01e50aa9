import type { StoreHealth } from '../../ports.ts';
import type { Client } from './connect.ts';

/** Whether it answers, and what a person should know about how safe it keeps what it is given. */
export async function redisHealth(client: Client, kind: string, where: string): Promise<StoreHealth> {
  try {
    const info = fieldsOf(await client.info());
    // INFO alone is answered before anything else can be asked.
    if (info.get('loading') === '1') throw new Error('it still loads what it holds');
    if (client.status !== 'ready') throw new Error('there is no connection');
    const fsync = info.get('aof_enabled') === '1' ? await appendFsync(client) : undefined;
    const version = info.get('valkey_version') ?? info.get('redis_version') ?? 'of unknown version';
    return { up: true, kind, warnings: warnings(info, fsync), says: `${kind} ${version} at ${where}` };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    // ioredis's way of saying that there is no connection.
    const why = /enableOfflineQueue/.test(said) ? 'there is no connection' : said;
    return { up: false, kind, warnings: [], says: `${kind} at ${where} does not answer: ${why}` };
  }
}

function warnings(info: Map<string, string>, fsync: string | undefined): string[] {
  const found: string[] = [];
  if (info.get('aof_enabled') === '0') {
    found.push('Redis keeps snapshots only: accepted alerts are lost when it crashes. Set `appendonly yes`.');
  }
  if (fsync === 'everysec') {
    found.push(
      'Redis writes to disk once a second: a power loss can cost the last second. `appendfsync always` does not.',
    );
  }
  if (fsync === 'no') {
    found.push(
      'Redis leaves it to the system when to write to disk: a power loss costs alerts. Set `appendfsync always`.',
    );
  }
  const policy = info.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    found.push(
      `Redis may drop journals when memory runs out (maxmemory-policy ${policy}). Set \`maxmemory-policy noeviction\`.`,
    );
  }
  if (info.get('role') === 'slave') found.push('This Redis is a replica: nothing can be written to it.');
  return found;
}

/** Managed services refuse CONFIG; then nothing is known, and nothing is claimed. */
async function appendFsync(client: Client): Promise<string | undefined> {
  try {
    const answer = (await client.config('GET', 'appendfsync')) as string[];
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
