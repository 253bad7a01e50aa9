import type { Entry } from '../../src/incident/event.ts';
import type { Incident } from '../../src/incident/incident.ts';
import type { Playbook } from '../../src/incident/plan.ts';
import { CHANGING_CALLS, type Exchange } from '../../src/ports/exchange.ts';
import { around } from './around.ts';
import { type Bench, bench, Killed, operationsOf } from './engine.ts';
import { journalOf } from './journal.ts';

const PROBLEMS: { fault: Record<string, unknown>; alert: { server: string; healthSet: string; monitor: string } }[] = [
  { fault: { fault: 'imap-backend-hang' }, alert: selfTest('mbx1') },
  { fault: { fault: 'imap-backend-wedged' }, alert: selfTest('mbx2') },
  { fault: { fault: 'imap-backend-wedged' }, alert: selfTest('ex1') },
  { fault: { fault: 'imap-backend-wedged' }, alert: selfTest('mbx9') },
  { fault: { fault: 'unfixable', healthSet: 'IMAP.Protocol' }, alert: selfTest('ex1') },
  { fault: { fault: 'flapping', healthSet: 'IMAP.Protocol', period: '4m' }, alert: selfTest('mbx1') },
  { fault: { fault: 'transient' }, alert: selfTest('mbx1') },
  { fault: { fault: 'imap-proxy-hang' }, alert: proxyTest('cas1') },
  { fault: { fault: 'imap-proxy-wedged' }, alert: proxyTest('cas2') },
  { fault: { fault: 'unfixable', healthSet: 'IMAP.Proxy' }, alert: proxyTest('cas1') },
  { fault: { fault: 'imap-ctp-backend', backend: 'mbx2' }, alert: { ...proxyTest('cas1'), ...CTP() } },
  { fault: { fault: 'imap-slow' }, alert: { ...proxyTest('cas1'), ...LOAD() } },
  { fault: { fault: 'imap-slow-relapse' }, alert: { ...proxyTest('ex1'), ...LOAD() } },
  { fault: { fault: 'unfixable', healthSet: 'OWA.Protocol' }, alert: { ...selfTest('mbx1'), ...OWA() } },
];

