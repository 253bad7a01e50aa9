import type { Instant } from './alert.ts';
import type { Finished, VerifyPurpose } from './event.ts';
import type { ServerFacts } from './health.ts';
import {
  type Conclusion,
  currentRun,
  type Incident,
  isExpired,
  isUnverified,
  type Run,
  type StepRecord,
  stepInProgress,
} from './incident.ts';
import type { Condition } from './plan.ts';
import { isDue, isOutstanding, type UndoState } from './undo.ts';

/** The next action for an incident. The engine performs it, appends the result to the journal, folds and asks again. */
export type Decision =
  /** The incident is over. */
  | { do: 'nothing' }
  /** Verify the whole health-set family. */
  | { do: 'verify'; purpose: VerifyPurpose }
  /** Choose a playbook for the unhealthy monitors. */
  | { do: 'match' }
  /** Prepare a step, ask the guards, start it. */
  | { do: 'begin'; n: number }
  /** A step was started and has not ended: poll what became of it. */
  | { do: 'continue'; n: number }
  /** A step whose condition does not hold, or that is no longer needed. */
  | { do: 'skip'; n: number; says: string }
  /** Start an undo action, or poll one that was started. */
  | { do: 'undo'; undo: string }
  /** Mark an undo action as settled: a person has done it by hand. */
  | { do: 'settle'; undo: string; says: string }
  /** Record that nothing happens before `until`. */
  | { do: 'sleep'; until: Instant; for: string; says: string }
  /** A recorded sleep, or an approval that is still pending. */
  | { do: 'wait'; until: Instant; says: string }
  /** No one approved in time. */
  | { do: 'expire' }
  | { do: 'finish'; finished: Finished };

/** Limits of verification. All durations are in milliseconds. */
export interface NextSettings {
  /** Number of further verifications after an inconclusive one. */
  retries: number;
  retryEvery: number;
  /** How long the server must stay healthy after an activation block was lifted. */
  watchAfterUndo: number;
  /** Evidence older than this does not justify a change. */
  evidenceMaxAge: number;
}

/** Verifications requested by senders take at most one tenth of the time before a change. */
const NEWS_INTERVAL_FACTOR = 10;

/** The course of an incident, top to bottom. Pure: the same incident at the same time gives the same decision. */
export function next(incident: Incident, now: Instant, settings: NextSettings): Decision {
  if (incident.finished) return { do: 'nothing' };

  // 1. Complete what was started: only this incident knows whether it took effect.
  const undo = incident.undo.find((candidate) => candidate.state === 'started');
  if (undo) return asleep(incident, now) ?? { do: 'undo', undo: undo.id };
  const inProgress = stepInProgress(incident);
  if (inProgress) {
    // A child incident acts under our claims, so it ends before this step does.
    const abandon = incident.conclusion && !inProgress.intent && inProgress.child === undefined;
    if (abandon) return { do: 'skip', n: inProgress.step.n, says: incident.conclusion?.reason ?? '' };
    return asleep(incident, now) ?? { do: 'continue', n: inProgress.step.n };
  }

  // 2. The outcome is decided: run the due undo actions, verify that the server stays healthy, finish.
  if (incident.conclusion) return ending(incident, incident.conclusion, now, settings);

  // 3. Verify before anything else.
  const sleeping = asleep(incident, now);
  if (sleeping) return sleeping;
  if (!incident.verified) return { do: 'verify', purpose: 'first' };
  if (incident.verifyFirst && mayVerifyForNews(incident, now, settings))
    return { do: 'verify', purpose: 'before-change' };
  if (incident.verified.verdict === 'inconclusive') return verifyAgain(incident, now, settings);

  // 4. The problem is confirmed: choose the first playbook, or the next once the current one has healed its own
  // monitors.
  const run = currentRun(incident);
  if (!run) return { do: 'match' };
  if (run.healed) {
    return incident.verified.purpose === 'step' ? { do: 'verify', purpose: 'after-health' } : { do: 'match' };
  }

  // 5. Run the playbook step by step. Reaching a step means that the problem persists.
  const record = nextStep(incident, run);
  if (!record) {
    const reason = `Still unhealthy at the end of playbook ${run.playbook}: ${incident.verified.reason}`;
    return ending(incident, { outcome: 'escalated', reason, exhausted: true }, now, settings);
  }
  const unmet = record.step.when && unmetCondition(record.step.when, incident.facts);
  if (unmet) return { do: 'skip', n: record.step.n, says: unmet };
  if (incident.held?.approval) {
    if (isExpired(incident.held, now)) return { do: 'expire' };
    return { do: 'wait', until: incident.held.until ?? Number.POSITIVE_INFINITY, says: incident.held.says };
  }
  return { do: 'begin', n: record.step.n };
}

/**
 * News triggers one verification before each change, and another only when that one is outdated. Otherwise a sender
 * that keeps sending "resolved" could delay the change indefinitely.
 */
function mayVerifyForNews({ verifiedForNews }: Incident, now: Instant, { evidenceMaxAge }: NextSettings): boolean {
  if (!verifiedForNews) return true;
  const { took, at } = verifiedForNews;
  return now - at >= Math.max(evidenceMaxAge, NEWS_INTERVAL_FACTOR * took);
}

