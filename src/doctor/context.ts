import type { Config } from '../config/config.ts';
import type { Loaded } from '../config/load.ts';
import type { Clock } from '../ports/clock.ts';
import type { CallOptions, Exchange, Organisation } from '../ports/exchange.ts';
import type { EndpointFacts, Inspection, ShellFacts } from '../ports/inspection.ts';
import type { Readiness } from '../ports/operations.ts';
import type { StoreFacts } from '../ports/store.ts';
import { inTime, sideBySide } from './limits.ts';

/** What the checks require from outside; the caller supplies the adapters. */
export interface Surroundings {
  /** Throws ConfigError. */
  load(): Loaded;
  open(config: Config): Promise<Opened>;
  store(config: Config['store']): Promise<StoreFacts>;
  /** Maximum number of concurrent calls to the organisation. */
  sessions(config: Config['exchange']): number;
  /** Address of the daemon of this configuration; undefined if its port is 0. */
  address(config: Config['http']): string | undefined;
  daemon(address: string, signal: AbortSignal): Promise<DaemonFacts>;
  /** This machine. */
  hostname: string;
}

/** The organisation, with only the calls that `doctor` requires: none of them changes anything. */
export interface Opened {
  exchange: Pick<Exchange, 'organisation' | 'serverHealth'>;
  clock: Clock;
  inspect?: Inspection;
  says: string;
}

export type DaemonFacts =
  | { answers: 'nobody' }
  | { answers: 'daemon'; readiness: Readiness }
  /** The TLS connection failed: its certificate is not trusted, or it requires one of ours. */
  | { answers: 'untrusted'; says: string }
  /** Something responds, but not as a daemon does. */
  | { answers: 'something'; says: string };

export interface Asked {
  /** Check only these servers. */
  servers?: readonly string[];
  /** Time limit of each check, in real milliseconds. */
  limit: number;
  signal: AbortSignal;
  /** Called with the name of what is being checked. */
  progress?: (says: string) => void;
}

/** Everything that the checks examine. Each answer is requested once and shared between the checks. */
export interface Context extends Asked {
  readonly loaded: Loaded;
  readonly config: Config;
  readonly hostname: string;
  readonly sessions: number;
  readonly address: string | undefined;
  /** The organisation is not a lab. */
  readonly real: boolean;
  /** Options of each call: its time limit and the signal. */
  readonly limits: Required<CallOptions>;
  opened(): Promise<Opened>;
  /** Undefined if no PowerShell is used. */
  inspection(): Promise<Inspection | undefined>;
  shell(): Promise<ShellFacts | undefined>;
  endpoints(): Promise<readonly EndpointResult[]>;
  organisation(): Promise<Organisation>;
  store(): Promise<StoreFacts>;
  daemon(address: string): Promise<DaemonFacts>;
  /** Applies the time limit to work that has none of its own. */
  limited<T>(work: Promise<T>): Promise<T>;
  /** Runs work for each item, as many at a time as there are sessions. */
  each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]>;
}

export interface EndpointResult {
  endpoint: string;
  /** Absent if no session could be opened; `error` says why. */
  facts?: EndpointFacts;
  error?: unknown;
}

export function createContext(surroundings: Surroundings, loaded: Loaded, asked: Asked): Context {
  const { config } = loaded;
  const { limit, signal, progress } = asked;
  const limits = { timeLimit: limit, signal };
  const sessions = surroundings.sessions(config.exchange);
  const limited = <T>(work: Promise<T>) => inTime(work, limit, signal);

  const opened = once(() => limited(surroundings.open(config)));
  const inspection = once(async () => (await opened()).inspect);
  const shell = once(async () => {
    const inspect = await inspection();
    return inspect && (await limited(inspect.shell(limits)));
  });
  const endpoints = once(async () => {
    const inspect = await inspection();
    return each(inspect?.endpoints ?? [], async (endpoint): Promise<EndpointResult> => {
      progress?.(`endpoint ${endpoint}`);
      try {
        return { endpoint, facts: await limited(inspect!.endpoint(endpoint, limits)) };
      } catch (error) {
        signal.throwIfAborted();
        return { endpoint, error };
      }
    });
  });
  function each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
    return sideBySide(items, sessions, work, signal);
  }

  return {
    ...asked,
    loaded,
    config,
    hostname: surroundings.hostname,
    sessions,
    address: surroundings.address(config.http),
    real: config.exchange.kind === 'powershell',
    limits,
    opened,
    inspection,
    shell,
    endpoints,
    organisation: once(async () => {
      const { exchange } = await opened();
      return (await limited(exchange.organisation(limits))).value;
    }),
    store: () => limited(surroundings.store(config.store)),
    daemon: (address) => limited(surroundings.daemon(address, signal)),
    limited,
    each,
  };
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask();
    return answer;
  };
}
