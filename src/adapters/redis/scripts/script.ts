import { createHash } from 'node:crypto';
import { ReplyError } from 'ioredis';
import type { Client } from '../connect.ts';

const OTHER_STORE = 'this is not the store that the daemon knows: it was emptied or replaced';

const sameStore = (id: string) =>
  `if redis.call('HGET', prefix .. 'store', 'id') ~= '${id}' then return redis.error_reply('OTHERSTORE ${OTHER_STORE}') end`;

/**
 * The keys that every daemon shares. They, and those that scripts build from an id (`mark:`, `incident:`, `journal:`,
 * `lease:`, `held:`, `starts:`, `on:`, `trouble:`, `speaks:`, `runs:`, `trust:`), carry one hash tag, so that any script may touch all of them on a cluster too.
 *
 *     alerts     hash    alert id → `n` (new) or `r` (repeat) + its JSON, while pending
 *     pending    zset    alert id by the time of its receipt
 *     mark:      string  an identity that was seen
 *     incident:  hash    head (`seq:hash`), key, server, family, openedAt, open (1, 0), world, repeatCount, nudges, packed (deflated journal), counted and newest (alerts that are in no entry)
 *     journal:   stream  entry `<seq>-0` → its text; what is packed is not here any more
 *     keys       hash    correlation key → open incident
 *     all, open, finished  zsets  incidents by openedAt
 *     ended      zset    finished incidents by real time, for retention
 *     unpacked   set     finished incidents whose journal is still a stream
 *     outcomes   hash    correlation key → `at:repeatCount:world`
 *     recovered: zset    incidents of a world and key that recovered, by organisation time; the last 50, for 30 days
 *     disrupting hash    [world, server] → `until:incident`
 *     due        zset    incidents by real time
 *     lease:     string  `nudges:token`, expires
 *     kill       hash    scope → the switch
 *     claims     hash    [world, server] → owner; held: set of an owner's claims
 *     slots      hash    [world, group] → JSON {owner, server, kept}
 *     starts:    zset    owner by organisation time of its first start, one for each throttle
 *     ledger     hash    [world, server, setting] → JSON
 *     on:        hash    a server's open incidents → their family
 *     trouble:   zset    servers by the organisation time at which they were seen with a trouble, one for each trouble
 *     speaks:    string  the incident that tells of a matter, expires
 *     runs:      list    JSON of a playbook's last runs, newest first; trust: JSON of a person's word
 *     store      hash    id by which daemons know this store, `before`: those they knew it by until it was emptied, since (seconds)
 *     reindexing string  who makes the indexes anew, expires; until then nothing is appended
 *     feed       stream  i: incident, e: text of the entry
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

/** One operation, carried out by Redis as a whole or not at all. */
export interface Script {
  /** Shared keys it uses; each is a Lua local of its name. */
  keys: readonly SharedKey[];
  /** May use `prefix`, before the keys that it builds itself. */
  lua: string;
}

/** All that is asked of a script is asked in strings. */
export type Argument = string | number | Buffer;

/** The ids that a daemon has known its store by; the last is the one in force. */
export type Known = string[];

/**
 * The scripts as commands of one client. Where it knows the id of its store they are carried out in that store and in no other: in
 * one that was emptied, the kill switch and the outstanding undo actions are gone, and no worker may act as if there had been none.
 */
export class Scripts {
  readonly #client: Client;
  readonly #prefix: string;
  readonly #known: Known;
  readonly #refused: () => void;
  readonly #names = new Map<Script, { id: string | undefined; name: string }>();

  /** `refused`: told when Redis has answered with an error. */
  constructor(client: Client, prefix: string, known: Known = [], refused: () => void = () => {}) {
    this.#client = client;
    this.#prefix = prefix;
    this.#known = known;
    this.#refused = refused;
  }

  run(script: Script, ...args: Argument[]): Promise<unknown> {
    return this.#call(script, '', args);
  }

  /** Answers bytes as they are. */
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
