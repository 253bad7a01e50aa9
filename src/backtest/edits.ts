/** What an inserted, removed or changed step means for a recorded run. */
import type { Entry } from '../incident/event.ts';
import { type StepRecord, stepRecord } from '../incident/incident.ts';
import type { PlannedStep } from '../incident/plan.ts';
import { span } from '../lib/span.ts';
import { STEPS, stepNamed } from '../steps/index.ts';
import { sameStep } from './align.ts';
import { differs, endsWith, figuresAt, goesOn, happens, healed, type Replay, remaining } from './replay.ts';

/** `follows`: the record still shows what happens. `stops`: `ends` and `rests` of the replay say how it may go on. */
export type Guide = 'follows' | 'stops';

/** Steps that change neither the server nor the course of a run. */
const SILENT = ['notify', 'log-location', 'checklist'];

const named = ({ n, says }: PlannedStep) => `step ${n} (${says})`;
/** A recorded step in today's words. */
const recordedAs = ({ n, step, options, says }: PlannedStep) =>
  `step ${n} (${STEPS.find(({ name }) => name === step)?.says(options) ?? says})`;
const millis = (value: unknown) => value as number;

/** A step that the recorded run did not have. */
export function inserted(replay: Replay, entry: Entry, { step }: StepRecord): Guide {
  const done = () =>
    happens(replay.would, entry, { type: 'stepFinished', data: { n: step.n, state: 'done', says: '' } });
  if (SILENT.includes(step.step)) {
    differs(replay, 'other-steps', 'known', `does ${named(step)} in addition`);
    done();
    return 'follows';
  }
  if (step.step === 'wait') {
    replay.shift += millis(step.options.for);
    differs(replay, 'timing', 'known', `waits ${span(millis(step.options.for))} longer, at ${named(step)}`);
    done();
    return 'follows';
  }
  if (step.step === 'escalate') {
    differs(replay, 'earlier-end', 'known', `escalates at ${named(step)}; the recorded run went on`);
    endsWith(replay, entry.at, 'escalated');
    return 'stops';
  }
  if (step.step === 'recheck' || step.step === 'watch-health') {
    const says = `verifies health at ${named(step)}, which the recorded run did not: if healthy, it ends there; if not, it goes on as recorded`;
    differs(replay, 'other-steps', 'unknown', says);
    mayEndHere(replay, entry);
    replay.shift += stepNamed(step.step).worst?.(step.options).takes ?? 0;
    const data = { n: step.n, state: 'done', says: '', health: 'unhealthy' } as const;
    happens(replay.would, entry, { type: 'stepFinished', data });
    return 'follows';
  }
  differs(replay, 'other-steps', 'unknown', `does ${named(step)}, which the recorded run did not`);
  goesOn(replay, entry.at);
  return 'stops';
}

/** A verification that the record does not have finds the server healthy, or cannot find out. */
function mayEndHere(replay: Replay, { at }: Entry): void {
  endsWith(replay, at, healed(replay));
  endsWith(replay, at, 'escalated');
}

/** A recorded step that the new plan does not have. */
export function removed(replay: Replay, entry: Entry, n: number): Guide {
  const then = stepRecord(replay.record, n);
  const { step, state, end } = then;
  const takes = (then.finishedAt ?? entry.at) - (then.startedAt ?? entry.at);
  const omitted = (certainty: 'known' | 'assumed', says: string): Guide => {
    replay.numbers.set(n, undefined);
    replay.shift -= takes;
    differs(replay, step.step === 'wait' ? 'timing' : 'other-steps', certainty, says);
    return 'follows';
  };
  if (state === 'skipped') {
    replay.numbers.set(n, undefined);
    return 'follows';
  }
  if (step.step === 'wait') return omitted('known', `does not wait ${span(takes)} at ${recordedAs(step)}`);
  const isSilent = SILENT.includes(step.step) || step.step === 'confirm-no-active-copies';
  if (isSilent && state === 'done') return omitted('known', `omits ${recordedAs(step)}`);
  const isUnhealthy = end?.health === 'unhealthy';
  if (step.verifies && isUnhealthy)
    return omitted('known', `omits ${recordedAs(step)}, which found the server unhealthy`);
  if (isRestart(step) && state === 'done' && foundNext(replay, n) === 'unhealthy') {
    return omitted(
      'assumed',
      `omits ${recordedAs(step)}, which did not help: the next verification found the server unhealthy`,
    );
  }
  if (step.step === 'protocol-log' && state === 'done') return omitted('assumed', `omits ${recordedAs(step)}`);
  const why = end?.health === 'healthy' ? ', which found the server healthy' : end ? ` (recorded: ${end.says})` : '';
  return leaves(replay, entry, `omits ${recordedAs(step)}${why}`);
}

