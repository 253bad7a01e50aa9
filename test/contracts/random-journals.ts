/** Incidents to which things happen in any order: what does not fit one as it stands does not happen. */
import fc from 'fast-check';
import { append, type Unwritten } from '../../src/engine/append.ts';
import type { Engine } from '../../src/engine/parts.ts';
import { tookBy } from '../../src/engine/step/took.ts';
import type { IncidentEvent, StepEnd, Undone } from '../../src/incident/event.ts';
import { type Incident, stepInProgress } from '../../src/incident/incident.ts';
import { OUTCOMES } from '../../src/incident/outcome.ts';
import type { UndoAction } from '../../src/incident/undo.ts';
import type { Head, ThrottleRule } from '../../src/ports/journal.ts';
import type { Store } from '../../src/ports/store.ts';
import { alertOf, facts } from '../support/stub.ts';

const WORLD = 'w1';
const SERVERS = ['mbx1', 'mbx2'];
const ENDS: StepEnd[] = ['done', 'failed', 'refused', 'notSent', 'notSent'];
const UNDONE: Undone['state'][] = ['putBack', 'notNeeded', 'failed', 'settled'];
const WHAT = [
  'open',
  'look',
  'start',
  'start',
  'start',
  'end',
  'end',
  'undo',
  'undone',
  'undone',
  'finish',
  'attach',
  'child',
  'join',
  'ask',
  'cancel',
] as const;

export interface Happening {
  what: (typeof WHAT)[number];
  /** Which of the open incidents, and which of what there is to choose from. */
  on: number;
  pick: number;
  yes: boolean;
  /** Milliseconds since the one before. */
  after: number;
}

export const happenings = fc.array(
  fc.record({
    what: fc.constantFrom(...WHAT),
    on: fc.nat(3),
    pick: fc.nat(7),
    yes: fc.boolean(),
    after: fc.integer({ min: 1, max: 60_000 }),
  }),
  { minLength: 40, maxLength: 80 },
);

export interface Lived {
  world: string;
  now: number;
}

/** Writes them all, as an engine does. */
export async function live(store: Store, all: readonly Happening[]): Promise<Lived> {
  // Not long ago: Redis forgets by its own clock what is older than a day.
  let now = Date.now() - 3 * 3_600_000;
  const clock = { now: () => now, speed: 1, epoch: WORLD };
  const engine = { store, clock, worker: 'w', onEntry() {}, realNow: () => now } as unknown as Engine;
  const open = new Map<string, { head: Head; incident: Incident }>();
  let serial = 0;

  async function write(id: string, event: IncidentEvent, unwritten?: Unwritten): Promise<void> {
    const result = await append(engine, id, open.get(id), event, unwritten);
    if (!result.ok) return;
    if (event.type === 'finished') open.delete(id);
    else open.set(id, { head: result.head, incident: result.incident });
  }

  for (const happening of all) {
    now += happening.after;
    serial += 1;
    const incident = [...open.values()][happening.on % Math.max(1, open.size)]?.incident;
    const alert = alertOf({ id: `a${serial}`, server: one(SERVERS, happening.on), repeatCount: happening.pick });
    const said = saidOf(happening, incident, { serial, now, owed: await store.ledger(), alert });
    if (!said) continue;
    if (said.unwritten?.taking) await store.accept([alert], 1_000);
    // As the engine opens them: to be advanced at once.
    const due = said.event.type === 'opened' ? { due: now } : {};
    await write(said.id, said.event, { ...due, ...said.unwritten });
  }
  return { world: WORLD, now };
}

interface Around {
  serial: number;
  now: number;
  owed: Awaited<ReturnType<Store['ledger']>>;
  alert: ReturnType<typeof alertOf>;
}

