import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import type { Alert } from '../../incident/alert.ts';
import { link } from '../../incident/chain.ts';
import type { Entry, IncidentEvent } from '../../incident/event.ts';
import type { PlaybookRun } from '../../incident/runs.ts';
import {
  type AppendOptions,
  type AppendResult,
  type FeedItem,
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
  Correlation,
  LedgerEntry,
  Recognised,
  Reindexed,
  Standing,
  Store,
  StoreHealth,
  Trust,
} from '../../ports/store.ts';
import { RedisClock } from './clock.ts';
import type { Client, Purpose, RedisTarget } from './connect.ts';
import { Copies } from './copies.ts';
import { RedisFeed } from './feed.ts';
import { redisHealth, refusal } from './health.ts';
import { REINDEXING, reindex } from './reindex.ts';
import { appendRequest, field, headFrom, headText, refusalFrom, scopeField, startRequest } from './request.ts';
import { CONFIRM, LEASE, NUDGE, OVERDUE, RELEASE, RENEW } from './scripts/advancing.ts';
import { ACCEPT, CORRELATE, COUNT, DROP } from './scripts/alerts.ts';
import { APPEND, WOULD_REFUSE } from './scripts/append.ts';
import { PROVE, RECOGNISE, STANDINGS } from './scripts/identity.ts';
import { FORGET, LEAVE, LIST, PACK, READ } from './scripts/journals.ts';
import { SPEAK, TROUBLED } from './scripts/lessons.ts';
import { type Known, Scripts, type SharedKey } from './scripts/script.ts';

export interface RedisStoreOptions {
  target: RedisTarget;
  /** Default: `redis`; for the private server `private redis`. */
  kind?: string;
  /** All keys begin with `{prefix}:`. Default: `sr`. */
  prefix?: string;
  /** Number of replicas that must have a write that must survive a failover. Default: 0; not possible on a cluster. */
  waitReplicas?: number;
  /** Retention of finished incidents, in real milliseconds. Default: 90 days. */
  finishedRetentionMs?: number;
  /** Maximum number of finished incidents. Default: 100,000. */
  finishedCount?: number;
  /** Approximate number of entries that readers of the feed can resume from. Default: 100,000. */
  feedLength?: number;
  /** Called for failures in the background. They lose nothing and are retried. */
  onTrouble?: (says: string) => void;
}

export interface RedisStore extends Store {
  /** Real milliseconds, by the clock of Redis, which all daemons share. */
  now(): number;
  /** Packs journals that a crash left unpacked and deletes incidents after their retention. Also runs every minute. */
  tidy(): Promise<void>;
}

const DAY = 24 * 3_600_000;
const TIDY_EVERY_MS = 60_000;
/** Minimum time between two writes that only test whether Redis accepts writes. */
const PROVED_FOR_MS = 2_000;
/** Number of alerts for one script, which then blocks others for about 5 ms. */
const ALERTS_AT_ONCE = 500;
/** Approximate size of one page of a journal, and the maximum size of a packed journal. */
const PAGE_BYTES = 1_000_000;
const PACKED_BYTES = 4_000_000;

/** A stored journal: its head and the texts of its entries. */
interface Texts {
  head: string;
  texts: string[];
  cut: boolean;
}

const packed = promisify<string, Buffer>((text, done) => deflate(text, done));
const unpacked = promisify<Buffer, Buffer>((bytes, done) => inflate(bytes, done));

/** Connects; fails if Redis can't be reached or refuses. If Redis is down later, calls fail until it is back. */
export async function createRedisStore(options: RedisStoreOptions): Promise<RedisStore> {
  const { prefix = 'sr', waitReplicas = 0, target } = options;
  if (!/^[\w-]{1,32}$/.test(prefix)) {
    throw new Error(`store prefix ${JSON.stringify(prefix)}: letters, digits, _ and - only, at most 32`);
  }
  const onTrouble = options.onTrouble ?? (() => {});
  const connect = (purpose: Purpose = 'commands') => {
    const client = target.connect(purpose);
    client.on('error', (error: Error) => onTrouble(`Redis at ${target.describe}: ${error.message}`));
    return client;
  };
  const client = connect();
  // Long answers use their own connection, so that urgent commands, such as renewing a lease, never wait for them.
  const reader = connect('reads');
  const clients = [reader, client];
  try {
    if (waitReplicas > 0 && client.isCluster) {
      throw new Error(
        'store.wait-replicas is not supported on a cluster: set min-replicas-to-write on its masters instead',
      );
    }
    if (waitReplicas > 0) clients.push(connect());
    for (const one of clients) await ready(one, target.describe);
  } catch (error) {
    for (const one of clients) one.disconnect();
    throw error;
  }
  const store = new RedisBackedStore({ client, reader, copying: clients.at(-1) ?? client }, options, onTrouble);
  await store.clock.follow().catch(() => {}); // it answered a moment ago, and is asked again later
  return store;
}

