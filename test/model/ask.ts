/** Asks the real steps and undos of src/steps what they make of the small organisation, in each of its moods. */
import type { MonitorRef, VerifyResult } from '../../src/incident/health.ts';
import { currentRun, type Incident, type StepRecord } from '../../src/incident/incident.ts';
import type { Outcome } from '../../src/incident/outcome.ts';
import { isOutstanding, type UndoState } from '../../src/incident/undo.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { ExchangeError, type ExchangeFailure } from '../../src/ports/exchange.ts';
import { stepNamed, undoOfKind } from '../../src/steps/index.ts';
import type { Begin, Polled, StepContext, StepSettings, Undo } from '../../src/steps/step.ts';
import type { VerifiedMonitors } from '../../src/verification/verify.ts';
import { exchangeOf, ledgerOf, type Mood, type World } from './world.ts';

/** An answer of a step, or the failure of the call it could not do without. `late`: long after the step began. */
export type Answered<T> = { answer: T; failed?: never } | { answer?: never; failed: ExchangeFailure; late: boolean };
export type UndoBegin = Awaited<ReturnType<Undo['begin']>>;

/** What the verifier may see of the handled monitors; `early`: its rows were not evaluated since our change. */
const SIGHTS = ['cleared', 'confirmed', 'inconclusive', 'early'] as const;
type Sight = (typeof SIGHTS)[number];

/** What a step may find when it asks. `now`: milliseconds after it began. `end`: how its child incident ended, if it did. */
interface Moment {
  mood: Mood;
  now: number;
  sight?: Sight;
  end?: Outcome | undefined;
}

const MOODS: readonly Mood[] = ['true', 'unreachable', 'accessDenied', 'hangs', 'cold', 'disabled'];
/** Just begun; in the middle of a watch; later than every deadline. */
const LATE = 90_000_000;
const TIMES = [1, 600_000, LATE];
const ENDS: readonly (Outcome | undefined)[] = [undefined, 'recovered', 'transient', 'escalated', 'cancelled'];

const AT_ONCE: Moment[] = MOODS.map((mood) => ({ mood, now: 0 }));
const LATER: Moment[] = MOODS.flatMap((mood) => TIMES.map((now) => ({ mood, now })));
const WITH_SIGHT: Moment[] = LATER.filter(({ mood }) => mood === 'true' || mood === 'unreachable').flatMap((moment) =>
  SIGHTS.flatMap((sight) => ENDS.map((end) => ({ ...moment, sight, end }))),
);
const LOOKING = new Set(['recheck', 'watch-health', 'remediate']);

/** An undo has none. */
const NO_STEP: StepRecord = {
  step: { n: 0, step: '', options: {}, changes: false, says: '' },
  state: 'done',
  note: {},
  inconclusiveTries: 0,
  unhealthyTries: 0,
};

const STEP_SETTINGS = { retryEvery: 1, commandTimeLimit: 1 };

/** Thrown where an answer is not known yet: steps are asynchronous, the search is not. It comes again when it is. */
export class NotAskedYet extends Error {
  readonly asking: Promise<void>;
  constructor(asking: Promise<void>) {
    super('a step is being asked');
    this.asking = asking;
  }
}

export class Steps {
  readonly #answers = new Map<string, readonly unknown[]>();
  readonly #settings: StepSettings;

  constructor(looks: number) {
    this.#settings = { ...STEP_SETTINGS, retries: looks };
  }