function saidOf(
  { what, pick, yes }: Happening,
  incident: Incident | undefined,
  { serial, now, owed, alert }: Around,
): { id: string; event: IncidentEvent; unwritten?: Unwritten } | undefined {
  const fresh = `i${serial}`;
  const family = yes ? 'IMAP' : 'OWA';
  const server = alert.server;
  const taking = { taking: [alert.id] };
  switch (what) {
    case 'open':
      return {
        id: fresh,
        event: { type: 'opened', data: { id: fresh, server, family, alert, world: WORLD } },
        unwritten: taking,
      };
    case 'ask': {
      const debts = owed
        .filter(({ debt }) => debt.server === server)
        .map(({ debt }) => ({ ...debt, id: `x:${debt.id}` }));
      if (debts.length === 0) return undefined;
      const asked = { what: 'putBack' as const, by: 'yuki', debts, facts: facts(server, { organisation: WORLD }) };
      return { id: fresh, event: { type: 'opened', data: { id: fresh, server, family: '*', world: WORLD, asked } } };
    }
  }
  if (!incident) return undefined;
  const say = (event: IncidentEvent, unwritten: Unwritten = {}) => ({ id: incident.id, event, unwritten });
  const parent = { incident: incident.id, root: incident.root, n: 1 };
  const inHand = stepInProgress(incident);
  switch (what) {
    case 'child':
      return { id: fresh, event: { type: 'opened', data: { id: fresh, server, family: 'POP', parent, world: WORLD } } };
    case 'join':
      if (incident.parent || incident.steps.length > 0) return undefined;
      return say({ type: 'attached', data: { alerts: [], parent: { incident: 'p', root: 'p', n: 1 } } });
    case 'attach':
      return say({ type: 'attached', data: { alerts: [alert] } }, taking);
    case 'look': {
      const monitor = { healthSet: incident.family, monitor: one(['A', 'B'], pick), targetResource: '' };
      const verdict = one(['confirmed', 'cleared', 'inconclusive'] as const, pick);
      const verified = { verdict, reason: '', evidence: [], monitors: [{ ...monitor, verdict }] };
      const seen = yes && { facts: facts(incident.server, { organisation: WORLD, dag: 'dag1' }) };
      return say({
        type: 'verified',
        data: { ...verified, purpose: 'first', startedAt: now, ...seen },
      } as IncidentEvent);
    }
    case 'start':
      return inHand ? undefined : (starts(incident, { pick, yes, now, server }) ?? matches(incident, pick));
    case 'end': {
      if (!inHand) return undefined;
      const state = one(ENDS, pick);
      return say({ type: 'stepFinished', data: { n: inHand.step.n, state, says: '', changed: state === 'done' } });
    }
    case 'undo': {
      const debt = incident.undo.find(({ state }) => state === 'owed');
      if (!debt) return undefined;
      const took = tookBy({ organisation: WORLD, throttles: [] });
      const data = { undo: debt.id, intent: intentOn(debt.server), took };
      return say({ type: 'undoStarted', data }, { conditions: { kill: [], throttles: [] } });
    }
    case 'undone': {
      const debts = incident.undo.filter(({ state }) => state === 'owed' || state === 'started');
      const debt = debts[pick % Math.max(1, debts.length)];
      return debt && say({ type: 'undone', data: { undo: debt.id, state: one(UNDONE, pick), says: '' } });
    }
    case 'cancel':
      return say({ type: 'cancelled', data: { by: 'yuki' } });
    case 'finish': {
      const keeps = yes ? ['dag1'] : [];
      return say({ type: 'finished', data: { outcome: one(OUTCOMES, pick), reason: '', left: [], owed: [], keeps } });
    }
  }
}

function matches(incident: Incident, pick: number) {
  const n = incident.steps.length + 1;
  const plan = [n, n + 1].map((at) => ({ n: at, step: 's', options: {}, changes: true, says: '' }));
  const playbook = { name: one(['p', 'q'], pick), hash: 'h', mode: 'auto' as const };
  const handles = [{ healthSet: incident.family, monitor: 'A' }];
  return { id: incident.id, event: { type: 'matched' as const, data: { playbook, handles, plan } } };
}

function starts(
  incident: Incident,
  { pick, yes, now, server }: { pick: number; yes: boolean; now: number; server: string },
) {
  const record = incident.steps.find(({ state }) => state === 'pending' || state === 'notSent');
  if (!record) return undefined;
  const { n } = record.step;
  const setting = one(['activation', 'log'], pick);
  const debt: UndoAction = {
    id: `${n}:${setting}`,
    kind: 'activation',
    server,
    setting,
    when: 'always',
    value: { was: n },
    says: '',
  };
  const throttle: ThrottleRule = {
    key: `s:${server}`,
    now,
    minutesBetween: pick,
    perHour: -1,
    perDay: 4,
    group: false,
  };
  const throttles = yes ? [throttle] : [];
  const disrupts = { servers: [server], until: now + 7_200_000 };
  const took = tookBy({ organisation: WORLD, throttles, ...(yes && { disrupts }) });
  const data = {
    n,
    note: {},
    intent: intentOn(server),
    undo: [debt],
    ...(yes && { slot: 'dag1', group: 'dag1' }),
    took,
  };
  return {
    id: incident.id,
    event: { type: 'stepStarted' as const, data },
    unwritten: { conditions: { kill: [], throttles } },
  };
}

const intentOn = (server: string) => ({ command: 'Set-MailboxServer', server, arguments: {}, fence: {} });
const one = <T>(all: readonly T[], index: number) => all[index % all.length] as T;
