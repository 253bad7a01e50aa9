/** Explains a playbook in plain words, from the code that runs it: its steps, their commands, the guards and the proof. */

import { setImmediate } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import { formatProblem } from '../config/problems.ts';
import { GUARDS } from '../guards/index.ts';
import { type MonitorRef, monitorName, type ServerFacts } from '../incident/health.ts';
import { type Condition, ceiling, type Mode, type Playbook } from '../incident/plan.ts';
import { modeInForce, type Restriction, restrictedSomewhere, restrictionsOf } from '../incident/restrictions.ts';
import type { ExplainedCommands, ExplainedMode, ExplainedStep, Explanation } from '../ports/explanation.ts';
import { costInWords } from '../proof/in-words.ts';
import { proofSettings, prove } from '../proof/prove.ts';
import { SERVERS } from '../proof/scene.ts';
import { stepNamed } from '../steps/index.ts';
import type { Catalog } from '../verification/catalog.ts';
import { commandsOn, EXAMPLE, type Ground, type Sent } from './commands.ts';
import { inList } from './in-list.ts';
import { fromPage } from './page.ts';
import { type Result, resultsOn } from './results.ts';

type Kind = ServerFacts & { is: string };

export async function explain(playbook: Playbook, ground: Ground): Promise<Explanation> {
  const { config, catalog } = ground;
  const kinds = kindsOf(playbook, catalog);
  const runs: { kind: Kind; lines: Map<number, Sent> }[] = [];
  const results: Map<number, Result[]>[] = [];
  for (const kind of kinds) {
    runs.push({ kind, lines: await commandsOn(playbook, kind, ground) });
    results.push(await resultsOn(playbook, kind, ground));
    // A second of computing in all: requests and leases of the daemon get their turn in between.
    await setImmediate();
  }
  const { worst, left, problems } = await prove(playbook, proofSettings(config));
  const pages = playbook.places.map(fromPage);
  const steps = playbook.steps.map(({ step: name, options, when }, line): ExplainedStep => {
    const step = stepNamed(name);
    const { takes, disrupts } = step.worst?.(options) ?? {};
    const { steps: numbers, isOurs, note } = pages[line] ?? { steps: [], isOurs: false, note: '' };
    const from = isOurs ? OURS : playbook.page && numbers.length > 0 ? pageSteps(numbers, playbook.page) : undefined;
    return {
      n: line + 1,
      step: name,
      does: step.sentence?.(options) ?? step.summary,
      ...(when && { when: conditionInWords(when) }),
      changes: step.changes,
      verifies: step.verifies === true,
      ...(from && { from }),
      ...(note && { note }),
      results: resultsInWords(
        playbook,
        line,
        results.flatMap((byLine) => byLine.get(line) ?? []),
        config.verification.looks,
      ),
      ...(disrupts && { disrupts }),
      ...(takes && { atMost: takes }),
      commands: alike(runs.map(({ kind, lines }) => ({ is: kind.is, sent: lines.get(line) }))),
    };
  });
  return {
    playbook: playbook.name,
    summary: playbook.summary,
    ...(playbook.page && { page: playbook.page }),
    file: playbook.file,
    hash: playbook.hash,
    mode: modeInWords(playbook, modesIn(config)),
    treats: playbook.handles.map((monitor) => ({
      monitor: monitorName(monitor),
      verifiedBy: verifiedBy(monitor, catalog),
    })),
    servers: kinds.map(({ is }) => is),
    rules: rulesOf(config.verification.looks),
    steps,
    guards: steps.some(({ changes }) => changes) ? GUARDS.map(({ name, requires }) => ({ guard: name, requires })) : [],
    putBack: putBackOf(runs.map(({ lines }) => lines)),
    mayStay: left,
    worst: { ...worst, says: costInWords(worst) },
    problems: problems.map(formatProblem),
    elsewhere: pages.flatMap(({ elsewhere }) =>
      elsewhere.map(({ steps: numbers, note }) => ({ page: pageSteps(numbers), note })),
    ),
    example: EXAMPLE,
  };
}

const OURS = 'ours: not on the page';

/** Kinds of server that have one of the handled health sets. A playbook with steps for each role is for every kind. */
function kindsOf({ handles, steps }: Playbook, catalog: Catalog): Kind[] {
  const sets = catalog.healthSets().filter(({ name }) => handles.some(({ healthSet }) => healthSet === name));
  const roles = new Set(sets.flatMap((entry) => entry.roles));
  const isForAll = steps.some(({ options }) => options.on === 'own-role');
  return SERVERS.filter((server) => isForAll || server.roles.some((role) => roles.has(role)));
}

/** `step 3.2 of Troubleshooting IMAP Health Set`, `steps 6 and 7`. */
function pageSteps(numbers: string[], page?: string): string {
  const list = numbers.length > 1 ? `steps ${inList(numbers, 'and')}` : `step ${numbers[0]}`;
  // What follows a comma says which part of the page.
  return page === undefined ? list : `${list} of ${page.split(',')[0]}`;
}

function verifiedBy(monitor: MonitorRef, catalog: Catalog): string {
  const known = catalog.find(monitor.healthSet, monitor.monitor);
  return known?.probe
    ? `its probe, ${known.probe.healthSet}\\${known.probe.name}`
    : 'a fresh value in Get-ServerHealth';
}

