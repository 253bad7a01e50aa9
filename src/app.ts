import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Router } from 'express';
import { createBullWakeups } from './adapters/bullmq/wakeups.ts';
import { createHttp, type HttpOptions } from './adapters/http/index.ts';
import { labHttpExchange } from './adapters/lab/http.ts';
import { labClock, labExchange } from './adapters/lab/in-process.ts';
import { labRouter } from './adapters/lab/router.ts';
import { createMemoryStore } from './adapters/memory/store.ts';
import { createMemoryWakeups } from './adapters/memory/wakeups.ts';
import { createNotifiers } from './adapters/notify/index.ts';
import { MODULE_FOLDER, powerShellExchange } from './adapters/powershell/exchange.ts';
import { POWERSHELL, PowerShellHost } from './adapters/powershell/host.ts';
import { powerShellInspection } from './adapters/powershell/inspect.ts';
import { redisTarget } from './adapters/redis/connect.ts';
import { lookAtStore } from './adapters/redis/look.ts';
import { findRedisServer, startPrivateRedis } from './adapters/redis/private-server.ts';
import { createRedisStore } from './adapters/redis/store.ts';
import { createMetrics, describe, type Logger, observeEvent, seldom } from './adapters/telemetry/index.ts';
import type { Config } from './config/config.ts';
import { follow } from './config/follow.ts';
import { followSecrets } from './config/secrets.ts';
import { secretsIn } from './config/sections/http.ts';
import { OpenIncidents } from './engine/open-incidents.ts';
import { createOperations } from './engine/operations.ts';
import { type Engine, Tellings, Waiters } from './engine/parts.ts';
import { Sessions } from './engine/sessions.ts';
import { settingsOf } from './engine/settings.ts';
import { sweepUndo } from './engine/sweep-undo.ts';
import { Together } from './engine/together.ts';
import { type CallReport, waist } from './engine/waist.ts';
import { createWorker } from './engine/worker.ts';
import { GUARDS } from './guards/index.ts';
import type { Entry, IncidentEvent } from './incident/event.ts';
import { groupOf } from './incident/health.ts';
import type { Incident } from './incident/incident.ts';
import type { Playbook } from './incident/plan.ts';
import { view } from './incident/view.ts';
import { createLab } from './lab/lab.ts';
import { readOrganisation } from './lab/organisation.ts';
import { loadPlaybooks } from './playbooks/read.ts';
import {
  type Clock,
  type Exchange,
  ExchangeError,
  type Head,
  type Inspection,
  type LedgerEntry,
  type Notice,
  type Operations,
  type Readiness,
  type Store,
  type StoreLook,
  type Wakeups,
} from './ports.ts';
import { readRecording } from './recording/file.ts';
import { SOURCES } from './sources/index.ts';
import { STEPS } from './steps/index.ts';
import { loadCatalog } from './verification/catalog.ts';
import { createVerifier } from './verification/verify.ts';

export interface AppOptions {
  config: Config;
  version: string;
  logger: Logger;
  /** Absent: a Redis that is named in the configuration, else a private one, else the memory of this process. */
  store?: 'memory';
  /** The world of the lab in this process is kept in the store's directory unless this says false. */
  keepLab?: boolean;
}

export interface App {
  /** Acquires everything in order; when it fails half-way, what was acquired is released. */
  start(): Promise<Started>;
  /** Stops taking work, finishes the entry in hand, releases in reverse. Within ten seconds. */
  stop(): Promise<void>;
}

export interface Started {
  url: string;
  /** `private redis 7.0 at …`, for the first screen. */
  store: string;
  warnings: string[];
  exchange: string;
}

/** Real milliseconds of the ten that a stop may take: work in hand, then requests in hand. */
const WORK_GRACE = 6_000;
const HTTP_GRACE = 2_000;

