import type { Entry } from '../incident/event.ts';
import type { Incident } from '../incident/incident.ts';
import { isOutstanding } from '../incident/undo.ts';
import { stopwatch } from '../lib/stopwatch.ts';
import type { Head } from '../ports/journal.ts';
import type { KillSwitch } from '../ports/kill-switch.ts';
import type { Notice } from '../ports/notifier.ts';
import type { LedgerEntry, Store } from '../ports/store.ts';
import type { Logger } from './parts.ts';

/** Why a store can no longer be trusted. */
export const STORE_LOSSES = ['emptied', 'other', 'older', 'journal', 'evicted'] as const;
export type StoreLossKind = (typeof STORE_LOSSES)[number];

/** The author of the kill switch that marks an unacknowledged loss; the switch outlives this process. */
const WATCH = 'second-responder: the store';
/** Real milliseconds. */
const CHECK_EVERY = 1_000;
const REPORT_AGAIN = 10 * 60_000;
const NOTIFY_AGAIN = 30_000;
/** Number of incidents compared per check, besides those that have changed something. */
const OTHERS_AT_ONCE = 200;
const MOST_NAMED = 20;

/** What this process knows about an open incident, independent of the store. */
interface Remembered {
  head: Head;
  server: string;
  family: string;
  /** Commands that may have been sent, with their servers. */
  sent: { server: string; command: string }[];
  outstanding: Outstanding[];
}

/** The current end of a journal, and the entry after the end known before. */
interface Ending {
  head: Head;
  follows?: Entry | undefined;
}

interface Outstanding {
  organisation: string;
  server: string;
  setting: string;
  says: string;
  incident: string;
}

interface Loss {
  what: StoreLossKind;
  /** Real time. */
  at: number;
  says: string;
  /** Servers that may be left changed, with what is known about each. */
  left: string[];
  notified: boolean;
}

export interface StoreWatchOptions {
  store: Store;
  worker: string;
  log: Logger;
  realNow(): number;
  notify(notice: Notice): Promise<void>;
  onLoss(what: StoreLossKind): void;
}

/**
 * Remembers what would be lost with the store, and checks every second whether the store is still the same. A loss is
 * reported until a person handles it, and nothing is changed on any server meanwhile. A kill switch for everything
 * marks it in the store, so that it holds for every daemon and across restarts; lifting it is the acknowledgement.
 */