/** Waits for the first connection. Throws with the reason if there is none. */
async function ready(client: Client, where: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let last = 'no answer';
    const note = (error: Error) => {
      last = error.message;
    };
    const late = setTimeout(() => reject(new Error(`Redis at ${where} can't be reached: ${last}`)), 5_000);
    client.on('error', note);
    const done = () => {
      clearTimeout(late);
      client.off('error', note);
      resolve();
    };
    if (client.status === 'ready') done();
    else client.once('ready', done);
  });
  try {
    await client.ping();
  } catch (error) {
    throw new Error(`Redis at ${where} refuses: ${error instanceof Error ? error.message : error}`);
  }
}

class RedisBackedStore implements RedisStore {
  readonly #client: Client;
  readonly #reader: Client;
  readonly #target: RedisTarget;
  readonly #kind: string;
  readonly #prefix: string;
  readonly #waitReplicas: number;
  readonly #retentionMs: number;
  readonly #count: number;
  readonly #feedLength: number;
  readonly #onTrouble: (says: string) => void;
  /** The ids of this store; empty until it was recognised. */
  readonly #known: Known = [];
  readonly #scripts: Scripts;
  /** Scripts that run in any store, whatever its id. */
  readonly #anywhere: Scripts;
  readonly #reads: Scripts;
  readonly #copies: Copies;
  readonly #feed: RedisFeed;
  readonly #packing = new Set<Promise<void>>();
  readonly clock: RedisClock;
  readonly #timer: NodeJS.Timeout;
  #tidying: Promise<void> = Promise.resolve();
  #proved: { at: number; refusal: Promise<string | undefined> } | undefined;
  /** `run id:keys evicted` and the last entry of the feed, when last read. */
  #seen: { evicted: string; news: string } | undefined;

  /** `copying`: for writes that replicas must have; the same as `client` if none are required. */
  constructor(
    { client, reader, copying }: { client: Client; reader: Client; copying: Client },
    options: RedisStoreOptions,
    onTrouble: (says: string) => void,
  ) {
    this.#client = client;
    this.#reader = reader;
    this.#target = options.target;
    this.#kind = options.kind ?? 'redis';
    this.#prefix = `{${options.prefix ?? 'sr'}}:`;
    this.#waitReplicas = options.waitReplicas ?? 0;
    this.#retentionMs = options.finishedRetentionMs ?? 90 * DAY;
    this.#count = options.finishedCount ?? 100_000;
    this.#feedLength = options.feedLength ?? 100_000;
    this.#onTrouble = onTrouble;
    const scripts = (of: Client) =>
      new Scripts(of, this.#prefix, this.#known, () => {
        this.#proved = undefined;
      });
    this.#scripts = scripts(client);
    this.#reads = scripts(reader);
    this.#anywhere = new Scripts(client, this.#prefix);
    this.clock = new RedisClock(this.#anywhere);
    this.#copies = new Copies(copying, this.#waitReplicas, scripts(copying));
    const blocking = () => {
      const reader = options.target.connect('blocking');
      reader.on('error', (error: Error) => onTrouble(`feed connection to Redis: ${error.message}`));
      return reader;
    };
    this.#feed = new RedisFeed(client, blocking, this.#key('feed'));
    const tidy = () => {
      this.#tidying = this.tidy().catch((error: Error) => onTrouble(`Failed to clean up the store: ${error.message}`));
    };
    tidy();
    this.#timer = setInterval(tidy, TIDY_EVERY_MS);
    this.#timer.unref();
  }

  now(): number {
    return this.clock.now();
  }

