import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { redisTarget } from '../../../src/adapters/redis/connect.ts';
import { configSchema } from '../../../src/config/config.ts';
import { variableOf } from '../../../src/config/environment.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { ConfigError } from '../../../src/config/problems.ts';
import { leavesOf } from '../../../src/config/shape.ts';
import { showConfig } from '../../../src/config/show.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function load(yaml: string, env: Record<string, string> = {}) {
  writeFileSync(join(folder, 'c.yaml'), yaml);
  return loadConfig({ file: 'c.yaml', env, cwd: folder });
}

/** Each problem as one line, without the folder. */
function problemsOf(yaml: string, env: Record<string, string> = {}): string[] {
  try {
    load(yaml, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replaceAll(`${folder}/`, '').split('\n');
    throw error;
  }
  return [];
}

const shown = (yaml: string, env: Record<string, string> = {}) =>
  new Map(showConfig(load(yaml, env)).map(({ path, ...rest }) => [path, rest]));

describe('an empty configuration', () => {
  it.each(['', '# nothing but a comment', 'http:\n  # port: 1\nstore:\n'])('(%j) has every default', (yaml) => {
    const { config } = load(yaml);
    expect(config.http).toEqual({
      host: '127.0.0.1',
      port: 8080,
      maxAlertsPerRequest: 10_000,
      maxConnections: 1024,
      rateLimit: { perMinute: 6000, alertsPerMinute: 60_000 },
      tokens: [],
    });
    expect(config.safety.mode).toBe('auto');
    expect(config.safety.throttles['restart-server']).toEqual({
      minutesBetween: 720,
      perHour: -1,
      perDay: 1,
      groupMinutesBetween: 600,
      groupPerDay: 1,
    });
    expect(config.store.directory).toBe(join(folder, 'data'));
    expect(config.notify).toEqual([{ channel: 'log' }]);
  });

  it('uses the shipped catalog and playbooks if there are none beside it', () => {
    expect(load('').config.playbooks.directory).toMatch(/\/config\/playbooks$/);
    mkdirSync(join(folder, 'playbooks'));
    expect(load('').config.playbooks.directory).toBe(join(folder, 'playbooks'));
    expect(load('playbooks: { directory: elsewhere }').config.playbooks.directory).toBe(join(folder, 'elsewhere'));
  });
});

describe('accepted contents', () => {
  it('keys in kebab-case or camelCase, durations and sizes with their unit', () => {
    const { config } = load('http: { body-limit: 2mb, maxAlertsPerRequest: 5 }\nsafety: { approval-expiry: 90m }');
    expect(config.http.bodyLimit).toBe(2_097_152);
    expect(config.http.maxAlertsPerRequest).toBe(5);
    expect(config.safety.approvalExpiry).toBe(5_400_000);
  });

  it('one limit of one throttle, and the others keep their defaults', () => {
    const { config } = load('safety: { throttles: { restart-service: { minutes-between: 5 } } }');
    expect(config.safety.throttles['restart-service']).toMatchObject({ minutesBetween: 5, perDay: 1, groupPerDay: 4 });
  });

  it('secrets in files, relative to the folder of the configuration', () => {
    writeFileSync(join(folder, 'secret'), 'one-of-them-from-a-file\n');
    const { config } = load(`http:
  tokens:
    - { name: scom, role: sender, tokenFile: secret }
    - { name: ops, role: operator, token: plainly-written-down }
    - { name: signer, role: sender, signing-secret-file: ./secret }`);
    expect(config.http.tokens.map(({ token, signingSecret }) => token ?? signingSecret)).toEqual([
      'one-of-them-from-a-file',
      'plainly-written-down',
      'one-of-them-from-a-file',
    ]);
  });
});

describe('the environment', () => {
  it('overrides the file, and REDIS_URL overrides every address', () => {
    const env = { SECOND_RESPONDER_HTTP_PORT: '0', SECOND_RESPONDER_STORE_URL: 'redis://b', REDIS_URL: 'redis://c' };
    const { config, origins } = load('http: { port: 1 }\nstore: { url: "redis://a" }', env);
    expect(config.http.port).toBe(0);
    expect(config.store.url).toBe('redis://c');
    expect(origins.get('http.port')).toBe('environment SECOND_RESPONDER_HTTP_PORT');
    expect(origins.get('store.url')).toBe('environment REDIS_URL');
    expect(origins.get('http.host')).toBe('default');
  });

  it('reads numbers, booleans, text, lists as JSON, and dashes at every depth', () => {
    const { config } = load('', {
      SECOND_RESPONDER_LAB_SPEED: '600',
      SECOND_RESPONDER_WORK_RECEIVE: 'false',
      SECOND_RESPONDER_SAFETY_MODE: 'observe',
      SECOND_RESPONDER_SAFETY_SELF: '["jump1"]',
      SECOND_RESPONDER_SAFETY_THROTTLES_RESTART_SERVICE_PER_DAY: '-1',
      SECOND_RESPONDER_HTTP_TOKENS: '[{"name":"a","role":"sender","signing-secret":"0123456789abcdef"}]',
    });
    expect(config.lab.speed).toBe(600);
    expect(config.work.receive).toBe(false);
    expect(config.safety).toMatchObject({ mode: 'observe', self: ['jump1'] });
    expect(config.safety.throttles['restart-service'].perDay).toBe(-1);
    expect(config.http.tokens).toEqual([{ name: 'a', role: 'sender', signingSecret: '0123456789abcdef' }]);
  });

  it('has one name for each value', () => {
    const names = leavesOf(configSchema).map(({ path }) => variableOf(path));
    expect(new Set(names).size).toBe(names.length);
  });

  it('an empty variable counts as unset', () => {
    expect(load('', { SECOND_RESPONDER_HTTP_PORT: '', REDIS_URL: '' }).config.http.port).toBe(8080);
  });
});

describe('a problem is reported with its place and how to fix it', () => {
  const table: [what: string, yaml: string, env: Record<string, string>, expected: string][] = [
    ['an unknown key', 'http:\n  prot: 1', {}, 'c.yaml:2:3: http.prot: unknown key; did you mean "port"?'],
    [
      'an unknown key, in kebab-case',
      'http:\n  body-limt: 1mb',
      {},
      'c.yaml:2:3: http.body-limt: unknown key; did you mean "body-limit"?',
    ],
    ['an unknown section', 'htpt: {}', {}, 'c.yaml:1:1: htpt: unknown key; did you mean "http"?'],
    [
      'a key in both spellings',
      'http:\n  body-limit: 1mb\n  bodyLimit: 2mb',
      {},
      'c.yaml:3:3: http.bodyLimit: is set in both spellings; keep one of them',
    ],
    ['a key twice', 'http:\n  port: 1\n  port: 2', {}, 'c.yaml:3:3: this key occurs twice'],
    [
      'a bare number',
      'safety:\n  evidence-max-age: 5',
      {},
      'c.yaml:2:21: safety.evidence-max-age: has no unit: write "5s" or "5m"',
    ],
    ['a wrong type', 'http: { port: high }', {}, 'c.yaml:1:15: http.port: must be a number'],
    [
      'a wrong word',
      'log: { level: inof }',
      {},
      'c.yaml:1:15: log.level: must be "error" or "warn" or "info" or "debug"; did you mean "info"?',
    ],
    ['a section that is not an object', 'http: 5', {}, 'c.yaml:1:7: http: must be keys with values'],
    ['no sections at all', '- http', {}, 'c.yaml:1:1: must contain sections with their settings, such as "http:"'],
    [
      'two documents',
      'http: {}\n---\nlog: {}',
      {},
      'c.yaml:3:1: contains several documents (separated by ---); only one is allowed',
    ],
    [
      'a real Exchange without endpoints',
      'exchange: { kind: powershell }',
      {},
      'c.yaml:1:11: exchange.endpoints: is empty; name servers for the sessions, such as [ex1.contoso.com, ex2.contoso.com]',
    ],
    [
      'an invalid endpoint',
      'exchange: { kind: powershell, endpoints: [ex1, "ex 2"] }',
      {},
      'c.yaml:1:48: exchange.endpoints[1]: must be a host name or a URL such as "https://ex1.contoso.com/PowerShell/"',
    ],
    [
      'a real Exchange with the address of a lab',
      'exchange: { kind: powershell, endpoints: [ex1], url: "http://127.0.0.1:8090" }',
      {},
      'c.yaml:1:54: exchange.url: is the address of a lab, but exchange.kind is "powershell"; remove one of the two',
    ],
    [
      'a lab through PowerShell in the same process',
      'exchange: { through: powershell }',
      {},
      'c.yaml:1:22: exchange.through: needs a lab in a separate process: run `second-responder lab` and set exchange.url to its address',
    ],
    [
      'arguments before PowerShell for a driver that supports none',
      'exchange: { kind: powershell, endpoints: [ex1], modules: x, arguments: [-T, jump] }',
      {},
      'c.yaml:1:72: exchange.arguments: need driver: child_process; the other driver can start only PowerShell itself',
    ],
    [
      'another machine without the modules on it',
      'exchange: { kind: powershell, endpoints: [ex1], driver: child_process, arguments: [-T, jump] }',
      {},
      'c.yaml:1:83: exchange.arguments: run PowerShell on another machine; set exchange.modules to the folder of deploy/powershell on that machine',
    ],
    ['a lab too fast', 'lab: { speed: 0 }', {}, 'c.yaml:1:15: lab.speed: must be more than 0'],
    [
      'a pattern without its group',
      "verification: { back-end-pattern: 'x' }",
      {},
      'c.yaml:1:35: verification.back-end-pattern: must have exactly one group, for the name of the mailbox server',
    ],
    [
      'a pattern that does not compile',
      "verification: { back-end-pattern: '(x' }",
      {},
      'c.yaml:1:35: verification.back-end-pattern: is not a regular expression: Invalid regular expression: /(x/: Unterminated group',
    ],
    [
      'a missing secret file',
      'http:\n  tokens:\n    - { name: a, role: sender, token-file: nope }',
      {},
      'c.yaml:3:44: http.tokens[0].token-file: names a file that does not exist; relative paths start at the folder of the configuration file',
    ],
    [
      'a secret that can be guessed',
      'http: { tokens: [{ name: a, role: sender, token: fifteen-letters }] }',
      {},
      'c.yaml:1:50: http.tokens[0].token: has fewer than 16 characters and can be guessed; create one with "openssl rand -hex 32"',
    ],
    [
      'a second secret that can be guessed',
      'http: { tokens: [{ name: a, role: sender, signing-secret: "0123456789abcdef\\nold" }] }',
      {},
      'c.yaml:1:59: http.tokens[0].signing-secret: has, in secret 2, fewer than 16 characters and can be guessed; create one with "openssl rand -hex 32"',
    ],
    [
      'two entries that share a secret during a replacement',
      'http: { tokens: [{ name: a, role: sender, token: "0123456789abcdef\\nfedcba9876543210" }, { name: b, role: admin, token: fedcba9876543210 }] }',
      {},
      'c.yaml:1:90: http.tokens[1]: "b" has the same secret as "a"; each token needs its own',
    ],
    [
      'a certificate without its key',
      'http: { tls: { cert-file: c.pem } }',
      {},
      'c.yaml:1:14: http.tls.key-file: is missing',
    ],
    [
      'a webhook that shows its password',
      'notify: [{ channel: webhook, url: "https://me:secret@chat.example.com/x" }]',
      {},
      'c.yaml:1:35: notify[0].url: must not contain a user or password; use token-file',
    ],
    [
      'a token without a secret',
      'http:\n  tokens:\n    - { name: a, role: sender }',
      {},
      'c.yaml:3:7: http.tokens[0]: has no secret; add token-file (or token)',
    ],
    [
      'an operator that would sign',
      'http:\n  tokens:\n    - { name: a, role: admin, signing-secret: sixteen-letters-x }',
      {},
      'c.yaml:3:24: http.tokens[0].role: only a sender can sign its requests',
    ],
    [
      'two of one name',
      'http:\n  tokens:\n    - { name: a, role: sender, token: sixteen-letters-x }\n    - { name: a, role: admin, token: sixteen-letters-y }',
      {},
      'c.yaml:4:15: http.tokens[1].name: "a" is already used by another token',
    ],
    [
      'two with one token',
      'http:\n  tokens:\n    - { name: a, role: sender, token: sixteen-letters-x }\n    - { name: b, role: admin, token: sixteen-letters-x }',
      {},
      'c.yaml:4:7: http.tokens[1]: "b" has the same secret as "a"; each token needs its own',
    ],
    [
      'a webhook without a URL',
      'notify: [{ channel: webhook }]',
      {},
      'c.yaml:1:10: notify[0].url: must be an http URL',
    ],
    [
      'an unknown channel',
      'notify: [{ channel: pager }]',
      {},
      'c.yaml:1:21: notify[0].channel: must be "log" or "webhook"',
    ],
    [
      'a daemon without any work',
      'work: { receive: false, work: false }',
      {},
      'c.yaml:1:7: work: receive and work are both false, so the daemon would do nothing; set one of them to true',
    ],
    [
      'a misspelt variable',
      '',
      { SECOND_RESPONDER_HTTP_PROT: '1' },
      'environment: SECOND_RESPONDER_HTTP_PROT: no setting has this name; did you mean "SECOND_RESPONDER_HTTP_PORT"?',
    ],
    [
      'a variable of the wrong type',
      'http: { port: 1 }',
      { SECOND_RESPONDER_HTTP_PORT: 'high' },
      'environment: SECOND_RESPONDER_HTTP_PORT: must be a number',
    ],
    [
      'a variable that is not JSON',
      '',
      { SECOND_RESPONDER_SAFETY_SELF: 'jump1' },
      'environment: SECOND_RESPONDER_SAFETY_SELF: must be JSON because safety.self is a list',
    ],
    [
      'a variable with a wrong element',
      '',
      { SECOND_RESPONDER_HTTP_TOKENS: '[{"name":"a","role":"boss","token":"0123456789abcdef"}]' },
      'environment: SECOND_RESPONDER_HTTP_TOKENS[0].role: must be "sender" or "viewer" or "operator" or "admin"',
    ],
    [
      'an invalid Redis address',
      '',
      { REDIS_URL: 'localhost' },
      'environment: REDIS_URL: is not a Redis address; use redis://host:6379, rediss://…, redis+unix:///path/to/redis.sock, redis+sentinel://host:26379,…/master or redis+cluster://host:7001,…',
    ],
  ];
  it.each(table)('%s', (_, yaml, env, expected) => {
    expect(problemsOf(yaml, env)).toEqual([expected]);
  });

  it('reports all problems at once, of the file and of the environment', () => {
    expect(problemsOf('http: { prot: 1 }\nlog: { level: 5 }', { SECOND_RESPONDER_NOPE: '1' })).toHaveLength(3);
  });

  it('a missing file', () => {
    expect(() => loadConfig({ file: 'none.yaml', env: {}, cwd: folder })).toThrow('no such file or folder');
  });

  it('invalid YAML, with its position', () => {
    expect(problemsOf('http:\n  port: [1')[0]).toMatch(/^c\.yaml:2:\d+: not valid YAML: /);
  });

  it('an alias expansion attack', () => {
    const layers = Array.from({ length: 9 }, (_, n) => `l${n + 1}: &l${n + 1} [${Array(9).fill(`*l${n}`).join(',')}]`);
    expect(problemsOf(['l0: &l0 [x]', ...layers].join('\n'))[0]).toMatch(/not valid YAML: Excessive alias count/);
  });
});

describe('listening on an address that others can reach', () => {
  const hosts = ['0.0.0.0', '::', '10.0.0.5', 'mail.contoso.com'];
  it.each(hosts)('%s is refused without a token, with the lines to add', (host) => {
    const [first, ...rest] = problemsOf(`http: { host: "${host}" }`);
    expect(first).toContain('is not a loopback address');
    expect(rest.join('\n')).toContain('tokens:');
  });

  it('is accepted with a token', () => {
    expect(problemsOf('http: { host: 0.0.0.0, tokens: [{ name: a, role: admin, token: sixteen-letters-x }] }')).toEqual(
      [],
    );
  });

  it.each(['127.0.0.1', '127.8.8.8', '::1', 'localhost'])('%s needs none', (host) => {
    expect(problemsOf(`http: { host: "${host}" }`)).toEqual([]);
  });

  it('"127.0.0.1.evil.example" is not loopback', () => {
    expect(problemsOf('http: { host: 127.0.0.1.evil.example }')).not.toEqual([]);
  });
});

describe('config show', () => {
  it('shows the origin of each value, with its unit', () => {
    const values = shown('http: { body-limit: 2mb }', { SECOND_RESPONDER_LAB_SPEED: '5' });
    expect(values.get('http.body-limit')).toEqual({ value: '2mb', origin: 'file' });
    expect(values.get('lab.speed')).toEqual({ value: 5, origin: 'environment SECOND_RESPONDER_LAB_SPEED' });
    expect(values.get('safety.evidence-max-age')).toEqual({ value: '5m', origin: 'default' });
    expect(values.get('safety.mode')).toEqual({ value: 'auto', origin: 'default' });
  });

  it('shows no secret, wherever it is', () => {
    writeFileSync(join(folder, 's'), 'hush4-hush4-hush4');
    const yaml = `
store: { url: "redis://user:hush1@host:6379/0" }
http: { tokens: [{ name: a, role: sender, token: hush2-hush2-hush2, signing-secret: hush3-hush3-hush3 }, { name: b, role: admin, token-file: s }] }
notify: [{ channel: webhook, url: "https://chat.example.com/hooks/hush5", token: hush6 }]`;
    const text = JSON.stringify([...shown(yaml), ...shown('store: { url: "redis://:hu/sh@hush7@host/0" }')]);
    expect(text).not.toMatch(/hu.?sh/);
    expect(text).toContain('host:6379');
    expect(text).toContain('chat.example.com');
  });
});

describe('a secret that YAML interprets', () => {
  const starts = [
    ...'*!&@%`"\'|>{[?-#,]}:~',
    '!!',
    '"\\',
    '"\\x',
    '"\\u',
    '!<',
    '!hush!',
    '| ',
    '> ',
    '? ',
    '- ',
    '&a *',
  ];
  const lines = ['{ name: a, role: sender, token: # }', '{ name: a, role: sender, token:# }'].map(
    (entry) => `http: { tokens: [${entry}] }`,
  );
  const blocks = ['token: #', 'token:#'].map(
    (line) => `http:\n  tokens:\n    - name: a\n      role: sender\n      ${line}\n`,
  );
  it.each(starts)('%s is reported without the secret', (start) => {
    for (const text of [...lines, ...blocks]) {
      expect(problemsOf(text.replace('#', `${start}hush-hush`)).join('\n')).not.toContain('hu');
    }
  });
});

describe('the shipped configuration', () => {
  it('is found in the folder where the daemon is started, and is valid', () => {
    const { config, file } = loadConfig({ env: {}, cwd: process.cwd() });
    expect(file).toBe(join(process.cwd(), 'config/second-responder.yaml'));
    expect(config.safety.mode).toBe('auto');
  });

  it('is found from anywhere else too', () => {
    expect(loadConfig({ env: {}, cwd: folder }).file).toMatch(/config\/second-responder\.yaml$/);
  });
});

describe('the environment of a daemon', () => {
  it.each([
    ['SECOND_RESPONDER_SERVICE_HOST', '10.0.0.1'],
    ['SECOND_RESPONDER_SERVICE_PORT', '8080'],
    ['SECOND_RESPONDER_SERVICE_PORT_HTTP', '8080'],
    ['SECOND_RESPONDER_PORT', 'tcp://10.0.0.1:8080'],
    ['SECOND_RESPONDER_PORT_8080_TCP', 'tcp://10.0.0.1:8080'],
    ['SECOND_RESPONDER_PORT_8080_TCP_ADDR', '10.0.0.1'],
  ])('%s=%s is set by Kubernetes for a service of that name', (variable, value) => {
    expect(problemsOf('', { [variable]: value })).toEqual([]);
  });

  it('SECOND_RESPONDER_PORT with a number is a mistake', () => {
    expect(problemsOf('', { SECOND_RESPONDER_PORT: '9000' })).toEqual([
      'environment: SECOND_RESPONDER_PORT: no setting has this name; did you mean "SECOND_RESPONDER_HTTP_PORT"?',
    ]);
  });
});

describe('addresses of Redis', () => {
  it.each([
    'redis://a',
    'rediss://:p@a:6380/1',
    'redis+unix:///run/redis.sock',
    'redis+sentinel://a,b/master',
    'redis+cluster://a:1,b:2',
  ])('%s is valid, here and in the adapter', (url) => {
    expect(load(`store: { url: "${url}" }`).config.store.url).toBe(url);
    expect(redisTarget(url).describe).not.toBe('');
  });

  it.each([
    'unix:///run/redis.sock',
    'redis+unix://run/redis.sock',
    'rediss+cluster://a:1',
    'localhost:6379',
    'redis://',
  ])('%s is invalid', (url) => {
    expect(problemsOf(`store: { url: "${url}" }`)).toEqual([
      expect.stringContaining('store.url: is not a Redis address'),
    ]);
  });
});

it.each([
  'redis://:hu/sh@host',
  'redis://me:hu@sh@host:1/2',
  'rediss://me:12345/hush@host',
  'redis+sentinel://hu/sh@a/m',
  'hu/sh:hu@sh',
])('%s is refused without showing its password', (url) => {
  const says = () => redisTarget(url).describe;
  expect(says).toThrow(/^Redis URL "/);
  expect(says).not.toThrow(/hu|sh@|12345/);
});

it.each(['a: &a [*a]', 'http: &a { port: *a }', 'a: &a { b: { c: *a } }'])('%s holds itself', (yaml) => {
  expect(problemsOf(yaml)).toEqual(['c.yaml:1:1: not valid YAML: an alias is inside its own anchor']);
});
