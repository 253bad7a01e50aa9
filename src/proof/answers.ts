/** Asks the real steps and undo actions of src/steps about every state of the small organisation, in every condition. */
import type { MonitorRef, VerifyResult } from '../incident/health.ts';
import { currentRun, type Incident, type StepRecord } from '../incident/incident.ts';
import type { Outcome } from '../incident/outcome.ts';
import { isOutstanding, type UndoState } from '../incident/undo.ts';
import type { Clock } from '../ports/clock.ts';
import { ExchangeError, type ExchangeFailure } from '../ports/exchange.ts';
import { stepNamed, undoOfKind } from '../steps/index.ts';
import type { Begin, Polled, StepContext, StepSettings, Undo } from '../steps/step.ts';
import type { VerifiedMonitors } from '../verification/verify.ts';
import { type Condition, type ExchangeState, exchangeOf, ledgerOf } from './exchange-state.ts';

/** The answer of a step, or the failure of a call that it depends on. `late`: long after the step began. */
export type Answered<T> = { answer: T; failed?: never } | { answer?: never; failed: ExchangeFailure; late: boolean };
export type UndoBegin = Awaited<ReturnType<Undo['begin']>>;

/** How the handled monitors are verified; `early`: their rows were not evaluated since our change. */
const VERDICTS = ['cleared', 'confirmed', 'inconclusive', 'early'] as const;
type Verdict = (typeof VERDICTS)[number];

/** What a step may find. `now`: milliseconds after it began. `end`: the outcome of its child incident, if it has ended. */
interface Moment {
  condition: Condition;
  now: number;
  verdict?: Verdict;
  end?: Outcome | undefined;
}

const CONDITIONS: readonly Condition[] = ['normal', 'unreachable', 'accessDenied', 'hangs', 'cold', 'disabled'];
/** Just begun; in the middle of a watch; after every deadline. */
const LATE = 90_000_000_000;
const TIMES = [1, 600_000, LATE];
const ENDS: readonly (Outcome | undefined)[] = [undefined, 'recovered', 'transient', 'escalated', 'cancelled'];

const AT_BEGIN: Moment[] = CONDITIONS.map((condition) => ({ condition, now: 0 }));
const LATER: Moment[] = CONDITIONS.flatMap((condition) => TIMES.map((now) => ({ condition, now })));
const WITH_VERDICT: Moment[] = LATER.filter(
  ({ condition }) => condition === 'normal' || condition === 'unreachable',
).flatMap((moment) => VERDICTS.map((verdict) => ({ ...moment, verdict })));
const WITH_CHILD: Moment[] = WITH_VERDICT.flatMap((moment) => ENDS.map((end) => ({ ...moment, end })));

/** An undo belongs to no step. */
const NO_STEP: StepRecord = {
  step: { n: 0, step: '', options: {}, changes: false, says: '' },
  state: 'done',
  note: {},
  inconclusiveTries: 0,
  unhealthyTries: 0,
};

/** Steps are not stopped. */
const NEVER = new AbortController().signal;

const STEP_SETTINGS = { retryEvery: 1, commandTimeLimit: 1 };

/** Thrown for an answer that is not known yet: steps are asynchronous, the search is not. It repeats once it is. */
export class NotAskedYet extends Error {
  readonly asking: Promise<void>;
  constructor(asking: Promise<void>) {
    super('a step is being asked');
    this.asking = asking;
  }
}

export class StepAnswers {
  readonly #answers = new Map<string, readonly unknown[]>();
  readonly #settings: StepSettings;

  constructor(retries: number) {
    this.#settings = { ...STEP_SETTINGS, retries };
  }

