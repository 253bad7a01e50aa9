/**
 * The engine on a store in memory and a lab whose time is advanced by hand: hours of recovery in milliseconds, by the code
 * that runs in the daemon. Nothing outside this process is read or changed.
 */
import { createMemoryStore } from '../adapters/memory/store.ts';
import type { Config } from '../config/config.ts';
import { advance } from '../engine/advance.ts';
import { correlate } from '../engine/intake/correlate.ts';
import { type Engine, type EngineSettings, NotifyTries, Waiters } from '../engine/parts.ts';
import { readIncident } from '../engine/read-incident.ts';
import { settingsOf } from '../engine/settings.ts';
import { StoreWatch } from '../engine/store-watch.ts';
import { gateway } from '../gateway/gateway.ts';
import type { Alert } from '../incident/alert.ts';
import type { Entry } from '../incident/event.ts';
import type { Incident } from '../incident/incident.ts';
import type { Playbook } from '../incident/plan.ts';
import type { Lab } from '../lab/lab.ts';
import { Together } from '../lib/together.ts';
import { scriptsFor, sha256Of } from '../playbooks/scripts.ts';
import type { Exchange } from '../ports/exchange.ts';
import type { Notice } from '../ports/notifier.ts';
import type { Store } from '../ports/store.ts';
import type { Catalog } from '../verification/catalog.ts';
import { createVerifier } from '../verification/verify.ts';

export interface RehearsalOptions extends Pick<Engine, 'onGuard' | 'beforeDecision'> {
  config: Config;
  catalog: Catalog;
  playbooks: readonly Playbook[];
  /** With a virtual clock. */
  lab: Lab;
  settings?: Partial<EngineSettings>;
  /** Called for every entry, with the incident after it. */
  onEntry?(incident: Incident, entry: Entry): void;
  /** Puts something between the engine and its store. */
  aroundStore?(store: Store): Store;
  /** The same for the organisation. */
  aroundExchange?(exchange: Exchange): Exchange;
}

export interface Rehearsal {
  engine: Engine;
  lab: Lab;
  store: Store;
  /** What people were notified of. */
  notices: Notice[];
  /** Stores and correlates an alert that arrives now; returns its incident, or '' if it opens none. */
  alert(alert: Partial<Alert> & { server: string }): Promise<string>;
  /**
   * Advances every open incident, and the time to whatever is due next, until all have ended, `until` is true, or nothing
   * is due. Throws `Endless` if that never happens.
   */
  run(until?: (incident: Incident) => boolean): Promise<void>;
  incident(id: string): Promise<Incident>;
}

/** A worker that dies here: nothing after this point of its advance happens, and the incident is advanced again. */
export class Killed extends Error {}

/** The incidents are advanced again and again without an end. */
export class Endless extends Error {
  constructor() {
    super('incidents go round and round');
  }
}

/** Far more than the longest playbook needs. */
const MOST_TURNS = 5_000;
const WORKER = 'rehearsal';
/** A daemon that rehearses runs on none of the servers. */
const NO_HOST = 'no-such-machine';

export function createRehearsal(options: RehearsalOptions): Rehearsal {
  const { config, catalog, playbooks, lab } = options;
  const { clock } = lab;
  const plain = createMemoryStore({ now: () => clock.now() });
  const store = options.aroundStore?.(plain) ?? plain;
  const settings = { ...settingsOf(config, NO_HOST), ...options.settings };
  const organisation = lab.exchange(WORKER);
  // Scripts are beside the playbooks, wherever those are.
  const folders = [...new Set(playbooks.map(({ file }) => scriptsFor(file)))];
  const exchange = gateway(
    options.aroundExchange?.(organisation) ?? organisation,
    {
      mode: settings.mode,
      services: config.safety.services,
      scripts: (name) => folders.map((folder) => sha256Of(folder, name)).find((found) => found !== undefined),
      self: settings.self,
      callTimeLimit: config.verification.callTimeLimit,
      sessionBackoff: [0],
    },
    () => store.killSwitches(),
    () => {},
  );
  const notices: Notice[] = [];
  const notify = async (notice: Notice) => void notices.push(notice);
  const woken = new Set<string>();
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const engine: Engine = {
    store,
    watch: new StoreWatch({ store, worker: WORKER, log, realNow: () => clock.now(), notify, onLoss() {} }),
    wakeups: {
      async alerts() {},
      async incident(id) {
        woken.add(id);
      },
      async work() {},
      refusal: async () => undefined,
      counts: async () => [],
      async close() {},
    },
    exchange,
    verifier: createVerifier({ exchange, catalog, clock, settings: config.verification }),
    catalog,
    clock,
    settings,
    playbooks: () => playbooks,
    notify,
    onEntry: (incident, entry) => options.onEntry?.(incident, entry),
    ...(options.onGuard && { onGuard: options.onGuard }),
    ...(options.beforeDecision && { beforeDecision: options.beforeDecision }),
    waiters: new Waiters(),
    correlating: new Together(),
    notifyTries: new NotifyTries(),
    log,
    worker: WORKER,
    realNow: () => clock.now(),
  };
  let alerts = 0;

  async function incident(id: string): Promise<Incident> {
    const read = await readIncident(store, id);
    if (!read) throw new Error(`no incident ${id}`);
    return read.incident;
  }

  async function alert(given: Partial<Alert> & { server: string }): Promise<string> {
    alerts += 1;
    const now = clock.now();
    const complete: Alert = {
      id: `alert-${alerts}`,
      source: 'generic',
      senderId: `${alerts}`,
      status: 'firing',
      serverAsSent: given.server,
      raisedAt: now,
      receivedAt: now,
      ...given,
    };
    await store.accept([complete], Number.MAX_SAFE_INTEGER);
    await correlate(engine, complete.id);
    for (const id of await store.openIncidents()) {
      if ((await incident(id)).alerts.some((one) => one.id === complete.id)) return id;
    }
    return '';
  }

  async function run(until: (incident: Incident) => boolean = () => false): Promise<void> {
    for (let turn = 0; turn < MOST_TURNS; turn += 1) {
      const due: number[] = [];
      woken.clear();
      for (const id of await store.openIncidents()) {
        const went = await advance(engine, id, new AbortController().signal).catch((error) => {
          if (!(error instanceof Killed)) throw error;
          woken.add(id); // as the sweep does
          return { is: 'unknown' as const };
        });
        if (until(await incident(id))) return;
        if ('until' in went) due.push(went.until);
      }
      if (woken.size > 0) continue;
      const open = await store.openIncidents();
      const next = Math.min(...due);
      if (open.length === 0 || !Number.isFinite(next)) return;
      clock.advance(Math.max(1, next - clock.now()));
    }
    throw new Endless();
  }

  return { engine, lab, store, notices, alert, run, incident };
}
