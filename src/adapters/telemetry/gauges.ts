import { groupOf } from '../../incident/health.ts';
import type { IncidentView } from '../../incident/view.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Exchange } from '../../ports/exchange.ts';
import type { Operations } from '../../ports/operations.ts';
import type { LedgerEntry, Store } from '../../ports/store.ts';
import type { Wakeups } from '../../ports/wakeups.ts';
import type { Metrics } from './metrics.ts';

/** The sources of the gauges. */
export interface GaugeSources {
  store: Store;
  wakeups: Wakeups;
  exchange: Exchange;
  clock: Clock;
  realNow(): number;
  operations: Operations;
  openIncidents(): Promise<Pick<IncidentView, 'phase' | 'openedAt' | 'waiting'>[]>;
  /** Calls to Exchange in progress. */
  calls(): number;
  /** The store has lost data, which is not acknowledged yet. */
  storeLost(): boolean;
}

/** Reads all gauges at each scrape, so that they are current. */
export function readGauges(metrics: Metrics, from: GaugeSources): void {
  metrics.onScrape(() => metrics.setExchangeSessions(from.calls()));
  metrics.onScrape(() => metrics.setStoreLost(from.storeLost()));
  metrics.onScrape(() => readStore(metrics, from));
}

async function readStore(metrics: Metrics, from: GaugeSources): Promise<void> {
  const { store, wakeups, clock, realNow, operations } = from;
  const { up } = await store.health();
  metrics.setStoreUp(up);
  if (!up) return;
  // Concurrently, because under load each query waits for many writes.
  await Promise.all([
    operations.playbooks().then((all) => metrics.setPlaybooks(all)),
    from.openIncidents().then((all) => metrics.setOpenIncidents(all, clock.now())),
    store.ledger().then(async (ledger) => metrics.setUndo(ledger, clock.now(), await groupsFor(ledger, from))),
    store.killSwitches().then((all) => metrics.setKillSwitches(all, realNow())),
    wakeups.counts().then((counts) => metrics.setQueues(counts)),
  ]);
}

/** The groups of the servers with outstanding undo actions. Does not query Exchange if there are none. */
async function groupsFor(
  ledger: readonly LedgerEntry[],
  { exchange }: GaugeSources,
): Promise<(server: string) => string | undefined> {
  if (ledger.length === 0) return () => undefined;
  const organisation = await exchange.organisation({ timeLimit: 500 }).catch(() => undefined);
  const groups = new Map(organisation?.value.servers.map((facts) => [facts.server, groupOf(facts)]));
  return (server) => groups.get(server);
}
