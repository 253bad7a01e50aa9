import { describe, expect, it } from 'vitest';
import { codeOf, filesUnder, importsOf, read } from './tree.ts';

/**
 * Which room may import which. A room is a folder of src/ (each adapter and each folder of the lab is one) or a single file
 * in src/. `a/b.ts` allows only that file of a room. Imports that are not listed are forbidden.
 */
const ARROWS: Record<string, string[]> = {
  incident: [],
  lib: [],
  ports: ['incident'],

  config: ['incident', 'lib'],
  sources: ['incident', 'lib'],
  verification: ['incident', 'ports', 'lib', 'config/problems.ts', 'config/yaml.ts'],
  playbooks: ['incident', 'config', 'verification/catalog.ts'],
  steps: ['incident', 'ports', 'lib', 'verification', 'playbooks/language.ts', 'config/schema.ts'],
  guards: ['incident', 'ports', 'verification', 'config/windows.ts'],
  gateway: ['incident', 'ports', 'lib', 'guards/kill-switch.ts'],
  engine: [
    'incident',
    'ports',
    'lib',
    'gateway/sessions.ts',
    'verification',
    'playbooks',
    'guards',
    'steps',
    'config/config.ts',
    'config/nearest.ts',
  ],

  // Proves playbooks by the code that runs them, without any adapter.
  proof: ['incident', 'ports', 'lib', 'steps', 'config/config.ts', 'config/problems.ts', 'config/schema.ts'].concat([
    'engine/settings.ts',
    'engine/verify/match.ts',
    'playbooks/hash.ts',
    'verification/catalog.ts',
    'verification/verify.ts',
  ]),
  // Plays incidents by the engine itself, on a lab and a store in memory.
  rehearsal: ['incident', 'ports', 'lib', 'engine', 'gateway', 'lab', 'verification', 'adapters/memory'].concat([
    'config/config.ts',
    'playbooks/scripts.ts',
    'recording/recording.ts',
  ]),
  // Plays every incident of an organisation, and reports.
  drill: ['incident', 'ports', 'lib', 'lab', 'rehearsal', 'engine/verify/match.ts'],
  // Runs the steps of a playbook on a simulated organisation, to show what they send.
  explain: ['incident', 'ports', 'lib', 'steps', 'guards', 'proof', 'lab/lab.ts', 'verification'].concat([
    'config/config.ts',
    'config/problems.ts',
    'engine/settings.ts',
    'engine/verify/match.ts',
  ]),
  // Compares recorded incidents with other playbooks, by the code that matches, decides and proves.
  backtest: ['incident', 'lib', 'steps/index.ts', 'config/problems.ts', 'config/schema.ts', 'proof/prove.ts'].concat([
    'engine/settings.ts',
    'engine/verify/match.ts',
    'verification/catalog.ts',
  ]),
  // Situations with what is expected of them, for `playbooks test`.
  scenarios: [
    'incident',
    'lib',
    'lab',
    'rehearsal',
    'guards/index.ts',
    'steps/index.ts',
    'verification/catalog.ts',
  ].concat([
    'config/config.ts',
    'config/problems.ts',
    'config/schema.ts',
    'config/yaml.ts',
    'recording/file.ts',
    'recording/recording.ts',
  ]),
  recording: ['incident', 'ports', 'lib'].concat([
    'config/data.ts',
    'config/problems.ts',
    'config/yaml.ts',
    'verification/catalog.ts',
  ]),
  // State, behaviour and port of the simulated organisation: each may import only those above it.
  'lab/world': ['incident', 'ports'],
  'lab/behaviour': ['incident', 'ports', 'lab/world'],
  'lab/port': ['incident', 'ports', 'lab/world', 'lab/behaviour'],
  // A lab can start from a recording; only recording/ knows how one is made.
  'lab/replay': ['incident', 'ports', 'lab/world', 'lab/behaviour', 'recording/recording.ts'],
  lab: ['incident', 'ports', 'lib', 'lab', 'recording/recording.ts'],
  // The doctor inspects settings and files; its caller passes in what adapters see.
  doctor: ['incident', 'ports', 'lib', 'config', 'engine/settings.ts'].concat([
    'playbooks/read.ts',
    'proof/gate.ts',
    'proof/prove.ts',
    'steps/index.ts',
    'verification/catalog.ts',
  ]),
  'adapters/bullmq': ['incident', 'ports', 'lib'],
  'adapters/http': ['incident', 'ports', 'lib', 'sources', 'config/problems.ts'],
  'adapters/lab': ['incident', 'ports', 'lab'],
  'adapters/memory': ['incident', 'ports', 'lib'],
  'adapters/notify': ['incident', 'ports', 'lib'],
  'adapters/powershell': ['incident', 'ports'],
  'adapters/redis': ['incident', 'ports', 'lib'],
  'adapters/telemetry': ['incident', 'ports', 'lib'],

  open: ['adapters', 'config', 'lab', 'ports', 'recording/file.ts', 'lib', 'incident'].concat([
    'engine/parts.ts',
    'engine/settings.ts',
    'playbooks/read.ts',
    'proof/gate.ts',
    'proof/prove.ts',
    'steps/index.ts',
    'verification/catalog.ts',
  ]),
  'app.ts': [
    'adapters',
    'config',
    'engine',
    'explain/explainer.ts',
    'gateway',
    'guards',
    'incident',
    'open',
    'playbooks',
    'ports',
  ].concat(['lib', 'sources', 'steps', 'verification']),
  // Commands start the daemon or query it; only the lab and the log are created without it.
  cli: [
    'app.ts',
    'adapters/lab',
    'adapters/telemetry',
    'config',
    'doctor',
    'explain',
    'proof/in-words.ts',
    'backtest',
    'proof/gate.ts',
    'proof/prove.ts',
    'rehearsal',
    'drill',
    'scenarios',
    'engine',
    'guards',
    'incident',
    'lab',
    'open',
    'playbooks',
  ].concat(['ports', 'recording', 'lib', 'sources', 'steps', 'verification']),
  'main.ts': ['cli'],
};