/** The composition root: the one file that knows every adapter, and ties them together. */
export function createApp(options: AppOptions): App {
  const { config, logger } = options;
  const releases: Release[] = [];

  async function start(): Promise<Started> {
    try {
      return await acquire();
    } catch (error) {
      await stop();
      throw error;
    }
  }

  async function stop(): Promise<void> {
    for (const release of releases.splice(0).reverse()) {
      try {
        await release();
      } catch (error) {
        logger.error('Something could not be released', { error: String(error) });
      }
    }
  }

  async function acquire(): Promise<Started> {
    const catalog = loadCatalog(config.verification.catalog);
    let playbooks = readPlaybooks();
    function readPlaybooks(): Playbook[] {
      return loadPlaybooks(config.playbooks.directory, { steps: STEPS, services: config.safety.services, catalog });
    }

    const metrics = createMetrics({
      defaultMetrics: true,
      version: options.version,
      known: {
        sources: SOURCES.map((source) => source.name),
        healthSets: catalog.healthSets().map((healthSet) => healthSet.name),
        guards: GUARDS,
        channels: config.notify.map((channel) => channel.channel),
      },
    });
    const settings = settingsOf(config, hostname());
    const kept = await openStore(config.store, logger, releases, options.store);
    const world = await openExchange(config, releases, kept.outlives && options.keepLab !== false);
    const sessions = new Sessions(sessionsOf(config.exchange));
    const exchange = waist(
      world.exchange,
      {
        mode: settings.mode,
        services: config.safety.services,
        self: settings.self,
        callTimeLimit: config.verification.callTimeLimit,
        sessions,
        notAfter: () => world.clock.now() + settings.notAfter * world.clock.speed,
      },
      () => kept.store.killSwitches(),
      ({ call, result, seconds }: CallReport) => metrics.called(call, result, seconds),
    );
    const notifiers = createNotifiers(config.notify, logger);

    async function notify(notice: Notice): Promise<void> {
      const sent = await Promise.allSettled(notifiers.map((notifier) => notifier.send(notice)));
      const failed = sent.flatMap((result, index) => {
        metrics.notified(notifiers[index]?.channel ?? '', result.status === 'fulfilled' ? 'sent' : 'failed');
        return result.status === 'rejected' ? [`${notifiers[index]?.channel}: ${result.reason}`] : [];
      });
      if (failed.length > 0) throw new Error(failed.join('; '));
    }

    const open = new OpenIncidents();
    /** Everything that happens is told once; logs, metrics and records subscribe here. */
    function onEntry(incident: Incident, entry: Entry, head: Head): void {
      const shown = view(incident);
      const { level, message } = describe(entry, shown);
      // The head of a finished chain rests in the log too, outside the store that it proves.
      const proof = entry.type === 'finished' ? { head: `${head.seq}:${head.hash}` } : {};
      logger.log(level, message, { incident: incident.id, ...proof });
      observeEvent(metrics, entry, shown);
      open.note(shown);
      const event = { type: entry.type, data: entry.data } as IncidentEvent;
      if (event.type === 'stepStarted' && event.data.intent) {
        for (const guard of GUARDS) metrics.guardAllowed(guard.name);
      }
    }

    const engine: Engine = {
      store: kept.store,
      wakeups: kept.wakeups,
      exchange,
      verifier: createVerifier({ exchange, catalog, clock: world.clock, settings: config.verification }),
      catalog,
      clock: world.clock,
      settings,
      playbooks: () => playbooks,
      notify,
      onEntry,
      waiters: new Waiters(),
      correlating: new Together(),
      tellings: new Tellings(),
      log: logger,
      worker: `${hostname()}:${process.pid}`,
      realNow: kept.now,
    };

    async function readiness(): Promise<Readiness> {
      const [store, queue, organisation] = await Promise.all([
        kept.store.health(),
        kept.wakeups.counts().then(
          () => ({ ok: true, says: 'answers' }),
          (error: unknown) => ({ ok: false, says: String(error) }),
        ),
        exchange.organisation({ timeLimit: 5_000 }).then(
          ({ value }) => ({ ok: true, says: `${value.servers.length} servers (${world.says})` }),
          (error: unknown) => ({
            ok: false,
            says: error instanceof ExchangeError ? `${error.code}: ${error.message}` : String(error),
          }),
        ),
      ]);
      const parts: Readiness['parts'] = [
        { part: 'store', ok: store.up, says: [store.says, ...store.warnings].join(' ') },
        { part: 'queue', ...queue },
        { part: 'exchange', ...organisation },
        { part: 'playbooks', ok: playbooks.length > 0, says: `${playbooks.length} playbooks` },
      ];
      return { ready: parts.every((part) => part.ok), parts };
    }

    const operations = createOperations(engine, {
      reload: () => {
        playbooks = readPlaybooks();
        return playbooks;
      },
      readiness,
    });
    metrics.onScrape(() => metrics.setExchangeSessions(sessions.inUse));
    metrics.onScrape(() => readGauges(engine, metrics, operations, open));

    let identities = identitiesOf(config);
    releases.push(
      followSecrets(config, {
        trouble: (says) => logger.warn(says),
        changed(says) {
          identities = identitiesOf(config);
          logger.info(says);
        },
      }),
    );
    const http = createHttp({
      config: config.http,
      identities: () => identities,
      operations,
      sources: config.alerts,
      metrics,
      logger,
      ...(world.router && { lab: world.router }),
      ...(kept.queues && { queues: kept.queues }),
      receive: config.work.receive,
      version: options.version,
      now: kept.now,
    });
    const worker = createWorker(engine);
    if (config.work.work) {
      releases.push(() => worker.stop(WORK_GRACE));
      await worker.start(config.work.concurrency);
      await sweepUndo(engine).catch((error) =>
        logger.error('What is owed could not be swept', { error: String(error) }),
      );
    }
    releases.push(() => http.close(HTTP_GRACE));
    if (http.certificate) {
      const trouble = (why: string) => logger.warn(`http.tls: ${why}; the certificate before it stays in use`);
      releases.push(follow({ ...http.certificate, trouble }));
    }
    const { url } = await http.listen();
    const health = await kept.store.health();
    const warnings = [
      ...kept.warnings,
      ...world.warnings,
      ...(kept.shared && world.router ? [TWO_LABS] : []),
      ...health.warnings,
    ];
    return { url, store: health.says, warnings, exchange: world.says };
  }

  return { start, stop };
}