export class StoreWatch {
  readonly #options: StoreWatchOptions;
  /** Open incidents that this process wrote to, the one compared longest ago first. */
  readonly #incidents = new Map<string, Remembered>();
  /** The ledger and the kill switches at the last check. */
  #ledger: Outstanding[] = [];
  #switches: KillSwitch[] = [];
  #losses: Loss[] = [];
  /** Whether the kill switch for the losses is in the store. */
  #held = false;
  #sinceSaid = stopwatch();
  #sinceNotified: (() => number) | undefined;
  #notifying: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #checking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: StoreWatchOptions) {
    this.#options = options;
  }

  /** The first check: from then on the store is known. */
  async start(): Promise<void> {
    await this.check();
    this.#later();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#checking;
  }

  #later(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#checking = this.check().then(() => this.#later());
    }, CHECK_EVERY);
    this.#timer.unref();
  }

  /** Notes what this process has written. */
  note(incident: Incident, head: Head): void {
    const { id, server, family, facts, finished } = incident;
    this.#incidents.delete(id);
    if (finished) return;
    const organisation = facts?.organisation ?? '';
    const sent = incident.steps.flatMap(({ intent, state }) =>
      intent && (state === 'started' || state === 'done' || state === 'failed')
        ? [{ server: intent.server, command: intent.command }]
        : [],
    );
    const outstanding = incident.undo
      .filter(isOutstanding)
      .map(({ server, setting, says }) => ({ organisation, server, setting, says, incident: id }));
    this.#incidents.set(id, { head, server, family, sent, outstanding });
  }

  /** The end of an open incident's journal, as last seen by this process. */
  known(id: string): Head | undefined {
    return this.#incidents.get(id)?.head;
  }

  /** A journal was read that ended at `known` before: reports if the store has lost that entry. */
  async compare(id: string, known: Head | undefined, now: Ending | undefined): Promise<void> {
    if (!known || !now || holds(now, known)) return;
    const outstanding = this.#incidents.get(id)?.outstanding ?? [];
    this.#incidents.delete(id);
    await this.#forgot(outstanding);
  }

  /** An incident to be advanced has no journal. */
  async missing(id: string): Promise<void> {
    if (this.#incidents.has(id)) this.#gone(id);
    else if ((await this.#options.store.openIncidents()).includes(id)) this.#gone(id);
  }

  /** Switches that apply even if the store does not have them. */
  switches(): KillSwitch[] {
    return this.#losses.length > 0 && !this.#held ? [this.#switch()] : [];
  }

  /** What is wrong and what to do; undefined if nothing is wrong. */
  get says(): string | undefined {
    return this.#losses.length === 0 ? undefined : this.#losses.map(sentences).join(' ');
  }

  /** One check. Never fails: a store that does not answer is handled elsewhere. */
  async check(): Promise<void> {
    try {
      await this.#checkStore();
    } catch (error) {
      this.#options.log.debug('Failed to check whether the store is still the same', { error: String(error) });
    }
    if (this.#losses.length > 0 && this.#sinceSaid() > REPORT_AGAIN) this.#say();
    this.#notifySoon();
  }

  async #checkStore(): Promise<void> {
    const { store } = this.#options;
    const emptied = this.#lossOf('emptied', this.#everything());
    const { is, older, evicted } = await store.recognise([this.#switch([...this.#losses, emptied]), ...this.#switches]);
    if (is === 'other') {
      if (!this.#losses.some(({ what }) => what === 'other')) this.#lose(this.#lossOf('other', this.#everything()));
      return;
    }
    if (this.#losses.some(({ what }) => what === 'other')) {
      this.#losses = this.#losses.filter(({ what }) => what !== 'other');
      this.#options.log.warn('The store that this daemon knows is back');
    }
    if (is === 'emptied') {
      this.#lose(emptied);
      this.#incidents.clear();
    } else {
      if (older) await this.#forgot(this.#allOutstanding());
      if (evicted) this.#lose(this.#lossOf('evicted', []));
      await this.#compareAll(older);
    }
    await this.#hold();
    this.#ledger = (await store.ledger()).map(outstandingOf);
  }

  /** Checks that every open incident still ends where it did, and has a due time. */
  async #compareAll(older: boolean): Promise<void> {
    const { store, log, realNow } = this.#options;
    const all = [...this.#incidents];
    const asked = [
      ...all.filter(([, one]) => isChanging(one)),
      ...all.filter(([, one]) => !isChanging(one)).slice(0, OTHERS_AT_ONCE),
    ];
    const standings = await store.standings(asked.map(([id]) => id));
    for (const [n, [id, remembered]] of asked.entries()) {
      const standing = standings[n];
      // This process has written to it since, so its own state is newer.
      if (this.#incidents.get(id) !== remembered) continue;
      if (!standing) this.#gone(id, older);
      else if (!standing.open) this.#incidents.delete(id);
      else if (!standing.due) {
        log.error('The store had lost the due time of an open incident; the incident is due now', { incident: id });
        await store.nudge(id, realNow());
      }
      if (this.#incidents.delete(id)) this.#incidents.set(id, remembered);
    }
  }

  /** The journal of an open incident is gone. `older`: the incident may be newer than this copy of the store. */
  #gone(id: string, older = false): void {
    const { log } = this.#options;
    const remembered = this.#incidents.get(id);
    this.#incidents.delete(id);
    const about = { incident: id, ...(remembered && { server: remembered.server, family: remembered.family }) };
    if (remembered && !isChanging(remembered)) {
      const says = older
        ? 'An open incident is not known to this older store'
        : 'The journal of an open incident is gone';
      log.error(`${says}; it had changed nothing, and is no longer followed`, about);
      return;
    }
    log.error('The journal of an open incident is gone', about);
    const left = remembered ? linesOf([[id, remembered]], []) : [`the changes that incident ${id} made are not known`];
    this.#lose(this.#lossOf('journal', left));
  }

  /** The store is an older copy. Undo actions still in its ledger will be run; those missing are reported as lost. */
  async #forgot(outstanding: Outstanding[]): Promise<void> {
    const now = new Set((await this.#options.store.ledger()).map(outstandingOf).map(placeOf));
    const lost = outstanding.filter((one) => !now.has(placeOf(one)));
    if (lost.length > 0) return this.#lose(this.#lossOf('older', linesOf([], lost)));
    this.#options.log.warn(
      'The store has lost its last entries, possibly in a failover; no outstanding undo action was lost',
    );
  }

  /** Prevents all changes until a person acknowledges the loss by switching off its kill switch. */
  async #hold(): Promise<void> {
    const { store, log } = this.#options;
    this.#switches = await store.killSwitches();
    const everything = this.#switches.find(({ scope }) => Object.keys(scope).length === 0);
    if (this.#losses.length === 0 && everything?.by === WATCH) {
      // Another daemon found the loss, or this one before its restart.
      this.#losses = [{ what: 'emptied', at: everything.since, says: everything.reason, left: [], notified: true }];
      this.#held = true;
      this.#say();
    } else if (this.#losses.length > 0 && everything) {
      // Another daemon found the loss first, and may not know what this one has changed.
      const unreported = this.#losses.map(({ left }) => left.filter((line) => !everything.reason.includes(line)));
      if (!this.#held && everything.by === WATCH && unreported.flat().length > 0) {
        await store.setKillSwitch({ ...everything, reason: `${everything.reason}${leftChanged(unreported.flat())}` });
      }
      this.#held = true;
    } else if (this.#held) {
      this.#held = false;
      this.#losses = [];
      log.warn('A person has lifted the kill switch: the loss of data in the store counts as handled');
    } else if (this.#losses.length > 0) {
      await store.setKillSwitch(this.#switch());
      this.#held = true;
    }
  }

  /** Keeps one loss per kind: later findings are added to it, and reported again only if they name something new. */
  #lose(loss: Loss): void {
    this.#held = false;
    const before = this.#losses.find(({ what }) => what === loss.what);
    const left = [...new Set([...(before?.left ?? []), ...loss.left])];
    if (before && left.length === before.left.length) return;
    this.#losses = [...this.#losses.filter((one) => one !== before), { ...loss, left }];
    this.#options.onLoss(loss.what);
    this.#say();
    if (!before) this.#sinceNotified = undefined;
  }

  #say(): void {
    this.#sinceSaid = stopwatch();
    for (const { says, left } of this.#losses) this.#options.log.error(says, { left });
  }

  #switch(losses: Loss[] = this.#losses): KillSwitch {
    const reason = losses.map(sentences).join(' ');
    return { on: true, scope: {}, by: WATCH, reason, since: this.#options.realNow() };
  }

  #lossOf(what: StoreLossKind, left: string[]): Loss {
    return { what, at: this.#options.realNow(), says: WORDS[what], left, notified: false };
  }

  #allOutstanding(): Outstanding[] {
    return [...this.#ledger, ...[...this.#incidents.values()].flatMap(({ outstanding }) => outstanding)];
  }

  #everything(): string[] {
    return linesOf([...this.#incidents], this.#ledger);
  }

  /** Notifies people without using the store; tries again until someone is reached. */
  #notifySoon(): void {
    const loss = this.#losses.find(({ notified }) => !notified);
    if (!loss || this.#notifying || (this.#sinceNotified && this.#sinceNotified() < NOTIFY_AGAIN)) return;
    this.#sinceNotified = stopwatch();
    this.#notifying = this.#options
      .notify(noticeOf(loss, this.#options.worker))
      .then(
        () => {
          loss.notified = true;
          this.#sinceNotified = undefined;
        },
        (error) => this.#options.log.error('Failed to notify anyone that the store is lost', { error: String(error) }),
      )
      .finally(() => {
        this.#notifying = undefined;
      });
  }
}

const LIFT =
  'Nothing is changed on any server until a person has checked these and lifted the kill switch: `second-responder kill-switch off`.';

const WORDS: Record<StoreLossKind, string> = {
  emptied: `The store was emptied: pending alerts, journals of open incidents, outstanding undo actions and kill switches are gone. ${LIFT}`,
  other:
    'The store at this address is not the one that this daemon knows. The daemon takes no alerts and changes nothing until `store.url` points to the store that it knows; to work with this one, restart the daemon.',
  older: `The store is an older copy of itself, and no longer knows of changes that must be put back. ${LIFT}`,
  journal: `The journal of an open incident is gone from the store; other keys may be, too. Stop the daemons and run \`second-responder store reindex\`. ${LIFT}`,
  evicted: `Redis has dropped keys because its memory was full; journals, claims or outstanding undo actions may be among them. Set its maxmemory-policy to noeviction, stop the daemons and run \`second-responder store reindex\`. ${LIFT}`,
};

function sentences({ says, left }: Loss): string {
  return `${says}${leftChanged(left)}`;
}

function leftChanged(left: string[]): string {
  return left.length === 0 ? '' : ` Servers that may be left changed: ${named(left).join('; ')}.`;
}

function noticeOf({ what, at, says, left }: Loss, worker: string): Notice {
  const lines = left.length > 0 ? left.map((line) => `  - ${line}`) : ['  none that this daemon knows of'];
  return {
    key: `store:${what}:${worker}:${at}`,
    kind: 'escalation',
    incident: 'store',
    subject: SUBJECTS[what],
    text: [says, '', `Detected by ${worker}.`, 'Servers that may be left changed:', ...lines].join('\n'),
  };
}

const SUBJECTS: Record<StoreLossKind, string> = {
  emptied: 'The store was emptied, and servers may be left changed',
  other: 'The store is not the one that the daemon knows',
  older: 'The store is an older copy, and servers may be left changed',
  journal: 'The journal of an open incident is gone, and servers may be left changed',
  evicted: 'Redis has dropped keys of the store',
};

function linesOf(incidents: [string, Remembered][], ledger: Outstanding[]): string[] {
  const all = [...ledger, ...incidents.flatMap(([, { outstanding }]) => outstanding)];
  const outstanding = [...new Map(all.map((one) => [placeOf(one), one])).values()];
  return [
    ...outstanding.map(({ server, says, incident }) => `${server}: ${says} (incident ${incident})`),
    ...incidents.flatMap(([id, { sent }]) =>
      [...new Set(sent.map(({ server }) => server))].map((server) => {
        const commands = sent.filter((one) => one.server === server).map(({ command }) => command);
        return `${server}: ${[...new Set(commands)].join(', ')} sent by incident ${id}, which was open`;
      }),
    ),
  ];
}

function named(lines: string[]): string[] {
  const more = lines.length - MOST_NAMED;
  return [...lines.slice(0, MOST_NAMED), ...(more > 0 ? [`and ${more} more`] : [])];
}

/** Whether the entry that once ended the journal is still in it, as far as the journal shows. */
function holds({ head, follows }: Ending, known: Head): boolean {
  if (head.seq === known.seq) return head.hash === known.hash;
  return head.seq > known.seq && (follows === undefined || follows.previous === known.hash);
}

const isChanging = ({ sent, outstanding }: Remembered) => sent.length + outstanding.length > 0;

const outstandingOf = ({ debt: action, incident, world: organisation }: LedgerEntry): Outstanding => ({
  organisation,
  server: action.server,
  setting: action.setting,
  says: action.says,
  incident,
});

const placeOf = ({ organisation, server, setting }: Outstanding) => JSON.stringify([organisation, server, setting]);
