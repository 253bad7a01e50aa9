/** What the daemon would do now if an alert arrived: every read is real, and nothing is sent or recorded. */
import type { Answer } from '../../guards/guard.ts';
import { askAllGuards } from '../../guards/index.ts';
import { familyOf, incidentKey, shortName } from '../../incident/alert.ts';
import { type Entry, EVENT_VERSION, type IncidentEvent } from '../../incident/event.ts';
import { apply, fold } from '../../incident/fold.ts';
import type { Incident } from '../../incident/incident.ts';
import { unmetCondition } from '../../incident/next.ts';
import type { PlannedStep } from '../../incident/plan.ts';
import { type Exchange, ExchangeError } from '../../ports/exchange.ts';
import type { WhatIf, WhatIfAlert, WhatIfStep } from '../../ports/operations.ts';
import { stepNamed } from '../../steps/index.ts';
import { isActive } from '../../verification/copies.ts';
import type { Advance } from '../advancing.ts';
import type { Engine } from '../parts.ts';
import { unmetByHealth } from '../step/begin-step.ts';
import { contextOf } from '../step/step-context.ts';
import { weigh } from '../step/weigh.ts';
import { match } from '../verify/match.ts';

/**
 * Verifies and plans as for a real alert, and asks every guard about every change of the plan. A step is judged as if the
 * steps before it had done what they should: after one that proves it, no copy is active.
 */
export async function whatIf(engine: Engine, alert: WhatIfAlert, signal: AbortSignal): Promise<WhatIf> {
  const { store, clock } = engine;
  const server = shortName(alert.server);
  const family = familyOf(alert.healthSet);
  const { open } = await store.correlate(incidentKey(server, family), server, clock.epoch, engine.realNow());
  const incident = fold([entryOf({ type: 'opened', data: { id: 'what-if', server, family } }, clock.now())]);
  const found = await engine.verifier.family({ server, family, hints: [alert] }, signal);
  signal.throwIfAborted();
  write(incident, { type: 'verified', data: { ...found, purpose: 'first', startedAt: clock.now() } }, clock.now());
  const { verdict, reason, evidence } = found;
  const joins = open === undefined ? {} : { joins: open };
  const verification = { verdict, reason, evidence };
  if (verdict !== 'confirmed') {
    const says =
      verdict === 'cleared'
        ? `Nothing would be changed: ${reason}`
        : `Nothing would be changed: ${reason}. If that is still so after ${engine.settings.retries} more verifications, a person is notified.`;
    return { server, ...joins, verification, steps: [], says: withJoin(joins, says) };
  }
  const matched = match(incident, engine.playbooks(), engine.catalog, engine.settings.restrictions);
  write(incident, { type: 'matched', data: matched }, clock.now());
  if (matched.playbook === null) {
    const says = `Nothing would be changed, and a person is notified: ${matched.reason}`;
    return { server, ...joins, verification, steps: [], says: withJoin(joins, says) };
  }
  const steps = await judgeAll(engine, incident, matched.plan, signal);
  const says = inOneSentence(matched.playbook.name, steps);
  return { server, ...joins, verification, playbook: matched.playbook, steps, says: withJoin(joins, says) };
}

async function judgeAll(
  engine: Engine,
  incident: Incident,
  plan: readonly PlannedStep[],
  signal: AbortSignal,
): Promise<WhatIfStep[]> {
  const steps: WhatIfStep[] = [];
  let exchange = engine.exchange;
  for (const planned of plan) {
    const judged = await judge({ ...engine, exchange }, incident, planned, signal);
    steps.push(judged);
    if (judged.would === 'refuse') return [...steps, ...plan.slice(steps.length).map(notReached)];
    const proves = stepNamed(planned.step).proves === 'no-active-copies';
    if (proves && judged.would !== 'skip') exchange = drained(exchange, incident.server);
  }
  return steps;
}

const notReached = ({ n, says, changes }: PlannedStep): WhatIfStep => ({ n, says, changes, would: 'not-reached' });

