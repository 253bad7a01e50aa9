import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './ports.ts';

const MAIN = join(process.cwd(), 'dist/main.js');

/** Real milliseconds, also where many others want the processor. */
const STARTS_WITHIN = 60_000;

/** A process of ours under test, ended with the test whatever happens. */
export interface Running {
  pid: number;
  url: string;
  output(): string;
  /** Rejects when it ends, with what it printed. */
  ended: Promise<never>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** A Redis of the test's own, on loopback. */
export interface RedisServer extends Running {
  port: number;
  address: string;
}

/** Three masters that share the slots. */
export interface RedisCluster {
  address: string;
  /** Who has that key, and one who has not. */
  keeperOf(key: string): Promise<RedisServer>;
  otherThan(key: string): Promise<RedisServer>;
  /** One that was killed, where it was. */
  restart(server: RedisServer): Promise<void>;
}

/** Starts and ends the processes of one test: Redis, labs, daemons. */
export class Site {
  readonly #ends: (() => Promise<void>)[] = [];
  readonly #env: Record<string, string> = {};
  directory = '';

  static async open(env: Record<string, string> = {}): Promise<Site> {
    const site = new Site();
    Object.assign(site.#env, env);
    site.directory = await mkdtemp(join(tmpdir(), 'sr-'));
    site.#ends.push(() => rm(site.directory, { recursive: true, force: true }));
    return site;
  }

  async close(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }

  /** On a free port; on the port of one that was killed, the same data is there again. */
  async redis(at?: number): Promise<RedisServer> {
    return this.#redis(at ?? (await freePort()), /Ready to accept connections/, ['--dir', this.directory]);
  }

  /** A copy of the one on that port; resolves once it is one. */
  async replica(of: number): Promise<RedisServer> {
    return this.#redis(await freePort(), /sync: Finished with success/, ['--replicaof', `127.0.0.1 ${of}`]);
  }

  async #redis(port: number, ready: RegExp, settings: string[]): Promise<RedisServer> {
    const directory = join(this.directory, `redis-${port}`);
    await mkdir(directory, { recursive: true });
    const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', directory, '--appendonly', 'yes'];
    const more = ['--appendfsync', 'always', '--save', '', '--maxmemory-policy', 'noeviction'];
    const sync = ['--repl-diskless-sync-delay', '0'];
    const running = await this.#spawn('redis-server', [...args, ...more, ...sync, ...settings], ready, {});
    return { ...running, port, address: `redis://127.0.0.1:${port}` };
  }

  /** Three that watch a master and its replicas, and find the master down after half a second. Answers the address. */
  async sentinels(master: RedisServer, replicas: number): Promise<string> {
    const ports = await Promise.all([freePort(), freePort(), freePort()]);
    // Each has seen the other two, and every replica.
    const ready = new RegExp(`(\\+(sentinel|slave) [^]*){${2 + replicas}}`);
    const begin = async (port: number) => {
      const file = join(this.directory, `sentinel-${port}.conf`);
      const watch = [
        `port ${port}`,
        'bind 127.0.0.1',
        `sentinel monitor main 127.0.0.1 ${master.port} 2`,
        'sentinel down-after-milliseconds main 500',
        'sentinel failover-timeout main 2000',
      ];
      await writeFile(file, `${watch.join('\n')}\n`);
      await this.#spawn('redis-server', [file, '--sentinel'], ready, {});
    };
    await Promise.all(ports.map(begin));
    return `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/main`;
  }

