import { createHash } from 'node:crypto';
import { ReplyError } from 'ioredis';
import type { Client } from '../connect.ts';

const OTHER_STORE = 'this is not the store that the daemon knows: it was emptied or replaced';

const sameStore = (id: string) =>
  `if redis.call('HGET', prefix .. 'store', 'id') ~= '${id}' then return redis.error_reply('OTHERSTORE ${OTHER_STORE}') end`;

/**
 * The keys that all daemons share. All of them, including those that scripts build from an id (with a colon), have the same hash
 * tag, so that a script can use any of them on a cluster.
 *
 *     `alerts`     hash    alert id → `n` (new) or `r` (repeat) + its JSON, while pending
 *     `pending`    zset    alert id by the time of its receipt
 *     `mark:`      string  an identity that was received
 *     `incident:`  hash    head (`seq:hash`), key, server, family, openedAt, open (1, 0), world (the organisation), repeatCount, nudges, packed (deflated journal), counted and newest (alerts without an entry)
 *     `journal:`   stream  entry `<seq>-0` → its text, until it is packed
 *     `keys`       hash    correlation key → open incident
 *     `all`, `open`, `finished`  zsets  incidents by openedAt
 *     `ended`      zset    finished incidents by real time, for retention
 *     `unpacked`   set     finished incidents whose journal is still a stream
 *     `outcomes`   hash    correlation key → `at:repeatCount:world`
 *     `recovered:` zset    incidents of an organisation and key that recovered, by organisation time; the last 50, for 30 days
 *     `disrupting` hash    [world, server] → `until:incident`
 *     `due`        zset    incidents by real time
 *     `lease:`     string  `nudges:token`, expires
 *     `kill`       hash    scope → the switch
 *     `claims`     hash    [world, server] → owner; `held:` set of an owner's claims
 *     `slots`      hash    [world, group] → JSON {owner, server, kept}
 *     `starts:`    zset    owner by organisation time of its first start, one for each throttle
 *     `ledger`     hash    [world, server, setting] → JSON
 *     `on:`        hash    a server's open incidents → their family
 *     `trouble:`   zset    servers by the organisation time when a problem was seen on them, one set for each problem
 *     `speaks:`    string  the incident that notifies about a cause, expires
 *     `runs:`      list    JSON of a playbook's last runs, newest first; `trust:` JSON of a person's decision
 *     `store`      hash    id of this store, `before`: its ids until it was emptied, since (seconds)
 *     `reindexing` string  token of the process that rebuilds the indexes, expires; until then nothing is appended
 *     `feed`       stream  i: incident, e: text of the entry
 */
export type SharedKey =
  | 'alerts'
  | 'pending'
  | 'keys'
  | 'all'
  | 'open'
  | 'finished'
  | 'ended'
  | 'unpacked'
  | 'outcomes'
  | 'disrupting'
  | 'due'
  | 'kill'
  | 'claims'
  | 'slots'
  | 'ledger'
  | 'reindexing'
  | 'store'
  | 'feed';

/** An operation that Redis executes atomically. */
export interface Script {
  /** Shared keys that it uses; each is a Lua local variable of that name. */
  keys: readonly SharedKey[];
  /** May use `prefix` for the keys that it builds. */
  lua: string;
}

/** Redis receives all arguments as strings. */
export type Argument = string | number | Buffer;

/** The ids by which a daemon has known its store; the last is the current one. */
export type Known = string[];

/**
 * The scripts as commands of one client. If it knows the id of its store, they run only in that store: if it was emptied, the kill
 * switch and the outstanding undo actions are lost, and no worker may act as if there had been none.
 */
export class Scripts {
  readonly #client: Client;
  readonly #prefix: string;
  readonly #known: Known;
  readonly #refused: () => void;
  readonly #names = new Map<Script, { id: string | undefined; name: string }>();

  /** `refused`: called when Redis has returned an error. */
  constructor(client: Client, prefix: string, known: Known = [], refused: () => void = () => {}) {
    this.#client = client;
    this.#prefix = prefix;
    this.#known = known;
    this.#refused = refused;
  }

  run(script: Script, ...args: Argument[]): Promise<unknown> {
    return this.#call(script, '', args);
  }

  /** Returns bytes unchanged. */
  runBuffer(script: Script, ...args: Argument[]): Promise<unknown> {
    return this.#call(script, 'Buffer', args);
  }

  async #call(script: Script, kind: '' | 'Buffer', args: Argument[]): Promise<unknown> {
    const commands = this.#client as unknown as Record<string, (...args: Argument[]) => Promise<unknown>>;
    const command = commands[`${this.#define(script)}${kind}`];
    if (!command) throw new Error('the Redis client did not take a script');
    try {
      return await command.call(this.#client, ...script.keys.map((key) => `${this.#prefix}${key}`), ...args);
    } catch (error) {
      if (error instanceof ReplyError) this.#refused();
      throw error;
    }
  }

  #define(script: Script): string {
    const id = this.#known.at(-1);
    const known = this.#names.get(script);
    if (known && known.id === id) return known.name;
    const locals = [
      `local prefix = '${this.#prefix}'`,
      ...script.keys.map((key, index) => `local ${key} = KEYS[${index + 1}]`),
      ...(id === undefined ? [] : [sameStore(id)]),
    ];
    const lua = `${locals.join('\n')}\n${script.lua}`;
    const name = `sr${createHash('sha1').update(lua).digest('hex')}`;
    this.#client.defineCommand(name, { lua, numberOfKeys: script.keys.length });
    this.#names.set(script, { id, name });
    return name;
  }
}
