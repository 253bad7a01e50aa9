/** Finished incidents against edited playbooks: what would differ, incident by incident and in sum. */
import { ConfigError } from '../config/problems.ts';
import type { Instant } from '../incident/alert.ts';
import type { Entry, Held } from '../incident/event.ts';
import type { Outcome } from '../incident/outcome.ts';
import { type Proof, type ProofSettings, prove } from '../proof/prove.ts';
import { type End, type Figures, figuresOf, least, most, NOTHING, plus } from './figures.ts';
import { follow, type New } from './follow.ts';
import { CERTAINTIES, type Certainty, type Difference, type Replay, type Rest } from './replay.ts';

/** One incident: what it was, and what it would be. */
export interface Finding {
  incident: string;
  server: string;
  family: string;
  openedAt: Instant;
  /** The playbooks that ran, and those that would be chosen as far as the record shows. */
  playbooks: string[];
  recorded: End;
  difference: Difference;
  certainty: Certainty;
  /** Bounds for each figure; equal if nothing is unknown. */
  least: Figures;
  most: Figures;
  /** The possible outcomes. */
  outcomes: Outcome[];
  /** What the edited playbooks do differently, in order. */
  says: string[];
  /** Incidents that it opened, and the one that opened it. */
  children: string[];
  openedBy?: string;
  /** Whether the new run reaches the step that opened its children. */
  opensChildren: boolean;
}

export interface Sum extends Figures {
  recovered: number;
  escalated: number;
}

export interface Report {
  /** Number of compared incidents, and of those that differ in each way. */
  incidents: number;
  differences: Partial<Record<Difference, number>>;
  certainties: Record<Certainty, number>;
  recorded: Sum;
  least: Sum;
  most: Sum;
  /** The incidents that differ, the most important first. */
  findings: Finding[];
  /** Journals that could not be read, and why. */
  unreadable: { incident: string; why: string }[];
  /** Incidents that are not finished. */
  open: number;
}

export interface BacktestSettings extends New {
  proof: ProofSettings;
}

export interface Backtest {
  /** Compares one journal; the order does not matter. */
  add(incident: string, entries: readonly Entry[]): Promise<void>;
  unreadable(incident: string, why: string): void;
  report(): Report;
}

const NO_SUM: Sum = { ...NOTHING, recovered: 0, escalated: 0 };

/** `keeps`: which incidents count, such as those of one playbook; they may depend on others. */
export function createBacktest(
  settings: BacktestSettings,
  keeps: (finding: Finding) => boolean = () => true,
): Backtest {
  const findings: Finding[] = [];
  const unreadable: Report['unreadable'] = [];
  const worst = createBounds(settings);
  let open = 0;
  return {
    async add(incident, entries) {
      let replay: Replay;
      try {
        if (entries.length > 0 && entries.at(-1)?.type !== 'finished') {
          open += 1;
          return;
        }
        replay = follow(entries, settings);
      } catch (error) {
        unreadable.push({ incident, why: error instanceof Error ? error.message : String(error) });
        return;
      }
      findings.push(await findingOf(replay, worst));
    },
    unreadable: (incident, why) => void unreadable.push({ incident, why }),
    report: () => reportOf(relate(findings).filter(keeps), unreadable, open),
  };
}

async function findingOf(replay: Replay, worst: (rest: Rest) => Promise<Figures>): Promise<Finding> {
  const { record, would, entries } = replay;
  const { finished } = record;
  if (!finished) throw new Error(`${record.id} is not finished`);
  const approvals = entries.filter(({ type, data }) => type === 'held' && (data as Held).approval).length;
  const recorded = { outcome: finished.outcome, figures: figuresOf(record, finished.at, finished.outcome, approvals) };
  const all = replay.ends.map(({ figures }) => figures);
  const outcomes = replay.ends.map(({ outcome }) => outcome);
  for (const rest of replay.rests) {
    all.push(rest.soFar, { ...(await worst(rest)), woken: Number(!record.parent) });
    outcomes.push(...(rest.mode === 'observe' ? (['suppressed'] as const) : (['recovered', 'escalated'] as const)));
  }
  return {
    incident: record.id,
    server: record.server,
    family: record.family,
    openedAt: record.openedAt,
    playbooks: [...new Set([...record.runs, ...would.runs].map(({ playbook }) => playbook))],
    recorded,
    difference: replay.difference,
    certainty: replay.certainty,
    least: least(all),
    most: most(all),
    outcomes: [...new Set(outcomes)],
    says: replay.says,
    children: record.children,
    ...(record.openedBy && { openedBy: record.openedBy }),
    opensChildren: record.children.length === would.children.length,
  };
}