const TWO_LABS =
  'Another daemon works on this store.directory. Each has a lab of its own in its process, and they do not see each other: ' +
  'run one with `second-responder lab`, and give its address to both as exchange.url.';

/** Gives back something that was acquired. */
export type Release = () => Promise<void> | void;

export interface OpenedExchange {
  exchange: Exchange;
  clock: Clock;
  /** The lab's own addresses, where it is in this process. */
  router?: Router;
  /** The way there, looked at from outside; a lab that is asked directly has none. */
  inspect?: Inspection;
  /** Which organisation it is, in words. */
  says: string;
  warnings: readonly string[];
}

/**
 * The organisation that is looked after: a lab in this process, or one of its own. What must be released is added to
 * `releases`. `keep`: a lab in this process goes on with the world that is kept in the store's directory.
 */
export async function openExchange(config: Config, releases: Release[], keep = false): Promise<OpenedExchange> {
  const { kind, url, through, endpoints, targets } = config.exchange;
  if (kind === 'powershell') {
    const id = organisationOf(endpoints);
    const clock = { now: Date.now, speed: 1, epoch: id };
    const asked = openPowerShell(config.exchange, clock, releases);
    const says = `${id}, by PowerShell through ${endpoints.join(', ')}; Windows by ${targets}`;
    const onLinux = process.platform !== 'win32' && config.exchange.arguments.length === 0;
    return { ...asked, clock, says, warnings: onLinux ? [NO_KERBEROS] : [] };
  }
  if (url !== undefined) {
    const remote = labHttpExchange({ url });
    releases.push(() => remote.close());
    await remote.ready();
    const { clock } = remote;
    if (through === undefined) return { exchange: remote.exchange, clock, says: `the lab at ${url}`, warnings: [] };
    const rehearsed = { ...config.exchange, endpoints: LAB_ENDPOINTS };
    const asked = openPowerShell(rehearsed, clock, releases, url);
    return { ...asked, clock, says: `the lab at ${url}, by PowerShell`, warnings: [] };
  }
  const { speed, seed, organisation, recording, cure } = config.lab;
  const lab = createLab({
    speed,
    ...(seed !== undefined && { seed }),
    ...(organisation !== undefined && { organisation: readOrganisation(organisation) }),
    ...(recording !== undefined && { recording: readRecording(recording), cure }),
    // A world whose debts and journals are forgotten would be left changed for ever: both are kept, or both are new.
    ...(keep && { persist: join(config.store.directory, 'lab.json') }),
  });
  releases.push(() => lab.close());
  return {
    exchange: labExchange(lab),
    clock: labClock(lab),
    router: labRouter(lab),
    says: `the lab in this process, at speed ${speed}`,
    warnings: lab.notes,
  };
}

