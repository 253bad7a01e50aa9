import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { lstatSync, readFileSync, readlinkSync, realpathSync, rmSync, statSync } from 'node:fs';
import { access, constants, mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readSmall, setAside, writeWhole } from '../../lib/files.ts';
import { type Client, redisTarget } from './connect.ts';
import { Locksmith, type StartingLock } from './starting-lock.ts';

/** Programs that can be the private server, in order of preference. Memurai is Redis for Windows. */
const PROGRAMS = process.platform === 'win32' ? ['memurai', 'redis-server'] : ['redis-server', 'valkey-server'];

/** Maximum length of the path of a Unix socket: 107 bytes, 103 on macOS. */
const LONGEST_SOCKET_PATH = 103;

/** Loading a large append-only file takes a while. */
const START_MS = 120_000;
const STOP_MS = 10_000;
const LOOK_EVERY_MS = 50;
/** Interval of the checks whether the server still runs. */
const MISS_EVERY_MS = 2_000;
/** After this time a message says what the daemon waits for. */
const SILENT_MS = 1_000;
/** With less free space (in bytes), the next write would stop the server. */
const ROOM = 256 * 1024;

export interface PrivateRedisOptions {
  /** Folder of its append-only file, socket and log; created if absent. */
  directory: string;
  /** Default: `always`, so that no accepted alert is lost, even after a power failure. */
  appendfsync?: 'always' | 'everysec';
  onLog?: (says: string) => void;
  /** Called if the server stopped, can't be restarted, is being waited for, or left files behind. Default: `onLog`. */
  onTrouble?: (says: string) => void;
}

export interface PrivateRedis {
  /** For `redisTarget`. */
  url: string;
  /** It was already running: started by another daemon, or left by one that was killed. */
  adopted: boolean;
  /** Other clients were connected when it was adopted, so another daemon uses this directory. */
  shared: boolean;
  /** Why it is not running; undefined if it is. */
  trouble(): string | undefined;
  /** The last daemon to close stops it. Resolves when it has exited or is left to the other daemons. */
  close(): Promise<void>;
}

/** The first of these programs that is on the PATH. */
export function findRedisServer(): string | undefined {
  return PROGRAMS.find(
    (program) => spawnSync(program, ['--version'], { stdio: 'ignore', env: withoutSecrets(process.env) }).status === 0,
  );
}

/** The address of the server that runs in a directory, or undefined. Starts nothing. */
export async function runningPrivateRedis(directory: string): Promise<string | undefined> {
  const { url, state } = await runningIn(realpathOf(resolve(directory)), () => {});
  return state === 'ready' ? url : undefined;
}

/** Starts a Redis for this directory with its previous data, or uses the one that is already running. */
export async function startPrivateRedis(options: PrivateRedisOptions): Promise<PrivateRedis> {
  const onLog = options.onLog ?? (() => {});
  const onTrouble = options.onTrouble ?? onLog;
  await usable(resolve(options.directory));
  // The real path, so that all daemons use the same name.
  const directory = realpathOf(resolve(options.directory));
  const launch = async () => {
    for (;;) {
      const lock = await lockOrRunning(directory, onTrouble);
      if (typeof lock === 'string') return { url: lock, adopted: true };
      try {
        const url = await start(directory, options.appendfsync ?? 'always', lock, { onLog, onTrouble });
        if (url !== undefined) return { url, adopted: false };
      } finally {
        lock.release();
      }
    }
  };
  const { url, adopted } = await launch();
  if (adopted) onLog(`using the private Redis that is already running in ${directory}`);
  const shared = adopted && ((await others(url)) ?? 0) > 0;
  const watcher = watch(url, directory, launch, onTrouble);
  return {
    url,
    adopted,
    shared,
    trouble: watcher.trouble,
    close: async () => {
      await watcher.stop();
      await leave(url, directory, onLog);
    },
  };
}

