/** Proves a playbook by the code that runs it: every state that it can reach, on every kind of server. */
import type { Config } from '../config/config.ts';
import type { Problem } from '../config/problems.ts';
import { writeDuration } from '../config/schema.ts';
import { WATCH_AFTER_UNDO } from '../engine/settings.ts';
import type { ServerFacts } from '../incident/health.ts';
import type { Playbook } from '../incident/plan.ts';
import { isAbout, type Restriction, restrictionsOf } from '../incident/restrictions.ts';
import { span } from '../lib/span.ts';
import { stepNamed } from '../steps/index.ts';
import { type Cost, explore, type Found, NO_COST, TooManyStates } from './explore.ts';
import { brokenInvariants, reportsEveryChange } from './invariants.ts';
import { createNarrator, type Times } from './narrator.ts';
import { RULES } from './rules.ts';
import { sceneOf, serversFor } from './scene.ts';
import type { Shell } from './shell.ts';
import { keyOf, type State } from './state.ts';
import { type Part, type Step, successors } from './successors.ts';
import { worstCase } from './worst-case.ts';

export interface Proof {
  playbook: string;
  states: number;
  /** The most that one run can take, on any server; waits for people and for other servers are not counted. */
  worst: Cost;
  /** What may still be changed when it ends, in words. */
  left: string[];
  problems: Problem[];
}

/** `step`: the one that is wrong, counted from 0 through all steps of the file; absent: the whole playbook. */
type Wrong = { step?: number; message: string; hint: string; story: string[] };

export interface ProofSettings extends Times {
  /** The most that one run may take. */
  limits: Cost;
  /** Those about playbooks lower the limits, and those with a mode let a person be asked. */
  restrictions: readonly Restriction[];
}

export function proofSettings({ verification, playbooks }: Config): ProofSettings {
  return {
    verifyingAgain: verification.looks * verification.lookEvery,
    watchAfterUndo: WATCH_AFTER_UNDO,
    limits: playbooks.limits,
    restrictions: restrictionsOf(playbooks.restrictions),
  };
}

/** A search that finds more states than this is given up: no playbook of a reasonable length comes near. */
const MOST_STATES = 50_000;

/**
 * An observing playbook is proved as if it acted: its mode may change at any time. Where a restriction demands approval on
 * some servers, a person may be asked before any change, or not.
 */
export function modeOf({ name, mode }: Playbook, { restrictions }: Pick<ProofSettings, 'restrictions'>): Shell['mode'] {
  if (mode === 'approve') return 'approve';
  return restrictions.some((one) => one.mode === 'approve' && isAbout(one, name)) ? 'either' : 'auto';
}

export async function prove(playbook: Playbook, settings: ProofSettings): Promise<Proof> {
  try {
    const searches: Search[] = [];
    for (const facts of serversFor(playbook)) searches.push(await search(playbook, facts, settings));
    const most = (kind: keyof Cost) => Math.max(...searches.map(({ worst }) => worst[kind]));
    const worst: Cost = {
      time: most('time'),
      serviceRestarts: most('serviceRestarts'),
      serverRestarts: most('serverRestarts'),
    };
    const wrong = [
      ...brokenRules(searches),
      ...idleSteps(playbook, searches),
      ...overLimits(playbook.name, worst, settings),
    ];
    return {
      playbook: playbook.name,
      states: searches.reduce((sum, { states }) => sum + states, 0),
      worst,
      left: unique(searches.flatMap(({ left }) => [...left])),
      problems: wrong.map((one) => problemOf(playbook, one)),
    };
  } catch (error) {
    if (!(error instanceof TooManyStates)) throw error;
    const wrong = {
      message: `cannot be proved: it has ${error.message}`,
      hint: 'make several playbooks of it',
      story: [],
    };
    return {
      playbook: playbook.name,
      states: 0,
      worst: NO_COST,
      left: [],
      problems: [problemOf(playbook, wrong)],
    };
  }
}

/** All that a playbook can do on one kind of server. */
interface Search {
  states: number;
  worst: Cost;
  left: ReadonlySet<string>;
  /** Lines of the file that were reached, and that were more than skipped or refused. */
  reached: ReadonlySet<number>;
  useful: ReadonlySet<number>;
  broken: (Wrong & { name: string })[];
}

