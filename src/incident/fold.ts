import { ANY_FAMILY, type Instant } from './alert.ts';
import type {
  Attached,
  ByPerson,
  Entry,
  Finished,
  Held,
  Matched,
  Opened,
  Slept,
  StepFinished,
  StepStarted,
  Undone,
  Verified,
} from './event.ts';
import { EVENT_VERSION } from './event.ts';
import { isMonitor, type VerifyResult } from './health.ts';
import {
  approvalsOf,
  type Conclusion,
  currentRun,
  type Incident,
  isExpired,
  peopleIn,
  type StepRecord,
  stepRecord,
} from './incident.ts';
import type { Intent } from './intent.ts';
import { keep } from './kept-alerts.ts';
import { type UndoState, undoOfStep } from './undo.ts';

/** Folds a journal into an incident. Pure: the same entries always give the same incident, on every worker. */
export function fold(entries: readonly Entry[]): Incident {
  const [first, ...rest] = entries;
  if (first?.type !== 'opened') throw new Error('a journal must begin with "opened"');
  refuseNewer(first, (first.data as Opened).id);
  const incident = open(first.data as Opened, first.at);
  for (const entry of rest) apply(incident, entry);
  return incident;
}

/** Applies one more entry to a folded incident. */
export function apply(incident: Incident, entry: Entry): void {
  refuseNewer(entry, incident.id);
  const folder = FOLDERS[entry.type] as (incident: Incident, data: unknown, at: Instant) => void;
  folder(incident, entry.data, entry.at);
}

/** Whether healthy or not, a person must handle a change that could not be undone. */
function notPutBack(says: string): Conclusion {
  return { outcome: 'escalated', reason: `Could not be put back: ${says}` };
}

function refuseNewer({ seq, version }: Entry, incident: string): void {
  if (version <= EVENT_VERSION) return;
  throw new Error(
    `entry ${seq} of ${incident} has version ${version}, but this program reads versions up to ${EVENT_VERSION}: update it`,
  );
}

function open(data: Opened, at: Instant): Incident {
  const { asked } = data;
  return {
    id: data.id,
    server: data.server,
    family: data.family || ANY_FAMILY,
    root: data.parent?.root ?? data.id,
    ...(data.parent && {
      parent: { incident: data.parent.incident, n: data.parent.n },
      openedBy: data.parent.incident,
    }),
    openedAt: at,
    ...(data.world !== undefined && { openedIn: data.world }),
    alerts: data.alert ? [data.alert] : [],
    alertCount: data.alert ? 1 : 0,
    inconclusiveTries: 0,
    verifyFirst: false,
    runs: [],
    steps: [],
    children: [],
    approvals: [],
    undo: asked ? asked.debts.map((action) => ({ ...action, state: 'owed', at, tries: 0 })) : [],
    changed: false,
    ...(asked && {
      facts: asked.facts,
      asked: { what: asked.what, by: asked.by, ...(asked.note && { note: asked.note }) },
      conclusion: conclusionOf(asked),
    }),
  };
}

/** The outcome follows from the request; a verification after the undo may change it. */
function conclusionOf({ what, by, note }: NonNullable<Opened['asked']>): Conclusion {
  const why = note ? `${by}: ${note}` : by;
  return what === 'putBack'
    ? { outcome: 'recovered', reason: `Put back at the request of ${why}` }
    : { outcome: 'cancelled', reason: `Fixed by hand, according to ${why}` };
}

/** Steps that verify; plans of older journals don't record that they do. */
const VERIFIED = ['recheck', 'watch-health'];