/** Servers of the shipped lab, for sessions with it. */
const LAB_ENDPOINTS = ['ex1.contoso.com', 'ex2.contoso.com'];

const NO_KERBEROS =
  'PowerShell on this system cannot reach Exchange by Kerberos remoting. Run the daemon on Windows, or give it a Windows machine by ssh: ' +
  'exchange.executable, exchange.arguments and exchange.driver (docs/exchange.md).';

/** A real organisation's name for claims and debts: the domain of its first endpoint, known also while nothing answers. */
function organisationOf([first = '']: readonly string[]): string {
  const host = URL.canParse(first) ? new URL(first).hostname : first;
  return host.toLowerCase().replace(/^[^.]*\.(?=.)/, '');
}

/** Exchange by PowerShell; `lab` is the address of a lab that stands in for it. */
function openPowerShell(
  exchange: Config['exchange'],
  clock: Clock,
  releases: Release[],
  lab?: string,
): Required<Pick<OpenedExchange, 'exchange' | 'inspect'>> {
  const folder = exchange.modules ?? MODULE_FOLDER;
  // A folder on another machine has that machine's separators.
  const separator = folder.includes('\\') ? '\\' : '/';
  const files = ['SecondResponder.psm1', ...(lab === undefined ? [] : ['ExchangeLab.psm1'])];
  const host = new PowerShellHost({
    modules: files.map((file) => `${folder.replace(/[/\\]$/, '')}${separator}${file}`),
    driver: exchange.driver,
    ...(exchange.executable !== undefined && { executable: exchange.executable }),
    arguments: exchange.arguments,
    shells: sessionsOf(exchange),
    farewell: 'Close-Session',
    farewellAfter: exchange.sessionIdle,
    endAfter: exchange.shellIdle,
    ...(lab !== undefined && { environment: { EXCHANGE_LAB_URL: lab } }),
  });
  releases.push(() => host.close());
  const { endpoints, targets, targetSsl, credentialFile, domainController, unspecifiedTimes } = exchange;
  const way = {
    host,
    endpoints,
    targets,
    ssl: targetSsl,
    ...(credentialFile !== undefined && { credentialFile }),
    ...(domainController !== undefined && { domainController }),
    unspecifiedTimes,
  };
  const { driver, executable = POWERSHELL, arguments: before } = exchange;
  return {
    exchange: powerShellExchange({ ...way, organisation: () => clock.epoch }),
    inspect: powerShellInspection({ ...way, driver, executable, arguments: before, now: () => clock.now() }),
  };
}

/** Calls at a time. A session of Exchange's is dear, and a user may have 18 in all; a lab has as many as it is asked for. */
export function sessionsOf({ kind, through, sessions }: Config['exchange']): number {
  return sessions ?? (kind === 'powershell' || through ? 3 : 16);
}

/** The store of this configuration as it is found from outside: for `doctor`. */
export function inspectStore(config: Config['store']): Promise<StoreLook> {
  return lookAtStore(config);
}

export interface OpenedStore {
  store: Store;
  wakeups: Wakeups;
  queues?: NonNullable<HttpOptions['queues']>;
  /** How many workers of daemons are connected to it, as far as it tells. */
  workers(): Promise<number>;
  /** Real time, the same for all daemons on this store. */
  now(): number;
  /** It is there again at the next start. */
  outlives: boolean;
  /** Another daemon works on the same directory. */
  shared: boolean;
  warnings: string[];
}

