/**
 * Runs a playbook, step by step, on a simulated organisation whose server is of a certain kind, and notes what reaches it: the
 * commands shown to people are those that the steps send.
 */
import type { Config } from '../config/config.ts';
import { settingsOf } from '../engine/settings.ts';
import { match } from '../engine/verify/match.ts';
import type { GuardContext } from '../guards/guard.ts';
import { askGuards } from '../guards/index.ts';
import { familyOf } from '../incident/alert.ts';
import { commandLine } from '../incident/command-line.ts';
import type { Entry, IncidentEvent } from '../incident/event.ts';
import { apply, fold } from '../incident/fold.ts';
import type { ServerFacts } from '../incident/health.ts';
import { currentRun, type StepRecord } from '../incident/incident.ts';
import { unmetCondition } from '../incident/next.ts';
import type { Playbook } from '../incident/plan.ts';
import type { PlannedChange } from '../incident/planned-change.ts';
import type { UndoAction } from '../incident/undo.ts';
import { createLab } from '../lab/lab.ts';
import { ExchangeError } from '../ports/exchange.ts';
import { linesOf } from '../proof/prove.ts';
import { stepNamed, undoOfKind } from '../steps/index.ts';
import type { Polled, StepContext } from '../steps/step.ts';
import type { Catalog } from '../verification/catalog.ts';
import { createVerifier } from '../verification/verify.ts';

/** Names of the examples, as the published pages use them: the server of the alert, and the mailbox server behind it. */
export const EXAMPLE = { server: 'server1', mailboxServer: 'mailbox1' };

/** What one line of a playbook does on one kind of server. */
export interface Sent {
  reads: string[];
  changes: string[];
  polls: string[];
  undo: { action: UndoAction; commands: string[] }[];
  /** Why it does nothing here. */
  skipped?: string;
  /** Why nothing follows here. */
  stops?: string;
}

export interface Ground {
  config: Config;
  catalog: Catalog;
}

const BLANK = { seq: 0, worker: '', version: 1, previous: '' };
const BEGINS = Date.UTC(2026, 0, 1);
/** A step that has not ended after this many polls waits for something that never happens in the simulation. */
const MOST_POLLS = 1_000;

