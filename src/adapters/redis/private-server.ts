import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, constants, mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, redisTarget } from './connect.ts';

/** Programs that can be the private server, the preferred first. Memurai is Redis for Windows. */
const PROGRAMS = process.platform === 'win32' ? ['memurai', 'redis-server'] : ['redis-server', 'valkey-server'];

/** The longest path of a Unix socket is 107 bytes (103 on macOS). */
const LONGEST_SOCKET_PATH = 103;

/** A large append-only file takes its time to load. */
const START_MS = 120_000;
const STOP_MS = 10_000;
const LOOK_EVERY_MS = 50;
/** How soon a server that died under its daemons is missed. */
const MISS_EVERY_MS = 2_000;

export interface PrivateRedisOptions {
  /** Its append-only file, socket and log are here; made when absent. */
  directory: string;
  /** `always` when absent: no accepted alert is lost, not even at a power loss. */
  appendfsync?: 'always' | 'everysec';
  onLog?: (says: string) => void;
  /** It died, or can't be started again; `onLog` when absent. */
  onTrouble?: (says: string) => void;
}

export interface PrivateRedis {
  /** For `redisTarget`. */
  url: string;
  /** It ran already: another daemon's, or left by one that was killed. */
  adopted: boolean;
  /** Others were connected when it was adopted: another daemon works on this directory. */
  shared: boolean;
  /** The last daemon that leaves stops it; resolves when it is gone, or left to the others. */
  close(): Promise<void>;
}

/** The program on the PATH that can be a private Redis. */
export function findRedisServer(): string | undefined {
  return PROGRAMS.find(
    (program) => spawnSync(program, ['--version'], { stdio: 'ignore', env: withoutSecrets(process.env) }).status === 0,
  );
}

/** The address of the one that runs in a directory, or undefined; nothing is started. */
export async function runningPrivateRedis(directory: string): Promise<string | undefined> {
  const url = await readFile(addressFile(resolve(directory)), 'utf8').catch(() => undefined);
  return url !== undefined && (await answers(url)) ? url : undefined;
}

/** A Redis of this directory's own, with the data of the last time. One that runs on it already is used. */
export async function startPrivateRedis(options: PrivateRedisOptions): Promise<PrivateRedis> {
  const directory = resolve(options.directory);
  const onLog = options.onLog ?? (() => {});
  const onTrouble = options.onTrouble ?? onLog;
  await usable(directory);
  const launch = async () => {
    const lock = await lockOrRunning(directory);
    if (typeof lock === 'string') return { url: lock, adopted: true };
    try {
      return { url: await start(directory, options.appendfsync ?? 'always', onLog), adopted: false };
    } finally {
      await lock.release();
    }
  };
  const { url, adopted } = await launch();
  if (adopted) onLog(`using the private Redis that runs in ${directory} already`);
  const shared = adopted && ((await others(url)) ?? 0) > 0;
  const stopWatching = watch(url, launch, onTrouble);
  return {
    url,
    adopted,
    shared,
    close: async () => {
      await stopWatching();
      await leave(url, onLog);
    },
  };
}

/** Nobody else looks after it: one that was killed is started again, at the same address and with what it had. */
function watch(url: string, launch: () => Promise<{ url: string }>, onTrouble: (says: string) => void) {
  let looking = Promise.resolve();
  let stopped = false;
  async function look(): Promise<void> {
    if (stopped || (await answers(url)) || stopped) return;
    onTrouble('the private Redis is gone: it is started again');
    const { url: now } = await launch();
    if (now !== url) onTrouble('the private Redis could not be started where it was: start this daemon again');
  }
  let timer = setTimeout(later, MISS_EVERY_MS).unref();
  function later(): void {
    looking = look()
      .catch((error: Error) => onTrouble(`the private Redis: ${error.message}`))
      .finally(() => {
        if (!stopped) timer = setTimeout(later, MISS_EVERY_MS).unref();
      });
  }
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await looking;
  };
}

async function usable(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Error(
      `${directory} can't hold the data (${(error as Error).message}): ` +
        'let this user write there, or set store.directory (SECOND_RESPONDER_STORE_DIRECTORY) to another folder',
    );
  }
}

async function start(directory: string, appendfsync: string, onLog: (says: string) => void): Promise<string> {
  const program = findRedisServer();
  if (!program) throw new Error(`none of ${PROGRAMS.join(', ')} is on the PATH`);
  await noSilentOther(directory);
  const place = await newPlace(directory);
  const log = join(directory, 'redis.log');
  const settings = [
    ...place.settings,
    `dir ${quoted(directory)}`,
    `logfile ${quoted(log)}`,
    'loglevel warning',
    `pidfile ${quoted(join(directory, 'redis.pid'))}`,
    'daemonize no',
    'appendonly yes',
    `appendfsync ${appendfsync}`,
    'maxmemory-policy noeviction',
    'save ""',
  ];
  // Detached: an interrupt at the terminal must not stop it before the daemon has finished what is in hand. By standard
  // input: its password is not to be seen in the list of processes.
  const child = spawn(program, ['-'], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: directory,
    env: withoutSecrets(process.env),
  });
  let failure: string | undefined;
  child.once('error', (error) => {
    failure = error.message;
  });
  child.once('exit', (code, by) => {
    failure = `it ended with ${by ?? code}`;
  });
  child.stdin.on('error', () => {}); // it ended before it had read: `exit` tells
  child.stdin.end(`${settings.join('\n')}\n`);
  child.unref();

  await writeFile(addressFile(directory), place.url, { mode: 0o600 });
  const until = Date.now() + START_MS;
  while (!(await answers(place.url))) {
    if (failure === undefined && Date.now() < until) {
      await pause(LOOK_EVERY_MS);
      continue;
    }
    if (failure === undefined) child.kill('SIGTERM');
    const says = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n').slice(-3).join(' | ');
    throw new Error(
      `${program} did not start in ${directory}: ${failure ?? `no answer for ${START_MS / 1_000} s`}. ${says}`,
    );
  }
  onLog(`started ${program} in ${directory} (appendfsync ${appendfsync})`);
  return place.url;
}

