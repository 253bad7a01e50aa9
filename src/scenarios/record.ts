/** Writes a new scenario from what happened. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { Document, isCollection } from 'yaml';
import { writeDuration } from '../config/schema.ts';
import type { Mode } from '../incident/plan.ts';
import { writeWhole } from '../lib/files.ts';
import type { Situation, Staged } from '../rehearsal/situation.ts';
import type { Observed } from './observe.ts';
import { BEGINS } from './read.ts';

export interface Recorded {
  name: string;
  situation: Situation;
  /** The files of the situation, if it is not the shipped organisation. */
  organisation?: string | undefined;
  recording?: string | undefined;
  mode?: Mode | undefined;
  alert: Staged['alert'];
  observed: Observed;
}

/** `A back end is wedged` → `a-back-end-is-wedged.yaml` */
export function fileNameOf(name: string): string {
  const words = name.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['scenario'];
  return `${words.join('-').slice(0, 100)}.yaml`;
}

/** Throws the system's error: EEXIST if there is such a file, because none is ever overwritten. */
export function recordScenario(file: string, recorded: Recorded): void {
  mkdirSync(dirname(file), { recursive: true });
  writeWhole(file, scenarioText(file, recorded), { never: 'over-another', mode: 0o644 });
}

export function scenarioText(file: string, recorded: Recorded): string {
  const { name, situation, organisation, recording, mode, alert, observed } = recorded;
  const { faults, seed, cure, people, at } = situation;
  const beside = (path: string) => relative(dirname(file), path).split(sep).join('/');
  const [playbook] = observed.playbooks;
  const document = new Document({
    scenario: name,
    ...(recording === undefined && organisation !== undefined && { organisation: beside(organisation) }),
    ...(recording !== undefined && { recording: beside(recording), cure }),
    ...(seed !== undefined && { seed }),
    ...(at !== undefined && at !== BEGINS && { at: new Date(at).toISOString().replace('.000', '') }),
    ...(faults.length > 0 && { faults: faults.map(({ fault, ...options }) => ({ fault, ...options })) }),
    alert: { server: alert.server, monitor: monitorIn(alert) },
    ...(people && { people }),
    ...(mode && { mode }),
    expect: {
      outcome: observed.outcome,
      ...(playbook !== undefined && { playbook }),
      commands: observed.commands,
      within: writeDuration(roundUp(observed.took)),
      people: observed.notified ? 'notified' : 'nobody',
      left: observed.left,
    },
  });
  // One line for each fault and for the alert.
  const faultNodes = document.get('faults');
  for (const node of isCollection(faultNodes) ? faultNodes.items : []) if (isCollection(node)) node.flow = true;
  const alertNode = document.get('alert');
  if (isCollection(alertNode)) alertNode.flow = true;
  return `${headOf(file)}\n${document.toString({ lineWidth: 0 })}`;
}

function headOf(file: string): string {
  const schema = '../../scenario.schema.json';
  const forEditors = existsSync(join(dirname(file), schema)) ? [`# yaml-language-server: $schema=${schema}`, '#'] : [];
  return [
    ...forEditors,
    '# Recorded by "second-responder simulate --record". It expects what happened then, right or wrong: review each line',
    '# under "expect", and correct what should happen instead.',
  ].join('\n');
}

const monitorIn = ({ healthSet, monitor, targetResource }: Staged['alert']) =>
  [healthSet, monitor, targetResource].filter(Boolean).join('\\');

const STEP = 5 * 60_000;
const roundUp = (ms: number) => Math.max(1, Math.ceil(ms / STEP)) * STEP;
