/** A secret in every place and in many wrong ways: whatever is said about it, the secret itself is not. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTlsFiles } from '../../../src/adapters/http/tls.ts';
import { webhookNotifier } from '../../../src/adapters/notify/webhook.ts';
import { redisTarget } from '../../../src/adapters/redis/connect.ts';
import { type Config, configSchema } from '../../../src/config/config.ts';
import { setIn } from '../../../src/config/data.ts';
import { variableOf } from '../../../src/config/environment.ts';
import { type LoadOptions, loadConfig } from '../../../src/config/load.ts';
import { ConfigError } from '../../../src/config/problems.ts';
import { leavesOf } from '../../../src/config/shape.ts';
import { showConfig } from '../../../src/config/show.ts';
import { safeAddress } from '../../../src/lib/shown.ts';

const CANARY = 'c4n4ry-0123456789abcdef';
const SEEN = /c4n4ry/;

/** Mistakes that put a secret in the wrong place. */
const ADDRESSES = [
  'redis',
  'rediss',
  'redis+unix',
  'redis+sentinel',
  'redis+cluster',
  'http',
  'https',
  'ftp',
  CANARY,
].flatMap((scheme) => [
  `${scheme}://u:${CANARY}@h`,
  `${scheme}://u:${CANARY}@h:x/`,
  `${scheme}://:${CANARY}/@h@h`,
  `${scheme}://u:x/${CANARY}@h`,
  `${scheme}://${CANARY}/x@h`,
  `${scheme}://h:${CANARY}`,
  `${scheme}://h:1?auth=${CANARY}`,
  `${scheme}://h/0?auth=${CANARY}@x`,
  `${scheme}:///s?password=${CANARY}`,
  `${scheme}://h/#${CANARY}`,
  `${scheme}://h,u ${CANARY}/m`,
  `${scheme}:u:${CANARY}@h`,
  `${scheme}:\\\\u:${CANARY}@h`,
  ` ${scheme}://%${CANARY}@`,
]);
const WRONG: unknown[] = [
  CANARY,
  'c4n4ry-short',
  `${CANARY}\nc4n4ry`,
  `Bearer ${CANARY}\u0001`,
  `-----BEGIN PRIVATE KEY-----\n${CANARY}`,
  `https://u:${CANARY}@h/?x=${CANARY}`,
  [CANARY],
  { [CANARY]: 1 },
  [{ [CANARY]: CANARY }],
  { token: CANARY },
];
const wrongFor = (name: string) =>
  // A word alone is the name of a host there.
  /url|endpoints/i.test(name) ? [...WRONG.filter((value) => !/^[\w-]+$/.test(String(value))), ...ADDRESSES] : WRONG;

/** Every key, and those inside of lists that hold an address or a secret. */
const PLACES: [name: string, put: (value: unknown) => Record<string, unknown>][] = [
  ...leavesOf(configSchema).map(({ path }): [string, (value: unknown) => Record<string, unknown>] => [
    path.join('.'),
    (value) => within(path, value),
  ]),
  ['a key of a section', (value) => ({ http: { [String(value)]: 1 } })],
  ['a section', (value) => ({ [String(value)]: 1 })],
  ...['token', 'tokenFile', 'signingSecret', 'signingSecretFile'].map(
    (key): [string, (value: unknown) => Record<string, unknown>] => [
      `http.tokens[].${key}`,
      (value) => ({
        http: {
          tokens: [
            { name: 'a', role: 'sender', [key]: value },
            { name: 'a', role: 'admin', [key]: value },
          ],
        },
      }),
    ],
  ),
  ...['url', 'token', 'tokenFile'].map((key): [string, (value: unknown) => Record<string, unknown>] => [
    `notify[].${key}`,
    (value) => ({ notify: [{ channel: 'webhook', url: 'http://127.0.0.1:1/', [key]: value }] }),
  ]),
  ['exchange.endpoints[]', (value) => ({ exchange: { kind: 'powershell', endpoints: [value] } })],
];