/** Restarts the server if it was killed, at the same address and with its data. */
function watch(
  url: string,
  directory: string,
  launch: () => Promise<{ url: string }>,
  onTrouble: (says: string) => void,
) {
  let looking = Promise.resolve();
  let stopped = false;
  let trouble: string | undefined;
  async function look(): Promise<void> {
    const state = stopped ? 'ready' : await stateOf(url, directory);
    if (stopped || state === 'ready' || state === 'loading') {
      if (state === 'ready') trouble = undefined;
      return;
    }
    trouble ??= 'the private Redis stopped';
    hasRoom(directory);
    onTrouble('the private Redis stopped: restarting it');
    const { url: now } = await launch();
    if (now !== url) throw new Error('it could not be started at the same address: restart this daemon');
    trouble = undefined;
    onTrouble('the private Redis is running again');
  }
  function complain({ message }: Error): void {
    trouble = `the private Redis stopped: ${message}`;
    onTrouble(trouble);
  }
  let timer = setTimeout(later, MISS_EVERY_MS).unref();
  function later(): void {
    looking = look()
      .catch(complain)
      .finally(() => {
        if (!stopped) timer = setTimeout(later, MISS_EVERY_MS).unref();
      });
  }
  return {
    trouble: () => trouble,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}

/** With `appendfsync always` Redis exits when its disk is full. Throws then, because a restart would exit again. */
function hasRoom(directory: string): void {
  const file = join(directory, 'room.probe');
  try {
    writeWhole(file, '\0'.repeat(ROOM));
    rmSync(file);
  } catch (error) {
    throw new Error(
      `${directory} can't be written to (${(error as Error).message}): free space there; the daemon then continues`,
    );
  }
}

async function usable(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Error(
      `${directory} can't hold the data (${(error as Error).message}): ` +
        'give this user write access, or set store.directory (SECOND_RESPONDER_STORE_DIRECTORY) to another folder',
    );
  }
}

/** Returns undefined if another daemon took over in the meantime. */
async function start(
  directory: string,
  appendfsync: string,
  lock: StartingLock,
  { onLog, onTrouble }: Required<Pick<PrivateRedisOptions, 'onLog' | 'onTrouble'>>,
): Promise<string | undefined> {
  const program = findRedisServer();
  if (!program) throw new Error(`none of ${PROGRAMS.join(', ')} is on the PATH`);
  const says = patience(onTrouble);
  await noSilentOther(directory, says);
  hasRoom(directory);
  const place = await newPlace(directory);
  if (!lock.held()) return undefined;
  keepAddress(directory, place.url);
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
  // Detached, so that an interrupt at the terminal does not stop it before the daemon has finished its work in progress. The
  // settings go to standard input, so that the password is not visible in the process list.
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
    failure = `it exited with ${by ?? code}`;
  });
  child.stdin.on('error', () => {}); // it exited before it had read: `exit` reports that
  child.stdin.end(`${settings.join('\n')}\n`);
  child.unref();

  const until = Date.now() + START_MS;
  while ((await stateOf(place.url, directory)) !== 'ready') {
    if (failure === undefined && Date.now() < until) {
      says(`waiting for the private Redis in ${directory} to load its data`);
      await pause(LOOK_EVERY_MS);
      continue;
    }
    if (failure === undefined) child.kill('SIGTERM');
    const last = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n').slice(-3).join(' | ');
    throw new Error(
      `${program} did not start in ${directory}: ${failure ?? `no answer for ${START_MS / 1_000} s`}. ${last}`,
    );
  }
  onLog(`started ${program} in ${directory} (appendfsync ${appendfsync})`);
  return place.url;
}

/** Address of a new server: a socket in the directory, or a port on the loopback interface if a socket is not possible. */
async function newPlace(directory: string): Promise<{ url: string; settings: string[] }> {
  const socket = socketIn(directory);
  if (socket !== undefined) {
    // No server answers on it.
    if (lstatSync(socket, { throwIfNoEntry: false })?.isDirectory()) setAside(socket);
    else rmSync(socket, { force: true });
    return {
      url: `redis+unix://${socket}`,
      settings: ['port 0', `unixsocket ${quoted(socket)}`, 'unixsocketperm 700'],
    };
  }
  // Daemons that were connected to the previous server reconnect to its address.
  const before = portIn(writtenAddress(directory).url);
  const again = before !== undefined && (await isFree(before.port)) ? before : undefined;
  const { port, password } = again ?? { port: await freePort(), password: randomBytes(24).toString('hex') };
  const settings = [`port ${port}`, 'bind 127.0.0.1', `requirepass ${password}`];
  return { url: `redis://:${password}@127.0.0.1:${port}`, settings };
}