/** Packages and Node modules of the rooms that may use only these: the core and the rooms around it are pure. */
const OUTSIDE: Record<string, string[]> = {
  incident: ['node:crypto'],
  ports: ['zod'],
  verification: ['zod'],
  steps: ['zod'],
  guards: [],
  // The engine waits in real time and keeps the context of each call; pure rooms do neither.
  engine: ['node:async_hooks', 'node:crypto', 'node:timers/promises'],
  'main.ts': [],
};

const files = filesUnder('src', '.ts');

function roomOf(file: string): string {
  const [first = '', second = '', third] = inSource(file).split('/');
  return first === 'adapters' || (first === 'lab' && third !== undefined) ? `${first}/${second}` : first;
}

const inSource = (file: string) => file.replace(/^src\//, '');

/** The imports of a file that its room may not use. */
function wrongArrows(file: string, source?: string): string[] {
  const room = roomOf(file);
  return importsOf(file, source).filter((target) => {
    if (!target.startsWith('src/')) return target.startsWith('.') || !(OUTSIDE[room]?.includes(target) ?? true);
    if (roomOf(target) === room) return false;
    return !ARROWS[room]?.some((known) => inSource(target) === known || inSource(target).startsWith(`${known}/`));
  });
}

describe('the allowed imports', () => {
  it('are listed for exactly the rooms that exist', () => {
    expect([...new Set(files.map(roomOf))].sort()).toEqual(Object.keys(ARROWS).sort());
  });

  it('are the only imports', () => {
    const wrong = files.flatMap((file) => wrongArrows(file).map((target) => `${file} → ${target}`));
    expect(wrong).toEqual([]);
  });

  it('never form a cycle', () => {
    const arrows = new Map<string, Set<string>>();
    for (const file of files) {
      const targets = importsOf(file).filter((target) => target.startsWith('src/'));
      const known = arrows.get(roomOf(file)) ?? new Set();
      for (const target of targets) if (roomOf(target) !== roomOf(file)) known.add(roomOf(target));
      arrows.set(roomOf(file), known);
    }
    expect(ringIn(arrows)).toEqual([]);
  });

  const wrong: [string, string, string][] = [
    ['the core imports a timer of Node', 'src/incident/x.ts', "import { setTimeout } from 'node:timers/promises';"],
    ['the core imports a port', 'src/incident/x.ts', "import type { Store } from '../ports.ts';"],
    ['an adapter imports another one', 'src/adapters/http/x.ts', "import { y } from '../redis/store.ts';"],
    ['the engine imports an adapter', 'src/engine/x.ts', "export { y } from '../adapters/memory/store.ts';"],
    ['a step imports the engine', 'src/steps/x.ts', "import type {\n  Engine,\n} from '../engine/parts.ts';"],
    [
      'a step imports more of playbooks than the language',
      'src/steps/x.ts',
      "import { y } from '../playbooks/read.ts';",
    ],
    ['the lab imports the engine', 'src/lab/x.ts', "const y = await import('../engine/worker.ts');"],
    ['the state of the lab imports its behaviour', 'src/lab/world/x.ts', "export { y } from '../behaviour/faults.ts';"],
    ['the lab imports the recorder', 'src/lab/x.ts', "import { record } from '../recording/record.ts';"],
    ['doctor imports an adapter', 'src/doctor/x.ts', "import { y } from '../adapters/powershell/inspect.ts';"],
    [
      'doctor imports more of the engine than its settings',
      'src/doctor/x.ts',
      "import { y } from '../engine/worker.ts';",
    ],
    ['a command imports a store', 'src/cli/x.ts', "import { y } from '../adapters/redis/store.ts';"],
  ];
  it.each(wrong)('finds the forbidden import: %s', (_, file, source) => {
    expect(wrongArrows(file, source)).toHaveLength(1);
  });
});

/** The first cycle of rooms that import one another; empty if there is none. */
function ringIn(arrows: Map<string, Set<string>>): string[] {
  const done = new Set<string>();
  function walk(room: string, way: string[]): string[] {
    if (way.includes(room)) return [...way.slice(way.indexOf(room)), room];
    if (done.has(room)) return [];
    for (const target of arrows.get(room) ?? []) {
      const ring = walk(target, [...way, room]);
      if (ring.length > 0) return ring;
    }
    done.add(room);
    return [];
  }
  for (const room of arrows.keys()) {
    const ring = walk(room, []);
    if (ring.length > 0) return ring;
  }
  return [];
}

/** Every line that matches, as `src/cli/commands/serve.ts:12: …`. */
function linesThat(say: RegExp, among: string[], asText: (source: string) => string = codeOf): string[] {
  return among.flatMap((file) =>
    asText(read(file))
      .split('\n')
      .flatMap((line, index) => (say.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
  );
}

const asItIs = (source: string) => source;

describe('the code', () => {
  it('gets time and randomness as arguments in all rooms that decide', () => {
    const pure = files.filter((file) => /^src\/(incident|steps|guards|verification)\//.test(file));
    const impure = /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bset(Timeout|Interval|Immediate)\b|\bperformance\./;
    expect(linesThat(impure, pure)).toEqual([]);
  });

  it('ends the process only in commands', () => {
    const others = files.filter((file) => !file.startsWith('src/cli/'));
    expect(linesThat(/\bprocess\.(exit|abort)\b/, others)).toEqual([]);
  });

  it('never uses any or suppresses type errors', () => {
    expect(linesThat(/[:<|&,]\s*any\b(?!\s*[:(])|\bas any\b/, files)).toEqual([]);
    expect(linesThat(/@ts-(ignore|nocheck|expect-error)/, files, asItIs)).toEqual([]);
  });

  it('has no open tasks and no disabled tests', () => {
    const words = ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'];
    const later = new RegExp(`\\b(${words.join('|')})\\b|\\b(it|test|describe)\\.(only|todo)\\b`);
    expect(linesThat(later, [...files, ...filesUnder('test', '.ts')], asItIs)).toEqual([]);
  });

  it('has at most 500 lines per file, without comments and empty lines', () => {
    const linesOf = (file: string) =>
      codeOf(read(file))
        .split('\n')
        .filter((line) => line.trim() !== '').length;
    expect(files.filter((file) => linesOf(file) > 500)).toEqual([]);
  });
});

describe('the project', () => {
  const texts = filesUnder('.').filter((file) => !/\.(png|ico|woff2?)$/.test(file));

  it('contains no path of the build machine and no registry', () => {
    const machine = ['/wo' + 'rk/', '/ro' + 'ot/', '/ho' + 'me/[a-z]', 'registry\\.npm' + 'js', 'artifact' + 'ory'];
    const found = new RegExp(`(^|[^\\w./-])(${machine.slice(0, 3).join('|')})|${machine.slice(3).join('|')}`);
    expect(texts.filter((file) => found.test(read(file)))).toEqual([]);
  });

  it('has a lock file that works with any registry', () => {
    expect(read('package-lock.json')).not.toContain('"resolved"');
  });
});