/**
 * A named Redis; else a private one beside the data; else the memory of this process, with a warning. What must be
 * released is added to `releases`; whoever works with the wake-ups closes them before, with its own grace.
 */
export async function openStore(
  config: Config['store'],
  logger: Logger,
  releases: Release[],
  kind?: 'memory',
): Promise<OpenedStore> {
  const { url, directory, appendfsync, prefix, waitReplicas, finishedRetention, finishedCount } = config;
  const onTrouble = seldom((says) => logger.warn(says));
  if (kind === 'memory' || (url === undefined && !findRedisServer())) {
    const store = createMemoryStore();
    releases.push(() => store.close());
    const wakeups = createMemoryWakeups({ onError: (error, job) => onTrouble(`${job.queue} ${job.id}: ${error}`) });
    releases.push(() => wakeups.close(0));
    const missing =
      'No redis-server or valkey-server was found, so nothing outlives this process: for trying out only. ' +
      'Install one (`apt-get install redis-server`, `dnf install valkey`, `brew install redis`) or set REDIS_URL.';
    return {
      store,
      wakeups,
      workers: async () => 0,
      now: Date.now,
      outlives: false,
      shared: false,
      warnings: kind === 'memory' ? [] : [missing],
    };
  }
  let shared = false;
  let name = 'redis';
  let address = url;
  if (address === undefined) {
    const own = await startPrivateRedis({ directory, appendfsync, onLog: (says) => logger.debug(says), onTrouble });
    releases.push(() => own.close());
    address = own.url;
    name = 'private redis';
    shared = own.shared;
  }
  const target = redisTarget(address);
  const store = await createRedisStore({
    target,
    kind: name,
    prefix,
    waitReplicas,
    finishedRetentionMs: finishedRetention,
    finishedCount,
    onTrouble,
  });
  releases.push(() => store.close());
  const wakeups = createBullWakeups({ connect: (purpose) => target.connect(purpose), prefix, onTrouble });
  releases.push(() => wakeups.close(0));
  const workers = () => wakeups.workers();
  return {
    store,
    wakeups,
    queues: wakeups.queues,
    workers,
    now: () => store.now(),
    outlives: true,
    shared,
    warnings: [],
  };
}

/** What HTTP compares with: who, what they may, and by what they are known. */
function identitiesOf({ http }: Config): ReturnType<HttpOptions['identities']> {
  return http.tokens.map(({ name, role, token = '', signingSecret = '' }) => ({
    name,
    role,
    tokens: secretsIn(token),
    signingSecrets: secretsIn(signingSecret),
  }));
}

/** At each scrape, so that gauges are as fresh as it. */
async function readGauges(
  engine: Engine,
  metrics: ReturnType<typeof createMetrics>,
  operations: Operations,
  open: OpenIncidents,
): Promise<void> {
  const { store, wakeups, clock } = engine;
  const { up } = await store.health();
  metrics.setStoreUp(up);
  if (!up) return;
  // Side by side: in a storm each question waits behind many writes.
  await Promise.all([
    operations.playbooks().then((all) => metrics.setPlaybooks(all)),
    open.read(store, clock.now()).then((all) => metrics.setOpenIncidents(all, clock.now())),
    store.ledger().then(async (ledger) => metrics.setUndo(ledger, clock.now(), await groupsFor(ledger, engine))),
    store.killSwitches().then((all) => metrics.setKillSwitches(all, engine.realNow())),
    wakeups.counts().then((counts) => metrics.setQueues(counts)),
  ]);
}

/** Where the servers belong of which something is owed. Nothing is asked for when that is none. */
async function groupsFor(
  ledger: readonly LedgerEntry[],
  { exchange }: Engine,
): Promise<(server: string) => string | undefined> {
  if (ledger.length === 0) return () => undefined;
  const organisation = await exchange.organisation({ timeLimit: 500 }).catch(() => undefined);
  const groups = new Map(organisation?.value.servers.map((facts) => [facts.server, groupOf(facts)]));
  return (server) => groups.get(server);
}