const FOLDERS = {
  opened() {
    throw new Error('a journal can be opened only once');
  },

  attached(incident: Incident, { alerts, parent }: Attached) {
    if (parent) {
      incident.root = parent.root;
      incident.parent = { incident: parent.incident, n: parent.n };
    }
    incident.alerts = keep(incident.alerts, alerts);
    incident.alertCount += alerts.length;
    // "Resolved" never decides an outcome; it triggers a verification now and before the next change.
    if (alerts.some((alert) => alert.status === 'resolved')) {
      incident.verifyFirst = true;
      delete incident.slept;
    }
  },

  verified(incident: Incident, data: Verified, at: Instant) {
    incident.verified = { ...data, at };
    if (data.facts) incident.facts = data.facts;
    if (data.backEnd) incident.backEnd = data.backEnd;
    delete incident.slept;
    delete incident.afterUndo;
    if (incident.verifyFirst) incident.verifiedForNews = { took: at - data.startedAt, at };
    incident.verifyFirst = false;
    see(incident, data, at);

    const run = currentRun(incident);
    if (run && data.verdict !== 'inconclusive') {
      run.healed = !data.monitors.some(
        (monitor) => monitor.verdict === 'confirmed' && run.handles.some((handled) => isMonitor(handled, monitor)),
      );
    }
    if (data.verdict === 'cleared') {
      if (!incident.conclusion || incident.conclusion.exhausted) {
        const failed = incident.undo.find((undo) => undo.state === 'failed');
        const outcome = incident.changed ? 'recovered' : 'transient';
        incident.conclusion = failed ? notPutBack(failed.says) : { outcome, reason: data.reason };
      }
    } else if (data.verdict === 'confirmed' && incident.conclusion?.outcome === 'recovered') {
      incident.conclusion = {
        outcome: 'escalated',
        reason: `The problem came back after the changes were undone: ${data.reason}`,
      };
    }
  },

  matched(incident: Incident, data: Matched) {
    if (data.playbook === null) {
      incident.conclusion = { outcome: 'escalated', reason: data.reason };
      return;
    }
    // A question of the playbook before is not a question of this one.
    delete incident.held;
    incident.runs.push({
      playbook: data.playbook.name,
      hash: data.playbook.hash,
      mode: data.playbook.mode,
      ...(data.playbook.restricted && { restricted: data.playbook.restricted }),
      handles: data.handles,
      plan: data.plan,
      healed: false,
    });
    for (const planned of data.plan) {
      const step = VERIFIED.includes(planned.step) ? { ...planned, verifies: true as const } : planned;
      incident.steps.push({ step, state: 'pending', note: {}, inconclusiveTries: 0, unhealthyTries: 0 });
    }
  },

  held(incident: Incident, data: Held, at: Instant) {
    const sameWait = incident.held?.guard === data.guard && incident.held.n === data.n;
    incident.held = { ...data, at: sameWait && incident.held ? incident.held.at : at };
  },

  approved(incident: Incident, data: ByPerson, at: Instant) {
    const { held } = incident;
    // A late approval has no effect.
    if (held?.approval && isExpired(held, at)) return;
    const wait: Pick<Held, 'reason' | 'n' | 'role' | 'approvers'> = held ?? { reason: 'approval' };
    const { reason, n, role, approvers = 1 } = wait;
    const { by, identity } = data;
    const answers = role && n !== undefined ? { n } : {};
    incident.approvals.push({ by, ...(identity && { identity }), at, reason, ...answers });
    if (peopleIn(approvalsOf(incident, wait)) < approvers) return;
    incident.verifyFirst = true;
    delete incident.verifiedForNews;
    delete incident.held;
  },

  rejected(incident: Incident, data: ByPerson & { expired?: boolean }) {
    const asked = incident.held?.role ? ` (${incident.held.says})` : '';
    delete incident.held;
    const why = `${data.expired ? 'No one approved in time' : `Rejected by ${data.by}`}${asked}`;
    incident.conclusion = { outcome: 'escalated', reason: data.note ? `${why}: ${data.note}` : why };
  },

  stepStarted(incident: Incident, data: StepStarted, at: Instant) {
    const record = stepRecord(incident, data.n);
    if (data.intent) delete incident.verifiedForNews;
    record.state = 'started';
    record.startedAt = at;
    record.note = data.note;
    delete record.end;
    if (data.intent) record.intent = data.intent;
    if (data.group !== undefined) record.group = data.group;
    for (const action of data.undo ?? []) {
      const before = incident.undo.findIndex((undo) => undo.id === action.id);
      const outstanding: UndoState = { ...action, state: 'owed', at, tries: 0 };
      if (before === -1) incident.undo.push(outstanding);
      else if (incident.undo[before]?.state === 'notNeeded') incident.undo[before] = outstanding;
    }
    delete incident.held;
    delete incident.slept;
  },

  stepFinished(incident: Incident, data: StepFinished, at: Instant) {
    const record = stepRecord(incident, data.n);
    record.state = data.state;
    record.finishedAt = at;
    record.end = data;
    delete incident.slept;
    // A guard's hold outlives a command that the kill switch stopped at the last moment.
    if (data.state !== 'notSent') delete incident.held;
    // Nothing was changed, so there is nothing to undo until the step starts again.
    else for (const undo of undoOfStep(incident.undo, data.n)) undo.state = 'notNeeded';
    if (data.changed) {
      incident.changed = true;
      incident.change = { began: record.startedAt ?? at, ended: at };
    }
    if (data.looked) {
      incident.verified = { ...data.looked, at, purpose: 'step' };
      if (data.looked.backEnd) incident.backEnd = data.looked.backEnd;
      see(incident, data.looked, at);
    }
    const run = currentRun(incident);
    if (run && data.health === 'healthy') run.healed = true;
    // If a person cancelled the incident, that stays its outcome.
    if (data.escalate !== undefined && incident.conclusion?.outcome !== 'cancelled') {
      incident.conclusion = data.suppressed
        ? { outcome: 'suppressed', reason: data.escalate }
        : { outcome: 'escalated', reason: data.escalate, ...(data.exhausted && { exhausted: true }) };
    }
  },

  childOpened(incident: Incident, data: { n: number; incident: string }) {
    incident.children.push(data.incident);
    stepRecord(incident, data.n).child = data.incident;
  },

  slept(incident: Incident, data: Slept) {
    incident.slept = data;
    if (data.undo !== undefined) undoOf(incident, data.undo).tries++;
    const record: StepRecord | undefined = data.n === undefined ? undefined : stepRecord(incident, data.n);
    if (record && data.for === 'look') record.inconclusiveTries++;
    if (record && data.for === 'health') record.unhealthyTries++;
  },

  undoStarted(incident: Incident, data: { undo: string; intent: Intent }, at: Instant) {
    const undo = undoOf(incident, data.undo);
    undo.state = 'started';
    undo.intent = data.intent;
    undo.at = at;
    delete incident.held;
    delete incident.slept;
  },

  undone(incident: Incident, data: Undone, at: Instant) {
    const undo = undoOf(incident, data.undo);
    if (data.state === 'putBack') incident.change = { began: undo.at, ended: at };
    undo.state = data.state;
    undo.says = data.says;
    undo.at = at;
    delete incident.slept;
    if (data.state === 'putBack') {
      if (undo.after) {
        // The longer verification covers the shorter one.
        const look = undo.after === 'watch' || incident.afterUndo?.look === 'watch' ? 'watch' : 'recheck';
        incident.afterUndo = { look, since: at };
      }
    }
    if (data.state === 'failed' && incident.conclusion && incident.conclusion.outcome !== 'escalated') {
      incident.conclusion = notPutBack(data.says);
    }
  },

  cancelled(incident: Incident, data: ByPerson) {
    delete incident.held;
    delete incident.slept;
    incident.conclusion = {
      outcome: 'cancelled',
      reason: data.note ? `Cancelled by ${data.by}: ${data.note}` : `Cancelled by ${data.by}`,
    };
  },

  finished(incident: Incident, data: Finished, at: Instant) {
    incident.finished = { ...data, at };
    delete incident.held;
    delete incident.slept;
  },
};

function see(incident: Incident, verified: VerifyResult, at: Instant): void {
  incident.inconclusiveTries = verified.verdict === 'inconclusive' ? incident.inconclusiveTries + 1 : 0;
  if (verified.verdict === 'confirmed') incident.seenUnhealthyAt = at;
}

function undoOf(incident: Incident, id: string) {
  const undo = incident.undo.find((candidate) => candidate.id === id);
  if (!undo) throw new Error(`incident ${incident.id} has no undo action ${id}`);
  return undo;
}
