/** What admins write, and what surrounds the daemon. */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect } from 'vitest';
import { redisTarget } from '../../src/adapters/redis/connect.ts';
import { configSchema } from '../../src/config/config.ts';
import { readEnvironment, variableOf } from '../../src/config/environment.ts';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigError, zodProblems } from '../../src/config/problems.ts';
import { leavesOf } from '../../src/config/shape.ts';
import { camel, kebab, toSchemaSpelling } from '../../src/config/spelling.ts';
import { parseYaml } from '../../src/config/yaml.ts';
import { languageOf, readPlaybooks } from '../../src/playbooks/read.ts';
import { STEPS } from '../../src/steps/index.ts';
import { loadCatalog, readCatalog } from '../../src/verification/catalog.ts';
import { failsOnlyWith, fuzz, spliced, text } from './fuzz.ts';

const { config } = loadConfig({ env: {}, cwd: process.cwd() });
const language = languageOf(config, STEPS, loadCatalog(config.verification.catalog));
const read = (file: string) => readFileSync(file, 'utf8');

const LISTS = `list: a\nsteps:\n  - use: b\n---\nlist: b\nsteps:\n  - recheck\n---
playbook: p\nsummary: s\nhandles: ['POP.Proxy\\PopProxyTestMonitor']\nsteps:\n  - use: a\n  - ask: { question: q, within: 2h }\n`;
const playbooks = [
  ...readdirSync(config.playbooks.directory)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => read(`${config.playbooks.directory}/${name}`)),
  LISTS,
];
fuzz('playbooks', 'is read, or refused with its problems', fc.oneof(spliced(...playbooks), text), (given) => {
  failsOnlyWith(ConfigError, () => readPlaybooks([{ file: 'p.yaml', text: given }], language));
});

const shipped = read('config/second-responder.yaml');
const settings = `http: { port: 1, tokens: [{ name: a, role: sender, token-file: x }], tls: { cert-file: a, key-file: b } }
notify: [{ channel: webhook, url: "https://c.example/x" }]
safety: { throttles: { restart-service: { per-day: 3 } } }\n`;
fuzz('configuration', 'is read, or refused with its problems', fc.oneof(spliced(shipped, settings), text), (given) => {
  failsOnlyWith(ConfigError, () => {
    const source = parseYaml(given, 'c.yaml', { normalise: camel });
    const result = configSchema.safeParse(
      toSchemaSpelling(source.data ?? {}, configSchema, () => {}),
      {
        reportInput: true,
      },
    );
    if (!result.success) throw new ConfigError(zodProblems(result.error, configSchema, source.locate, kebab));
  });
});

const catalog = read(config.verification.catalog).split('\n').slice(0, 60).join('\n');
fuzz('catalog', 'is read, or refused with its problems', fc.oneof(spliced(catalog), text), (given) => {
  failsOnlyWith(ConfigError, () => readCatalog(parseYaml(given, 'h.yaml')));
});

const variable = fc.constantFrom(...leavesOf(configSchema).map(({ path }) => variableOf(path)), 'SECOND_RESPONDER_X');
const lists = spliced('[{"name":"a","role":"sender","token-file":"x"}]', '["mbx1"]');
fuzz('environment', 'every variable is read, or told', fc.tuple(variable, fc.oneof(lists, text)), ([name, given]) => {
  const { overrides, problems } = readEnvironment(configSchema, { [name]: given });
  expect(overrides.length + problems.length).toBe(given === '' ? 0 : 1);
});

const ADDRESSES = [
  ...['redis://user:pass@host:6379/0', 'rediss://:p%40ss@[::1]:6380', 'redis+unix:///run/redis.sock'],
  ...['redis+sentinel://u:p@a:26379,b/master/1', 'redis+cluster://a:1,b:2'],
];
fuzz(
  'addresses',
  'is a Redis, or refused with the reason',
  fc.oneof(spliced(...ADDRESSES), text),
  (given) => {
    failsOnlyWith(Error, () => expect(redisTarget(given).describe).not.toBe(''));
  },
  0.5,
);

const password = fc.oneof(text, fc.string({ minLength: 8 })).map((inside) => `hush${inside.slice(0, 50)}hush`);
const around = fc.constantFrom('redis', 'rediss', 'redis+sentinel', 'redis+cluster');
fuzz(
  'addresses',
  'never with the password',
  fc.tuple(around, password),
  ([scheme, secret]) => {
    let said: string;
    try {
      said = redisTarget(`${scheme}://user:${secret}@host:1/x`).describe;
    } catch (error) {
      said = (error as Error).message;
      expect(said).toMatch(/^Redis URL "/);
    }
    expect(said).not.toContain('hush');
  },
  0.5,
);