function within(path: readonly string[], value: unknown): Record<string, unknown> {
  const data = {};
  setIn(data, path, value);
  return data;
}

/** Everything that is said of a configuration: what is wrong, or what it is and what comes of using it. */
async function saidOf(options: LoadOptions): Promise<string> {
  const said: string[] = [];
  const hear = async (act: () => unknown) => {
    try {
      said.push(String(await act()));
    } catch (error) {
      // Excerpts too, which only commands and answers show.
      said.push(String(error), error instanceof ConfigError ? JSON.stringify(error.problems) : '');
    }
  };
  let config: Config | undefined;
  await hear(() => {
    const loaded = loadConfig(options);
    config = loaded.config;
    // What is no address and no secret is shown as it is.
    const shown = showConfig(loaded).filter(({ path }) =>
      /^(store\.url|exchange\.(url|endpoints)|http\.tokens|notify)$/.test(path),
    );
    return JSON.stringify(shown.map(({ value }) => value));
  });
  if (!config) return said.join('\n');
  const { store, http, notify, exchange } = config;
  if (store.url !== undefined) await hear(() => redisTarget(store.url ?? '').describe);
  if (exchange.url !== undefined) await hear(() => exchange.url);
  await hear(() => exchange.endpoints.join());
  const { tls } = http;
  if (tls) await hear(() => readTlsFiles(tls));
  for (const channel of notify) {
    if (channel.channel !== 'webhook' || SEEN.test(new URL(channel.url).host)) continue;
    const notice = { key: 'k', kind: 'escalation', incident: 'i', subject: 's', text: 't' } as const;
    if (channel.token !== undefined)
      await hear(() => webhookNotifier({ ...channel, retries: 0, timeLimit: 1_000 }).send(notice));
  }
  return said.join('\n');
}

/** Shown because it is no secret: a title, a pattern, a time zone, a file's or a folder's name. */
const PLAIN = /^(alerts|verification|playbooks|lab|safety|store\.(directory|prefix)|http\.host)/;

describe('a secret in the wrong place', { timeout: 60_000 }, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sr-canary-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(PLACES.filter(([name]) => !PLAIN.test(name)))('%s: is not shown, in a file', async (name, put) => {
    for (const value of wrongFor(name)) {
      const file = join(folder, 'c.yaml');
      writeFileSync(file, JSON.stringify(put(value)));
      expect(await saidOf({ file, env: {}, cwd: folder }), JSON.stringify(value)).not.toMatch(SEEN);
    }
  });

  const variables = leavesOf(configSchema)
    .map(({ path }) => variableOf(path))
    .filter((name) => /_URL|TOKENS|NOTIFY|KEY_FILE/.test(name));
  it.each([...variables, 'REDIS_URL'])('%s: is not said, in the environment', async (variable) => {
    for (const value of wrongFor(variable)) {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      const said = await saidOf({ env: { [variable]: text }, cwd: folder });
      expect(said, text).not.toMatch(SEEN);
    }
  });
});

describe('only the scheme and hosts of an address are shown', () => {
  it.each([
    ['redis://h', 'redis://h'],
    ['http://127.0.0.1:8080/', 'http://127.0.0.1:8080/'],
    ['https://[::1]:1', 'https://[::1]:1'],
    ['redis://u:p@h:6379/0', 'redis://…@h:6379/…'],
    ['redis+cluster://a:1,b:2', 'redis+cluster://a:1,b:2'],
    ['redis+unix:///run/x', 'redis+unix://…'],
    ['https://chat.example.com/hooks/x?y', 'https://chat.example.com/…'],
    ['rediss://h?auth=x', 'rediss://h/…'],
    ['redis://:a/b@h', 'redis://…'],
    ['redis://secret/x@h', 'redis://…'],
    ['redis://h:secret', 'redis://…'],
    ['http://a@b@c', 'http://…'],
    ['x://h', '…'],
    ['secret', '…'],
    ['', '…'],
  ])('%s → %s', (text, shown) => expect(safeAddress(text)).toBe(shown));
});
