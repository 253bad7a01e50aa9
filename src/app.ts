import { hostname } from 'node:os';
import { createHttp, type HttpOptions } from './adapters/http/index.ts';
import { createNotifiers } from './adapters/notify/index.ts';
import { createMetrics, describe, type Logger, observeEvent } from './adapters/telemetry/index.ts';
import type { Config } from './config/config.ts';
import { follow } from './config/follow.ts';
import { type Reload, reloaded } from './config/reload.ts';
import { followSecrets } from './config/secrets.ts';
import { secretsIn } from './config/sections/http.ts';
import { whyUnreadable } from './config/yaml.ts';
import { Notifications } from './engine/finish/notifications.ts';
import { OpenIncidents } from './engine/operations/open-incidents.ts';
import { createOperations } from './engine/operations/operations.ts';
import { type Engine, NotifyTries, Waiters } from './engine/parts.ts';
import { settingsOf } from './engine/settings.ts';
import { STORE_LOSSES, StoreWatch } from './engine/store-watch.ts';
import { sweepUndo } from './engine/undo/sweep-undo.ts';
import { wake } from './engine/wake.ts';
import { createWorker } from './engine/worker.ts';
import { type CallReport, gateway } from './gateway/gateway.ts';
import { Sessions } from './gateway/sessions.ts';
import { GUARDS } from './guards/index.ts';
import type { Entry } from './incident/event.ts';
import { groupOf } from './incident/health.ts';
import type { Incident } from './incident/incident.ts';
import type { Playbook } from './incident/plan.ts';
import { view } from './incident/view.ts';
import type { Release } from './lib/release.ts';
import { seldom } from './lib/seldom.ts';
import { Together } from './lib/together.ts';
import { openExchange, sessionsOf } from './open/exchange.ts';
import { openStore } from './open/store.ts';
import { loadPlaybooks } from './playbooks/read.ts';
import { ExchangeError } from './ports/exchange.ts';
import type { Head } from './ports/journal.ts';
import type { Operations, Readiness } from './ports/operations.ts';
import type { LedgerEntry } from './ports/store.ts';
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
  /**
   * Applies what needs no restart of a configuration that was read again, and reads the files of playbooks, secrets and
   * certificate again: all of it or, throwing every problem, nothing.
   */
  reload(next: Config): Reloaded;
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

export interface Reloaded extends Omit<Reload, 'config'> {
  /** How many are in force. */
  playbooks: number;
}

/** Real milliseconds of the ten that a stop may take: work in hand, then requests in hand. */
const WORK_GRACE = 6_000;
const HTTP_GRACE = 2_000;

