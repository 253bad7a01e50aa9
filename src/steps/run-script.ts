import { z } from 'zod';
import { writeDuration } from '../config/schema.ts';
import type { Intent } from '../incident/intent.ts';
import type { UndoAction } from '../incident/undo.ts';
import type { StepEnvironment } from '../playbooks/language.ts';
import type { ScriptOrder } from '../ports/exchange.ts';
import { optionsOf, type Polled, type Step, type StepContext, type Undo } from './step.ts';

/** Stands for the short name of the incident's server. */
const SERVER = '{server}';
/** Real milliseconds that an answer may take beyond the script itself. */
const ANSWER = 30_000;
/** Organisation's milliseconds after its limit until a script that still runs is given up. */
const OVERTIME = 2 * 60_000;
/** How often a script that may repeat is started in all. */
const MOST_RUNS = 2;

const value = z.union([z.string().max(1000), z.number(), z.boolean()]);
const parameters = z.record(z.string(), value).optional();
const undo = z.strictObject({
  script: z.string(),
  parameters,
  when: z.enum(['always', 'recovered']).default('always'),
});

/** What the playbook says, and what the declaration of the script adds. */
type Options = Run & { disrupts?: string; undo?: Run & { when: 'always' | 'recovered' } };
type Run = {
  script: string;
  sha256: string;
  parameters?: ScriptOrder['parameters'];
  within: number;
  'after-crash': string;
};

/**
 * Runs a script of the admin on the server. The daemon never sends code: the server has the file, and runs it only if its
 * SHA-256 is the one of the plan.
 */
export const runScript: Step = {
  name: 'run-script',
  summary: 'Runs a PowerShell script of your own on the server.',
  shorthand: 'script',
  changes: true,
  options: z.strictObject({
    script: z.string().describe('The file in the folder `scripts` beside the playbooks.'),
    parameters: parameters.describe('Values for its parameters; `"{server}"` is the name of the server.'),
    undo: undo
      .optional()
      .describe('A script that undoes it: `script`, `parameters`, and `when` (`always` or `recovered`).'),
  }),
  checks(options, environment) {
    const given = options as Options;
    const own = environment.script(given.script, given.parameters);
    const undoing = given.undo && environment.script(given.undo.script, given.undo.parameters);
    return [
      ...(own.script ? [] : own.complaints.map((one) => `script: ${one}`)),
      ...(!undoing || undoing.script ? [] : undoing.complaints.map((one) => `undo: ${one}`)),
    ];
  },
  complete(options, environment) {
    const given = options as Options;
    return {
      ...given,
      ...declared(environment, given),
      ...(given.undo && { undo: { ...given.undo, ...declared(environment, given.undo) } }),
    };
  },

  says: ({ script, parameters: given }) => [script, ...written(given as Run['parameters'])].join(' '),
  worst(options) {
    const { within, disrupts, undo: undoing } = options as Options;
    return {
      takes: within,
      ...(disrupts && { disrupts }),
      ...(undoing && {
        putBack: `${undoing.script} runs ${undoing.when === 'always' ? 'at the end' : 'once the server is healthy'}`,
      }),
    };
  },

  async begin(context) {
    const options = optionsOf<Options>(context);
    const { incident, record, exchange, signal } = context;
    const { server } = incident;
    const { n } = record.step;
    const { script, sha256, undo: undoing } = options;
    const intent = intentOf(server, options, `${incident.id}:${n}`);
    const { value: found } = await exchange.script(server, { name: script, sha256 }, runOf(intent), { signal });
    if (found.file === 'missing')
      return { begin: 'refuse', says: `${server} has no ${script} in its folder of scripts` };
    if (found.file === 'different') {
      return { begin: 'refuse', says: `${server} has another version of ${script} than the playbook` };
    }
    const debt: UndoAction | undefined = undoing && {
      id: `${n}:script`,
      kind: 'run-script',
      server,
      setting: `script:${script}`,
      when: undoing.when,
      value: { ...undoing },
      says: `${script} ran on ${server}, and ${undoing.script} undoes it`,
      after: 'recheck',
    };
    return {
      begin: 'start',
      note: {},
      change: { action: 'run-script', resource: script, intent, ...(debt && { undo: [debt] }) },
    };
  },

  issue: (context, intent) => send(context, intent, optionsOf<Options>(context)),
  poll(context) {
    const { incident, record } = context;
    const options = optionsOf<Options>(context);
    const again = mayRepeat(options, record.unhealthyTries, incident.conclusion !== undefined);
    return poll(context, record.intent as Intent, options.within, record.startedAt ?? 0, again);
  },
};