  #key(name: SharedKey): string {
    return `${this.#prefix}${name}`;
  }

  // -- alerts

  async accept(alerts: Alert[], retentionMs: number): Promise<AcceptedAlert[]> {
    const retention = Math.max(1, Math.ceil(retentionMs));
    const repeats = await this.#copies.surely(async () => {
      const replies: Promise<unknown>[] = [];
      for (let from = 0; from < alerts.length; from += ALERTS_AT_ONCE) {
        const records = recordsOf(alerts.slice(from, from + ALERTS_AT_ONCE));
        replies.push(this.#copies.scripts.run(ACCEPT, retention, ...records));
      }
      // Waits for all even if one fails, so that nothing continues after this call.
      const settled = await Promise.allSettled(replies);
      return settled.flatMap((reply) => {
        if (reply.status === 'rejected') throw reply.reason;
        return reply.value as number[];
      });
    });
    return alerts.map(({ id }, index) => ({ id, repeat: repeats[index] === 1 }));
  }

  async pendingAlert(id: string): Promise<{ alert: Alert; repeat: boolean } | undefined> {
    const record = await this.#client.hget(this.#key('alerts'), id);
    if (record === null) return undefined;
    return { alert: JSON.parse(record.slice(1)) as Alert, repeat: record.startsWith('r') };
  }

  async pendingAlerts(before: number, limit: number): Promise<string[]> {
    return this.#client.zrangebyscore(this.#key('pending'), '-inf', before, 'LIMIT', 0, limit);
  }

  async dropPending(id: string): Promise<void> {
    await this.#scripts.run(DROP, id);
  }

  async correlate(key: string, server: string, organisation: string, nowMs: number): Promise<Correlation> {
    const answer = (await this.#scripts.run(CORRELATE, key, field(organisation, server), nowMs)) as string[];
    const [open = '', disrupting = ''] = answer;
    return { ...(open !== '' && { open }), ...(disrupting !== '' && { disrupting }) };
  }

  async lastOutcome(key: string, organisation: string): Promise<{ at: number; repeatCount: number } | undefined> {
    const text = await this.#client.hget(this.#key('outcomes'), key);
    const [, at, repeatCount, of] = /^([^:]+):([^:]+):(.*)$/s.exec(text ?? '') ?? [];
    // An incident that has not read its organisation yet may belong to this one.
    if (of === undefined || (of !== '' && of !== organisation)) return undefined;
    return { at: Number(at), repeatCount: Number(repeatCount) };
  }

  async recoveries(key: string, organisation: string, since: number): Promise<string[]> {
    return this.#client.zrangebyscore(`${this.#prefix}recovered:${organisation}/${key}`, since, '+inf');
  }

  // -- journals

  async page(id: string, after = 0, limit = Number.MAX_SAFE_INTEGER): Promise<JournalPage | undefined> {
    const found = await this.#page(id, after, limit);
    if (!found) return undefined;
    const { head, texts, more, counted } = found;
    const entries = texts.map((text) => JSON.parse(text) as Entry);
    return { head: headFrom(head), entries, more, ...(counted && { counted }) };
  }

  /** The texts of a journal, about `room` characters; `cut` means that there are more. */
  async #texts(id: string, room = Number.POSITIVE_INFINITY): Promise<Texts | undefined> {
    const texts: string[] = [];
    for (let size = 0, after = 0; ; ) {
      const page = await this.#page(id, after, Number.MAX_SAFE_INTEGER);
      if (!page) return undefined;
      texts.push(...page.texts);
      after = page.last;
      size += page.texts.reduce((sum, text) => sum + text.length, 0);
      const cut = page.more && size >= room;
      if (!page.more || cut) return { head: page.head, texts, cut };
    }
  }

  async #page(id: string, after: number, limit: number) {
    const answer = (await this.#reads.runBuffer(READ, id, after, limit, PAGE_BYTES)) as (Buffer | number)[] | null;
    if (!answer) return undefined;
    const [head, counted, newest, pack, more, ...rest] = answer;
    // JSON escapes line breaks, so a text contains none.
    const before = pack instanceof Buffer && pack.length > 0 ? (await unpacked(pack)).toString('utf8').split('\n') : [];
    const found = [...before.slice(after), ...rest.map(String)];
    const texts = found.slice(0, limit);
    return {
      head: String(head),
      texts,
      more: Number(more) > 0 || texts.length < found.length,
      last: Number(more),
      ...(String(newest) !== '' && {
        counted: { alerts: Number(counted), newest: JSON.parse(String(newest)) as Alert },
      }),
    };
  }

  async count(
    id: string,
    { alertIds, alerts, repeatCount }: { alertIds: string[]; alerts: Alert[]; repeatCount: number },
  ): Promise<boolean> {
    const newest = alerts.length > 0 ? JSON.stringify(alerts.at(-1)) : '';
    return (await this.#scripts.run(COUNT, id, alerts.length, repeatCount, newest, ...alertIds)) === 1;
  }

  async append(id: string, head: Head, event: IncidentEvent, options: AppendOptions): Promise<AppendResult> {
    const linked = link(head, event, options);
    const newHead = { seq: linked.entry.seq, hash: linked.hash };
    const request = appendRequest(id, head, newHead, event, options, this.#feedLength);
    const args = [linked.text, JSON.stringify(request)] as const;
    const answer = (await (options.sure
      ? this.#copies.surely(() => this.#copies.scripts.run(APPEND, ...args))
      : this.#scripts.run(APPEND, ...args))) as unknown[];
    const [result, detail] = answer.map(String);
    switch (result) {
      case 'ok':
        if (options.finishing) this.#packSoon(id);
        return { ok: true, head: newHead, entry: linked.entry };
      case 'stale':
        throw new Stale(`incident ${id} is at entry ${parseInt(detail ?? '', 10)}, not at ${head.seq} as read`);
      case 'reindexing':
        throw new Error(REINDEXING);
      case 'new':
        throw new Error(`incident ${id} has no journal: its first entry is appended with \`opening\``);
      case 'taken':
        throw new Stale(`alert ${detail} is not pending: another worker has handled it`);
      case 'open':
        return { ok: false, open: detail ?? '' };
    }
    const refused = refusalFrom(answer, options.start);
    if (!refused) throw new Error(`the append script answered ${JSON.stringify(answer)}`);
    return { ok: false, refused };
  }

  async wouldRefuse(start: StartConditions): Promise<StartRefusal | undefined> {
    const answer = (await this.#scripts.run(WOULD_REFUSE, JSON.stringify(startRequest('', start)))) as unknown[];
    return refusalFrom(answer, start);
  }

  async list(query: IncidentQuery): Promise<{ ids: string[]; next?: string }> {
    const index = query.state === undefined ? 1 : query.state === 'open' ? 2 : 3;
    const cursor = query.cursor === undefined ? [] : cursorFrom(query.cursor);
    // One more than requested shows whether there is a next page.
    const flat = (await this.#scripts.run(LIST, index, query.since ?? '-inf', query.limit + 1, ...cursor)) as string[];
    const ids = flat.filter((_, n) => n % 2 === 0).slice(0, query.limit);
    const last = 2 * (query.limit - 1);
    const more = flat.length > 2 * query.limit && query.limit > 0;
    return more ? { ids, next: `${flat[last + 1]}:${flat[last]}` } : { ids };
  }

  async openIncidents(): Promise<string[]> {
    return this.#client.zrange(this.#key('open'), '0', '-1');
  }

  async openOn(server: string): Promise<{ incident: string; family: string }[]> {
    const found = await this.#client.hgetall(`${this.#prefix}on:${server}`);
    return Object.entries(found).map(([incident, family]) => ({ incident, family }));
  }

  // -- state shared between incidents

  async troubled(organisation: string, troubles: string[], since: number): Promise<string[]> {
    const names = troubles.map((name) => field(organisation, name));
    return [...new Set((await this.#scripts.run(TROUBLED, since, ...names)) as string[])].sort();
  }

  async claimNotification(organisation: string, matter: string, incident: string | undefined, ms: number) {
    const who = await this.#scripts.run(SPEAK, field(organisation, matter), incident ?? '', wholeMs(ms));
    return who === null ? undefined : String(who);
  }

  async runs(organisation: string, playbook: string): Promise<{ runs: PlaybookRun[]; trusted?: Trust }> {
    const [texts, trusted] = await Promise.all([
      this.#client.lrange(`${this.#prefix}runs:${organisation}/${playbook}`, 0, -1),
      this.#client.get(`${this.#prefix}trust:${organisation}/${playbook}`),
    ]);
    const runs = texts.map((text) => JSON.parse(text) as PlaybookRun);
    return { runs, ...(trusted !== null && { trusted: JSON.parse(trusted) as Trust }) };
  }

  async trust(organisation: string, playbook: string, trust: Trust): Promise<void> {
    const key = `${this.#prefix}trust:${organisation}/${playbook}`;
    await this.#copies.surely(() => this.#copies.client.set(key, JSON.stringify(trust)));
  }

  // -- advancing

  async lease(id: string, worker: string, ms: number): Promise<{ token: string } | undefined> {
    const token = `${worker}/${randomUUID()}`;
    return (await this.#scripts.run(LEASE, id, token, wholeMs(ms))) === 1 ? { token } : undefined;
  }

  async renew(id: string, token: string, ms: number): Promise<boolean> {
    return (await this.#scripts.run(RENEW, id, token, wholeMs(ms))) === 1;
  }

  async confirm(id: string, head: Head, token = ''): Promise<boolean> {
    return this.#copies.surely(async () => {
      const answer = await this.#copies.scripts.run(CONFIRM, id, headText(head), token);
      if (typeof answer === 'number') return answer === 1;
      throw new Stale(`incident ${id} is at entry ${parseInt(String(answer), 10)}, not at ${head.seq} as read`);
    });
  }

  async release(id: string, token: string, due: number | null): Promise<boolean> {
    return (await this.#scripts.run(RELEASE, id, token, due ?? '')) === 1;
  }

  async nudge(id: string, nowMs: number): Promise<void> {
    await this.#scripts.run(NUDGE, id, nowMs);
  }

  async overdue(before: number, limit: number): Promise<string[]> {
    return (await this.#scripts.run(OVERDUE, before, limit)) as string[];
  }

  // -- shared state

  async killSwitches(): Promise<KillSwitch[]> {
    const texts = await this.#client.hvals(this.#key('kill'));
    return texts.map((text) => JSON.parse(text) as KillSwitch).sort((a, b) => a.since - b.since);
  }

  async setKillSwitch(change: KillSwitch): Promise<void> {
    const [kill, name] = [this.#key('kill'), scopeField(change.scope)];
    const { client } = this.#copies;
    await this.#copies.surely(() =>
      change.on ? client.hset(kill, name, JSON.stringify(change)) : client.hdel(kill, name),
    );
  }

  async ledger(): Promise<LedgerEntry[]> {
    const texts = await this.#client.hvals(this.#key('ledger'));
    return texts.map((text) => JSON.parse(text) as LedgerEntry).sort((a, b) => a.at - b.at);
  }

  async ledgerOf(server: string, setting: string, organisation: string): Promise<LedgerEntry | undefined> {
    const text = await this.#client.hget(this.#key('ledger'), field(organisation, server, setting));
    return text === null ? undefined : (JSON.parse(text) as LedgerEntry);
  }

  // -- the feed, and the rest

  feed(after: string, signal: AbortSignal): AsyncIterable<FeedItem> {
    return this.#feed.after(after, signal);
  }

  reindex(): Promise<Reindexed> {
    return reindex(this.#client, this.#prefix, (id) => this.#texts(id), this.now());
  }

  /** Why Redis refuses commands; undefined if it works. Calls at the same time or soon after share the answer. */
  #refusal(): Promise<string | undefined> {
    const now = performance.now();
    if (!this.#proved || now - this.#proved.at > PROVED_FOR_MS) {
      this.#proved = { at: now, refusal: refusal(() => this.#copies.surely(() => this.#copies.scripts.run(PROVE))) };
    }
    return this.#proved.refusal;
  }

  async recognise(switches: KillSwitch[]): Promise<Recognised> {
    const carried = switches.flatMap((one) => [scopeField(one.scope), JSON.stringify(one)]);
    const args = [this.#known.join(' '), randomUUID(), ...carried] as const;
    const answer = await this.#anywhere.run(RECOGNISE, ...args);
    const [found, id = '', evicted = '', news = ''] = (answer as string[]).map(String);
    if (found === 'other') return { is: 'other', older: false, evicted: false };
    const before = this.#seen;
    this.#seen = { evicted, news };
    if (found === 'emptied' || this.#known.length === 0) this.#known.push(id);
    if (found === 'emptied') {
      this.#proved = undefined;
      return { is: 'emptied', older: false, evicted: false };
    }
    return {
      is: 'same',
      older: before !== undefined && compareIds(news, before.news) < 0,
      evicted: before !== undefined && isEvicted(before.evicted, evicted),
    };
  }

  async standings(ids: readonly string[]): Promise<(Standing | undefined)[]> {
    if (ids.length === 0) return [];
    const flat = ((await this.#scripts.run(STANDINGS, ...ids)) as string[]).map(String);
    return ids.map((_, n) => {
      const [head = '', open, due] = flat.slice(3 * n, 3 * n + 3);
      return head === '' ? undefined : { head: headFrom(head), open: open === '1', due: due === '1' };
    });
  }

  health(): Promise<StoreHealth> {
    return redisHealth(this.#client, {
      refusal: () => this.#refusal(),
      kind: this.#kind,
      where: this.#target.describe,
      key: this.#key('open'),
      reindexing: this.#key('reindexing'),
      waitReplicas: this.#waitReplicas,
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.clock.stop();
    await this.#feed.close();
    await Promise.all([this.#tidying, ...this.#packing]);
    for (const client of new Set([this.#client, this.#reader, this.#copies.client])) {
      await client.quit().catch(() => {}); // already disconnected
      client.disconnect();
    }
  }

  // -- tidying

  async tidy(): Promise<void> {
    for (const id of await this.#client.smembers(this.#key('unpacked'))) await this.#pack(id);
    await this.#forget();
  }

  /** Packs after the append was answered; if the process crashes first, `tidy` does it. */
  #packSoon(id: string): void {
    const packing = this.#pack(id)
      .catch((error: Error) => this.#onTrouble(`Failed to compress the journal of ${id}: ${error.message}`))
      .finally(() => this.#packing.delete(packing));
    this.#packing.add(packing);
  }

  async #pack(id: string): Promise<void> {
    const found = await this.#texts(id, PACKED_BYTES);
    if (found?.cut) await this.#scripts.run(LEAVE, id);
    else if (found) await this.#scripts.run(PACK, id, found.head, await packed(found.texts.join('\n')));
  }

  /** Deletes finished incidents that are too old or too many, except those with entries in the ledger. */
  async #forget(): Promise<void> {
    const ended = this.#key('ended');
    const owing = new Set((await this.ledger()).map(({ incident }) => incident));
    const tooMany = (await this.#client.zcard(ended)) - this.#count;
    const old = await this.#client.zrangebyscore(ended, '-inf', this.now() - this.#retentionMs, 'LIMIT', 0, 1_000);
    const many = tooMany > 0 ? await this.#client.zrange(ended, '0', String(Math.min(tooMany, 1_000) - 1)) : [];
    const ids = [...new Set([...old, ...many])].filter((id) => !owing.has(id));
    if (ids.length > 0) await this.#scripts.run(FORGET, ...ids);
  }
}

function recordsOf(alerts: Alert[]): (string | number)[] {
  return alerts.flatMap((alert) => [alert.id, alert.receivedAt, JSON.stringify(alert)]);
}

/** Compares ids of stream entries: milliseconds and a number. */
function compareIds(a: string, b: string): number {
  const [msA = 0, nA = 0] = a.split('-').map(Number);
  const [msB = 0, nB = 0] = b.split('-').map(Number);
  return msA - msB || nA - nB;
}

/** Whether the server has dropped keys since then because it was out of memory. */
function isEvicted(before: string, now: string): boolean {
  const [run, count] = before.split(':');
  const [runNow, countNow] = now.split(':');
  return run === runNow && Number(countNow) > Number(count);
}

function wholeMs(ms: number): number {
  return Math.max(1, Math.ceil(ms));
}

function cursorFrom(text: string): [openedAt: string, id: string] {
  const [, openedAt, id] = /^([^:]+):(.+)$/s.exec(text) ?? [];
  if (id === undefined || !Number.isFinite(Number(openedAt))) {
    throw new RangeError(`cursor ${JSON.stringify(text)}: not a \`next\` value from a list`);
  }
  return [String(Number(openedAt)), id];
}