/** The new run goes another way from here: its next steps, or its end if there are none. */
export function leaves(replay: Replay, { at }: Entry, says: string): Guide {
  const [first] = remaining(replay.would);
  if (!first) {
    differs(replay, 'earlier-end', 'known', `${says}, and escalates, because no step is left`);
    endsWith(replay, at, 'escalated');
    return 'stops';
  }
  differs(replay, 'other-steps', 'unknown', `${says}, and goes on with ${named(first.step)}: result unknown`);
  goesOn(replay, at);
  return 'stops';
}

const isRestart = ({ step }: PlannedStep) => step === 'restart-service' || step === 'restart-server';

/** What the first verification after a step found, if no other change came before it. */
function foundNext({ entries }: Replay, n: number): 'healthy' | 'unhealthy' | undefined {
  const ended = entries.findIndex(({ type, data }) => type === 'stepFinished' && (data as { n: number }).n === n);
  for (const { type, data } of entries.slice(ended + 1)) {
    const { health, verdict, intent } = data as { health?: string; verdict?: string; intent?: unknown };
    if (type === 'stepStarted' && intent) return undefined;
    if (health === 'unhealthy' || verdict === 'confirmed') return 'unhealthy';
    if (health !== undefined || verdict !== undefined) return undefined;
  }
  return undefined;
}

/** A step of the same kind with other options: sometimes the record shows what they would have changed. */
export function changed(replay: Replay, entry: Entry, n: number, to: PlannedStep): Guide {
  const then = stepRecord(replay.record, n);
  const { step, state } = then;
  const follow = (): Guide => {
    replay.numbers.set(n, to.n);
    return 'follows';
  };
  if (state === 'skipped' && !step.when) return follow();
  if (SILENT.includes(step.step) || step.step === 'escalate') return follow();
  if (sameStep({ ...step, options: {} }, { ...to, options: {} })) {
    if (step.step === 'wait') {
      const by = millis(to.options.for) - millis(step.options.for);
      // A wait that a person cut short, by cancelling, is assumed to be cut short again.
      const certainty = state === 'done' ? 'known' : 'assumed';
      differs(replay, 'timing', certainty, `waits ${span(Math.abs(by))} ${by < 0 ? 'less' : 'longer'} at ${named(to)}`);
      if (state === 'done') replay.shiftAfter.set(n, by);
      return follow();
    }
    if (step.step === 'recheck') return otherAttempts(replay, entry, then, to, follow);
    if (step.step === 'watch-health') return otherWatch(replay, then, to, follow);
    if (step.step === 'confirm-no-active-copies') return otherDeadline(replay, entry, then, to, 'within', follow);
    if (step.step === 'restart-server') return otherDeadline(replay, entry, then, to, 'back-within', follow);
  }
  differs(replay, 'other-steps', 'unknown', `does ${named(to)} in place of ${recordedAs(step)}: result unknown`);
  goesOn(replay, entry.at);
  return 'stops';
}