function socketIn(directory: string): string | undefined {
  const socket = join(directory, 'redis.sock');
  return process.platform !== 'win32' && Buffer.byteLength(socket) <= LONGEST_SOCKET_PATH ? socket : undefined;
}

/** The valid content of redis.url, apart from the socket in its directory. */
function portIn(url: string | undefined): { port: number; password: string } | undefined {
  const [, password, port] = /^redis:\/\/:(\w+)@127\.0\.0\.1:(\d{1,5})$/.exec(url ?? '') ?? [];
  if (password === undefined || !(Number(port) > 0 && Number(port) <= 65_535)) return undefined;
  return { port: Number(port), password };
}

/** The address in redis.url, or why it can't belong to a server of this directory. */
function writtenAddress(directory: string): { url?: string; wrong?: string } {
  try {
    const url = readSmall(addressFile(directory))?.trim();
    if (url === undefined || url === `redis+unix://${socketIn(directory)}` || portIn(url))
      return { ...(url && { url }) };
    return { wrong: url === '' ? 'it is empty' : 'it names no server in this folder' };
  } catch (error) {
    return { wrong: `it can't be read: ${(error as Error).message}` };
  }
}

/** Writes redis.url; only with the lock. A directory in its place is renamed. */
function keepAddress(directory: string, url: string): void {
  const file = addressFile(directory);
  if (lstatSync(file, { throwIfNoEntry: false })?.isDirectory()) setAside(file);
  writeWhole(file, url);
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

/**
 * Environment variables may contain tokens and the server outlives the daemon, so it gets only the variables that programs
 * require.
 */
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
  if (address === null || typeof address === 'string') throw new Error('no free port on the loopback interface');
  return address.port;
}

type State = 'ready' | 'loading' | 'silent' | 'of another directory';

/** The address of this directory's server that answers, if there is one. */
async function runningIn(directory: string, tell: (says: string) => void): Promise<{ url?: string; state: State }> {
  const { url: written, wrong } = writtenAddress(directory);
  if (wrong !== undefined) tell(`${addressFile(directory)} is not valid and will be replaced: ${wrong}`);
  const socket = socketIn(directory);
  const urls = new Set([...(socket === undefined ? [] : [`redis+unix://${socket}`]), ...(written ? [written] : [])]);
  for (const url of urls) {
    const state = await stateOf(url, directory);
    if (state === 'ready' || state === 'loading') return { url, state };
    if (state === 'of another directory')
      tell(`the Redis at ${redisTarget(url).describe} serves another directory: not using it`);
  }
  return { state: 'silent' };
}

/**
 * The URL of the running server of this directory, or the lock to start one, because two must never use the same append-only file.
 */
async function lockOrRunning(directory: string, onTrouble: (says: string) => void): Promise<string | StartingLock> {
  const told = new Set<string>();
  const once = (says: string) => {
    if (!told.has(says)) onTrouble(says);
    told.add(says);
  };
  const waits = patience(onTrouble);
  const locksmith = new Locksmith(join(directory, 'starting.lock'), once);
  // The daemon that starts it gives up within this time.
  const until = Date.now() + START_MS + STOP_MS;
  for (;;) {
    const { url, state } = await runningIn(directory, once);
    if (url !== undefined && state === 'ready') return url;
    const lock = state === 'loading' ? undefined : locksmith.attempt();
    if (lock) return lock;
    const doing = state === 'loading' ? 'is loading its data' : 'is being started by another daemon';
    if (Date.now() > until) throw new Error(`the private Redis in ${directory} ${doing} for too long`);
    waits(`waiting: the private Redis in ${directory} ${doing}`);
    await pause(LOOK_EVERY_MS);
  }
}

/** Reports what the daemon waits for, once each, after a short delay. */
function patience(tell: (says: string) => void): (says: string) => void {
  const from = performance.now();
  let told = '';
  return (says) => {
    if (says === told || performance.now() - from < SILENT_MS) return;
    told = says;
    tell(says);
  };
}

