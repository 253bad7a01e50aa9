import { createMemoryStore } from '../../src/adapters/memory/store.ts';
import { loadConfig } from '../../src/config/load.ts';
import { advance } from '../../src/engine/advance.ts';
import { correlate } from '../../src/engine/intake/correlate.ts';
import { createOperations } from '../../src/engine/operations/operations.ts';
import { type Engine, NotifyTries, Waiters } from '../../src/engine/parts.ts';
import { settingsOf } from '../../src/engine/settings.ts';
import { StoreWatch } from '../../src/engine/store-watch.ts';
import { gateway } from '../../src/gateway/gateway.ts';
import type { Alert } from '../../src/incident/alert.ts';
import type { Entry } from '../../src/incident/event.ts';
import { fold } from '../../src/incident/fold.ts';
import type { Incident } from '../../src/incident/incident.ts';
import type { Playbook } from '../../src/incident/plan.ts';
import { createLab, type Lab } from '../../src/lab/lab.ts';
import { Together } from '../../src/lib/together.ts';
import { loadPlaybooks } from '../../src/playbooks/read.ts';
import type { Exchange } from '../../src/ports/exchange.ts';
import type { Notice } from '../../src/ports/notifier.ts';
import type { Operations } from '../../src/ports/operations.ts';
import type { Store } from '../../src/ports/store.ts';
import { STEPS } from '../../src/steps/index.ts';
import { loadCatalog } from '../../src/verification/catalog.ts';
import { createVerifier } from '../../src/verification/verify.ts';
import { journalOf } from './journal.ts';

const { config } = loadConfig({ env: {}, cwd: process.cwd() });
const catalog = loadCatalog(config.verification.catalog);

export interface Bench {
  engine: Engine;
  lab: Lab;
  store: Store;
  notices: Notice[];
  entries: Entry[];
  /** Posts an alert and lets time run until its incident is over (or nothing moves any more). */
  handle(alert: Partial<Alert> & { server: string }): Promise<Incident>;
  /** Stores and correlates an alert; answers the incident it belongs to. */
  alert(alert: Partial<Alert> & { server: string }): Promise<string>;
  /** Advances every open incident, moving time on to the next thing due, until all are over or `until` says so. */
  run(until?: (incident: Incident) => boolean): Promise<void>;
  incident(id: string): Promise<Incident>;
  /** The changing commands that reached the organisation, in order: `mbx1 Restart-Service MSExchangeIMAP4BE`. */
  changes(): string[];
}

/** What people and senders may ask of a bench. */
export function operationsOf({ engine }: Pick<Bench, 'engine'>): Operations {
  return createOperations(engine, {
    reload: () => [],
    readiness: async () => ({ ready: true, parts: [] }),
  });
}

export interface BenchOptions {
  playbooks?: Playbook[];
  settings?: Partial<Engine['settings']>;
  seed?: number;
  /** One whose time is moved by hand, and that others ask too. */
  lab?: Lab;
  /** Puts something between the engine and its store: where a test cuts in. */
  aroundStore?(store: Store): Store;
  /** The same for the organisation. */
  aroundExchange?(exchange: Exchange): Exchange;
}

/** The worker dies here: nothing after this point of its advance happens. */
export class Killed extends Error {}

let serial = 0;

/** The engine on the memory store and a lab whose time is moved by hand: hours of recovery in milliseconds. */
export function bench(options: BenchOptions = {}): Bench {
  const lab = options.lab ?? createLab({ speed: 1, virtual: true, seed: options.seed ?? 1 });
  const plain = createMemoryStore();
  const store = options.aroundStore?.(plain) ?? plain;
  const playbooks =
    options.playbooks ??
    loadPlaybooks(config.playbooks.directory, { steps: STEPS, services: config.safety.services, catalog });
  const settings = { ...settingsOf(config, 'no-such-machine'), ...options.settings };
  const exchange = gateway(
    options.aroundExchange?.(lab.exchange('test')) ?? lab.exchange('test'),
    {
      mode: settings.mode,
      services: config.safety.services,
      self: settings.self,
      callTimeLimit: 60_000,
      sessionBackoff: [0],
    },
    () => store.killSwitches(),
    () => {},
  );
  const notices: Notice[] = [];
  const entries: Entry[] = [];
  const nudged = new Set<string>();
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const engine: Engine = {
    store,
    watch: new StoreWatch({
      store,
      worker: 'test',
      log,
      realNow: () => lab.clock.now(),
      notify: async (notice) => void notices.push(notice),
      onLoss() {},
    }),
    wakeups: {
      async alerts() {},
      async incident(id) {
        nudged.add(id);
      },
      async work() {},
      refusal: async () => undefined,
      counts: async () => [],
      async close() {},
    },
    exchange,
    verifier: createVerifier({ exchange, catalog, clock: lab.clock, settings: config.verification }),
    catalog,
    clock: lab.clock,
    settings,
    playbooks: () => playbooks,
    async notify(notice) {
      notices.push(notice);
    },
    onEntry: (_incident, entry) => void entries.push(entry),
    waiters: new Waiters(),
    correlating: new Together(),
    notifyTries: new NotifyTries(),
    log,
    worker: 'test',
    realNow: () => lab.clock.now(),
  };

  async function incident(id: string): Promise<Incident> {
    const journal = await journalOf(store, id);
    if (!journal) throw new Error(`no incident ${id}`);
    return fold(journal.entries);
  }

  async function alert(given: Partial<Alert> & { server: string }): Promise<string> {
    serial += 1;
    const now = lab.clock.now();
    const complete: Alert = {
      id: `alert-${serial}`,
      source: 'generic',
      senderId: `${serial}`,
      status: 'firing',
      serverAsSent: given.server,
      raisedAt: now,
      receivedAt: now,
      ...given,
    };
    await store.accept([complete], 1_000_000);
    await correlate(engine, complete.id);
    for (const id of await store.openIncidents()) {
      if ((await incident(id)).alerts.some((one) => one.id === complete.id)) return id;
    }
    return '';
  }

  async function run(until: (incident: Incident) => boolean = () => false): Promise<void> {
    for (let turns = 0; turns < 5_000; turns += 1) {
      const due: number[] = [];
      nudged.clear();
      for (const id of await store.openIncidents()) {
        const went = await advance(engine, id, new AbortController().signal).catch((error) => {
          if (!(error instanceof Killed)) throw error;
          nudged.add(id); // as the sweep does
          return { is: 'unknown' as const };
        });
        if (until(await incident(id))) return;
        if ('until' in went) due.push(went.until);
      }
      if (nudged.size > 0) continue;
      const open = await store.openIncidents();
      const next = Math.min(...due);
      if (open.length === 0 || !Number.isFinite(next)) return;
      lab.clock.advance(Math.max(1, next - lab.clock.now()));
    }
    throw new Error('incidents go round and round');
  }

  return {
    engine,
    lab,
    store,
    notices,
    entries,
    alert,
    run,
    incident,
    async handle(given) {
      const id = await alert(given);
      await run();
      return incident(id);
    },
    changes: () =>
      lab
        .commands()
        .filter((command) => command.effect === 'changed')
        .map(({ server, command, arguments: args }) => `${server} ${command} ${essence(command, args)}`.trim()),
  };
}

function essence(command: string, args: Record<string, unknown>): string {
  if (command === 'Restart-Service') return String(args.Name);
  if (command === 'Set-MailboxServer') return String(args.DatabaseCopyActivationDisabledAndMoveNow);
  if (command === 'Set-ImapSettings') return String(args.ProtocolLogEnabled);
  return '';
}
