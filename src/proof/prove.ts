/** Proves a playbook by the code that runs it: every state that it can reach, on every kind of server. */
import type { Config } from '../config/config.ts';
import type { Problem } from '../config/problems.ts';
import { writeDuration } from '../config/schema.ts';
import { WATCH_AFTER_UNDO } from '../engine/settings.ts';
import type { ServerFacts } from '../incident/health.ts';
import type { Playbook } from '../incident/plan.ts';
import { stepNamed } from '../steps/index.ts';
import { type Cost, explore } from './explore.ts';
import { brokenInvariants, reportsEveryChange } from './invariants.ts';
import { createNarrator, type Times } from './narrator.ts';
import { RULES } from './rules.ts';
import { sceneOf, serversFor } from './scene.ts';
import { keyOf, type State } from './state.ts';
import { type Step, successors } from './successors.ts';
import { worstCase } from './worst-case.ts';

export interface Proof {
  playbook: string;
  states: number;
  /** The most that one run can take, on any server; waits for people and for other servers are not counted. */
  worst: Cost;
  /** The time of the worst case in words: `5 h 58 min`. */
  takes: string;
  /** What may still be changed when it ends, in words. */
  left: string[];
  problems: Problem[];
}

/** `step`: the one that is wrong, counted from 0 through all steps of the file; absent: the whole playbook. */
type Wrong = { step?: number; message: string; hint: string; story: string[] };

export interface ProofSettings extends Times {
  /** The most that one run may take. */
  limits: Cost;
}

export function proofSettings({ verification, playbooks }: Config): ProofSettings {
  return {
    verifyingAgain: verification.looks * verification.lookEvery,
    watchAfterUndo: WATCH_AFTER_UNDO,
    limits: playbooks.limits,
  };
}

/** A search that finds more states than this is given up: no playbook of a reasonable length comes near. */
const MOST_STATES = 200_000;

export async function prove(playbook: Playbook, settings: ProofSettings): Promise<Proof> {
  const narrator = createNarrator(settings);
  const problems = new Map<string, Wrong>();
  const left = new Set<string>();
  const reached = new Set<number>();
  const useful = new Set<number>();
  const worst: Cost = { time: 0, serviceRestarts: 0, serverRestarts: 0 };
  let states = 0;
  for (const facts of serversFor(playbook)) {
    const { shell, initial } = sceneOf({
      playbooks: [playbook],
      facts,
      mode: modeOf(playbook),
      mayCancel: true,
      retries: 0,
    });
    const specOf = specsOf(playbook, facts);
    const explored = await explore<State, Step>(
      {
        initial,
        follow: (state) => successors(shell, narrator, state),
        keyOf,
        outcomeOf: ({ incident }) => incident.finished?.outcome,
        findings: (_, { parts }) =>
          parts.flatMap((part) => {
            note(part);
            const unreported = part.after.incident.finished && !reportsEveryChange(part.after);
            return [
              ...RULES.flatMap((rule) => {
                const n = rule.brokenBy(part);
                return n === undefined ? [] : [`${rule.name}\n${specOf(n)}`];
              }),
              ...brokenInvariants(part.before, part),
              ...(unreported ? ['the end names everything that is still changed'] : []),
            ];
          }),
      },
      MOST_STATES,
    );
    function note({ wrote }: Step['parts'][number]): void {
      if (wrote?.type === 'stepStarted' || wrote?.type === 'stepFinished') reached.add(specOf(wrote.data.n));
      if (wrote?.type === 'stepStarted') useful.add(specOf(wrote.data.n));
      if (wrote?.type === 'finished')
        for (const says of [...wrote.data.left, ...wrote.data.owed])
          left.add(says.replaceAll(facts.server, 'the server'));
    }
    states += explored.states;
    const cost = worstCase(explored.states, explored.transitions);
    for (const kind of COSTS) worst[kind] = Math.max(worst[kind], cost[kind]);
    for (const { name: found, path } of explored.findings) {
      const [name = '', at] = found.split('\n');
      if (problems.has(found)) continue;
      const rule = RULES.find((one) => one.name === name);
      problems.set(found, {
        ...(at !== undefined && { step: Number(at) }),
        message: rule ? `${name}, on ${facts.is}` : `breaks a guarantee on ${facts.is}: ${name}`,
        hint: rule?.hint ?? 'this is a bug in Second Responder; please report it with the file',
        story: path,
      });
    }
  }
  return {
    playbook: playbook.name,
    states,
    worst,
    takes: inWords(worst.time),
    left: [...left],
    problems: [
      ...problems.values(),
      ...idleSteps(playbook, reached, useful),
      ...overLimits(worst, settings.limits),
    ].map((wrong) => problemOf(playbook, wrong)),
  };
}

function problemOf({ file, name, places }: Playbook, { step, message, hint, story }: Wrong): Problem {
  const place = step === undefined ? { line: 0, column: 0, path: '' } : places[step];
  return {
    file,
    line: place?.line ?? 0,
    column: place?.column ?? 0,
    path: place?.path ?? '',
    message: step === undefined ? `playbook ${name} ${message}` : message,
    hint,
    ...(story.length > 0 && { story }),
  };
}

const COSTS = ['time', 'serviceRestarts', 'serverRestarts'] as const;

const modeOf = ({ mode }: Playbook) => (mode === 'approve' ? 'approve' : 'auto');

/** Which line of the file a planned step comes from: a list of services is one line and several planned steps. */
function specsOf(playbook: Playbook, facts: ServerFacts): (n: number) => number {
  const lines = playbook.steps.flatMap(({ step, options }, index) =>
    (stepNamed(step).expand?.(options, facts) ?? [options]).map(() => index),
  );
  return (n) => lines[n - 1] ?? playbook.steps.length - 1;
}

function idleSteps(playbook: Playbook, reached: ReadonlySet<number>, useful: ReadonlySet<number>): Wrong[] {
  return playbook.steps.flatMap(({ step }, index): Wrong[] => {
    if (useful.has(index)) return [];
    const message = reached.has(index)
      ? 'never does anything: it is skipped or refused whenever it is reached'
      : 'is never reached on any kind of server';
    return [{ step: index, message, hint: `remove "${step}", or correct its condition or its place`, story: [] }];
  });
}

function overLimits(worst: Cost, limits: Cost): Wrong[] {
  const over = (message: string, hint: string): Wrong => ({ message, hint, story: [] });
  return [
    ...(worst.time > limits.time
      ? [
          over(
            `can take ${inWords(worst.time)}, which is more than ${writeDuration(limits.time)}`,
            'shorten its waits, or raise playbooks.limits.time',
          ),
        ]
      : []),
    ...(worst.serviceRestarts > limits.serviceRestarts
      ? [
          over(
            `can restart services ${worst.serviceRestarts} times, which is more than ${limits.serviceRestarts}`,
            'remove restarts, or raise playbooks.limits.service-restarts',
          ),
        ]
      : []),
    ...(worst.serverRestarts > limits.serverRestarts
      ? [
          over(
            `can restart the server ${worst.serverRestarts} times, which is more than ${limits.serverRestarts}`,
            'remove restarts, or raise playbooks.limits.server-restarts',
          ),
        ]
      : []),
  ];
}

/** `5 h 58 min`, rounded up. */
function inWords(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
