/**
 * What the proof says of a playbook, against the real engine on the virtual lab: what it calls safe keeps the rules, the
 * guarantees and its worst case under random faults and kills; what it calls unsafe breaks the same rule at the same step.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { Entry, IncidentEvent, Opened } from '../../src/incident/event.ts';
import { fold } from '../../src/incident/fold.ts';
import type { Incident } from '../../src/incident/incident.ts';
import type { Playbook } from '../../src/incident/plan.ts';
import { languageOf, readPlaybooks } from '../../src/playbooks/read.ts';
import { CHANGING_CALLS, type Exchange } from '../../src/ports/exchange.ts';
import { brokenInvariants } from '../../src/proof/invariants.ts';
import { type Proof, proofSettings, prove } from '../../src/proof/prove.ts';
import { RULES } from '../../src/proof/rules.ts';
import { applied, NOTHING_SEEN, type State, seenAfter } from '../../src/proof/state.ts';
import { STEPS } from '../../src/steps/index.ts';
import { loadCatalog } from '../../src/verification/catalog.ts';
import { around } from '../support/around.ts';
import { type Bench, bench, Killed } from '../support/engine.ts';
import { written } from '../support/written.ts';

const { config } = loadConfig({ env: {}, cwd: process.cwd() });
const settings = proofSettings(config);
const RUNS = Number(process.env.RUNS ?? 500);
const SEED = Number(process.env.SEED ?? 1);
const OUT_OF_REACH = { starts: {}, boots: 0, scripts: {}, blocked: false, log: false, active: false };

/** The rules and guarantees that a journal breaks, each with the number of its step. */
function brokenIn([opened, ...entries]: readonly Entry[]): string[] {
  const found = { activation: false, 'imap-protocol-log': false };
  let state: State = {
    incident: fold([opened!]),
    exchange: OUT_OF_REACH,
    found,
    seen: NOTHING_SEEN,
    mayCancel: false,
  };
  return entries.flatMap((entry) => {
    const wrote = { type: entry.type, data: entry.data } as IncidentEvent;
    const before = state;
    const incident = applied(before.incident, wrote);
    state = { ...before, incident, seen: seenAfter(before.seen, wrote, incident) };
    const rules = RULES.flatMap(({ name, brokenBy }) => {
      const n = brokenBy({ before, after: state, wrote });
      return n === undefined ? [] : [`${name} (step ${n})`];
    });
    return [...rules, ...brokenInvariants(before, { wrote })];
  });
}

/** Kills the worker at each of these journal entries and commands: an odd number before it, an even one after it. */
function killing(at: readonly number[]) {
  let calls = 0;
  return async <T>(call: () => Promise<T>): Promise<T> => {
    calls += 1;
    const dies = at.includes(calls);
    if (dies && calls % 2 === 1) throw new Killed();
    const result = await call();
    if (dies) throw new Killed();
    return result;
  };
}

interface Run {
  playbook: Playbook;
  server: string;
  monitor: { healthSet: string; monitor: string };
  faults: readonly object[];
  kills?: readonly number[];
  /** Milliseconds; evidence that is older is verified again before a change. */
  evidenceMaxAge?: number;
}

/** Plays one incident; returns what is wrong at its end, apart from the journal. */
async function play({ playbook, server, monitor, faults, kills = [], evidenceMaxAge }: Run) {
  const wrong: string[] = [];
  const perhaps = killing(kills);
  const b: Bench = bench({
    playbooks: [playbook],
    ...(evidenceMaxAge !== undefined && { settings: { evidenceMaxAge } }),
    aroundStore: (store) =>
      around(store, 'append', (append) => (...args) => {
        const [, , event] = args;
        const isOpening = event.type === 'opened' && (event.data as Opened).alert !== undefined;
        return isOpening ? append(...args) : perhaps(() => append(...args));
      }),
    aroundExchange: (exchange): Exchange =>
      new Proxy(exchange, {
        get(target, name: keyof Exchange) {
          const call = (target[name] as (...args: unknown[]) => Promise<unknown>).bind(target);
          if (!(name in CHANGING_CALLS)) return call;
          return (...args: unknown[]) => {
            const active = b.lab.organisation().databases.filter(({ activeOn }) => activeOn === args[0]);
            if (name === 'restartServer' && active.length > 0) wrong.push(`${args[0]} restarts with active databases`);
            return perhaps(() => call(...args));
          };
        },
      }),
  });
  if (server === 'mbx3') await moveDatabasesAway(b, server);
  for (const fault of faults) b.lab.post(fault);
  const incident = await b.handle({ server, ...monitor });
  const { entries } = (await b.store.page(incident.id, 0, 10_000)) ?? { entries: [] };
  return { incident, entries, wrong: [...wrong, ...unreported(b, incident)], changes: b.changes() };
}

