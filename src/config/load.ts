import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, configSchema } from './config.ts';
import { getIn, isObject, setIn } from './data.ts';
import { type Override, readEnvironment, variablePlace } from './environment.ts';
import { placesOf } from './places.ts';
import { ConfigError, type Locate, type Path, type Problem, zodProblems } from './problems.ts';
import { fileFrom, readSecret } from './secrets.ts';
import { twinsAmong } from './sections/http.ts';
import { leavesOf } from './shape.ts';
import { camel, kebab, toSchemaSpelling, writePath } from './spelling.ts';
import { isKey, readYaml, type Source } from './yaml.ts';

export interface LoadOptions {
  /** `--config FILE`. Default: `config/second-responder.yaml` under `cwd` if it exists, else the shipped file. */
  file?: string;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
}

export interface Loaded {
  config: Config;
  /** The origin of each value, by its written path (`http.body-limit`): `default`, `file` or `environment NAME`. */
  origins: Map<string, string>;
  /** The file that was read. */
  file: string;
  /** The values of the file and the environment, before defaults are filled in and units are parsed. */
  written: Record<string, unknown>;
}

/** Reads the configuration. Throws ConfigError with every problem of the file, the environment and the secret files. */
export function loadConfig({ file, env, cwd }: LoadOptions): Loaded {
  const chosen = file === undefined ? defaultFile(cwd) : resolve(cwd, file);
  const source = readYaml(chosen, { normalise: camel, shows: isOpen });
  const { overrides, problems } = readEnvironment(configSchema, env);
  const locate = locateWith(source, overrides);

  const written = writtenIn(source, problems);
  for (const { path, value } of overrides) setIn(written, path, value);

  const result = configSchema.safeParse(written, { reportInput: true });
  if (!result.success) {
    throw new ConfigError([...problems, ...zodProblems(result.error, configSchema, locate, kebab)]);
  }
  const complain = (path: Path, message: string, hint?: string) => {
    problems.push({ ...locate(path), message, ...(hint && { hint }) });
  };
  const config = complete(result.data, { folder: dirname(chosen), cwd, written, locate }, complain);
  checkTogether(config, complain);
  if (problems.length > 0) throw new ConfigError(problems);
  return { config, origins: originsOf(written, overrides), file: chosen, written };
}

const SHIPPED = fileURLToPath(new URL('../../config/', import.meta.url));

function defaultFile(cwd: string): string {
  const own = resolve(cwd, 'config/second-responder.yaml');
  return existsSync(own) ? own : resolve(SHIPPED, 'second-responder.yaml');
}

type Complain = (path: Path, message: string, hint?: string) => void;
type Written = Record<string, unknown>;

function writtenIn(source: Source, problems: Problem[]): Written {
  const written = toSchemaSpelling(source.data ?? {}, configSchema, (path) => {
    problems.push({
      ...source.locate(path, 'key'),
      message: 'is set in both spellings',
      hint: 'keep one of them',
    });
  });
  if (isObject(written)) return written;
  throw new ConfigError([
    { ...source.locate([]), message: 'must contain sections with their settings, such as "http:"' },
  ]);
}

/** Locates a path in the variable that set it, else in the file. */
function locateWith(source: Source, overrides: Override[]): Locate {
  return (path, at) => {
    const place = placeOf(path, at);
    if (at !== 'key' || isKey(String(path.at(-1)))) return place;
    const around = placeOf(path.slice(0, -1)).path;
    return { ...place, path: around ? `${around}.…` : '…' };
  };

  function placeOf(path: Path, at?: 'key') {
    const by = overrides.findLast((override) => override.path.every((segment, depth) => path[depth] === segment));
    if (!by) {
      const place = source.locate(path, at);
      // A path that is not in the file is shown in the spelling of the file.
      return { ...place, path: place.path === writePath(path) ? writePath(path, kebab) : place.path };
    }
    const inside = writePath(path.slice(by.path.length), kebab);
    const place = variablePlace(by.variable);
    return inside ? { ...place, path: `${place.path}${inside.startsWith('[') ? '' : '.'}${inside}` } : place;
  }
}

/** Sections without secrets. */
const OPEN = ['alerts', 'lab', 'playbooks', 'safety', 'verification'];
/** Too short for a secret, or too simple. */
const PLAIN = /^(-?\d{1,6}(\.\d+)?[a-z]{0,2}|true|false|yes|no|on|off)$/i;

/** Whether an excerpt may show this value. */
function isOpen(path: Path, text: string): boolean {
  const secret = /token|secret|url|file|endpoints/i.test(path.join('.'));
  return OPEN.includes(String(path[0])) || (!secret && PLAIN.test(text));
}