async function judge(
  engine: Engine,
  incident: Incident,
  planned: PlannedStep,
  signal: AbortSignal,
): Promise<WhatIfStep> {
  const { n, says, changes, when, step: name, options } = planned;
  const about = { n, says, changes };
  const advance = reading(incident, signal);
  const context = contextOf(engine, advance, n);
  try {
    const unmet = when && (unmetCondition(when, incident.facts) ?? (await unmetByHealth(context, when)));
    if (unmet === 'unseen')
      return { ...about, would: 'wait', why: 'the health set that the step depends on could not be read' };
    if (unmet) return { ...about, would: 'skip', why: unmet };
    const step = stepNamed(name);
    if (step.asks) return { ...about, would: 'ask', why: step.asks(options).question };
    if (!changes) return { ...about, would: 'run' };
    const begun = await step.begin(context);
    if (begun.begin !== 'start') return { ...about, would: begun.begin, why: begun.says };
    if (!begun.change) return { ...about, would: 'run' };
    const weighed = await weigh(engine, advance, n, begun.note, begun.change);
    if (typeof weighed === 'string') return { ...about, would: 'refuse', why: weighed };
    const guards = (await askAllGuards(weighed.context)).map(({ guard, answer }) => ({ guard, ...answer }));
    const { command, server, arguments: given } = begun.change.intent;
    const would = outcomeOf(guards);
    return { ...about, command: { command, server, arguments: given }, ...would, guards };
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    return { ...about, would: 'wait', why: `${error.code}: ${error.message}` };
  }
}

/** As the first guard that does not allow it says. The evidence is new, so none would ask for another verification. */
function outcomeOf(guards: readonly ({ guard: string } & Answer)[]): Pick<WhatIfStep, 'would' | 'why'> {
  const first = guards.find(({ answer }) => answer === 'wait' || answer === 'refuse');
  if (first?.answer === 'refuse') return { would: 'refuse', why: `${first.guard}: ${first.says}` };
  if (first?.answer !== 'wait') return { would: 'run' };
  return { would: first.approval ? 'ask' : 'wait', why: `${first.guard}: ${first.says}` };
}

function inOneSentence(playbook: string, steps: readonly WhatIfStep[]): string {
  const first = steps.find(({ changes, would }) => changes && would === 'run');
  const stop = steps.find(({ would }) => would === 'refuse' || would === 'wait' || would === 'ask');
  const acts = first ? `${playbook} would begin with step ${first.n}, ${first.says}` : undefined;
  const isBefore = first !== undefined && (stop === undefined || first.n < stop.n);
  if (!stop) return `${acts ?? `${playbook} would change nothing`}; no guard stops it.`;
  const what = {
    refuse: 'would be refused, and a person notified',
    wait: 'would wait',
    ask: 'would wait for a person',
  };
  const stopped = `step ${stop.n}, ${stop.says}, ${what[stop.would as keyof typeof what]}: ${stop.why}`;
  return isBefore ? `${acts}. If that does not help, ${stopped}` : `${playbook} would change nothing: ${stopped}`;
}

const withJoin = ({ joins }: Pick<WhatIf, 'joins'>, says: string) =>
  joins === undefined ? says : `The alert would join incident ${joins}, which is open. Without it: ${says}`;

/** An advance that can read and nothing else. */
function reading(incident: Incident, signal: AbortSignal): Advance {
  const never = async (): Promise<never> => {
    throw new Error('a what-if records nothing');
  };
  return {
    cursor: { incident, decide: never, record: never, onHead: never, ahead: async () => incident },
    signal,
    stillMine() {},
    confirm: never,
    justVerified: true,
  };
}

/** The organisation after the databases of a server have moved away. */
function drained(exchange: Exchange, server: string): Exchange {
  return {
    ...exchange,
    async copiesOn(on, options) {
      const reply = await exchange.copiesOn(on, options);
      if (on !== server) return reply;
      return { ...reply, value: reply.value.map((copy) => (isActive(copy) ? { ...copy, status: 'Healthy' } : copy)) };
    },
  };
}

function write(incident: Incident, event: IncidentEvent, now: number): void {
  apply(incident, entryOf(event, now));
}

const entryOf = ({ type, data }: IncidentEvent, at: number): Entry => ({
  seq: 1,
  at,
  worker: 'what-if',
  version: EVENT_VERSION,
  type,
  data,
  previous: '',
});
