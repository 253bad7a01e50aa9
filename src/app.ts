import { hostname } from 'node:os';
import { createHttp } from './adapters/http/index.ts';
import { createNotifiers } from './adapters/notify/index.ts';
import { countEntry, createMetrics, type Logger, logEntry, readGauges } from './adapters/telemetry/index.ts';
import { followCertificate } from './config/certificate.ts';
import type { Config } from './config/config.ts';
import { Notifications } from './engine/finish/notifications.ts';
import { OpenIncidents } from './engine/operations/open-incidents.ts';
import { createOperations } from './engine/operations/operations.ts';
import { readinessOf } from './engine/operations/readiness.ts';
import { type Engine, NotifyTries, Waiters } from './engine/parts.ts';
import { STORE_LOSSES, StoreWatch } from './engine/store-watch.ts';
import { sweepUndo } from './engine/undo/sweep-undo.ts';
import { wake } from './engine/wake.ts';
import { createWorker } from './engine/worker.ts';
import { createExplainer } from './explain/explainer.ts';
import { gateway } from './gateway/gateway.ts';
import { Sessions } from './gateway/sessions.ts';
import { GUARDS } from './guards/index.ts';
import { view } from './incident/view.ts';
import { oncePerMinute } from './lib/once-per-minute.ts';
import { type Release, releaseAll } from './lib/release.ts';
import { Together } from './lib/together.ts';
import { openExchange, sessionsOf } from './open/exchange.ts';
import { InForce, type Reloaded } from './open/in-force.ts';
import { openStore } from './open/store.ts';
import { scriptsBeside, sha256Of } from './playbooks/scripts.ts';
import type { Notice } from './ports/notifier.ts';
import { SOURCES } from './sources/index.ts';
import { loadCatalog } from './verification/catalog.ts';
import { createVerifier } from './verification/verify.ts';

export interface AppOptions {
  config: Config;
  version: string;
  logger: Logger;
  /** Default: the configured Redis, else a private one, else the memory of this process. */
  store?: 'memory';
  /** Whether the state of a lab in this process is kept in the store's directory; default true. */
  keepLab?: boolean;
}

export interface App {
  /** Acquires everything in order; on failure, releases what was acquired. */
  start(): Promise<Started>;
  /**
   * Applies the changes of a new configuration that need no restart, and reads playbooks, secrets and certificate
   * again: all or nothing. Throws every problem.
   */
  reload(next: Config): Promise<Reloaded>;
  /** Stops taking work, finishes current entries, then releases all in reverse order. Takes at most ten seconds. */
  stop(): Promise<void>;
}

export interface Started {
  url: string;
  /** `private redis 7.0 at …`, shown at start. */
  store: string;
  warnings: string[];
  exchange: string;
}

/** Real milliseconds that a stop waits: for current work, then for current requests. */
const WORK_GRACE = 6_000;
const HTTP_GRACE = 2_000;