  begin(incident: Incident, record: StepRecord, world: World): readonly Answered<Begin>[] {
    const owed = incident.undo.filter(isOutstanding).map(({ id }) => id);
    return this.#known(
      `begin ${about(incident, record, world)} ${owed}`,
      AT_ONCE,
      ({ mood }) => this.#context(incident, record, world, { mood, now: 0 }),
      (context) => stepNamed(record.step.step).begin(context),
    );
  }

  look(incident: Incident, record: StepRecord, world: World, issued: boolean): readonly Answered<Polled>[] {
    const { inconclusiveTries, unhealthyTries, child, intent } = record;
    const known = JSON.stringify([issued, inconclusiveTries, unhealthyTries, child, intent?.fence]);
    return this.#known(
      `look ${about(incident, record, world)} ${known}`,
      LOOKING.has(record.step.step) ? WITH_SIGHT : LATER,
      (when) => this.#context(incident, record, world, when),
      (context) => stepNamed(record.step.step).poll(context, issued),
    );
  }

  beginUndo(incident: Incident, debt: UndoState, world: World): readonly Answered<UndoBegin>[] {
    return this.#known(
      `undo ${debt.id} ${JSON.stringify([debt.value, seen(world)])}`,
      AT_ONCE,
      (when) => ({ ...this.#context(incident, undefined, world, when), undo: debt }),
      (context) => undoOfKind(debt.kind).begin(context),
    );
  }

  lookAtUndo(incident: Incident, debt: UndoState, world: World, issued: boolean): readonly Answered<Polled>[] {
    const { intent } = debt;
    if (!intent) throw new Error(`undo ${debt.id} has no command`);
    return this.#known(
      `after ${debt.id} ${JSON.stringify([issued, debt.value, intent.fence, seen(world)])}`,
      LATER,
      (when) => ({ ...this.#context(incident, undefined, world, when), undo: debt }),
      (context) => undoOfKind(debt.kind).poll(context, intent, issued),
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
    world: World,
    { mood, now, sight = 'cleared', end }: Moment,
  ): StepContext {
    const { facts } = incident;
    const record = given ?? NO_STEP;
    if (!facts) throw new Error('a step without a plan');
    const clock: Clock = { now: () => now, speed: 1, epoch: facts.organisation };
    return {
      incident,
      record,
      facts,
      exchange: exchangeOf(world, mood, now),
      verifier: {
        family: () => Promise.reject(new Error('steps look at monitors')),
        monitors: async (_server, handles) => sightOf(sight, handles),
        healthSet: async () => undefined,
      },
      clock,
      settings: this.#settings,
      change: () => ({ notAfter: 0, caller: '', scope: [] }),
      ledgerOf: async (server, setting) => ledgerOf(incident, server, setting),
      openChild: () => Promise.reject(new Error('a child is opened by the shell')),
      outcomeOf: async () => end && { outcome: end, reason: end },
      notify: async () => {},
      signal: new AbortController().signal,
    };
  }
}

/** What the answers of a step can depend on. */
function about(incident: Incident, { step }: StepRecord, world: World): string {
  const reads = READS[step.step]?.(world) ?? [];
  return JSON.stringify([
    currentRun(incident)?.playbook,
    step.n,
    step.step,
    step.options,
    incident.backEnd,
    incident.parent,
    reads,
  ]);
}

/** A step that is not here reads nothing of what commands change. */
const READS: Record<string, (world: World) => unknown[]> = {
  'restart-service': ({ starts, boots }) => [starts, boots],
  'restart-server': ({ boots }) => [boots],
  'fail-over-databases': ({ blocked }) => [blocked],
  'allow-activation': ({ blocked }) => [blocked],
  'confirm-no-active-copies': ({ active }) => [active],
  'protocol-log': ({ log }) => [log],
};

const seen = ({ starts, boots, blocked, log }: World) => [starts, boots, blocked, log];

function sightOf(sight: Sight, handles: MonitorRef[]): VerifiedMonitors {
  const verdict = sight === 'early' ? 'inconclusive' : sight;
  const looked: VerifyResult = {
    verdict,
    reason: sight,
    evidence: [],
    monitors: handles.map((monitor) => ({ ...monitor, verdict })),
  };
  return sight === 'early' ? { ...looked, dueBy: 1 } : looked;
}

/** Two answers that differ in a time only lead to one state. */
function withoutTime(key: string, value: unknown): unknown {
  return key === 'until' || key === 'says' || key === 'reason' ? undefined : value;
}
