import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the ports that the system gives to outgoing connections (from 32768 on Linux): one of those could be taken
// between the moment it was found free and the moment a server listens on it, or while a killed server is away.
const FIRST = 10_240;
const LAST = 32_767;
// One range for each worker of Vitest, so that two files never find the same port free at the same time.
const WORKERS = 16;
const RANGE = Math.floor((LAST - FIRST) / WORKERS);
const first = FIRST + (Number(process.env.VITEST_POOL_ID ?? 0) % WORKERS) * RANGE;

let next = Math.floor(Math.random() * RANGE);

/** A port of loopback that nobody listens on, and that is given to no other caller. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < RANGE; tries++) {
    const port = first + next;
    next = (next + 1) % RANGE;
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port from ${first} to ${first + RANGE - 1}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