/** Adds defaults that depend on other values, absolute paths and secrets. */
function complete(
  checked: ReturnType<typeof configSchema.parse>,
  from: { folder: string; cwd: string; written: Written; locate: Locate },
  complain: Complain,
): Config {
  const secretOf = (given: string | undefined, file: string | undefined, path: Path, ours = true) =>
    given ?? (file === undefined ? undefined : readSecret(file, path, complain, ours));
  const fileOf = (file: string | undefined) => fileFrom(from.folder, file);
  /** A path next to the configuration file; if the key is not set and no such file exists, the shipped one. */
  const beside = (path: [string, string], value: string) => {
    const own = resolve(from.folder, value);
    return getIn(from.written, path) === undefined && !existsSync(own) ? resolve(SHIPPED, value) : own;
  };
  const { http, store, exchange, lab, safety, verification, playbooks, notify } = checked;
  return {
    ...checked,
    http: {
      ...http,
      tokens: http.tokens.map((entry, index) => {
        const [tokenFile, signingSecretFile] = [fileOf(entry.tokenFile), fileOf(entry.signingSecretFile)];
        const token = secretOf(entry.token, tokenFile, ['http', 'tokens', index, 'tokenFile']);
        const at = ['http', 'tokens', index, 'signingSecretFile'];
        const signingSecret = secretOf(entry.signingSecret, signingSecretFile, at);
        return {
          ...entry,
          ...(tokenFile && { tokenFile }),
          ...(token && { token }),
          ...(signingSecretFile && { signingSecretFile }),
          ...(signingSecret && { signingSecret }),
        };
      }),
      ...(http.tls && { tls: absolute(http.tls, from.folder) }),
    },
    store: { ...store, directory: resolve(from.cwd, store.directory) },
    lab: {
      ...lab,
      ...(lab.organisation && { organisation: resolve(from.folder, lab.organisation) }),
      ...(lab.recording && { recording: resolve(from.folder, lab.recording) }),
    },
    safety: { ...safety, mode: safety.mode ?? (exchange.kind === 'lab' ? 'auto' : 'observe') },
    verification: { ...verification, catalog: beside(['verification', 'catalog'], verification.catalog) },
    playbooks: {
      ...playbooks,
      directory: beside(['playbooks', 'directory'], playbooks.directory),
      places: placesOf(from.written.playbooks, ['playbooks'], from.locate),
    },
    notify: notify.map((entry, index) => {
      if (entry.channel !== 'webhook') return entry;
      const tokenFile = fileOf(entry.tokenFile);
      const token = secretOf(entry.token, tokenFile, ['notify', index, 'tokenFile'], false);
      return { ...entry, ...(tokenFile && { tokenFile }), ...(token && { token }) };
    }),
  };
}

/** Resolves every value of a section that holds only file names. */
function absolute<T extends object>(files: T, folder: string): T {
  return Object.fromEntries(Object.entries(files).map(([key, file]) => [key, fileFrom(folder, file)])) as T;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i;

const TOKENS_TO_ADD = `add to the configuration:
  http:
    tokens:
      - { name: scom, role: sender, token-file: /run/secrets/second-responder-scom }
      - { name: operators, role: operator, token-file: /run/secrets/second-responder-operators }`;

/** Checks that span several sections. */
function checkTogether(config: Config, complain: Complain): void {
  const { http, work, safety } = config;
  if (!LOOPBACK.test(http.host) && http.tokens.length === 0) {
    const message = `"${http.host}" is not a loopback address, so tokens are required`;
    complain(['http', 'host'], message, TOKENS_TO_ADD);
  }
  if (safety.approvers > 1 && http.tokens.length === 0) {
    const message = 'must be 1 without tokens, because only tokens tell people apart';
    complain(['safety', 'approvers'], message, TOKENS_TO_ADD);
  }
  for (const [index, entry] of http.tokens.entries()) {
    const before = http.tokens.slice(0, index);
    const at = ['http', 'tokens', index];
    if (before.some((other) => other.name === entry.name))
      complain([...at, 'name'], `"${entry.name}" is already used by another token`);
    const twins = twinsAmong(http.tokens.slice(0, index + 1));
    if (twins && !twinsAmong(before)) complain(at, twins);
  }
  if (!work.receive && !work.work) {
    complain(['work'], 'receive and work are both false, so the daemon would do nothing', 'set one of them to true');
  }
}

function originsOf(written: Written, overrides: Override[]): Map<string, string> {
  const origins = leavesOf(configSchema).map(({ path }): [string, string] => {
    const by = overrides.findLast((override) => override.path.join('.') === path.join('.'));
    const origin = by ? `environment ${by.variable}` : getIn(written, path) === undefined ? 'default' : 'file';
    return [writePath(path, kebab), origin];
  });
  return new Map(origins);
}