  /** What is left serves on when one is away. */
  async cluster(): Promise<RedisCluster> {
    const settings = new Map<number, string[]>();
    const again = (port: number) => this.#redis(port, /Ready to accept connections/, settings.get(port) ?? []);
    const begin = async () => {
      const [port, bus] = [await freePort(), await freePort()];
      const announced = ['--cluster-port', `${bus}`, '--cluster-announce-ip', '127.0.0.1'];
      const calm = ['--cluster-node-timeout', '1000', '--cluster-require-full-coverage', 'no'];
      settings.set(port, ['--cluster-enabled', 'yes', ...announced, ...calm]);
      return again(port);
    };
    const servers = [await begin(), await begin(), await begin()];
    const nodes = servers.map(({ port }) => `127.0.0.1:${port}`);
    await this.#spawn('redis-cli', ['--cluster', 'create', ...nodes, '--cluster-yes'], /All 16384 slots covered/, {});
    const keeperOf = async (key: string) => {
      const ask = ({ port }: RedisServer) =>
        promisify(execFile)('redis-cli', ['-p', `${port}`, 'CLUSTER', 'KEYSLOT', key]);
      // Any knows, also one of them that is alone.
      const { stdout } = await Promise.any(servers.map(ask));
      // The slots are dealt in three equal parts, in order.
      const third = Math.floor(Number(stdout) / 5_461);
      return servers[third] as RedisServer;
    };
    return {
      address: `redis+cluster://${nodes.join(',')}`,
      keeperOf,
      otherThan: async (key) => {
        const keeper = await keeperOf(key);
        return servers.find((server) => server !== keeper) as RedisServer;
      },
      restart: async (server) => {
        servers[servers.indexOf(server)] = await again(server.port);
      },
    };
  }

  /** Prometheus' Alertmanager itself, alone, with that configuration. */
  async alertmanager(configuration: string): Promise<Running> {
    const port = await freePort();
    const at = join(this.directory, `alertmanager-${port}`);
    await mkdir(at, { recursive: true });
    await writeFile(join(at, 'alertmanager.yaml'), configuration);
    const files = [`--config.file=${at}/alertmanager.yaml`, `--storage.path=${at}`];
    const addresses = [`--web.listen-address=127.0.0.1:${port}`, '--cluster.listen-address='];
    const running = await this.#spawn(
      'prometheus-alertmanager',
      [...files, ...addresses],
      /Listening on|msg=Listening/,
      {},
    );
    return { ...running, url: `http://127.0.0.1:${port}` };
  }

  async lab(speed: number, args: string[] = []): Promise<Running> {
    const running = await this.#spawn(
      process.execPath,
      [MAIN, 'lab', '--port', '0', '--speed', `${speed}`, ...args],
      /http:\S+/,
      {},
    );
    return { ...running, url: /http:\/\/[\d.:]+/.exec(running.output())?.[0] ?? '' };
  }

  /** Resolves when it answers. `begun` is told of the process at once, which may come to its end before that. */
  async daemon(
    env: Record<string, string>,
    args: string[] = [],
    begun: (process: Running) => void = () => {},
  ): Promise<Running> {
    const port = env.SECOND_RESPONDER_HTTP_PORT ?? (await freePort());
    const running = await this.#spawn(process.execPath, [MAIN, 'serve', ...args], undefined, {
      SECOND_RESPONDER_HTTP_PORT: `${port}`,
      SECOND_RESPONDER_STORE_DIRECTORY: this.directory,
      ...this.#env,
      ...env,
    });
    begun(running);
    const url = `http://127.0.0.1:${port}`;
    const alive = () =>
      fetch(`${url}/healthz`).then(
        (answer) => answer.ok,
        () => false,
      );
    await Promise.race([until(alive, (yes) => yes, STARTS_WITHIN), running.ended]);
    return { ...running, url };
  }

  async #spawn(
    command: string,
    args: string[],
    ready: RegExp | undefined,
    env: Record<string, string>,
  ): Promise<Running> {
    const child = spawn(command, args, {
      env: { ...process.env, NODE_ENV: 'production', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    this.#ends.push(() => end(child, 'SIGKILL'));
    const ended = new Promise<never>((_, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`)));
    });
    ended.catch(() => {});
    const isReady = new Promise<void>((resolve) => {
      const take = (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-2_000_000);
        if (ready?.test(output)) resolve();
      };
      child.stdout?.on('data', take);
      child.stderr?.on('data', take);
      if (!ready) resolve();
    });
    await Promise.race([isReady, ended]);
    return {
      ended,
      pid: child.pid ?? 0,
      url: '',
      output: () => output,
      kill: (signal) => end(child, signal),
    };
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

export async function post(url: string, body: unknown, method = 'POST'): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: text ? JSON.parse(text) : undefined };
}

export async function get<T>(url: string): Promise<T> {
  const response = await fetch(url);
  return (await response.json()) as T;
}

/** Asks again until the answer is there; fails with the last answer when it takes longer than `ms`. */
export async function until<T>(ask: () => Promise<T>, holds: (answer: T) => boolean, ms: number): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${ms} ms; last: ${JSON.stringify(answer).slice(0, 2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