async function search(
  playbook: Playbook,
  facts: ServerFacts & { is: string },
  settings: ProofSettings,
): Promise<Search> {
  const narrator = createNarrator(settings);
  const mode = modeOf(playbook, settings);
  const { shell, initial } = sceneOf({ playbooks: [playbook], facts, mode, mayCancel: true, retries: 0 });
  const lineOf = linesOf(playbook, facts);
  const [left, reached, useful] = [new Set<string>(), new Set<number>(), new Set<number>()];
  const checked = new WeakSet<Part>();
  function note({ wrote }: Part): void {
    if (wrote?.type === 'stepStarted' || wrote?.type === 'stepFinished') reached.add(lineOf(wrote.data.n));
    if (wrote?.type === 'stepStarted') useful.add(lineOf(wrote.data.n));
    if (wrote?.type !== 'finished') return;
    for (const says of [...wrote.data.left, ...wrote.data.owed]) left.add(says.replaceAll(facts.server, 'the server'));
  }
  const { states, transitions, findings } = await explore<State, Step>(
    {
      initial,
      follow: (state) => successors(shell, narrator, state),
      keyOf: (state) => keyOf(state, shell.settings),
      outcomeOf: ({ incident }) => incident.finished?.outcome,
      findings(_, { parts }) {
        // Paths that begin alike share their parts.
        const fresh = parts.filter((part) => !checked.has(part));
        for (const part of fresh) {
          checked.add(part);
          note(part);
        }
        return fresh.flatMap(findingsIn);
      },
    },
    MOST_STATES,
  );
  const broken = findings.map(({ name, n, path }) => {
    const rule = RULES.find((one) => one.name === name);
    return {
      name,
      ...(n !== undefined && { step: lineOf(n) }),
      message: rule ? `${name}, on ${facts.is}` : `breaks a guarantee on ${facts.is}: ${name}`,
      hint: rule?.hint ?? 'this is a bug in Second Responder; please report it with the file',
      story: path,
    };
  });
  return { states, worst: worstCase(states, transitions), left, reached, useful, broken };
}

function findingsIn(part: Part): Found[] {
  const unreported = part.after.incident.finished && !reportsEveryChange(part.after);
  return [
    ...RULES.flatMap(({ name, brokenBy }) => {
      const n = brokenBy(part);
      return n === undefined ? [] : [{ name, n }];
    }),
    ...brokenInvariants(part.before, part).map((name) => ({ name })),
    ...(unreported ? [{ name: 'the end names everything that is still changed' }] : []),
  ];
}

/** Each rule once for each line, on the first kind of server that breaks it. */
function brokenRules(searches: readonly Search[]): Wrong[] {
  const all = searches.flatMap(({ broken }) => broken);
  return [...new Map(all.toReversed().map((one) => [`${one.name} ${one.step}`, one])).values()].toReversed();
}

function problemOf({ file, name, places }: Playbook, { step, message, hint, story }: Wrong): Problem {
  const more = { hint, ...(story.length > 0 && { story }) };
  const place = step === undefined ? undefined : places[step];
  if (!place) return { file, line: 0, column: 0, path: '', message: `playbook ${name} ${message}`, ...more };
  const { defaults: _, written: __, comments: ___, ...where } = place;
  return { ...where, message, ...more };
}

const unique = <T>(values: T[]) => [...new Set(values)];

/** Which line of the file a planned step comes from: a list of services is one line and several planned steps. */
export function linesOf(playbook: Playbook, facts: ServerFacts): (n: number) => number {
  const lines = playbook.steps.flatMap(({ step, options }, index) =>
    (stepNamed(step).expand?.(options, facts) ?? [options]).map(() => index),
  );
  return (n) => lines[n - 1] ?? playbook.steps.length - 1;
}

function idleSteps(playbook: Playbook, searches: readonly Search[]): Wrong[] {
  return playbook.steps.flatMap(({ step }, line): Wrong[] => {
    if (searches.some(({ useful }) => useful.has(line))) return [];
    const message = searches.some(({ reached }) => reached.has(line))
      ? 'never does anything: it is skipped or refused whenever it is reached'
      : 'is never reached on any kind of server';
    return [{ step: line, message, hint: `remove "${step}", or correct its condition or its place`, story: [] }];
  });
}

export function overLimits(
  playbook: string,
  worst: Cost,
  settings: Pick<ProofSettings, 'limits' | 'restrictions'>,
): Wrong[] {
  const [time, serviceRestarts, serverRestarts] = (['time', 'serviceRestarts', 'serverRestarts'] as const).map((kind) =>
    limitOf(kind, playbook, settings),
  ) as [Limit, Limit, Limit];
  const kinds = [
    {
      isOver: worst.time > time.most,
      message: `can take ${span(worst.time)}, which is more than ${writeDuration(time.most)}`,
      hint: `shorten its waits, or raise ${time.key}.time`,
    },
    {
      isOver: worst.serviceRestarts > serviceRestarts.most,
      message: `can restart services ${worst.serviceRestarts} times, which is more than ${serviceRestarts.most}`,
      hint: `remove restarts, or raise ${serviceRestarts.key}.service-restarts`,
    },
    {
      isOver: worst.serverRestarts > serverRestarts.most,
      message: `can restart the server ${worst.serverRestarts} times, which is more than ${serverRestarts.most}`,
      hint: `remove restarts, or raise ${serverRestarts.key}.server-restarts`,
    },
  ];
  return kinds.filter(({ isOver }) => isOver).map(({ message, hint }) => ({ message, hint, story: [] }));
}

/** A limit, and the key of the limits that set it. */
export type Limit = { most: number; key: string };

/** The lowest of those that hold for a playbook. */
export function limitOf(
  kind: keyof Cost,
  playbook: string,
  { limits, restrictions }: Pick<ProofSettings, 'limits' | 'restrictions'>,
): Limit {
  const own = restrictions
    .filter((one) => isAbout(one, playbook))
    .map((one): Limit => ({ most: one.limits?.[kind] ?? Number.POSITIVE_INFINITY, key: `${one.key}.limits` }));
  return own.reduce((least, one) => (one.most < least.most ? one : least), {
    most: limits[kind],
    key: 'playbooks.limits',
  });
}
