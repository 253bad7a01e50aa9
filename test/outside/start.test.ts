/** A daemon that cannot start says why in a sentence, ends with 1, and leaves no process behind. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../support/ports.ts';

const MAIN = join(process.cwd(), 'dist/main.js');

let folder: string;
let taken: Server;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sr-start-'));
  taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
});
afterEach(async () => {
  taken.close();
  await rm(folder, { recursive: true, force: true });
});

async function serve(env: Record<string, string>): Promise<{ code: number; says: string }> {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [MAIN, 'serve'], {
    cwd: folder,
    env: { PATH, HOME, NODE_ENV: 'production', SECOND_RESPONDER_STORE_DIRECTORY: 'data', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let says = '';
  child.stderr.on('data', (chunk) => {
    says += chunk;
  });
  const hangs = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const [code] = await once(child, 'close');
  clearTimeout(hangs);
  return { code, says };
}

async function redisLives(): Promise<boolean> {
  const pid = Number(await readFile(join(folder, 'data/redis.pid'), 'utf8').catch(() => ''));
  return pid > 0 && existsSync(`/proc/${pid}`);
}

async function addressOfTaken(): Promise<number> {
  const address = taken.address();
  return typeof address === 'object' && address ? address.port : 0;
}

const REASONS: [name: string, env: () => Promise<Record<string, string>>, says: RegExp][] = [
  [
    'its port is taken',
    async () => ({ SECOND_RESPONDER_HTTP_PORT: `${await addressOfTaken()}` }),
    /^Failed to start: port \d+ on 127\.0\.0\.1 is in use: set http\.port .*\n$/,
  ],
  [
    'the lab it is to look after is away',
    async () => ({ SECOND_RESPONDER_EXCHANGE_URL: `http://127.0.0.1:${await freePort()}` }),
    /^Failed to start: The lab at http:\S+ does not answer: ECONNREFUSED\.\n$/,
  ],
  [
    'its folder is a file',
    async () => {
      await writeFile(join(folder, 'data'), '');
      return { SECOND_RESPONDER_HTTP_PORT: '0' };
    },
    /^Failed to start: \S+data .*store\.directory.*\n$/,
  ],
  [
    'a playbook fails its proof',
    async () => {
      await mkdir(join(folder, 'own'));
      const steps = ['restart-service: MSExchangeIMAP4BE', 'restart-server', 'recheck'].map((step) => `  - ${step}`);
      const head = ['playbook: own', 'summary: s', 'handles: [IMAP\\ImapCTPMonitor]', 'steps:'];
      await writeFile(join(folder, 'own/own.yaml'), [...head, ...steps].join('\n'));
      return { SECOND_RESPONDER_PLAYBOOKS_DIRECTORY: join(folder, 'own') };
    },
    /own\.yaml:6:5: steps\[1\]: restarts the server although .*; add "- fail-over-databases" .*\n {4}1\. .*\n {4}\d+\. Step 2, Restart-Computer: begins\n/s,
  ],
  [
    'its Redis is away',
    async () => ({ REDIS_URL: `redis://:hush@127.0.0.1:${await freePort()}` }),
    /^Failed to start: Redis at 127\.0\.0\.1:\d+ can't be reached: .*ECONNREFUSED.*\n$/,
  ],
];

test.each(REASONS)('%s', async (_name, env, says) => {
  const ended = await serve(await env());
  expect(ended).toEqual({ code: 1, says: expect.stringMatching(says) });
  expect(ended.says).not.toContain('hush');
  expect(await redisLives()).toBe(false);
});

test.each([
  ['nothing is built', false, ['--if-possible'], 0, /^Not built yet.*npm ci --include=dev.*\n$/],
  ['nothing is built, and it must be', false, [], 1, /^Not built yet.*npm ci --include=dev.*\n$/],
  ['it was built elsewhere', true, [], 0, /^The tools to build with are not installed: dist\/ is used as it is\.\n$/],
])('without the tools (npm ci --omit=dev), where %s, one line says so', (_what, built, args, status, says) => {
  cpSync('tools', join(folder, 'tools'), { recursive: true });
  cpSync('src/main.ts', join(folder, 'src/main.ts'));
  if (built) cpSync(MAIN, join(folder, 'dist/main.js'));
  const ended = spawnSync(process.execPath, [join(folder, 'tools/build.mjs'), ...args], { encoding: 'utf8' });
  expect(ended).toMatchObject({ status, stdout: '', stderr: expect.stringMatching(says) });
});