function otherAttempts(replay: Replay, entry: Entry, then: StepRecord, to: PlannedStep, follow: () => Guide): Guide {
  const { unhealthyTries: tries, end, step } = then;
  const [attempts, before] = [millis(to.options.attempts), millis(step.options.attempts)];
  const slower = millis(to.options.every) - millis(step.options.every);
  const health = end?.health;
  if (health === 'healthy' && tries >= attempts) {
    const says = `gives up at ${named(to)} after ${attempts} unhealthy checks, although check ${tries + 1} found the server healthy`;
    replay.shift -= millis(step.options.every) * (tries + 1 - attempts);
    const data = { n: to.n, state: 'done', says: '', health: 'unhealthy' } as const;
    happens(replay.would, entry, { type: 'stepFinished', data });
    return leaves(replay, { ...entry, at: then.finishedAt ?? entry.at }, says);
  }
  const extra = health === 'unhealthy' ? attempts - before : 0;
  const by = extra * millis(to.options.every) + slower * Math.min(tries, attempts - 1);
  if (extra > 0) {
    const says = `checks ${extra} more times at ${named(to)}: if one finds the server healthy, it ends there; if not, it goes on as recorded`;
    differs(replay, 'other-steps', 'unknown', says);
    mayEndHere(replay, { ...entry, at: (then.finishedAt ?? entry.at) + by });
    replay.shiftAfter.set(step.n, by);
    return follow();
  }
  replay.shiftAfter.set(step.n, by);
  if (by !== 0) differs(replay, 'timing', slower === 0 ? 'known' : 'assumed', `checks at other times at ${named(to)}`);
  return follow();
}

function otherWatch(replay: Replay, then: StepRecord, to: PlannedStep, follow: () => Guide): Guide {
  const { startedAt, finishedAt, end } = then;
  if (startedAt === undefined || finishedAt === undefined) return follow();
  const watched = finishedAt - startedAt;
  const [total, every] = [millis(to.options.for), millis(to.options.every)];
  // Only a check that was made at the same moment shows what it finds.
  const wasChecked = every === then.step.options.every && total % every === 0;
  if (total < watched) {
    const certainty = wasChecked ? 'known' : 'assumed';
    if (end?.health === 'healthy') {
      differs(replay, 'timing', certainty, `watches ${span(watched - total)} less at ${named(to)}`);
      replay.shiftAfter.set(then.step.n, total - watched);
      return follow();
    }
    const later = end?.health ? `; the record shows it unhealthy ${span(watched - total)} later` : '';
    differs(replay, 'earlier-end', certainty, `calls the server healthy after ${span(total)} at ${named(to)}${later}`);
    endsWith(replay, startedAt + total, healed(replay));
    return 'stops';
  }
  if (end?.health !== 'healthy') {
    if (every !== then.step.options.every)
      differs(replay, 'timing', 'assumed', `checks at other times at ${named(to)}`);
    return follow();
  }
  // Healthy all along, but not watched long enough: the problem may come back, and then the plan goes on.
  const says = `watches ${span(total - watched)} longer at ${named(to)}: if the problem comes back meanwhile, it goes on`;
  differs(replay, 'other-steps', 'unknown', says);
  replay.shiftAfter.set(then.step.n, total - watched);
  const own = replay.would.steps.find(({ step }) => step.n === to.n);
  if (own) own.state = 'done';
  if (remaining(replay.would).length > 0) goesOn(replay, finishedAt);
  else endsWith(replay, finishedAt, 'escalated');
  if (own) own.state = 'pending';
  return follow();
}

/** A step that waits for something, with another time limit. */
function otherDeadline(
  replay: Replay,
  entry: Entry,
  then: StepRecord,
  to: PlannedStep,
  option: string,
  follow: () => Guide,
): Guide {
  const { startedAt = entry.at, finishedAt = entry.at, state, step } = then;
  const [took, limit, before] = [finishedAt - startedAt, millis(to.options[option]), millis(step.options[option])];
  if (state === 'done' && took <= limit) return follow();
  if (state === 'refused' && took >= before && limit > before) {
    differs(replay, 'other-steps', 'unknown', `waits ${span(limit - before)} longer at ${named(to)}: result unknown`);
    goesOn(replay, entry.at);
    return 'stops';
  }
  if (took <= limit) return follow();
  const late = state === 'done' ? `, although it was done ${span(took - limit)} later` : '';
  differs(
    replay,
    state === 'done' ? 'earlier-end' : 'timing',
    'known',
    `gives up at ${named(to)} after ${span(limit)}${late}`,
  );
  const figures = figuresAt(replay, startedAt + limit, 'escalated');
  // The command was sent, whether or not its effect was awaited.
  replay.ends.push({
    outcome: 'escalated',
    figures: { ...figures, reboots: figures.reboots + Number(to.step === 'restart-server') },
  });
  return 'stops';
}