  begin(incident: Incident, record: StepRecord, state: ExchangeState): readonly Answered<Begin>[] {
    const outstanding = incident.undo.filter(isOutstanding).map(({ id }) => id);
    return this.#known(
      `begin ${about(incident, record, state)} ${outstanding}`,
      AT_BEGIN,
      (moment) => this.#context(incident, record, state, moment),
      (context) => stepNamed(record.step.step).begin(context),
    );
  }

  poll(incident: Incident, record: StepRecord, state: ExchangeState, issued: boolean): readonly Answered<Polled>[] {
    const { inconclusiveTries, unhealthyTries, child, intent } = record;
    const hasEnded = incident.conclusion !== undefined;
    const known = JSON.stringify([issued, inconclusiveTries, unhealthyTries, child, intent?.fence, hasEnded]);
    const step = stepNamed(record.step.step);
    return this.#known(
      `poll ${about(incident, record, state)} ${known}`,
      child !== undefined ? WITH_CHILD : step.verifies ? WITH_VERDICT : LATER,
      (moment) => this.#context(incident, record, state, moment),
      (context) => step.poll(context, issued),
    );
  }

  beginUndo(incident: Incident, undo: UndoState, state: ExchangeState): readonly Answered<UndoBegin>[] {
    return this.#known(
      `undo ${undo.id} ${JSON.stringify([undo.value, seen(state)])}`,
      AT_BEGIN,
      (moment) => ({ ...this.#context(incident, undefined, state, moment), undo }),
      (context) => undoOfKind(undo.kind).begin(context),
    );
  }

  pollUndo(incident: Incident, undo: UndoState, state: ExchangeState, issued: boolean): readonly Answered<Polled>[] {
    const { intent } = undo;
    if (!intent) throw new Error(`undo ${undo.id} has no command`);
    return this.#known(
      `after ${undo.id} ${JSON.stringify([issued, undo.value, intent.fence, seen(state)])}`,
      LATER,
      (moment) => ({ ...this.#context(incident, undefined, state, moment), undo }),
      (context) => undoOfKind(undo.kind).poll(context, intent, issued),
    );
  }

  /** Every different answer in all of these moments. */
  #known<T, C>(
    key: string,
    moments: readonly Moment[],
    contextIn: (moment: Moment) => C,
    ask: (context: C) => Promise<T>,
  ): readonly Answered<T>[] {
    const known = this.#answers.get(key);
    if (known) return known as readonly Answered<T>[];
    const asking = async () => {
      const different = new Map<string, Answered<T>>();
      for (const moment of moments) {
        const answered = await ask(contextIn(moment)).then(
          (answer): Answered<T> => ({ answer }),
          (error): Answered<T> => {
            if (error instanceof ExchangeError) return { failed: error.code, late: moment.now === LATE };
            throw error;
          },
        );
        different.set(JSON.stringify(answered, withoutTime), answered);
      }
      this.#answers.set(key, [...different.values()]);
    };
    throw new NotAskedYet(asking());
  }

  #context(
    incident: Incident,
    given: StepRecord | undefined,
    state: ExchangeState,
    { condition, now, verdict = 'cleared', end }: Moment,
  ): StepContext {
    const { facts } = incident;
    const record = given ?? NO_STEP;
    if (!facts) throw new Error('a step without a plan');
    const clock: Clock = { now: () => now, speed: 1, epoch: facts.organisation };
    return {
      incident,
      record,
      facts,
      exchange: exchangeOf(state, condition, now),
      verifier: {
        family: () => Promise.reject(new Error('steps verify monitors')),
        monitors: async (_server, handles) => verified(verdict, handles),
        healthSet: async () => undefined,
      },
      clock,
      settings: this.#settings,
      change: () => ({ notAfter: 0, caller: '', scope: [] }),
      ledgerOf: async (server, setting) => ledgerOf(incident, server, setting),
      openChild: () => Promise.reject(new Error('a child is opened by the shell')),
      outcomeOf: async () => end && { outcome: end, reason: end },
      notify: async () => {},
      signal: NEVER,
    };
  }
}

/** Everything that the answers of a step can depend on. */
function about(incident: Incident, { step }: StepRecord, state: ExchangeState): string {
  return JSON.stringify([
    currentRun(incident)?.playbook,
    step.n,
    step.step,
    step.options,
    incident.backEnd,
    incident.parent,
    [...seen(state), state.active],
  ]);
}

const seen = ({ starts, boots, scripts, blocked, log }: ExchangeState) => [starts, boots, scripts, blocked, log];

function verified(verdict: Verdict, handles: MonitorRef[]): VerifiedMonitors {
  const shown = verdict === 'early' ? 'inconclusive' : verdict;
  const result: VerifyResult = {
    verdict: shown,
    reason: verdict,
    evidence: [],
    monitors: handles.map((monitor) => ({ ...monitor, verdict: shown })),
  };
  return verdict === 'early' ? { ...result, dueBy: 1 } : result;
}

/** Two answers that differ only in a time lead to the same state. */
function withoutTime(key: string, value: unknown): unknown {
  return key === 'until' || key === 'says' || key === 'reason' ? undefined : value;
}