/** By line of the file, counted from 0; a line is absent when the run stopped before it. */
export async function commandsOn(
  playbook: Playbook,
  kind: Pick<ServerFacts, 'roles' | 'version' | 'dag'>,
  { config, catalog }: Ground,
): Promise<Map<number, Sent>> {
  const lab = createLab({ speed: 1, virtual: true, realNow: () => BEGINS, organisation: organisationOf(kind) });
  const { clock } = lab;
  const exchange = lab.exchange();
  const { value: organisation } = await exchange.organisation();
  const facts = organisation.servers.find(({ server }) => server === EXAMPLE.server);
  if (!facts) throw new Error('the simulated organisation has no server');
  const verifier = createVerifier({ exchange, catalog, clock, settings: config.verification });
  const settings = settingsOf(config, '');
  const { signal } = new AbortController();
  const family = familyOf(playbook.handles[0]?.healthSet);
  const entryOf = ({ type, data }: IncidentEvent): Entry => ({ ...BLANK, at: clock.now(), type, data });
  const incident = fold([entryOf({ type: 'opened', data: { id: 'example', server: facts.server, family } })]);
  const write = (event: IncidentEvent) => apply(incident, entryOf(event));

  write({
    type: 'verified',
    data: {
      verdict: 'confirmed',
      reason: 'unhealthy',
      evidence: [],
      monitors: playbook.handles.map((monitor) => ({ ...monitor, verdict: 'confirmed' })),
      purpose: 'first',
      startedAt: clock.now(),
      facts,
      ...(facts.roles.includes('client-access') && { backEnd: EXAMPLE.mailboxServer }),
    },
  });
  write({ type: 'matched', data: match(incident, [playbook], catalog) });

  /** The commands that reach the organisation meanwhile, each once; `changed`: those that had an effect. */
  async function watching<T>(act: () => Promise<T>): Promise<{ answer: T; commands: string[] }> {
    const since = lab.commands().at(-1)?.seq ?? 0;
    const answer = await act();
    const lines = lab
      .commands({ seq: since })
      // It only translates names.
      .filter(({ command }) => command !== 'Get-ExchangeServer')
      .map(({ command, server, arguments: given }) => commandLine(command, server, given));
    return { answer, commands: [...new Set(lines)] };
  }

  function contextOf(record: StepRecord): StepContext {
    return {
      incident,
      record,
      facts: facts as ServerFacts,
      exchange,
      verifier,
      clock,
      settings,
      change: () => ({ notAfter: Number.POSITIVE_INFINITY, caller: 'explain', scope: [] }),
      ledgerOf: async () => undefined,
      openChild: async () => ({ incident: 'child', joined: false }),
      outcomeOf: async () => ({ outcome: 'transient', reason: 'healthy' }),
      notify: async () => {},
      signal,
    };
  }

  /** Why a guard would stop the change on such a server, although nothing else is wrong with it. */
  async function stoppedBy(change: PlannedChange): Promise<string | undefined> {
    const target = organisation.servers.find(({ server }) => server === change.intent.server);
    const run = currentRun(incident);
    if (!target || !run) return undefined;
    const context: GuardContext = {
      incident,
      run: { ...run, mode: 'auto' },
      change,
      target,
      organisation,
      exchange,
      verifier,
      catalog,
      store: NO_OTHERS,
      clock,
      settings: { ...settings, mode: 'auto', restrictions: [], self: [], maintenance: [] },
      scope: [],
      killSwitches: [],
      refusal: undefined,
      startedByUs: async () => true,
      justVerified: true,
      signal,
    };
    const asked = await askGuards(context);
    return asked && 'says' in asked.answer ? `Guard ${asked.guard}: ${asked.answer.says}` : undefined;
  }

  async function ended(context: StepContext, issued: boolean): Promise<Polled> {
    const step = stepNamed(context.record.step.step);
    for (let polls = 0; polls < MOST_POLLS; polls += 1) {
      const polled = await step.poll(context, issued);
      // A check that will only be repeated shows nothing more.
      if (polled.is !== 'pending' || polled.counts) return polled;
      clock.advance(Math.max(1, polled.until - clock.now()));
    }
    return { is: 'refused', says: 'it does not end in the simulation' };
  }

  async function perform(record: StepRecord, noted: Sent): Promise<void> {
    const step = stepNamed(record.step.step);
    const context = contextOf(record);
    const { n } = record.step;
    const { answer: begun, commands: reads } = await watching(() => step.begin(context));
    if (begun.begin === 'skip') noted.skipped = begun.says;
    if (begun.begin === 'refuse') noted.stops = begun.says;
    if (begun.begin !== 'start') return;
    add(noted.reads, reads);
    const { change, note } = begun;
    if (change) {
      const why = await stoppedBy(change);
      if (why !== undefined) {
        noted.stops = why;
        return;
      }
    }
    write({
      type: 'stepStarted',
      data: { n, note, ...(change && { intent: change.intent, ...(change.undo && { undo: change.undo }) }) },
    });
    if (change) {
      const { commands } = await watching(async () => step.issue?.(context, change.intent));
      noted.changes.push(...commands);
      noted.undo.push(...(change.undo ?? []).map((action) => ({ action, commands: [] as string[] })));
    }
    const { answer: polled, commands } = await watching(() => ended(context, change !== undefined));
    add(noted.polls, commands);
    if (polled.is === 'refused' && !step.verifies) noted.stops = polled.says;
    // It goes on as if the problem were still there: without the verdict of a healthy simulation.
    const changed = polled.is === 'done' && polled.changed === true;
    write({ type: 'stepFinished', data: { n, state: 'done', says: polled.is === 'done' ? polled.says : '', changed } });
  }

  async function putBack(action: UndoAction): Promise<string[]> {
    const undo = { ...action, state: 'started' as const, at: clock.now(), tries: 0 };
    const context = { ...contextOf(incident.steps[0] as StepRecord), undo };
    const { begin, issue } = undoOfKind(action.kind);
    const begun = await begin(context);
    return begun.begin === 'start' ? (await watching(() => issue(context, begun.intent))).commands : [];
  }

  const lineOf = linesOf(playbook, facts);
  const byLine = new Map<number, Sent>();
  for (const record of incident.steps) {
    const line = lineOf(record.step.n);
    const noted = byLine.get(line) ?? { reads: [], changes: [], polls: [], undo: [] };
    byLine.set(line, noted);
    const unmet = record.step.when && unmetCondition(record.step.when, facts);
    try {
      if (unmet) noted.skipped = unmet;
      else await perform(record, noted);
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      noted.stops = error.message;
    }
    if (noted.stops !== undefined) break;
  }
  for (const { undo } of byLine.values())
    for (const entry of undo) entry.commands.push(...((await answerOf(putBack(entry.action))) ?? []));
  lab.close();
  return byLine;
}

/** Undefined when the simulated organisation refuses: it lacks the service. */
async function answerOf<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ExchangeError) return undefined;
    throw error;
  }
}

/** No other incident is open, and none has run. */
const NO_OTHERS: GuardContext['store'] = {
  openOn: async () => [],
  troubled: async () => [],
  runs: async () => ({ runs: [] }),
};

function add(lines: string[], more: readonly string[]): void {
  lines.push(...more.filter((line) => !lines.includes(line)));
}

/** The server, another one like it, and two mailbox servers behind them. */
function organisationOf({ roles, version, dag }: Pick<ServerFacts, 'roles' | 'version' | 'dag'>) {
  const like = { site: 'Tokyo', version: version as '15.0', roles };
  const mailbox = { site: 'Tokyo', version: '15.0' as const, roles: ['mailbox' as const] };
  const [server, other, behind, another] = [EXAMPLE.server, 'server2', EXAMPLE.mailboxServer, 'mailbox2'] as const;
  return {
    organisation: 'contoso.com',
    servers: { [server]: like, [other]: like, [behind]: mailbox, [another]: mailbox },
    groups: {
      ...(dag && { DAG1: { members: [server, other], witness: behind } }),
      DAG2: { members: [behind, another], witness: server },
    },
    databases: {
      ...(roles.includes('mailbox') && { DB1: { copies: dag ? [server, other] : [server] } }),
      DB2: { copies: [behind, another] },
    },
  };
}