/** The most that the rest of a plan can cost, by proof. Each rest is proved once. */
function createBounds({ playbooks, proof }: BacktestSettings): (rest: Rest) => Promise<Figures> {
  const proofs = new Map<string, Promise<Proof>>();
  return async ({ playbook, mode, steps, withUndo }) => {
    if (steps.length === 0 || mode === 'observe') return withUndo;
    const key = JSON.stringify([mode, steps]);
    const whole = playbooks.find(({ name }) => name === playbook);
    if (!whole) throw new Error(`there is no playbook ${playbook}`);
    const proved = proofs.get(key) ?? prove({ ...whole, mode, steps, places: [] }, proof);
    proofs.set(key, proved);
    const { worst, states, problems } = await proved;
    if (states === 0) throw new ConfigError(problems);
    return {
      time: withUndo.time + worst.time,
      serviceRestarts: withUndo.serviceRestarts + worst.serviceRestarts,
      reboots: withUndo.reboots + worst.serverRestarts,
      woken: withUndo.woken,
      approvals: withUndo.approvals + Number(mode === 'approve'),
    };
  };
}

function reportOf(findings: Finding[], unreadable: Report['unreadable'], open: number): Report {
  const report: Report = {
    incidents: findings.length,
    differences: {},
    certainties: { known: 0, assumed: 0, unknown: 0 },
    recorded: { ...NO_SUM },
    least: { ...NO_SUM },
    most: { ...NO_SUM },
    findings: findings.filter(({ difference }) => difference !== 'same').sort(byImportance),
    unreadable,
    open,
  };
  for (const { difference, certainty, recorded, outcomes, ...one } of findings) {
    report.differences[difference] = (report.differences[difference] ?? 0) + 1;
    report.certainties[certainty] += 1;
    const isOnly = (outcome: Outcome) => Number(outcomes.length === 1 && outcomes[0] === outcome);
    const may = (outcome: Outcome) => Number(outcomes.includes(outcome));
    const was = (outcome: Outcome) => Number(recorded.outcome === outcome);
    report.recorded = total(report.recorded, recorded.figures, was);
    report.least = total(report.least, one.least, isOnly);
    report.most = total(report.most, one.most, may);
  }
  return report;
}

function total(sum: Sum, figures: Figures, count: (outcome: Outcome) => number): Sum {
  return {
    ...plus(sum, figures),
    recovered: sum.recovered + count('recovered'),
    escalated: sum.escalated + count('escalated'),
  };
}

/** An incident depends on those that it opened, and on the one that opened it. */
function relate(all: Finding[]): Finding[] {
  const known = new Map(all.map((one) => [one.incident, one]));
  return all.map((one) => {
    const parent = one.openedBy === undefined ? undefined : known.get(one.openedBy);
    if (parent && !parent.opensChildren) {
      const says = `is opened only if ${parent.incident} still comes to that step`;
      return { ...related(one, says), least: { ...NOTHING } };
    }
    const child = one.children.map((id) => known.get(id)).find((found) => found && changesMore(found));
    if (!child || !one.opensChildren) return one;
    const woken = Number(one.openedBy === undefined);
    return {
      ...related(one, `depends on ${child.incident} on ${child.server}, which differs`),
      least: { ...one.least, woken: 0 },
      most: { ...one.most, woken },
      outcomes: [...new Set([...one.outcomes, 'recovered', 'escalated'] as const)],
    };
  });
}

const changesMore = ({ difference }: Finding) => difference !== 'same' && difference !== 'timing';

function related(one: Finding, says: string): Finding {
  const difference = changesMore(one) ? one.difference : 'other-steps';
  return { ...one, difference, certainty: 'unknown', says: [...one.says, says] };
}

/** More reboots first, then more people woken, then more restarts; among equals, what is certain and takes longer. */
function byImportance(a: Finding, b: Finding): number {
  for (const kind of ['reboots', 'woken', 'serviceRestarts', 'time'] as const) {
    const by = change(b, kind) - change(a, kind);
    if (by !== 0) return by;
  }
  return CERTAINTIES.indexOf(a.certainty) - CERTAINTIES.indexOf(b.certainty) || b.openedAt - a.openedAt;
}

/** The increase at the most, else the decrease that is certain. */
function change({ recorded, ...one }: Finding, kind: keyof Figures): number {
  const increase = one.most[kind] - recorded.figures[kind];
  return increase > 0 ? increase : Math.max(0, recorded.figures[kind] - one.most[kind]) / 1e9;
}

/**
 * What gets worse: reboots even if they are only possible, for no one wants to find out; people woken only if it is
 * certain or assumed, because any unknown result may wake somebody.
 */
export function worseThanRecorded({ findings }: Pick<Report, 'findings'>): Finding[] {
  return findings.filter(
    ({ recorded, ...one }) => one.most.reboots > recorded.figures.reboots || one.least.woken > recorded.figures.woken,
  );
}
