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
  stepInHand,
} from './incident.ts';
import type { Condition } from './plan.ts';
import { isDue, isOutstanding, type UndoState } from './undo.ts';

/** What to do about an incident now. The shell does it, appends what happened, folds, and asks again. */
export type Decision =
  /** It is over. */
  | { do: 'nothing' }
  /** Look at the whole health-set family. */
  | { do: 'verify'; purpose: VerifyPurpose }
  /** Choose a playbook for what is unhealthy. */
  | { do: 'match' }
  /** Prepare a step, ask the guards, start it. */
  | { do: 'begin'; n: number }
  /** A step was started and has no end: look what became of it. */
  | { do: 'continue'; n: number }
  /** A step whose condition does not hold, or that nobody needs any more. */
  | { do: 'skip'; n: number; says: string }
  /** Put back, or see what became of putting back. */
  | { do: 'undo'; undo: string }
  /** Strike out a debt that a person has seen to by hand. */
  | { do: 'settle'; undo: string; says: string }
  /** Write down that nothing is done before `until`. */
  | { do: 'sleep'; until: Instant; for: string; says: string }
  /** A sleep or an approval that still stands. */
  | { do: 'wait'; until: Instant; says: string }
  /** No one approved in time. */
  | { do: 'expire' }
  | { do: 'finish'; finished: Finished };

/** The bounds of looking, all in milliseconds but `looks`. */
export interface NextSettings {
  /** Further looks when a look saw nothing. */
  looks: number;
  lookEvery: number;
  /** How long health must last after an activation block was lifted. */
  watchAfterUndo: number;
  /** What was seen longer ago is no ground to act on. */
  evidenceMaxAge: number;
}

/** Looks that senders ask for take at most one tenth of the time before a change. */
const LOOKS_FOR_NEWS = 10;

/** The story of an incident, top to bottom. Pure: the same incident at the same time gives the same decision. */
export function next(incident: Incident, now: Instant, settings: NextSettings): Decision {
  if (incident.finished) return { do: 'nothing' };

  // 1. What was begun is brought to its end first: nobody else knows whether it happened.
  const undo = incident.undo.find((candidate) => candidate.state === 'started');
  if (undo) return asleep(incident, now) ?? { do: 'undo', undo: undo.id };
  const inHand = stepInHand(incident);
  if (inHand) {
    // A child acts under our claims: it comes to its end before we do.
    const abandon = incident.conclusion && !inHand.intent && inHand.child === undefined;
    if (abandon) return { do: 'skip', n: inHand.step.n, says: incident.conclusion?.reason ?? '' };
    return asleep(incident, now) ?? { do: 'continue', n: inHand.step.n };
  }

  // 2. It is settled how this ends: put back what is due, see that it holds, finish.
  if (incident.conclusion) return ending(incident, incident.conclusion, now, settings);

  // 3. Verify before anything else.
  const sleeping = asleep(incident, now);
  if (sleeping) return sleeping;
  if (!incident.verified) return { do: 'verify', purpose: 'first' };
  if (incident.verifyFirst && mayVerifyForNews(incident, now, settings))
    return { do: 'verify', purpose: 'before-change' };
  if (incident.verified.verdict === 'inconclusive') return verifyAgain(incident, now, settings);

  // 4. The trouble is there: find the playbook for it, once the one in hand has healed its own monitors.
  const run = currentRun(incident);
  if (!run) return { do: 'match' };
  if (run.healed) {
    return incident.verified.purpose === 'step' ? { do: 'verify', purpose: 'after-health' } : { do: 'match' };
  }

  // 5. Walk it, a step at a time. Reaching a step means that the trouble is still there.
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
 * News is looked at once before each change. A sender that goes on saying "resolved" is heard again when that look is
 * outdated; else it could keep us looking for ever.
 */
function mayVerifyForNews({ verifiedForNews }: Incident, now: Instant, { evidenceMaxAge }: NextSettings): boolean {
  if (!verifiedForNews) return true;
  const { took, at } = verifiedForNews;
  return now - at >= Math.max(evidenceMaxAge, LOOKS_FOR_NEWS * took);
}

/** The first step of a run that is still to be done. */
function nextStep(incident: Incident, run: Run): StepRecord | undefined {
  const own = new Set(run.plan.map((step) => step.n));
  return incident.steps.find(
    (record) => own.has(record.step.n) && (record.state === 'pending' || record.state === 'notSent'),
  );
}

function asleep(incident: Incident, now: Instant): Decision | undefined {
  const { slept } = incident;
  return slept && slept.until > now ? { do: 'wait', until: slept.until, says: slept.says } : undefined;
}

/** A look that saw nothing is repeated a few times; it is never a licence to act, and never taken for health. */
function verifyAgain(incident: Incident, now: Instant, settings: NextSettings): Decision {
  const verified = incident.verified;
  const purpose = (verified?.purpose ?? 'first') as VerifyPurpose;
  if (!verified?.hopeless && incident.inconclusiveTries <= settings.looks) {
    if (incident.slept) return { do: 'verify', purpose };
    return { do: 'sleep', until: now + settings.lookEvery, for: 'look', says: verified?.reason ?? '' };
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
  const blind = incident.verified?.purpose === 'after-undo' && incident.verified.verdict === 'inconclusive';
  if (conclusion.outcome === 'recovered' && blind) return asleep(incident, now) ?? verifyAgain(incident, now, settings);

  return {
    do: 'finish',
    finished: {
      // Nobody can call over what nobody could look at: a person sees to it.
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
 * The next debt whose time has come. What is put back always comes before what is put back on recovery, so that a
 * server whose service had to restart once more is looked at before databases may come back to it.
 */
function nextUndo(incident: Incident, conclusion: Conclusion): UndoState | undefined {
  const owed = incident.undo.filter((undo) => undo.state === 'owed');
  const due = owed.filter((undo) => isDue(undo, conclusion.outcome));
  const ready = due.filter((undo) => {
    const before = incident.undo.find((other) => other.id === undo.dependsOn);
    return !before || !isOutstanding(before);
  });
  const always = ready.filter((undo) => undo.when === 'always');
  if (always.length > 0) return always.at(-1);
  if (incident.afterUndo?.look === 'recheck') return undefined;
  return ready.at(-1);
}

/** Why a step does not apply to this server; undefined when it does, or when only a look can tell. */
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

/** Exchange by its year: 15.0 is 2013, 15.1 is 2016, 15.2 is 2019 (and SE). */
export function yearOf(version: string): number {
  return { '15.0': 2013, '15.1': 2016, '15.2': 2019 }[version] ?? 0;
}
