/** Writes a new scenario from what happened. */
import { existsSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { Document, isCollection, isMap, parseAllDocuments } from 'yaml';
import type { z } from 'zod';
import { writeDuration } from '../config/schema.ts';
import type { Mode } from '../incident/plan.ts';
import { writeWhole } from '../lib/files.ts';
import type { Situation, Staged } from '../rehearsal/situation.ts';
import type { Observed } from './observe.ts';
import { BEGINS } from './read.ts';
import type { scenarioSchema } from './schema.ts';

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

/** Adds what was observed to a scenario that expects nothing yet; nothing else in its file changes. */
export function recordExpectation(file: string, document: number, observed: Observed): void {
  const target = realpathSync(file);
  const text = readFileSync(target, 'utf8');
  writeWhole(target, withExpectation(text, document, observed), { mode: statSync(target).mode & 0o777 });
}

/** Throws if the document has no place for it: it is written in braces, or indented. */
export function withExpectation(text: string, document: number, observed: Observed): string {
  const mapOf = (yaml: string) => {
    const documents = parseAllDocuments(yaml).filter(({ contents }) => contents !== null);
    const { contents, errors = [] } = documents[document] ?? {};
    return errors.length === 0 && isMap(contents) ? contents : undefined;
  };
  // After the line of its last value; a comment there stays where it is.
  const end = text.slice(0, mapOf(text)?.range?.[1]).trimEnd().length;
  const line = text.indexOf('\n', end);
  const [before, after] = line < 0 ? [text, ''] : [text.slice(0, line), text.slice(line + 1)];
  const added = new Document({ expect: expectationOf(observed) }).toString({ lineWidth: 0 });
  const written = `${before}\n${REVIEW}\n${added}${after}`;
  if (!mapOf(written)?.has('expect'))
    throw new Error('write the scenario with each key on a line of its own, without indentation');
  return written;
}

const REVIEW = '# Recorded by "second-responder playbooks test --record": review each line.';

function expectationOf({
  playbooks,
  outcome,
  commands,
  took,
  notified,
  left,
}: Observed): z.input<typeof scenarioSchema>['expect'] {
  const [playbook] = playbooks;
  return {
    outcome,
    ...(playbook !== undefined && { playbook }),
    commands,
    within: writeDuration(roundUp(took)),
    people: notified ? 'notified' : 'nobody',
    left,
  };
}

export function scenarioText(file: string, recorded: Recorded): string {
  const { name, situation, organisation, recording, mode, alert, observed } = recorded;
  const { faults, seed, cure, people, at } = situation;
  const beside = (path: string) => relative(dirname(file), path).split(sep).join('/');
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
    expect: expectationOf(observed),
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