/** Where a new server listens: a socket in the directory, or a port of the loopback where that can't be. */
async function newPlace(directory: string): Promise<{ url: string; settings: string[] }> {
  const socket = join(directory, 'redis.sock');
  if (process.platform !== 'win32' && Buffer.byteLength(socket) <= LONGEST_SOCKET_PATH) {
    await rm(socket, { force: true }); // nobody answers there
    return {
      url: `redis+unix://${socket}`,
      settings: ['port 0', `unixsocket ${quoted(socket)}`, 'unixsocketperm 700'],
    };
  }
  const [port, password] = (await placeBefore(directory)) ?? [await freePort(), randomBytes(24).toString('hex')];
  const settings = [`port ${port}`, 'bind 127.0.0.1', `requirepass ${password}`];
  return { url: `redis://:${password}@127.0.0.1:${port}`, settings };
}

/** Daemons that were connected to a server that died look for it where it was. */
async function placeBefore(directory: string): Promise<[port: number, password: string] | undefined> {
  const url = await readFile(addressFile(directory), 'utf8').catch(() => '');
  const [, password, port] = /^redis:\/\/:(\w+)@127\.0\.0\.1:(\d+)$/.exec(url) ?? [];
  if (password === undefined || port === undefined) return undefined;
  return (await isFree(Number(port))) ? [Number(port), password] : undefined;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (free) await new Promise((closed) => server.close(closed));
  return free;
}

function addressFile(directory: string): string {
  return join(directory, 'redis.url');
}

/** Our tokens may stand in variables, and a child outlives us: it is given what a program needs to run at all. */
function withoutSecrets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const needed = ['PATH', 'SystemRoot', 'TEMP', 'TMPDIR', 'LD_LIBRARY_PATH', 'TZ'];
  return Object.fromEntries(needed.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

function quoted(path: string): string {
  return `"${path.replace(/[\\"]/g, '\\$&')}"`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    server.listen(0, '127.0.0.1', listening);
  });
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('no free port on the loopback');
  return address.port;
}

/** The URL of the server that runs on this directory, or the right to start one: never two on one append-only file. */
async function lockOrRunning(directory: string): Promise<string | { release(): Promise<void> }> {
  const path = join(directory, 'starting.lock');
  const until = Date.now() + START_MS;
  for (;;) {
    const url = await readFile(addressFile(directory), 'utf8').catch(() => undefined);
    if (url !== undefined && (await answers(url))) return url;
    try {
      const file = await open(path, 'wx');
      await file.writeFile(String(process.pid));
      await file.close();
      return { release: () => rm(path, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    // Another daemon is starting it, or died at that.
    const holder = Number(await readFile(path, 'utf8').catch(() => ''));
    const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
    if ((holder > 0 && !isAlive(holder)) || age > START_MS) await rm(path, { force: true });
    else if (Date.now() > until)
      throw new Error(`${path}: process ${holder} has been starting a private Redis for too long`);
    else await pause(LOOK_EVERY_MS);
  }
}

/** A server that lives and does not answer still writes to the file: starting a second one would spoil it. */
async function noSilentOther(directory: string): Promise<void> {
  const pid = Number(await readFile(join(directory, 'redis.pid'), 'utf8').catch(() => ''));
  const until = Date.now() + STOP_MS;
  while (pid > 0 && isAlive(pid) && (await mayBeRedis(pid))) {
    if (Date.now() > until) {
      throw new Error(`process ${pid} holds ${directory} and does not answer: stop it (kill ${pid}), then start again`);
    }
    await pause(LOOK_EVERY_MS);
  }
}

/** Numbers of processes are used again. Where the system does not tell, it may be. */
async function mayBeRedis(pid: number): Promise<boolean> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => undefined);
  return name === undefined ? process.platform !== 'linux' : /redis|valkey/.test(name);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function answers(url: string): Promise<boolean> {
  return (await ask(url, (client) => client.ping())) === 'PONG';
}

/** How many connections there are besides the one that asks; undefined when nobody answers. */
function others(url: string): Promise<number | undefined> {
  return ask(url, async (client) => connectionsIn(await client.info('clients')) - 1);
}

function connectionsIn(info: string): number {
  return Number(/connected_clients:(\d+)/.exec(info)?.[1]);
}

/** Stops it when nobody else is connected, and waits until it is gone. */
async function leave(url: string, onLog: (says: string) => void): Promise<void> {
  const left = await ask(url, async (client) => {
    const connections = connectionsIn(await client.info('clients')) - 1;
    // It writes out what it has and answers nothing.
    if (connections === 0) await client.shutdown('NOSAVE').catch(() => {});
    return connections;
  });
  if (left) {
    onLog(`left the private Redis to ${left} other connections`);
    return;
  }
  const until = Date.now() + STOP_MS;
  while (await answers(url)) {
    if (Date.now() > until) throw new Error(`the private Redis at ${redisTarget(url).describe} does not stop`);
    await pause(LOOK_EVERY_MS);
  }
}

/** One question on a connection of its own; undefined when nobody answers. */
async function ask<T>(url: string, question: (client: Client) => Promise<T>): Promise<T | undefined> {
  const client = redisTarget(url).connect('question');
  client.on('error', () => {}); // the question fails by it
  try {
    return await question(client);
  } catch {
    return undefined;
  } finally {
    client.disconnect();
  }
}
