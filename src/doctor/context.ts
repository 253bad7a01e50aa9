import type { Config } from '../config/config.ts';
import type { Loaded } from '../config/load.ts';
import type { Clock } from '../ports/clock.ts';
import type { CallOptions, Exchange, Organisation } from '../ports/exchange.ts';
import type { EndpointFacts, Inspection, ShellFacts } from '../ports/inspection.ts';
import type { Readiness } from '../ports/operations.ts';
import type { StoreFacts } from '../ports/store.ts';
import { inTime, sideBySide } from './limits.ts';

/** What is asked of the world outside; whoever ties it together knows the adapters. */
export interface Surroundings {
  /** Throws ConfigError. */
  load(): Loaded;
  open(config: Config): Promise<Opened>;
  store(config: Config['store']): Promise<StoreFacts>;
  /** Calls to the organisation at a time. */
  sessions(config: Config['exchange']): number;
  /** Where the daemon of this configuration is to be found; undefined where it takes any port. */
  address(config: Config['http']): string | undefined;
  daemon(address: string, signal: AbortSignal): Promise<DaemonFacts>;
  /** This machine. */
  hostname: string;
}

/** The organisation, and of its calls those that `doctor` needs: it has no way to change anything. */
export interface Opened {
  exchange: Pick<Exchange, 'organisation' | 'serverHealth'>;
  clock: Clock;
  inspect?: Inspection;
  says: string;
}

export type DaemonFacts =
  | { answers: 'nobody' }
  | { answers: 'daemon'; readiness: Readiness }
  /** Its certificate, or the lack of one of ours, keeps us from asking. */
  | { answers: 'untrusted'; says: string }
  /** Something is there, and can't be understood. */
  | { answers: 'something'; says: string };

export interface Asked {
  /** Only these servers. */
  servers?: readonly string[];
  /** Real milliseconds for each thing that is looked at. */
  limit: number;
  signal: AbortSignal;
  /** Told of what is being looked at. */
  progress?: (says: string) => void;
}

/** Everything that checks look at. Each answer is asked for once, whoever wants it first. */
export interface Context extends Asked {
  readonly loaded: Loaded;
  readonly config: Config;
  readonly hostname: string;
  readonly sessions: number;
  readonly address: string | undefined;
  /** The organisation is no lab. */
  readonly real: boolean;
  /** For one call: its limit, and the signal. */
  readonly limits: Required<CallOptions>;
  opened(): Promise<Opened>;
  /** Undefined where no PowerShell is in between. */
  inspection(): Promise<Inspection | undefined>;
  shell(): Promise<ShellFacts | undefined>;
  endpoints(): Promise<readonly EndpointResult[]>;
  organisation(): Promise<Organisation>;
  store(): Promise<StoreFacts>;
  daemon(address: string): Promise<DaemonFacts>;
  /** What is asked without a limit of its own, with this one. */
  limited<T>(work: Promise<T>): Promise<T>;
  /** The same for each of several things, as many at a time as there are sessions. */
  each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]>;
}

export interface EndpointResult {
  endpoint: string;
  /** How its session was; or why there was none. */
  look?: EndpointFacts;
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
        return { endpoint, look: await limited(inspect!.endpoint(endpoint, limits)) };
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
