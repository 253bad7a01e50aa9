import { relative } from 'node:path';
import { writeFault } from '../../rehearsal/fault-text.ts';
import type { Scenario } from '../../scenarios/read.ts';

/** Options of the command that the simulation shares. */
export interface Shared {
  config?: string | undefined;
  playbook?: readonly string[] | undefined;
}

/** The command that shows the whole course of a scenario; undefined if `simulate` has no options for it. */
export function simulateLine(scenario: Scenario, { config, playbook = [] }: Shared): string | undefined {
  const { situation, mode, organisation, recording } = scenario;
  const { faults, alert = {}, cure, seed, people, at } = situation;
  const [first] = faults;
  // simulate has a fault of its own where none is named, and --server is that of the first fault too.
  if (!first && recording === undefined) return undefined;
  if (first && first.server === undefined && alert.server !== undefined) return undefined;
  const monitor = [alert.healthSet, alert.monitor, alert.targetResource].filter(Boolean).join('\\');
  const options: [name: string, value: string | undefined][] = [
    ['--config', config],
    ...faults.map((fault): [string, string] => ['--fault', writeFault(fault)]),
    ['--server', alert.server],
    ['--monitor', monitor || undefined],
    ['--organisation', organisation],
    ['--recording', recording],
    ['--cure', recording === undefined ? undefined : cure],
    ['--seed', seed?.toString()],
    ['--at', at === undefined ? undefined : new Date(at).toISOString().replace('.000', '')],
    ['--mode', mode],
    ...playbook.map((file): [string, string] => ['--playbook', file]),
  ];
  return [
    'second-responder simulate',
    ...options.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${quoted(shown(name, value))}`])),
    ...(people ? [`--${people}`] : []),
  ].join(' ');
}

const shown = (name: string, value: string) =>
  name === '--organisation' || name === '--recording' ? fromHere(value) : value;

/** The path from the current folder, if it is inside; else as it is. */
export function fromHere(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}

/** For a POSIX shell and for PowerShell alike. */
const quoted = (value: string) => (/^[\w./:=-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`);