/** The composition root: with src/open, the only code that knows every adapter and connects them. */
export function createApp(options: AppOptions): App {
  const { config, logger } = options;
  const releases: Release[] = [];
  let reload: App['reload'] = async () => {
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

  const stop = () =>
    releaseAll(releases, (error) => logger.error('Failed to release a resource', { error: String(error) }));

  async function acquire(): Promise<Started> {
    const catalog = loadCatalog(config.verification.catalog);
    const keep = options.store === 'memory' ? undefined : config.store.directory;
    const inForce = await InForce.open(config, catalog, logger, keep);
    releases.push(() => inForce.stop());
    const { settings } = inForce;
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
    const kept = await openStore(config.store, logger, releases, options.store);
    inForce.keepProofs();
    const keepLab = kept.outlives && options.keepLab !== false;
    const organisation = await openExchange(config, releases, keepLab, (says) => logger.warn(says));
    const { clock } = organisation;
    const sessions = new Sessions(sessionsOf(config.exchange));
    const exchange = gateway(
      organisation.exchange,
      {
        get mode() {
          return settings.mode;
        },
        get services() {
          return inForce.config.safety.services;
        },
        scripts: (name) => sha256Of(scriptsBeside(inForce.config.playbooks.directory), name),
        get self() {
          return settings.self;
        },
        callTimeLimit: config.verification.callTimeLimit,
        sessions,
        notAfter: () => clock.now() + settings.notAfter * clock.speed,
      },
      async () => [...watch.switches(), ...(await kept.store.killSwitches())],
      ({ call, result, seconds }) => metrics.called(call, result, seconds),
    );
    const notifications = new Notifications(createNotifiers(config.notify, logger), {
      log: logger,
      tried: (channel, result) => metrics.notified(channel, result),
      arrivedLate: ({ incident }) => void wake(engine, incident).catch(() => {}), // retried anyway
    });
    releases.push(() => notifications.stop());
    const notify = (notice: Notice) => notifications.send(notice);

    const worker = `${hostname()}:${process.pid}`;
    const watch = new StoreWatch({
      store: kept.store,
      worker,
      log: logger,
      realNow: kept.now,
      notify,
      onLoss: (what) => metrics.storeLosses.inc({ what }),
    });
    releases.push(() => watch.stop());
    const open = new OpenIncidents();

    const engine: Engine = {
      store: kept.store,
      wakeups: kept.wakeups,
      exchange,
      verifier: createVerifier({ exchange, catalog, clock, settings: config.verification }),
      catalog,
      clock,
      settings,
      playbooks: () => inForce.playbooks,
      notify,
      onEntry(incident, entry, head) {
        const shown = view(incident);
        logEntry(logger, entry, shown, head);
        countEntry(metrics, entry, shown);
        watch.note(incident, head);
        open.note(shown);
      },
      watch,
      waiters: new Waiters(),
      correlating: new Together(),
      notifyTries: new NotifyTries(),
      log: logger,
      worker,
      realNow: kept.now,
    };
    const operations = createOperations(engine, {
      reload: () => inForce.reloadPlaybooks(),
      readiness: () => readinessOf(engine, organisation, kept, inForce.unproved),
    });
    readGauges(metrics, {
      ...engine,
      operations,
      openIncidents: () => open.read(kept.store, clock.now()),
      calls: () => sessions.inUse,
      storeLost: () => watch.says !== undefined,
    });
    const http = createHttp({
      config: config.http,
      identities: () => inForce.identities,
      operations,
      explain: createExplainer(() => ({ config: inForce.config, catalog, playbooks: inForce.playbooks })),
      sources: config.alerts,
      metrics,
      logger,
      closed: oncePerMinute((says) => logger.warn(says)),
      ...(organisation.router && { lab: organisation.router }),
      ...(kept.queues && { queues: kept.queues }),
      receive: config.work.receive,
      version: options.version,
      now: kept.now,
    });

    await watch.start();
    if (config.work.work) {
      const advancing = createWorker(engine);
      releases.push(() => advancing.stop(WORK_GRACE));
      await advancing.start(config.work.concurrency);
      await sweepUndo(engine).catch((error) =>
        logger.error('Failed to check outstanding undo actions', { error: String(error) }),
      );
    }
    releases.push(() => http.close(HTTP_GRACE));
    const certificate = followCertificate(http.certificate, (says) => logger.warn(says));
    releases.push(() => certificate.stop());
    const { url } = await http.listen();
    reload = async (next) => {
      const result = await inForce.reload(next, () => certificate.takeNow());
      notifications.use(createNotifiers(inForce.config.notify, logger));
      return result;
    };
    const { says: store, warnings } = await kept.store.health();
    const twoLabs = kept.shared && organisation.router ? [TWO_LABS] : [];
    return {
      url,
      store,
      warnings: [...kept.warnings, ...organisation.warnings, ...twoLabs, ...warnings],
      exchange: organisation.says,
    };
  }

  return { start, stop, reload: (next) => reload(next) };
}

const TWO_LABS =
  'Another daemon uses this store.directory. Each daemon has its own lab in its process, and the labs are not shared: ' +
  'run one with `second-responder lab` and set exchange.url of both daemons to its address.';