/** Somebody blocks activation until they are gone, and allows it again: no database moves back. */
async function moveDatabasesAway({ lab }: Bench, server: string): Promise<void> {
  for (const blocked of [true, false]) {
    const change = { notAfter: lab.clock.now() + 60_000, caller: 'somebody', scope: [] };
    const done = lab
      .exchange('somebody')
      .setActivationBlocked(server, blocked, { activationBlocked: !blocked }, change);
    lab.clock.advance(60_000);
    await done;
    lab.clock.advance(600_000);
  }
}

/** Everything that is still changed at the end is named in it. */
function unreported(b: Bench, { finished }: Incident): string[] {
  if (!finished) return ['it does not end'];
  const named = [...finished.left, ...finished.owed].join();
  return b.lab
    .organisation()
    .servers.filter(({ settings: { activationBlocked, protocolLog } }) => activationBlocked || protocolLog.imap)
    .filter(({ name }) => !named.includes(name))
    .map(({ name }) => `${name} is still changed, and the end does not name it`);
}

/** Costs beyond the worst case: a server under test has one incident and no other guard to wait for. */
function beyond({ worst }: Proof, { finished, openedAt }: Incident, changes: readonly string[]): string[] {
  const count = (command: string) => changes.filter((change) => change.includes(command)).length;
  const took = (finished?.at ?? 0) - openedAt;
  return [
    ...(took > worst.time ? [`takes ${took} ms, and ${worst.time} at worst`] : []),
    ...(count('Restart-Service') > worst.serviceRestarts ? ['more service restarts than at worst'] : []),
    ...(count('Restart-Computer') > worst.serverRestarts ? ['more reboots than at worst'] : []),
  ];
}

/** Pieces that a proved playbook may consist of, in any order, and some that make it unsafe. */
const PIECE = fc.constantFrom<string[]>(
  ['restart-service: MSExchangeIMAP4BE', 'recheck'],
  ['restart-service: MSExchangeIMAP4BE', 'watch-health: { for: 10m, every: 5m }'],
  ['fail-over-databases', 'confirm-no-active-copies', 'restart-server', 'recheck'],
  ['fail-over-databases', 'confirm-no-active-copies', 'recheck'],
  ['protocol-log: imap', 'restart-service: MSExchangeIMAP4BE', 'recheck'],
  ['protocol-log: { protocol: imap, undo-restart: MSExchangeIMAP4BE }', 'recheck'],
  ['wait: 5m'],
  ['recheck: { attempts: 1 }'],
  ['log-location: imap'],
  ['notify: hello'],
  ['restart-server'],
  ['restart-service: MSExchangeIMAP4BE'],
);
const FAULT = fc.constantFrom<object[]>(
  [{ fault: 'imap-backend-hang', server: 'mbx1' }],
  [{ fault: 'imap-backend-wedged', server: 'mbx1' }],
  [{ fault: 'imap-store-stuck', server: 'mbx1' }],
  [{ fault: 'unfixable', healthSet: 'IMAP.Protocol', server: 'mbx1' }],
  [{ fault: 'transient', server: 'mbx1' }],
);
const TROUBLE = fc.constantFrom<object>(
  { fault: 'drop-after-effect', command: 'Restart-Service', times: 1 },
  { fault: 'drop-after-effect', command: 'Set-MailboxServer', times: 1 },
  { fault: 'drop-after-effect', command: 'Set-ImapSettings', times: 2 },
  { fault: 'drop-after-effect', command: 'Restart-Computer', times: 1 },
  { fault: 'refuse', command: 'Set-ImapSettings', times: 1 },
  { fault: 'refuse', command: 'Get-Service', times: 2 },
  { fault: 'refuse', command: 'Restart-Service', times: 1 },
  { fault: 'will-not-move', server: 'mbx1' },
  { fault: 'never-returns', server: 'mbx1', times: 1 },
  { fault: 'stop-hangs', service: 'MSExchangeIMAP4BE', server: 'mbx1', times: 1 },
);
const SELF_TEST = { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };

/** Generated playbooks that the proof calls safe; most of the unsafe ones are so because of a lone restart. */
async function provedPlaybooks(): Promise<{ playbook: Playbook; proof: Proof }[]> {
  const generated = fc.sample(fc.array(PIECE, { minLength: 1, maxLength: 3 }), { numRuns: 40, seed: SEED });
  const different = [...new Map(generated.map((pieces) => [pieces.flat().join(), written(pieces.flat())])).values()];
  const proved: { playbook: Playbook; proof: Proof }[] = [];
  for (const playbook of different) {
    const proof = await prove(playbook, settings);
    if (proof.problems.length === 0) proved.push({ playbook, proof });
  }
  return proved;
}

test(`${RUNS} runs of playbooks that are proved, with random faults and kills, break nothing`, async () => {
  const pool = await provedPlaybooks();
  const acted = { runs: 0, changed: 0, killed: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...pool),
      FAULT,
      fc.array(TROUBLE, { maxLength: 2 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 3 }),
      async ({ playbook, proof }, fault, troubles, kills) => {
        const run = { playbook, server: 'mbx1', monitor: SELF_TEST, faults: [...fault, ...troubles], kills };
        const { incident, entries, wrong, changes } = await play(run);
        expect([...wrong, ...brokenIn(entries), ...beyond(proof, incident, changes)]).toEqual([]);
        acted.runs += 1;
        acted.changed += Number(changes.length > 0);
        acted.killed += Number(kills.length > 0);
      },
    ),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  );
  // Otherwise nothing was tried.
  expect(acted.changed).toBeGreaterThan(acted.runs / 2);
  expect(acted.killed).toBeGreaterThan(acted.runs / 2);
});

const WRONG = 'test/fixtures/playbooks/wrong';
const language = languageOf(config, STEPS, loadCatalog(config.verification.catalog));

/** Where a story happens: cas1 has client access, ex1 both roles; the databases of mbx3 have moved away, as stories say. */
const STORIES: [file: string, server: string][] = [
  ['restart-without-recheck', 'cas1'],
  ['recheck-before-the-restart', 'cas1'],
  ['reboot-right-after-a-restart', 'cas1'],
  ['reboot-without-recheck', 'ex1'],
  ['drain-right-after-a-restart', 'ex1'],
  ['reboot-without-drain', 'mbx3'],
  ['reboot-without-confirmation', 'mbx3'],
  ['recheck-only-sometimes', 'mbx1'],
  ['block-lifted-before-the-reboot', 'mbx3'],
];

/** A wrong playbook, for the monitor and the service that the server has. */
function wrongPlaybook(name: string, { healthSet, monitor }: Run['monitor'], service: string): Playbook {
  const text = readFileSync(join(WRONG, `${name}.yaml`), 'utf8')
    .replace('IMAP\\ImapCTPMonitor', `${healthSet}\\${monitor}`)
    .replaceAll('MSExchangeIMAP4', service);
  return readPlaybooks([{ file: name, text }], language)[0]!;
}

test.each(STORIES)('%s breaks its rule on the lab, as its story says: on %s', async (name, server) => {
  const isMailboxOnly = server.startsWith('mbx');
  const monitor = isMailboxOnly ? SELF_TEST : { healthSet: 'IMAP', monitor: 'ImapCTPMonitor' };
  const playbook = wrongPlaybook(name, monitor, isMailboxOnly ? 'MSExchangeIMAP4BE' : 'MSExchangeIMAP4');
  const predicted = (await prove(playbook, settings)).problems.map(({ message }) => message);
  const { entries, wrong } = await play({
    playbook,
    server,
    monitor,
    faults: [{ fault: 'unfixable', healthSet: monitor.healthSet, server }],
    evidenceMaxAge: 3_600_000,
  });
  const broken = [...new Set(brokenIn(entries).map((one) => one.replace(/ \(step \d+\)$/, '')))];
  expect(broken).toHaveLength(1);
  expect(predicted.some((message) => message.startsWith(broken[0]!))).toBe(true);
  // The daemon's own guards hold even so.
  expect(wrong).toEqual([]);
});
