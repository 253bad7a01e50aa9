import { randomUUID } from 'node:crypto';
import type { Alert } from '../../incident/alert.ts';
import { link } from '../../incident/chain.ts';
import type { Entry, IncidentEvent } from '../../incident/event.ts';
import type { Settle } from '../../incident/traces.ts';
import {
  type AppendOptions,
  type AppendResult,
  type Head,
  type IncidentQuery,
  type JournalPage,
  Stale,
  type StartConditions,
  type StartRefusal,
} from '../../ports/journal.ts';
import type { KillSwitch } from '../../ports/kill-switch.ts';
import type {
  AcceptedAlert,
  LedgerEntry,
  Recognised,
  Reindexed,
  Standing,
  Store,
  StoreHealth,
  Trust,
} from '../../ports/store.ts';
import { MemoryFeed } from './feed.ts';
import { Lessons } from './lessons.ts';
import { tracesOfAll } from './reindex.ts';
import { giveBack, inOrganisation, refusal, type SharedState, scopeName, take } from './start.ts';

interface Incident {
  head: Head;
  texts: string[];
  key: string;
  server: string;
  family: string;
  openedAt: number;
  open: boolean;
  /** The organisation of the incident; '' until it is known. */
  world: string;
  /** The highest repeat count of its alerts. */
  repeatCount: number;
  /** Number of nudges so far. */
  nudges: number;
  counted?: { alerts: number; newest: string };
}

interface Lease {
  token: string;
  until: number;
  /** `nudges` when the lease was taken. */
  nudges: number;
}

/** Approximate size of one page of a journal. */
const PAGE_SIZE = 1_000_000;

const NOWHERE: Head = { seq: 0, hash: '' };

export interface MemoryStoreOptions {
  /** Real time in milliseconds. Default: wall-clock time. */
  now?: () => number;
  /** Maximum number of finished incidents; the oldest are deleted first. Default: 10,000. */
  finishedCount?: number;
  /** Number of entries that readers of the feed can resume from. Default: 10,000. */
  feedLength?: number;
}

/**
 * The store without a server, for trials, tests and simulation. It is lost when the process exits. Every method does its work
 * before its first `await`, which makes it as atomic as a script in Redis.
 */
export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(options);
}

class MemoryStore implements Store {
  readonly #now: () => number;
  readonly #finishedCount: number;
  readonly #feed: MemoryFeed;
  readonly #closed = new AbortController();

  readonly #marks = new Map<string, number>();
  readonly #pending = new Map<string, { text: string; repeat: boolean; receivedAt: number }>();
  readonly #incidents = new Map<string, Incident>();
  /** Key → its open incident. */
  readonly #open = new Map<string, string>();
  /** Finished incidents in the order of their ends. */
  readonly #finished = new Set<string>();
  readonly #outcomes = new Map<string, { world: string; at: number; repeatCount: number }>();
  /** Organisation and server → the incident that disrupts it, and until when (real ms). */
  readonly #disrupting = new Map<string, { incident: string; until: number }>();
  /** Organisation and key → incidents that recovered, with their organisation time. */
  readonly #recovered = new Map<string, { incident: string; at: number }[]>();
  readonly #leases = new Map<string, Lease>();
  readonly #due = new Map<string, number>();
  readonly #ledger = new Map<string, LedgerEntry>();
  readonly #lessons = new Lessons();
  readonly #shared: SharedState = { switches: new Map(), claims: new Map(), slots: new Map(), starts: new Map() };

  constructor(options: MemoryStoreOptions) {
    this.#now = options.now ?? Date.now;
    this.#finishedCount = options.finishedCount ?? 10_000;
    this.#feed = new MemoryFeed(options.feedLength ?? 10_000);
  }

  // -- alerts