/** Waits for a server that runs but does not answer: it still writes to the file, and a second server would corrupt it. */
async function noSilentOther(directory: string, says: (says: string) => void): Promise<void> {
  const pid = Number(await readFile(join(directory, 'redis.pid'), 'utf8').catch(() => ''));
  const until = Date.now() + STOP_MS;
  while (Number.isSafeInteger(pid) && pid > 0 && isAlive(pid) && mayBeRedisOf(directory, pid)) {
    if (Date.now() > until) {
      throw new Error(`process ${pid} uses ${directory} and does not answer: stop it (kill ${pid}) and start again`);
    }
    says(`waiting: process ${pid} uses ${directory} and does not answer`);
    await pause(LOOK_EVERY_MS);
  }
}

/** Process ids are reused: it must be a Redis and, if the system reports it, run in this directory. */
function mayBeRedisOf(directory: string, pid: number): boolean {
  if (!/redis|valkey|memurai/i.test(programOf(pid))) return false;
  try {
    return isSame(readlinkSync(`/proc/${pid}/cwd`), directory);
  } catch {
    return true;
  }
}

function programOf(pid: number): string {
  if (process.platform === 'linux') {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8');
    } catch {
      return '';
    }
  }
  const [command, ...args] =
    process.platform === 'win32'
      ? ['tasklist', '/FI', `PID eq ${pid}`, '/FO', 'CSV', '/NH']
      : ['ps', '-p', `${pid}`, '-o', 'comm='];
  return spawnSync(command as string, args, { encoding: 'utf8', env: withoutSecrets(process.env) }).stdout ?? '';
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether a server answers at the URL, and whether it is the one of this directory. */
async function stateOf(url: string, directory: string): Promise<State> {
  return (
    (await ask(url, async (client): Promise<State> => {
      try {
        const [, theirs = ''] = (await client.config('GET', 'dir')) as string[];
        return isSame(theirs, directory) ? 'ready' : 'of another directory';
      } catch (error) {
        if (/^LOADING/.test((error as Error).message)) return 'loading';
        throw error;
      }
    })) ?? 'silent'
  );
}

/** True if the path does not exist here, because a container may use another name for the folder. */
function isSame(theirs: string, ours: string): boolean {
  try {
    const [one, other] = [theirs, ours].map((path) => statSync(path, { bigint: true }));
    return one?.dev === other?.dev && one?.ino === other?.ino;
  } catch {
    return true;
  }
}

function realpathOf(directory: string): string {
  try {
    return realpathSync(directory);
  } catch {
    return directory;
  }
}

/** Number of other connections; undefined if there is no answer. */
function others(url: string): Promise<number | undefined> {
  return ask(url, async (client) => connectionsIn(await client.info('clients')) - 1);
}

function connectionsIn(info: string): number {
  return Number(/connected_clients:(\d+)/.exec(info)?.[1]);
}

/** Stops it if there are no other connections, and waits until it has exited. */
async function leave(url: string, directory: string, onLog: (says: string) => void): Promise<void> {
  const left = await ask(url, async (client) => {
    const connections = connectionsIn(await client.info('clients')) - 1;
    // It saves its data and exits without a reply.
    if (connections === 0) await client.shutdown('NOSAVE').catch(() => {});
    return connections;
  });
  if (left) {
    onLog(`left the private Redis running for ${left} other connections`);
    return;
  }
  const until = Date.now() + STOP_MS;
  while ((await stateOf(url, directory)) !== 'silent') {
    if (Date.now() > until) throw new Error(`the private Redis at ${redisTarget(url).describe} does not stop`);
    await pause(LOOK_EVERY_MS);
  }
}

/** Runs one question on its own connection; undefined if there is no answer. */
async function ask<T>(url: string, question: (client: Client) => Promise<T>): Promise<T | undefined> {
  const client = redisTarget(url).connect('question');
  client.on('error', () => {}); // the question fails with it
  try {
    return await question(client);
  } catch {
    return undefined;
  } finally {
    client.disconnect();
  }
}
