import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { reloaded } from '../../../src/config/reload.ts';

const TOKEN = { name: 'ada', role: 'admin', token: 'abcdefghijklmnop' };
type Env = Record<string, unknown>;
const configOf = (env: Env) =>
  loadConfig({
    cwd: '/',
    env: Object.fromEntries(
      Object.entries(env).map(([name, value]) => [
        `SECOND_RESPONDER_${name}`,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
    ),
  }).config;

test.each<[what: string, before: Env, after: Env, changed: string[], waiting: string[]]>([
  ['nothing', {}, {}, [], []],
  ['the mode', {}, { SAFETY_MODE: 'observe' }, ['safety.mode'], []],
  ['services', {}, { SAFETY_SERVICES: ['MSExchangeIMAP4'] }, ['safety.services'], []],
  ['a limit', {}, { SAFETY_THROTTLES_RESTART_SERVER_PER_DAY: '2' }, ['safety.throttles.restart-server.per-day'], []],
  [
    'a token',
    { HTTP_TOKENS: [TOKEN] },
    { HTTP_TOKENS: [{ ...TOKEN, token: 'ponmlkjihgfedcba' }] },
    ['http.tokens'],
    [],
  ],
  ['the first token', {}, { HTTP_TOKENS: [TOKEN] }, [], ['http.tokens']],
  ['the last token', { HTTP_TOKENS: [TOKEN] }, {}, [], ['http.tokens']],
  ['channels', {}, { NOTIFY: [] }, ['notify'], []],
  ['both kinds', {}, { HTTP_PORT: '1', LOG_LEVEL: 'debug' }, ['log.level'], ['http.port']],
  [
    'a certificate',
    {},
    { HTTP_TLS_CERT_FILE: '/c', HTTP_TLS_KEY_FILE: '/k' },
    [],
    ['http.tls.cert-file', 'http.tls.key-file'],
  ],
  ['another organisation', {}, { LAB_SPEED: '2', STORE_PREFIX: 'x' }, [], ['store.prefix', 'lab.speed']],
])('%s: which changes apply immediately, and which need a restart', (_what, before, after, changed, waiting) => {
  const [current, next] = [configOf(before), configOf(after)];
  const copy = structuredClone(current);
  const result = reloaded(current, next);
  expect(result).toMatchObject({ changed, waiting });
  expect(current).toEqual(copy);
  // What it came to is what both say: the next one where it changed, the present one elsewhere.
  expect(reloaded(result.config, next)).toMatchObject({ changed: [], waiting });
});