  async accept(alerts: Alert[], retentionMs: number): Promise<AcceptedAlert[]> {
    const now = this.#now();
    this.#forgetMarks(now);
    return alerts.map((alert) => {
      const repeat = (this.#marks.get(alert.id) ?? 0) > now;
      if (!repeat) {
        this.#marks.delete(alert.id); // moves it to the end of the map, which is in order of expiry
        this.#marks.set(alert.id, now + retentionMs);
      }
      if (!this.#pending.has(alert.id)) this.#putPending(alert, repeat);
      return { id: alert.id, repeat };
    });
  }

  async pendingAlert(id: string): Promise<{ alert: Alert; repeat: boolean } | undefined> {
    const record = this.#pending.get(id);
    return record && { alert: JSON.parse(record.text) as Alert, repeat: record.repeat };
  }

  async pendingAlerts(before: number, limit: number): Promise<string[]> {
    const due = [...this.#pending].filter(([, record]) => record.receivedAt <= before);
    due.sort(([, a], [, b]) => a.receivedAt - b.receivedAt);
    return due.slice(0, limit).map(([id]) => id);
  }

  async dropPending(id: string): Promise<void> {
    this.#pending.delete(id);
  }

  async correlate(key: string, server: string, organisation: string, nowMs: number) {
    const open = this.#open.get(key);
    const by = this.#disrupting.get(inOrganisation(organisation, server));
    const disrupting = by && by.until > nowMs && this.#incidents.get(by.incident)?.open ? by.incident : undefined;
    return { ...(open !== undefined && { open }), ...(disrupting !== undefined && { disrupting }) };
  }

  async lastOutcome(key: string, organisation: string): Promise<{ at: number; repeatCount: number } | undefined> {
    const last = this.#outcomes.get(key);
    // An incident that has not read its organisation yet may belong to this one.
    if (!last || (last.world !== '' && last.world !== organisation)) return undefined;
    return { at: last.at, repeatCount: last.repeatCount };
  }

  async recoveries(key: string, organisation: string, since: number): Promise<string[]> {
    const known = this.#recovered.get(inOrganisation(organisation, key)) ?? [];
    return known.filter(({ at }) => at >= since).map(({ incident }) => incident);
  }

  #putPending(alert: Alert, repeat: boolean): void {
    this.#pending.set(alert.id, { text: JSON.stringify(alert), repeat, receivedAt: alert.receivedAt });
  }

  #forgetMarks(now: number): void {
    for (const [id, expires] of this.#marks) {
      if (expires > now) return;
      this.#marks.delete(id);
    }
  }

  // -- journals

  async page(id: string, after = 0, limit = Number.MAX_SAFE_INTEGER): Promise<JournalPage | undefined> {
    const incident = this.#incidents.get(id);
    if (!incident) return undefined;
    const { head, texts, counted } = incident;
    let size = 0;
    const page: Entry[] = [];
    for (const text of texts.slice(after, after + limit)) {
      if (size >= PAGE_SIZE) break;
      size += text.length;
      page.push(JSON.parse(text) as Entry);
    }
    return {
      head: { ...head },
      entries: page,
      more: after + page.length < texts.length,
      ...(counted && { counted: { alerts: counted.alerts, newest: JSON.parse(counted.newest) as Alert } }),
    };
  }

  async count(
    id: string,
    { alertIds, alerts, repeatCount }: { alertIds: string[]; alerts: Alert[]; repeatCount: number },
  ): Promise<boolean> {
    const incident = this.#incidents.get(id);
    if (!incident?.open || alertIds.some((alert) => !this.#pending.has(alert))) return false;
    for (const alert of alertIds) this.#pending.delete(alert);
    if (alerts.length > 0) {
      const before = incident.counted?.alerts ?? 0;
      incident.counted = { alerts: before + alerts.length, newest: JSON.stringify(alerts.at(-1)) };
    }
    incident.repeatCount = Math.max(incident.repeatCount, repeatCount);
    return true;
  }

  async append(id: string, head: Head, event: IncidentEvent, options: AppendOptions): Promise<AppendResult> {
    const known = this.#incidents.get(id);
    const { seq, hash } = known?.head ?? NOWHERE;
    if (seq !== head.seq || hash !== head.hash) {
      throw new Stale(`incident ${id} is at entry ${seq}, not at ${head.seq} as read`);
    }
    if (!known && !options.opening) {
      throw new Error(`incident ${id} has no journal: its first entry is appended with \`opening\``);
    }
    const { opening, start } = options;
    if (opening) {
      const open = this.#open.get(opening.key);
      if (open !== undefined) return { ok: false, open };
    }
    const taking = options.attaching?.alertIds ?? (opening?.alertId === undefined ? [] : [opening.alertId]);
    const taken = taking.find((alert) => !this.#pending.has(alert));
    if (taken !== undefined) throw new Stale(`alert ${taken} is not pending: another worker has handled it`);
    if (start) {
      const refused = refusal(this.#shared, start);
      if (refused) return { ok: false, refused };
    }

    // All conditions hold: the changes start here.
    const linked = link(head, event, options);
    const incident = known ?? this.#opened(id, opening, options.at);
    incident.texts.push(linked.text);
    incident.head = { seq: linked.entry.seq, hash: linked.hash };
    note(incident, event);

    for (const alert of taking) this.#pending.delete(alert);
    this.#remember(id, incident, options);
    this.#feed.add(id, linked.entry);
    return { ok: true, head: { ...incident.head }, entry: linked.entry };
  }

  /** Updates the indexes for an entry. `ended`: real time if it is in the past. */
  #remember(id: string, incident: Incident, options: AppendOptions, ended = this.#now()): void {
    const { start, finishing } = options;
    if (start) this.#start(id, incident, start);
    for (const { debt, incident: of, organisation } of options.outstanding ?? []) {
      const place = inOrganisation(organisation, debt.server, debt.setting);
      if (!this.#ledger.has(place))
        this.#ledger.set(place, structuredClone({ debt, incident: of, world: organisation, at: options.at }));
    }
    for (const one of options.settle ?? []) this.#settle(one);
    if (options.due === null) this.#due.delete(id);
    else if (options.due !== undefined) this.#due.set(id, options.due);
    if (options.trouble) this.#lessons.note(options.trouble, options.at);
    if (finishing) this.#finish(id, incident, finishing, options.at, ended);
  }

  async wouldRefuse(start: StartConditions): Promise<StartRefusal | undefined> {
    return structuredClone(refusal(this.#shared, start));
  }

  #opened(id: string, opening: AppendOptions['opening'], at: number): Incident {
    const { key = '', server = '', family = '' } = opening ?? {};
    const incident = {
      head: NOWHERE,
      texts: [],
      key,
      server,
      family,
      openedAt: at,
      open: true,
      world: '',
      repeatCount: 0,
      nudges: 0,
    };
    this.#incidents.set(id, incident);
    this.#open.set(key, id);
    return incident;
  }

  #start(id: string, incident: Incident, start: NonNullable<AppendOptions['start']>): void {
    take(this.#shared, start);
    incident.world = start.organisation;
    for (const server of start.disrupts?.servers ?? []) {
      this.#disrupting.set(inOrganisation(start.organisation, server), {
        incident: id,
        until: start.disrupts?.until ?? 0,
      });
    }
  }

  #settle({ server, setting, organisation, of }: Settle): void {
    const place = inOrganisation(organisation, server, setting);
    const entered = this.#ledger.get(place);
    if (of && (entered?.incident !== of.incident || entered.debt.id !== of.id)) return;
    this.#ledger.delete(place);
    if ([...this.#ledger.values()].some((owed) => owed.world === organisation && owed.debt.server === server)) return;
    // After the last undo action of the server, frees the slot that a finished run kept for it.
    for (const [key, slot] of this.#shared.slots) {
      const [of] = JSON.parse(key) as [string];
      if (slot.kept && slot.server === server && of === organisation) this.#shared.slots.delete(key);
    }
  }

  #finish(
    id: string,
    incident: Incident,
    finishing: NonNullable<AppendOptions['finishing']>,
    at: number,
    ended: number,
  ): void {
    if (!incident.open) return;
    incident.open = false;
    this.#open.delete(incident.key);
    this.#due.delete(id);
    if (finishing.isRoot) giveBack(this.#shared, finishing.root, finishing.keepSlots);
    for (const [place, by] of this.#disrupting) if (by.incident === id) this.#disrupting.delete(place);
    if (finishing.outcome === 'recovered') {
      const place = inOrganisation(incident.world, incident.key);
      this.#recovered.set(place, [...(this.#recovered.get(place) ?? []), { incident: id, at }].slice(-50));
    }
    this.#outcomes.set(incident.key, { world: incident.world, at: ended, repeatCount: incident.repeatCount });
    this.#requeue(finishing.requeue ?? []);
    for (const run of finishing.runs ?? []) this.#lessons.ran(incident.world, run);
    this.#finished.add(id);
    this.#forget();
  }

  #requeue(alerts: readonly Alert[]): void {
    // A repeated alert is in the list again, at a later position.
    for (const alert of new Map(alerts.map((one) => [one.id, one])).values()) {
      const waits = this.#pending.get(alert.id);
      // A pending alert that was sent again is newer.
      if (waits) waits.repeat = false;
      else this.#putPending(alert, false);
    }
  }

  /** Deletes finished incidents above the maximum, except those with entries in the ledger. */
  #forget(): void {
    const owing = new Set([...this.#ledger.values()].map(({ incident }) => incident));
    for (const oldest of this.#finished) {
      if (this.#finished.size <= this.#finishedCount) return;
      if (owing.has(oldest)) continue;
      this.#finished.delete(oldest);
      this.#incidents.delete(oldest);
    }
  }

  async list(query: IncidentQuery): Promise<{ ids: string[]; next?: string }> {
    const after = query.cursor === undefined ? undefined : cursorFrom(query.cursor);
    const found = [...this.#incidents]
      .map(([id, { open, openedAt }]) => ({ id, open, openedAt }))
      .filter(({ open }) => query.state === undefined || open === (query.state === 'open'))
      .filter(({ openedAt }) => openedAt >= (query.since ?? 0))
      .filter((one) => after === undefined || newestFirst(after, one) < 0)
      .sort(newestFirst);
    const page = found.slice(0, query.limit);
    const last = page.at(-1);
    const ids = page.map(({ id }) => id);
    return found.length > page.length && last ? { ids, next: `${last.openedAt}:${last.id}` } : { ids };
  }

  async openIncidents(): Promise<string[]> {
    return [...this.#open.values()];
  }

  async openOn(server: string): Promise<{ incident: string; family: string }[]> {
    return [...this.#open.values()].flatMap((incident) => {
      const known = this.#incidents.get(incident);
      return known?.server === server ? [{ incident, family: known.family }] : [];
    });
  }

  // -- state shared between incidents

  async troubled(organisation: string, troubles: string[], since: number): Promise<string[]> {
    return this.#lessons.troubled(organisation, troubles, since);
  }

  async claimNotification(organisation: string, matter: string, incident: string | undefined, ms: number) {
    const now = this.#now();
    return this.#lessons.claimNotification(organisation, matter, incident, now + ms, now);
  }

  async runs(organisation: string, playbook: string) {
    return this.#lessons.runs(organisation, playbook);
  }

  async trust(organisation: string, playbook: string, trust: Trust): Promise<void> {
    this.#lessons.trust(organisation, playbook, trust);
  }

  // -- advancing

  async lease(id: string, worker: string, ms: number): Promise<{ token: string } | undefined> {
    const now = this.#now();
    const held = this.#leases.get(id);
    if (held && held.until > now) return undefined;
    const token = `${worker}/${randomUUID()}`;
    this.#leases.set(id, { token, until: now + ms, nudges: this.#incidents.get(id)?.nudges ?? 0 });
    this.#due.set(id, now + ms);
    return { token };
  }

  async renew(id: string, token: string, ms: number): Promise<boolean> {
    const now = this.#now();
    const held = this.#leases.get(id);
    if (held?.token !== token || held.until <= now) return false;
    held.until = now + ms;
    this.#due.set(id, held.until);
    return true;
  }

  async confirm(id: string, head: Head, token?: string): Promise<boolean> {
    const held = this.#leases.get(id);
    if (token !== undefined && (held?.token !== token || held.until <= this.#now())) return false;
    const { seq, hash } = this.#incidents.get(id)?.head ?? NOWHERE;
    if (seq === head.seq && hash === head.hash) return true;
    throw new Stale(`incident ${id} is at entry ${seq}, not at ${head.seq} as read`);
  }

  async release(id: string, token: string, due: number | null): Promise<boolean> {
    const now = this.#now();
    const held = this.#leases.get(id);
    if (held?.token !== token || held.until <= now) return false;
    this.#leases.delete(id);
    const incident = this.#incidents.get(id);
    const news = incident?.open === true && incident.nudges !== held.nudges;
    if (!incident?.open) this.#due.delete(id);
    else if (news) this.#due.set(id, now);
    else if (due === null) this.#due.delete(id);
    else this.#due.set(id, due);
    return news;
  }

  /** Always the same store, because no other process can reach it. */
  async recognise(): Promise<Recognised> {
    return { is: 'same', older: false, evicted: false };
  }

  async standings(ids: readonly string[]): Promise<(Standing | undefined)[]> {
    return ids.map((id) => {
      const incident = this.#incidents.get(id);
      const due = this.#due.has(id) || (this.#leases.get(id)?.until ?? 0) > this.#now();
      return incident && { head: { ...incident.head }, open: incident.open, due };
    });
  }

  async nudge(id: string, nowMs: number): Promise<void> {
    const incident = this.#incidents.get(id);
    if (!incident?.open) return;
    incident.nudges += 1;
    this.#due.set(id, nowMs);
  }

  async overdue(before: number, limit: number): Promise<string[]> {
    const now = this.#now();
    const free = ([id, at]: [string, number]) => at <= before && (this.#leases.get(id)?.until ?? 0) <= now;
    const due = [...this.#due].filter(free).sort(([, a], [, b]) => a - b);
    return due.slice(0, limit).map(([id]) => id);
  }

  // -- shared state

  async killSwitches(): Promise<KillSwitch[]> {
    return [...this.#shared.switches.values()].map((one) => structuredClone(one)).sort((a, b) => a.since - b.since);
  }

  async setKillSwitch(change: KillSwitch): Promise<void> {
    const name = scopeName(change.scope);
    if (change.on) this.#shared.switches.set(name, structuredClone(change));
    else this.#shared.switches.delete(name);
  }

  async ledger(): Promise<LedgerEntry[]> {
    return [...this.#ledger.values()].map((owed) => structuredClone(owed)).sort((a, b) => a.at - b.at);
  }

  async ledgerOf(server: string, setting: string, organisation: string): Promise<LedgerEntry | undefined> {
    const owed = this.#ledger.get(inOrganisation(organisation, server, setting));
    return owed && structuredClone(owed);
  }

  // -- the feed, and the rest

  feed(after: string, signal: AbortSignal) {
    return this.#feed.after(after, signal, this.#closed.signal);
  }

  async health(): Promise<StoreHealth> {
    return {
      up: !this.#closed.signal.aborted,
      kind: 'memory',
      warnings: ['The store is in memory: alerts and incidents are lost when this process stops.'],
      says: `in memory, ${this.#open.size} open incidents`,
    };
  }

  async reindex(): Promise<Reindexed> {
    const { traces, unreadable } = tracesOfAll(this.#incidents);
    for (const index of [this.#open, this.#finished, this.#outcomes, this.#disrupting, this.#recovered, this.#due]) {
      index.clear();
    }
    for (const index of [this.#ledger, this.#shared.claims, this.#shared.slots, this.#shared.starts]) index.clear();
    this.#lessons.forgetWhatJournalsTell();
    const now = this.#now();
    for (const { id, at, event, beside } of traces) {
      const { head, texts, counted }: Partial<Incident> & Pick<Incident, 'head' | 'texts'> = this.#incidents.get(
        id,
      ) ?? {
        head: NOWHERE,
        texts: [],
      };
      if (beside.opening)
        Object.assign(this.#opened(id, beside.opening, at), { head, texts, ...(counted && { counted }) });
      const incident = this.#incidents.get(id);
      if (!incident) continue;
      note(incident, event);
      const due = beside.opening ? { due: now } : {};
      this.#remember(id, incident, { at, worker: '', ...beside, ...due }, Math.min(at, now));
    }
    const { size } = this.#incidents;
    return { incidents: size - unreadable.length, open: this.#open.size, owed: this.#ledger.size, unreadable };
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }
}

/** Stores the facts of an entry by which its incident is found or judged later. */
function note(incident: Incident, event: IncidentEvent): void {
  if (event.type === 'opened' || event.type === 'attached') {
    const alerts = event.type === 'attached' ? event.data.alerts : [event.data.alert];
    incident.repeatCount = Math.max(incident.repeatCount, ...alerts.map((alert) => alert?.repeatCount ?? 0));
  } else if (event.type === 'verified' && event.data.facts) {
    incident.world = event.data.facts.organisation;
  }
}

function newestFirst(a: { openedAt: number; id: string }, b: { openedAt: number; id: string }): number {
  return b.openedAt - a.openedAt || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}

function cursorFrom(text: string): { openedAt: number; id: string } {
  const [, openedAt, id] = /^([^:]+):(.+)$/s.exec(text) ?? [];
  if (id === undefined || !Number.isFinite(Number(openedAt))) {
    throw new RangeError(`cursor ${JSON.stringify(text)}: not a \`next\` value from a list`);
  }
  return { openedAt: Number(openedAt), id };
}