/** Runs the script that undoes another. */
export const runScriptUndo: Undo = {
  kind: 'run-script',
  async begin({ incident, undo: action }) {
    return {
      begin: 'start',
      intent: intentOf(action.server, action.value as unknown as Run, `${incident.id}:undo:${action.id}`),
    };
  },
  issue: (context, intent) => send(context, intent, context.undo.value as unknown as Run),
  poll(context, intent) {
    const { at, tries, value } = context.undo;
    const run = value as unknown as Run;
    return poll(context, intent, run.within, at, mayRepeat(run, tries));
  },
};

function declared(environment: StepEnvironment, { script, parameters: given }: Pick<Run, 'script' | 'parameters'>) {
  const found = environment.script(script, given).script;
  if (!found) throw new Error(`${script} was read before and is gone`);
  const { sha256, within, disrupts } = found;
  return { sha256, within, 'after-crash': found['after-crash'], ...(disrupts && { disrupts }) };
}

const written = (given: Run['parameters'] = {}) =>
  Object.entries(given).map(([name, one]) => `-${name} ${JSON.stringify(one)}`);

/** `run`: the same for every try of the same step, so that the server runs it once. */
function intentOf(server: string, { script, sha256, parameters: given = {} }: Run, run: string): Intent {
  const filled = Object.entries(given).map(([name, one]) => [name, one === SERVER ? server : one]);
  return {
    command: 'Invoke-TargetScript',
    server,
    arguments: { Name: script, Sha256: sha256, Parameters: Object.fromEntries(filled) },
    fence: { run },
  };
}

const runOf = ({ fence }: Intent) => fence.run as string;

async function send(
  { exchange, change, clock, signal }: Pick<StepContext, 'exchange' | 'change' | 'clock' | 'signal'>,
  intent: Intent,
  { within, 'after-crash': afterCrash }: Run,
): Promise<void> {
  const { Name, Sha256, Parameters } = intent.arguments as Record<'Name' | 'Sha256', string> & {
    Parameters: ScriptOrder['parameters'];
  };
  const order = {
    name: Name,
    sha256: Sha256,
    parameters: Parameters,
    timeLimit: within,
    repeat: afterCrash === 'repeat',
  };
  const timeLimit = within / clock.speed + ANSWER;
  await exchange.runScript(intent.server, order, { run: runOf(intent) }, change(), { timeLimit, signal });
}

/** Whether a run that was interrupted is sent again: not for an incident that has ended, and a limited number of times. */
const mayRepeat = ({ 'after-crash': afterCrash }: Run, tries: number, hasEnded = false) =>
  afterCrash === 'repeat' && tries < MOST_RUNS && !hasEnded;

/** What became of the run, by the record that the server keeps of it. */
async function poll(
  { exchange, clock, signal }: Pick<StepContext, 'exchange' | 'clock' | 'signal'>,
  intent: Intent,
  within: number,
  startedAt: number,
  mayRepeat: boolean,
): Promise<Polled> {
  const { Name: name, Sha256: sha256 } = intent.arguments as { Name: string; Sha256: string };
  const { server } = intent;
  const { value: seen } = await exchange.script(server, { name, sha256 }, runOf(intent), { signal });
  const result = seen.output === undefined ? {} : { result: { output: seen.output } };
  switch (seen.run) {
    case 'none':
      return { is: 'notIssued' };
    case 'running': {
      const now = clock.now();
      if (now < startedAt + within + OVERTIME)
        return { is: 'pending', until: now + 5_000, says: `${name} runs on ${server}` };
      const says = `${name} on ${server} has not ended after ${writeDuration(within)}`;
      return { is: 'refused', says, changed: true };
    }
    case 'succeeded':
      return { is: 'done', says: `${name} on ${server} succeeded${lastLine(seen.output)}`, changed: true, ...result };
    case 'failed':
      return { is: 'failed', says: `${name} on ${server} failed${lastLine(seen.output)}`, changed: true, ...result };
    case 'interrupted':
      if (mayRepeat) return { is: 'notIssued' };
      return { is: 'refused', says: `${name} on ${server} was interrupted half-way`, changed: true, ...result };
  }
}

/** The end of the output, for the one sentence that people read; all that was kept is in the result. */
function lastLine(output = ''): string {
  const line = output.trim().split('\n').at(-1)?.trim().slice(0, 200);
  return line ? `: ${line}` : '';
}