/** The first step of a run that is not done yet. */
export function nextStep(incident: Incident, run: Run): StepRecord | undefined {
  const own = new Set(run.plan.map((step) => step.n));
  return incident.steps.find(
    (record) => own.has(record.step.n) && (record.state === 'pending' || record.state === 'notSent'),
  );
}

function asleep(incident: Incident, now: Instant): Decision | undefined {
  const { slept } = incident;
  return slept && slept.until > now ? { do: 'wait', until: slept.until, says: slept.says } : undefined;
}

/** Health could not be verified and is not verified again: the incident escalates without another step. */
export function isGivenUp({ verified, inconclusiveTries }: Incident, { retries }: NextSettings): boolean {
  return verified?.verdict === 'inconclusive' && (verified.hopeless === true || inconclusiveTries > retries);
}

/** An inconclusive verification is repeated a few times. It never justifies a change and never counts as healthy. */
function verifyAgain(incident: Incident, now: Instant, settings: NextSettings): Decision {
  const verified = incident.verified;
  const purpose = (verified?.purpose ?? 'first') as VerifyPurpose;
  if (!isGivenUp(incident, settings)) {
    if (incident.slept) return { do: 'verify', purpose };
    return { do: 'sleep', until: now + settings.retryEvery, for: 'look', says: verified?.reason ?? '' };
  }
  const times = incident.inconclusiveTries === 1 ? 'once' : `${incident.inconclusiveTries} times`;
  const reason = `Health could not be verified (tried ${times}): ${verified?.reason}`;
  return ending(incident, { outcome: 'escalated', reason }, now, settings);
}

function ending(incident: Incident, conclusion: Conclusion, now: Instant, settings: NextSettings): Decision {
  const byHand = incident.asked?.what === 'settle' && incident.undo.find((undo) => isOutstanding(undo));
  if (byHand) return { do: 'settle', undo: byHand.id, says: conclusion.reason };

  const due = nextUndo(incident, conclusion);
  if (due) return asleep(incident, now) ?? { do: 'undo', undo: due.id };

  const mayRecover = conclusion.outcome === 'recovered' || conclusion.exhausted === true;
  if (mayRecover && incident.afterUndo) {
    const { look, since } = incident.afterUndo;
    const until = since + (look === 'watch' ? settings.watchAfterUndo : 0);
    if (until <= now) return { do: 'verify', purpose: 'after-undo' };
    return (
      asleep(incident, now) ?? {
        do: 'sleep',
        until,
        for: 'watch',
        says: 'watching whether the server stays healthy after the undo',
      }
    );
  }
  const inconclusive = incident.verified?.purpose === 'after-undo' && incident.verified.verdict === 'inconclusive';
  if (conclusion.outcome === 'recovered' && inconclusive)
    return asleep(incident, now) ?? verifyAgain(incident, now, settings);

  return {
    do: 'finish',
    finished: {
      // What could not be verified can't be declared over: escalate to a person.
      outcome: isUnverified(incident) ? 'escalated' : conclusion.outcome,
      reason: conclusion.reason,
      left: incident.undo
        .filter((undo) => isOutstanding(undo) && !isDue(undo, conclusion.outcome))
        .map((undo) => undo.says),
      owed: incident.undo
        .filter((undo) => isOutstanding(undo) && isDue(undo, conclusion.outcome))
        .map((undo) => undo.says),
    },
  };
}

/**
 * The next undo action that is due. Those that always run come before those that run on recovery: a server whose
 * service had to restart once more is verified before databases may return to it.
 */
function nextUndo(incident: Incident, conclusion: Conclusion): UndoState | undefined {
  const due = incident.undo.filter((undo) => undo.state === 'owed' && isDue(undo, conclusion.outcome));
  const ready = due.filter((undo) => {
    const before = incident.undo.find((other) => other.id === undo.dependsOn);
    return !before || !isOutstanding(before);
  });
  const always = ready.filter((undo) => undo.when === 'always');
  if (always.length > 0) return always.at(-1);
  if (incident.afterUndo?.look === 'recheck') return undefined;
  return ready.at(-1);
}

/** Why a step does not apply to this server; undefined if it does, or if only a verification can decide. */
export function unmetCondition(condition: Condition, facts: ServerFacts | undefined): string | undefined {
  if (!facts) return undefined;
  if (condition.role && !facts.roles.includes(condition.role)) return `${facts.server} has no ${condition.role} role`;
  if (condition.dag === true && !facts.dag) return `${facts.server} is not in a database availability group`;
  if (condition.dag === false && facts.dag) return `${facts.server} is in ${facts.dag}`;
  if (condition.version && !condition.version.includes(yearOf(facts.version))) {
    return `${facts.server} runs Exchange ${yearOf(facts.version)}`;
  }
  return undefined;
}

/** The year of an Exchange version: 15.0 is 2013, 15.1 is 2016, 15.2 is 2019 (and SE); 0 if unknown. */
export function yearOf(version: string): number {
  return { '15.0': 2013, '15.1': 2016, '15.2': 2019 }[version] ?? 0;
}