/** The composition root: with src/open, the one place that knows every adapter, and ties them together. */
export function createApp(options: AppOptions): App {
  const { config, logger } = options;
  const releases: Release[] = [];
  let reload: App['reload'] = () => {
    throw new Error('the daemon has not started yet');
  };

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
        logger.error('Failed to release a resource', { error: String(error) });
      }
    }
  }

  async function acquire(): Promise<Started> {
    const catalog = loadCatalog(config.verification.catalog);
    /** What of the configuration can change while the daemon runs is read from here. */
    let inForce = config;
    let playbooks = readPlaybooks(config);
    function readPlaybooks({ playbooks: { directory }, safety: { services } }: Config): Playbook[] {
      return loadPlaybooks(directory, { steps: STEPS, services, catalog });
    }

    const metrics = createMetrics({
      defaultMetrics: true,
      version: options.version,
      known: {
        sources: SOURCES.map((source) => source.name),
        healthSets: catalog.healthSets().map((healthSet) => healthSet.name),
        guards: GUARDS,
        channels: config.notify.map((channel) => channel.channel),
        storeLosses: STORE_LOSSES,
      },
    });
    const settings = settingsOf(config, hostname());
    const kept = await openStore(config.store, logger, releases, options.store);
    const keepLab = kept.outlives && options.keepLab !== false;
    const world = await openExchange(config, releases, keepLab, (says) => logger.warn(says));
    const sessions = new Sessions(sessionsOf(config.exchange));
    const exchange = gateway(
      world.exchange,
      {
        get mode() {
          return settings.mode;
        },
        get services() {
          return inForce.safety.services;
        },
        get self() {
          return settings.self;
        },
        callTimeLimit: config.verification.callTimeLimit,
        sessions,
        notAfter: () => world.clock.now() + settings.notAfter * world.clock.speed,
      },
      async () => [...watch.switches(), ...(await kept.store.killSwitches())],
      ({ call, result, seconds }: CallReport) => metrics.called(call, result, seconds),
    );
    const notifications = new Notifications(createNotifiers(config.notify, logger), {
      log: logger,
      tried: (channel, result) => metrics.notified(channel, result),
      arrivedLate: ({ incident }) => void wake(engine, incident).catch(() => {}), // it is asked again all the same
    });
    releases.push(() => notifications.stop());

    const worker = `${hostname()}:${process.pid}`;
    const watch = new StoreWatch({
      store: kept.store,
      worker,
      log: logger,
      realNow: kept.now,
      notify: (notice) => notifications.send(notice),
      onLoss: (what) => metrics.storeLosses.inc({ what }),
    });
    const open = new OpenIncidents();
    /** Everything that happens is told once; logs, metrics and records subscribe here. */
    function onEntry(incident: Incident, entry: Entry, head: Head): void {
      const shown = view(incident);
      const { level, message } = describe(entry, shown);
      // The head of a finished chain rests in the log too, outside the store that it proves.
      const proof = entry.type === 'finished' ? { head: `${head.seq}:${head.hash}` } : {};
      logger.log(level, message, { incident: incident.id, ...proof });
      observeEvent(metrics, entry, shown);
      watch.note(incident, head);
      open.note(shown);
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
      notify: (notice) => notifications.send(notice),
      onEntry,
      watch,
      waiters: new Waiters(),
      correlating: new Together(),
      notifyTries: new NotifyTries(),
      log: logger,
      worker,
      realNow: kept.now,
    };

    async function readiness(): Promise<Readiness> {
      const [store, queue, organisation] = await Promise.all([
        kept.store.health(),
        Promise.all([kept.wakeups.refusal(), kept.wakeups.counts()]).then(
          ([refusal]) => ({ ok: refusal === undefined, says: refusal ? `refuses: ${refusal}` : 'answers' }),
          (error: unknown) => ({ ok: false, says: String(error) }),
        ),
        exchange.organisation({ timeLimit: 5_000 }).then(
          ({ value }) => ({
            ok: true,
            says: [`${value.servers.length} servers (${world.says})`, world.trouble?.()].filter(Boolean).join('. '),
          }),
          (error: unknown) => ({
            ok: false,
            says: error instanceof ExchangeError ? `${error.code}: ${error.message}` : String(error),
          }),
        ),
      ]);
      const parts: Readiness['parts'] = [
        {
          part: 'store',
          ok: store.up && watch.says === undefined,
          says: [watch.says, store.says, ...store.warnings, kept.trouble()].filter(Boolean).join(' '),
        },
        { part: 'queue', ...queue },
        { part: 'exchange', ...organisation },
        { part: 'playbooks', ok: playbooks.length > 0, says: `${playbooks.length} playbooks` },
      ];
      return { ready: parts.every((part) => part.ok), parts };
    }

    const operations = createOperations(engine, {
      reload: () => {
        playbooks = readPlaybooks(inForce);
        return playbooks;
      },
      readiness,
    });
    metrics.onScrape(() => metrics.setExchangeSessions(sessions.inUse));
    metrics.onScrape(() => metrics.setStoreLost(watch.says !== undefined));
    metrics.onScrape(() => readGauges(engine, metrics, operations, open));

    let identities = identitiesOf(config);
    const followFrom = (followed: Config) =>
      followSecrets(followed, {
        trouble: (says) => logger.warn(says),
        changed(says) {
          identities = identitiesOf(followed);
          logger.info(says);
        },
      });
    let endFollowing = followFrom(config);
    releases.push(() => endFollowing());
    const http = createHttp({
      config: config.http,
      identities: () => identities,
      operations,
      sources: config.alerts,
      metrics,
      logger,
      closed: seldom((says) => logger.warn(says)),
      ...(world.router && { lab: world.router }),
      ...(kept.queues && { queues: kept.queues }),
      receive: config.work.receive,
      version: options.version,
      now: kept.now,
    });
    releases.push(() => watch.stop());
    await watch.start();
    const advancing = createWorker(engine);
    if (config.work.work) {
      releases.push(() => advancing.stop(WORK_GRACE));
      await advancing.start(config.work.concurrency);
      await sweepUndo(engine).catch((error) =>
        logger.error('Failed to check outstanding undo actions', { error: String(error) }),
      );
    }
    releases.push(() => http.close(HTTP_GRACE));
    if (http.certificate) {
      const trouble = (why: string) => logger.warn(`http.tls: ${why}; the previous certificate stays in use`);
      releases.push(follow({ ...http.certificate, trouble }));
    }
    const { url } = await http.listen();
    function takeCertificate(): void {
      try {
        http.certificate?.accept(http.certificate.look());
      } catch (error) {
        throw new Error(`http.tls: ${whyUnreadable(error)}`);
      }
    }
    reload = (next) => {
      const { config: wanted, changed, waiting } = reloaded(inForce, next);
      // What may fail comes first, and what is seen to be wrong with the certificate changes nothing.
      const read = readPlaybooks(wanted);
      takeCertificate();
      inForce = wanted;
      playbooks = read;
      Object.assign(settings, settingsOf(wanted, hostname()));
      notifications.use(createNotifiers(wanted.notify, logger));
      logger.level = wanted.log.level;
      endFollowing();
      identities = identitiesOf(wanted);
      endFollowing = followFrom(wanted);
      return { playbooks: read.length, changed, waiting };
    };
    const health = await kept.store.health();
    const warnings = [
      ...kept.warnings,
      ...world.warnings,
      ...(kept.shared && world.router ? [TWO_LABS] : []),
      ...health.warnings,
    ];
    return { url, store: health.says, warnings, exchange: world.says };
  }

  return { start, stop, reload: (next) => reload(next) };
}

const TWO_LABS =
  'Another daemon uses this store.directory. Each daemon has its own lab in its process, and the labs are not shared: ' +
  'run one with `second-responder lab` and set exchange.url of both daemons to its address.';

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