function selfTest(server: string) {
  return { server, healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
}
function proxyTest(server: string) {
  return { server, healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' };
}
function CTP() {
  return { healthSet: 'IMAP', monitor: 'ImapCTPMonitor' };
}
function LOAD() {
  return { healthSet: 'IMAP', monitor: 'AverageCommandProcessingTimeGt60sMonitor' };
}
function OWA() {
  return { healthSet: 'OWA.Protocol', monitor: 'OwaSelfTestMonitor' };
}

const FROM_OUTSIDE = ['opened', 'attached', 'approved', 'rejected', 'cancelled'];

const COMMANDS = ['Restart-Service', 'Restart-Computer', 'Set-MailboxServer', 'Get-Service', 'Get-ServerHealth'];

/** What goes wrong besides; `server` and `command` are added by chance. */
const DISTURBANCES: Record<string, unknown>[] = [
  { fault: 'drop-after-effect', times: 1 },
  { fault: 'refuse', times: 1 },
  { fault: 'refuse', as: 'unreachable', times: 2 },
  { fault: 'refuse', as: 'timedOut', times: 1 },
  { fault: 'no-object', times: 3 },
  { fault: 'session-limit', times: 4 },
  { fault: 'never-returns' },
  { fault: 'will-not-move' },
  { fault: 'responder-at-work' },
];

export interface RandomRun {
  says: string;
  playbooks: Playbook[];
  journals: { incident: string; entries: Entry[] }[];
}

/** A run of the engine on the lab with a random problem, disturbances, killed workers and people. */
export async function randomRun(seed: number, shipped: readonly Playbook[]): Promise<RandomRun> {
  const chance = chanceOf(seed);
  const problem = chance.of(PROBLEMS);
  const modes = ['auto', 'auto', 'auto', 'approve', 'observe'] as const;
  const mode = chance.of(modes);
  const playbooks = shipped.map((playbook) => ({ ...playbook, mode }));
  const cut = <T>(call: () => Promise<T>): Promise<T> => killedBy(chance, call);
  const b = bench({
    seed,
    playbooks,
    aroundStore: (store) =>
      around(store, 'append', (append) => (...args) => {
        const [, , event] = args;
        // What people and senders write is repeated by them, not by a worker.
        return FROM_OUTSIDE.includes(event.type) ? append(...args) : cut(() => append(...args));
      }),
    aroundExchange: (exchange): Exchange =>
      new Proxy(exchange, {
        get(target, name: keyof Exchange) {
          const call = (target[name] as (...args: unknown[]) => Promise<unknown>).bind(target);
          return name in CHANGING_CALLS ? (...args: unknown[]) => cut(() => call(...args)) : call;
        },
      }),
  });
  const { server } = problem.alert;
  b.lab.post({ ...problem.fault, server });
  const besides = DISTURBANCES.filter(() => chance.in(8));
  for (const disturbance of besides) {
    const isCommand = ['drop-after-effect', 'refuse'].includes(String(disturbance.fault));
    b.lab.post({ ...disturbance, server, ...(isCommand && { command: chance.of(COMMANDS) }) });
  }
  const opened = await b.alert(problem.alert);
  const deed = await interfere(b, opened, chance);
  await b.run();
  const ids = [opened, ...(await b.incident(opened)).children];
  const journals = [];
  for (const incident of ids) {
    const journal = await journalOf(b.store, incident);
    if (journal?.entries.at(-1)?.type === 'finished') journals.push({ incident, entries: journal.entries });
  }
  const faults = [problem.fault, ...besides].map(({ fault }) => fault).join(', ');
  return { says: `seed ${seed}: ${faults} on ${server}, ${mode}${deed && `, ${deed}`}`, playbooks, journals };
}

/** Now and then a worker dies, before or after what it was about to do. */
async function killedBy<T>(chance: Chance, call: () => Promise<T>): Promise<T> {
  const dies = chance.in(20);
  if (dies && chance.in(2)) throw new Killed();
  const result = await call();
  if (dies) throw new Killed();
  return result;
}

/** Senders and people: "resolved" in between, approvals, rejections, cancellations. */
async function interfere(b: Bench, id: string, chance: Chance): Promise<string> {
  const operations = operationsOf(b);
  const isAsked = (incident: Incident) => incident.id === id && incident.held?.approval === true;
  if (chance.in(6)) {
    const entries = 3 + chance.below(12);
    await b.run(() => b.entries.length >= entries);
    await b.alert({ ...(await b.incident(id)).alerts[0]!, status: 'resolved' });
  }
  if (chance.in(10)) {
    const entries = 3 + chance.below(12);
    await b.run(() => b.entries.length >= entries);
    const { conclusion, finished } = await b.incident(id);
    if (!conclusion && !finished) await operations.cancel(id, { by: 'yuki' });
    return 'cancelled';
  }
  await b.run(isAsked);
  if (!isAsked(await b.incident(id))) return '';
  const verb = chance.of(['approve', 'approve', 'approve', 'reject', undefined] as const);
  if (verb) await operations[verb](id, { by: 'yuki' });
  return verb ?? 'no answer';
}

interface Chance {
  below(limit: number): number;
  /** True in one of `times` cases. */
  in(times: number): boolean;
  of<T>(choices: readonly T[]): T;
}

/** Mulberry32: the same seed gives the same run. */
function chanceOf(seed: number): Chance {
  let state = seed * 0x9e3779b9;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit: number) => Math.floor(random() * limit);
  return { below, in: (times) => below(times) === 0, of: (choices) => choices[below(choices.length)]! };
}
