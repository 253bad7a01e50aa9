/** What the sentences about a store begin with: a side, and short ways to write to it. */
import type { Alert } from '../../../src/incident/alert.ts';
import type { IncidentEvent } from '../../../src/incident/event.ts';
import type { UndoAction } from '../../../src/incident/undo.ts';
import type { AppendOptions, AppendResult, FeedItem, Head, StartConditions } from '../../../src/ports/journal.ts';
import type { Store } from '../../../src/ports/store.ts';
import { journalOf } from '../../support/journal.ts';

export const WEEK = 7 * 24 * 3_600_000;
export const MINUTE = 60_000;
export const EMPTY: Head = { seq: 0, hash: '' };

export function anAlert(id: string, over: Partial<Alert> = {}): Alert {
  return {
    id,
    source: 'generic',
    senderId: `sender-${id}`,
    status: 'firing',
    server: 'mbx1',
    serverAsSent: 'MBX1.contoso.com',
    raisedAt: 1_000,
    receivedAt: 2_000,
    ...over,
  };
}

export function aDebt(over: Partial<UndoAction> = {}): UndoAction {
  return {
    id: '3:activation',
    kind: 'activation',
    server: 'mbx1',
    setting: 'activation',
    when: 'always',
    value: { activationBlocked: false },
    says: 'allow database activation on mbx1 again',
    ...over,
  };
}

export const stepStarted: IncidentEvent = { type: 'stepStarted', data: { n: 1, note: {} } };
export const slept: IncidentEvent = { type: 'slept', data: { until: 9, for: 'look', says: 'waits' } };
export const finished: IncidentEvent = {
  type: 'finished',
  data: { outcome: 'recovered', reason: 'it works', left: [], owed: [] },
};

export interface StoreSide {
  store: Store;
  /** A second daemon on the same data; the memory store has none. */
  other?: Store;
  /** Changes the stored text of an entry, as somebody with access to the data could. */
  tamper?(incident: string, seq: number, change: (text: string) => string): Promise<void>;
  close(): Promise<void>;
}

export type Given = ReturnType<typeof createGiven>;

/** `side` is another one for each test. */
export function createGiven() {
  const given = {} as { side: StoreSide; store: Store };
  const wrote = (result: AppendResult): Head => {
    if (!result.ok) throw new Error(`refused: ${JSON.stringify(result)}`);
    return result.head;
  };
  const append = async (id: string, head: Head, event: IncidentEvent, options: Partial<AppendOptions> = {}) =>
    given.store.append(id, head, event, { at: 5_000, worker: 'w1', ...options });

  /** Opens an incident; without an alert unless one is given. */
  const open = async (id: string, key = `${id}/imap`, alert?: Alert, at = 5_000): Promise<Head> => {
    const data = { id, server: 'mbx1', family: 'IMAP', ...(alert && { alert }) };
    const opening = { key, server: 'mbx1', family: 'IMAP', ...(alert && { alertId: alert.id }) };
    return wrote(await append(id, EMPTY, { type: 'opened', data }, { opening, at }));
  };
  const conditions = (owner: string, over: Partial<StartConditions> = {}): StartConditions => ({
    owner,
    organisation: 'lab-1',
    kill: [{ playbook: 'imap', server: 'mbx1', group: 'dag1' }],
    claims: [],
    throttles: [],
    ...over,
  });
  const start = async (id: string, head: Head, over: Partial<StartConditions> = {}) =>
    append(id, head, stepStarted, { start: conditions(id, over) });
  const finish = async (id: string, head: Head, over: Partial<NonNullable<AppendOptions['finishing']>> = {}) => {
    const finishing = { key: `${id}/imap`, root: id, keepSlots: [], isRoot: true, outcome: 'recovered', ...over };
    return wrote(await append(id, head, finished, { finishing, due: null }));
  };
  const entries = async (id: string) => (await journalOf(given.store, id))?.entries.length;
  const collect = async (items: AsyncIterable<FeedItem>, count: number): Promise<FeedItem[]> => {
    const got: FeedItem[] = [];
    for await (const item of items) {
      got.push(item);
      if (got.length === count) break;
    }
    return got;
  };
  return Object.assign(given, { wrote, append, open, conditions, start, finish, entries, collect });
}
