import fc from 'fast-check';
import { expect, test } from 'vitest';
import { link } from '../../../src/incident/chain.ts';
import type { Entry, IncidentEvent } from '../../../src/incident/event.ts';
import { apply, fold } from '../../../src/incident/fold.ts';
import type { MonitorRef, MonitorVerdict, Verdict, VerifyResult } from '../../../src/incident/health.ts';
import { type Incident, stepRecord } from '../../../src/incident/incident.ts';
import { type Decision, type NextSettings, next } from '../../../src/incident/next.ts';
import type { PlannedStep } from '../../../src/incident/plan.ts';
import type { UndoAction } from '../../../src/incident/undo.ts';
import { alertOf, facts, MINUTE, NINE, SECOND } from '../../support/stub.ts';

/**
 * Properties that hold for every possible journal. A random engine does what `next` decides, with every result the real
 * one may have, while people and senders write in between; each journal it writes is legal by construction.
 */
const SETTINGS: NextSettings = {
  retries: 2,
  retryEvery: MINUTE,
  watchAfterUndo: 10 * MINUTE,
  evidenceMaxAge: 5 * MINUTE,
};
const MONITORS: MonitorRef[] = [
  { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' },
  { healthSet: 'IMAP', monitor: 'ImapCTPMonitor' },
];
const INTENT = { command: 'Restart-Service', server: 'mbx1', arguments: {}, fence: {} };
const LONGEST = 120;

/** Picks one of several; 0 when the random numbers are used up. */
type Pick = (of: number) => number;

interface Taken {
  /** The incident as `next` saw it. */
  before: Incident;
  now: number;
  decision: Decision;
}

interface Play {
  entries: Entry[];
  taken: Taken[];
}

function play(choices: number[]): Play {
  let used = 0;
  const pick: Pick = (of) => (choices[used++] ?? 0) % of;
  const entries: Entry[] = [];
  const taken: Taken[] = [];
  let head = { seq: 0, hash: '' };
  let now = NINE;
  const write = (event: IncidentEvent) => {
    const { entry, hash } = link(head, event, { at: now, worker: 'test' });
    head = { seq: entry.seq, hash };
    entries.push(entry);
    now += SECOND;
  };

  write({ type: 'opened', data: { id: 'i', server: 'mbx1', family: 'IMAP', alert: alertOf() } });
  while (entries.length < LONGEST) {
    const before = fold(entries);
    const outside = somebodyElse(before, pick);
    if (outside) {
      write(outside);
      continue;
    }
    const decision = next(before, now, SETTINGS);
    taken.push({ before, now, decision });
    if (decision.do === 'nothing') break;
    if (decision.do === 'wait') {
      if (!Number.isFinite(decision.until)) break;
      now = decision.until;
      continue;
    }
    write(carryOut(decision, before, now, pick));
  }
  return { entries, taken };
}

/** People and senders write at any time, as far as the daemon lets them. */
function somebodyElse(incident: Incident, pick: Pick): IncidentEvent | undefined {
  if (incident.finished) return undefined;
  switch (pick(60)) {
    case 1:
      return { type: 'attached', data: { alerts: [alertOf({ id: 'more', status: 'resolved' })] } };
    case 2:
      return { type: 'attached', data: { alerts: [alertOf({ id: 'again' })] } };
    case 3:
      return incident.conclusion ? undefined : { type: 'cancelled', data: { by: 'yuki' } };
    case 4:
      return incident.held?.approval ? { type: 'rejected', data: { by: 'yuki' } } : undefined;
    case 5:
    case 6:
    case 7:
      return incident.held?.approval ? { type: 'approved', data: { by: 'yuki' } } : undefined;
    default:
      return undefined;
  }
}

function carryOut(decision: Decision, incident: Incident, now: number, pick: Pick): IncidentEvent {
  switch (decision.do) {
    case 'verify': {
      const { purpose } = decision;
      const seen = look(pick, purpose === 'first' ? 'mostly unhealthy' : 'mostly well');
      const hopeless = seen.verdict === 'inconclusive' && pick(6) === 5;
      return {
        type: 'verified',
        data: { ...seen, purpose, startedAt: now, facts: facts('mbx1'), ...(hopeless && { hopeless }) },
      };
    }
    case 'match':
      return incident.runs.length > 2 || pick(8) === 7
        ? { type: 'matched', data: { playbook: null, reason: 'No playbook handles it' } }
        : {
            type: 'matched',
            data: {
              playbook: { name: `p${incident.runs.length}`, hash: 'h', mode: 'auto' },
              handles: [MONITORS[pick(2)] as MonitorRef],
              plan: Array.from({ length: 1 + pick(4) }, (_, index) => planned(incident.steps.length + index + 1, pick)),
            },
          };
    case 'begin':
      return begin(stepRecord(incident, decision.n).step, now, pick);
    case 'continue':
      return goOn(stepRecord(incident, decision.n).step, now, pick);
    case 'skip':
      return { type: 'stepFinished', data: { n: decision.n, state: 'skipped', says: decision.says } };
    case 'undo':
      return putBack(decision.undo, incident, now, pick);
    case 'sleep':
      return { type: 'slept', data: { until: decision.until, for: decision.for, says: decision.says } };
    case 'expire':
      return { type: 'rejected', data: { by: 'second-responder', expired: true } };
    case 'finish':
      return { type: 'finished', data: decision.finished };
    default:
      throw new Error(`nothing to carry out: ${decision.do}`);
  }
}

const LOOKS = {
  'mostly unhealthy': ['confirmed', 'confirmed', 'confirmed', 'cleared', 'inconclusive'],
  'mostly well': ['cleared', 'cleared', 'cleared', 'confirmed', 'inconclusive'],
} as const;

function look(pick: Pick, how: keyof typeof LOOKS): VerifyResult {
  const verdict: Verdict = LOOKS[how][pick(5)] ?? 'inconclusive';
  const others: Verdict = verdict === 'confirmed' ? 'cleared' : verdict;
  const monitors: MonitorVerdict[] = MONITORS.map((monitor) => ({ ...monitor, verdict: others }));
  const sick = monitors[pick(2)];
  if (verdict === 'confirmed' && sick) sick.verdict = 'confirmed';
  return { verdict, reason: verdict, monitors, evidence: [] };
}

function planned(n: number, pick: Pick): PlannedStep {
  const changes = pick(2) === 1;
  const when = pick(6) === 5 ? { role: 'client-access' as const } : undefined;
  const name = changes ? 'restart-service' : 'recheck';
  // The undo actions of a step depend only on the step: they are the same at each start.
  const options = changes ? { undo: debts(n, pick) } : {};
  return { n, step: name, options, changes, says: name, ...(when && { when }) };
}

function begin({ n, changes, options }: PlannedStep, now: number, pick: Pick): IncidentEvent {
  const refused = {
    type: 'stepFinished',
    data: { n, state: 'refused', says: 'refused', escalate: 'refused' },
  } as const;
  if (!changes) return pick(10) === 9 ? refused : { type: 'stepStarted', data: { n, note: {} } };
  const held = { n, reason: 'r', says: 'held' };
  switch (pick(8)) {
    case 1:
      return refused;
    case 2:
      return { type: 'held', data: { ...held, guard: 'claim' } };
    case 3:
      return { type: 'held', data: { ...held, guard: 'mode', approval: true, until: now + 5 * MINUTE } };
    case 4:
      return { type: 'slept', data: { n, until: now + MINUTE, for: 'look', says: 'unreachable' } };
    default:
      return { type: 'stepStarted', data: { n, note: {}, intent: INTENT, undo: options.undo as UndoAction[] } };
  }
}

function debts(n: number, pick: Pick): UndoAction[] {
  const kinds = [[], ['recovered'], ['always'], ['always', 'always'], ['always', 'recovered']] as const;
  const whens = kinds[pick(kinds.length)] ?? [];
  return whens.map((when, index) => {
    const after = (['recheck', 'watch', undefined] as const)[pick(3)];
    return {
      id: `${n}:${index}`,
      kind: 'activation',
      server: 'mbx1',
      setting: `${n}:${index}`,
      when,
      value: {},
      says: 'changed',
      ...(after && { after }),
      ...(index > 0 && when === 'always' && pick(2) === 1 && { dependsOn: `${n}:0` }),
    };
  });
}

function goOn({ n, changes }: PlannedStep, now: number, pick: Pick): IncidentEvent {
  const sleep = (what: string): IncidentEvent => ({
    type: 'slept',
    data: { n, until: now + MINUTE, for: what, says: 'not yet' },
  });
  if (changes) {
    switch (pick(7)) {
      case 1:
        return sleep('answer');
      case 2:
        return { type: 'stepFinished', data: { n, state: 'notSent', says: 'the kill switch is on' } };
      case 3:
        return { type: 'stepFinished', data: { n, state: 'failed', says: 'failed', changed: true } };
      case 4:
        return { type: 'stepFinished', data: { n, state: 'refused', says: 'refused', escalate: 'not back' } };
      default:
        return { type: 'stepFinished', data: { n, state: 'done', says: 'done', changed: true } };
    }
  }
  if (pick(5) === 1) return sleep('health');
  const seen = look(pick, 'mostly unhealthy');
  if (seen.verdict === 'inconclusive') {
    const says = 'Health could not be verified';
    return { type: 'stepFinished', data: { n, state: 'refused', says, looked: seen, escalate: says } };
  }
  const health = seen.verdict === 'cleared' ? 'healthy' : 'unhealthy';
  const end = pick(8) === 7 ? { escalate: 'Next: Microsoft support', exhausted: true } : {};
  return { type: 'stepFinished', data: { n, state: 'done', says: health, health, looked: seen, ...end } };
}

function putBack(id: string, incident: Incident, now: number, pick: Pick): IncidentEvent {
  const state = incident.undo.find((undo) => undo.id === id)?.state;
  const how = pick(8);
  if (how === 1) return { type: 'slept', data: { undo: id, until: now + MINUTE, for: 'undo', says: 'not yet' } };
  if (how === 2) return { type: 'undone', data: { undo: id, state: 'failed', says: 'failed' } };
  if (state === 'owed') {
    return how === 3
      ? { type: 'undone', data: { undo: id, state: 'notNeeded', says: 'as it was' } }
      : { type: 'undoStarted', data: { undo: id, intent: INTENT } };
  }
  return { type: 'undone', data: { undo: id, state: 'putBack', says: 'put back' } };
}

const choices = fc.array(fc.nat({ max: 5039 }), { minLength: 60, maxLength: 250 });
const RUNS = { numRuns: Number(process.env.RUNS ?? 200), ...(process.env.SEED && { seed: Number(process.env.SEED) }) };

/** Checks `must` for every decision of every run. */
function always(must: (taken: Taken, play: Play) => void): void {
  fc.assert(
    fc.property(choices, (chosen) => {
      const played = play(chosen);
      for (const taken of played.taken) must(taken, played);
    }),
    RUNS,
  );
}

test('the random runs reach every decision and every outcome, so the properties are tested', () => {
  const decisions = new Set<string>();
  const outcomes = new Set<string>();
  fc.assert(
    fc.property(choices, (chosen) => {
      const { entries, taken } = play(chosen);
      for (const { decision } of taken) decisions.add(decision.do);
      outcomes.add(fold(entries).finished?.outcome ?? 'open');
    }),
    { ...RUNS, seed: 1 },
  );
  expect([...decisions].sort()).toEqual([
    'begin',
    'continue',
    'expire',
    'finish',
    'match',
    'nothing',
    'skip',
    'sleep',
    'undo',
    'verify',
    'wait',
  ]);
  expect([...outcomes]).toEqual(expect.arrayContaining(['recovered', 'transient', 'escalated', 'cancelled']));
});

test('the same incident at the same time gives the same decision, and asking changes nothing', () => {
  always(({ before, now, decision }) => {
    const copy = structuredClone(before);
    expect(next(before, now, SETTINGS)).toEqual(decision);
    expect(before).toEqual(copy);
  });
});

test('a journal folded in two parts gives the same incident as folded in one, and folding does not change the entries', () => {
  fc.assert(
    fc.property(choices, fc.nat(), (chosen, cut) => {
      const { entries } = play(chosen);
      const before = structuredClone(entries);
      const at = 1 + (cut % entries.length);
      const incident = fold(entries.slice(0, at));
      for (const entry of entries.slice(at)) apply(incident, entry);
      expect(incident).toEqual(fold(entries));
      expect(entries).toEqual(before);
    }),
    RUNS,
  );
});

test('a change begins only if the last verification confirmed the problem', () => {
  always(({ before, now, decision }) => {
    if (decision.do !== 'begin' || !stepRecord(before, decision.n).step.changes) return;
    expect(before.verified?.verdict).toBe('confirmed');
    // Repeated news leads to another verification only when the last one for news is outdated.
    if (!before.verifyFirst) return;
    const { at, took } = before.verifiedForNews ?? { at: 0, took: 0 };
    expect(now - at).toBeLessThan(Math.max(SETTINGS.evidenceMaxAge, 10 * took));
  });
});

test('nothing begins while something that was started has not ended', () => {
  always(({ before, decision }) => {
    if (decision.do !== 'begin') return;
    expect(before.steps.filter((record) => record.state === 'started')).toEqual([]);
    expect(before.undo.filter((undo) => undo.state === 'started')).toEqual([]);
  });
});

test('steps begin in the order of the plan', () => {
  always(({ before, decision }) => {
    if (decision.do !== 'begin') return;
    const later = before.steps.filter((record) => record.step.n > decision.n);
    expect(later.every((record) => record.state === 'pending')).toBe(true);
  });
});

test('once cancelled, nothing begins, no playbook is chosen, and the outcome is never recovered', () => {
  always(({ before, decision }, { entries }) => {
    const cancelled = entries.find((entry) => entry.type === 'cancelled');
    if (!cancelled || before.conclusion === undefined) return;
    expect(['begin', 'match', 'expire']).not.toContain(decision.do);
    if (before.conclusion.outcome === 'cancelled' && decision.do === 'finish') {
      expect(decision.finished.outcome).toBe('cancelled');
    }
  });
});

test('after the end there is nothing to do', () => {
  always(({ before, decision }) => {
    expect(decision.do === 'nothing').toBe(before.finished !== undefined);
  });
});

test('undo actions that always run come before those that run on recovery', () => {
  always(({ before, decision }) => {
    if (decision.do !== 'undo') return;
    const undo = before.undo.find((one) => one.id === decision.undo);
    if (undo?.when !== 'recovered' || undo.state !== 'owed') return;
    expect(before.undo.filter((one) => one.when === 'always' && one.state === 'owed')).toEqual([]);
    expect(before.conclusion?.outcome).toBe('recovered');
  });
});

test('at the end no due undo action is outstanding, and "recovered" has no failed one', () => {
  always(({ before, decision }) => {
    if (decision.do !== 'finish') return;
    const { outcome, left, owed } = decision.finished;
    const stays = before.undo.filter((undo) => undo.state === 'owed');
    // Changes left on purpose are listed separately from failed undo actions and those that depend on them.
    const onPurpose = stays.filter((undo) => undo.when === 'recovered' && outcome !== 'recovered');
    expect(left).toHaveLength(onPurpose.length);
    expect(owed).toHaveLength(
      before.undo.filter((undo) => undo.state === 'failed').length + stays.length - onPurpose.length,
    );
    const failed = new Set(before.undo.filter((undo) => undo.state === 'failed').map((undo) => undo.id));
    const waitsForFailed = (undo: UndoAction) => undo.dependsOn !== undefined && failed.has(undo.dependsOn);
    expect(stays.filter((undo) => undo.when === 'always' && !waitsForFailed(undo))).toEqual([]);
    if (outcome === 'recovered') expect([left, owed]).toEqual([[], []]);
  });
});

test('recovered means changed and verified healthy afterwards; transient means verified healthy without a change', () => {
  always(({ before, decision }) => {
    if (decision.do !== 'finish') return;
    const { outcome } = decision.finished;
    if (outcome === 'recovered') expect([before.changed, before.verified?.verdict]).toEqual([true, 'cleared']);
    if (outcome === 'transient') expect([before.changed, before.verified?.verdict]).toEqual([false, 'cleared']);
  });
});