const MODES: Record<Mode, string> = {
  observe: 'it reports what it would do, and changes nothing',
  approve: 'a person must approve its plan before the first change',
  auto: 'it acts without a person',
};

interface ModeSettings {
  /** `safety.mode` */
  mode: Mode;
  restrictions: readonly Restriction[];
}

export const modesIn = ({ safety, playbooks }: Config): ModeSettings => ({
  mode: safety.mode,
  restrictions: restrictionsOf(playbooks.restrictions),
});

export function modeInWords(
  { name, mode: written }: Pick<Playbook, 'name' | 'mode'>,
  settings: ModeSettings,
  demotedTo?: Mode,
): ExplainedMode {
  const { mode: limited, restricted } = modeInForce({ playbook: name, mode: written }, settings, []);
  const inForce = demotedTo ?? limited;
  const elsewhere = restrictedSomewhere(settings.restrictions, name).filter(
    ({ mode }) => ceiling(mode, inForce) !== inForce,
  );
  const why = [
    ...(limited === written ? [] : [`${restricted?.by ?? 'safety.mode'} limits it to ${limited}`]),
    ...(inForce === limited ? [] : [`its last runs did not help, so it is demoted to ${inForce}`]),
  ];
  return {
    written,
    inForce,
    says: [
      `${inForce}: ${MODES[inForce]}${why.length > 0 ? ` (its file says ${written}; ${why.join('; ')})` : ''}`,
      ...elsewhere.map(({ mode, by }) => `${by} limits it to ${mode}`),
    ].join('; '),
  };
}

function conditionInWords({ role, dag, version, healthy, unhealthy }: Condition): string {
  const parts = [
    ...(role ? [`the server has the ${role === 'mailbox' ? 'mailbox' : 'client access'} role`] : []),
    ...(dag === undefined ? [] : [`the server is ${dag ? 'a' : 'no'} member of a database availability group`]),
    ...(version ? [`the server runs Exchange ${inList(version.map(String), 'or')}`] : []),
    ...(healthy === undefined ? [] : [`${healthy} is healthy on the server at that time`]),
    ...(unhealthy === undefined ? [] : [`${unhealthy} is unhealthy on the server at that time`]),
  ];
  return `only if ${inList(parts, 'and')}`;
}

const rulesOf = (looks: number) => [
  'Before it begins, the alert is verified. If the server is healthy, nothing is done.',
  'A step is reached only if the problem persists. As soon as a check finds the server healthy, the playbook ends: recovered.',
  'After a step that fails, the next one follows. A step that is refused, by a guard or by Exchange, ends the playbook: a person is notified, and nothing more disruptive is tried.',
  `No reliable answer never counts as healthy. It is verified up to ${looks} more times; then a person is notified.`,
  'If the problem is still there after the last step, a person is notified.',
];

function resultsInWords(playbook: Playbook, line: number, results: Result[], looks: number): string[] {
  const { step: name } = playbook.steps[line] ?? { step: '' };
  const step = stepNamed(name);
  const isLast = line === playbook.steps.length - 1;
  const follows = isLast ? 'a person is notified' : `step ${line + 2} follows`;
  const example = (is: Result['is']) => results.find((result) => result.is === is)?.says;
  const [skipped, failed, refused] = [example('skipped'), example('failed'), example('refused')];
  return [
    ...(step.verifies
      ? [
          'Healthy: the playbook ends here, recovered.',
          `Unhealthy: ${follows}.`,
          `No reliable answer, also after ${looks} more tries: a person is notified.`,
        ]
      : []),
    ...(skipped === undefined ? [] : [`Skipped, for example if ${skipped}: ${follows}.`]),
    ...(failed === undefined ? [] : [`Failed, for example: ${failed}. Then ${follows}.`]),
    ...(refused === undefined
      ? []
      : [`Refused, for example: ${refused}. Then a person is notified, and nothing follows.`]),
  ];
}

/** Kinds of server with the same commands are one entry. */
function alike(kinds: { is: string; sent: Sent | undefined }[]): ExplainedCommands[] {
  const reached = kinds.flatMap(({ is, sent }) => (sent ? [{ is, sent }] : []));
  const groups = new Map<string, ExplainedCommands>();
  for (const { is, sent } of reached) {
    const { undo: _, ...commands } = sent;
    const key = JSON.stringify(commands);
    groups.set(key, { ...commands, on: [...(groups.get(key)?.on ?? []), is] });
  }
  const different = [...groups.values()];
  if (different.length === 1) different[0]!.on = [];
  return different.filter(
    ({ reads, changes, polls, skipped, stops }) => skipped ?? stops ?? reads.length + changes.length + polls.length > 0,
  );
}

const WHEN = {
  always: 'always, at the end of every run, even when a person cancels it',
  recovered: 'once the server is healthy again',
};

/** Each change once, from the first kind of server that makes it. */
function putBackOf(runs: Map<number, Sent>[]): Explanation['putBack'] {
  const all = runs.flatMap((lines) =>
    [...lines].flatMap(([line, { undo }]) =>
      undo.map(({ action, commands }) => ({
        step: line + 1,
        when: WHEN[action.when],
        what: action.says,
        commands,
      })),
    ),
  );
  return [...new Map(all.map((one) => [`${one.step} ${one.what}`, one])).values()].sort((a, b) => a.step - b.step);
}
