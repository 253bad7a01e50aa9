/**
 * What holds the product together, taken out one at a time: for each, the tests that must go red. `from` stands in the
 * file exactly once.
 */
import { readFileSync } from 'node:fs';

export interface Mutation {
  says: string;
  file: string;
  from: string;
  to: string;
  tests: string[];
}

const MEMORY = ['test/unit/memory/store.test.ts'];
const REDIS = ['test/store/redis.test.ts'];
const LAB = ['test/unit/lab/exchange-contract.test.ts'];
const FOLD = [
  'test/unit/incident/fold.test.ts',
  'test/unit/incident/next.test.ts',
  'test/unit/incident/properties.test.ts',
];
const CRASH = ['test/unit/engine/crash.test.ts'];

const MUTATIONS: Mutation[] = [
  {
    says: 'memory: an append does not look at the head',
    file: 'src/adapters/memory/store.ts',
    from: 'if (seq !== head.seq || hash !== head.hash) {',
    to: 'if (seq < 0) {',
    tests: MEMORY,
  },
  {
    says: 'memory: a command is confirmed whatever was written since',
    file: 'src/adapters/memory/store.ts',
    from: 'if (seq === head.seq && hash === head.hash) return true;',
    to: 'if (seq >= 0) return true;',
    tests: MEMORY,
  },
  {
    says: 'memory: a command is confirmed though the lease is lost',
    file: 'src/adapters/memory/store.ts',
    from: 'if (token !== undefined && (held?.token !== token || held.until <= this.#now())) return false;',
    to: '',
    tests: MEMORY,
  },
  {
    says: 'memory: a start looks at no kill switch, claim, slot or throttle',
    file: 'src/adapters/memory/store.ts',
    from: 'if (refused) return { ok: false, refused };',
    to: '',
    tests: MEMORY,
  },
  {
    says: 'memory: a claim of another incident is overlooked',
    file: 'src/adapters/memory/start.ts',
    from: "if (owner !== undefined && owner !== start.owner) return { by: 'claim', server, owner };",
    to: '',
    tests: MEMORY,
  },
  {
    says: "memory: a group's slot that is taken is overlooked",
    file: 'src/adapters/memory/start.ts',
    from: 'if (slot && slot.owner !== start.owner && !inherits) {',
    to: 'if (slot && slot.owner === "" && !inherits) {',
    tests: MEMORY,
  },
  {
    says: 'memory: throttles count nothing',
    file: 'src/adapters/memory/start.ts',
    from: 'if (no) return no;',
    to: '',
    tests: MEMORY,
  },
  {
    says: 'memory: a debt is overwritten by a later one',
    file: 'src/adapters/memory/store.ts',
    from: 'if (!this.#ledger.has(place))',
    to: 'if (place)',
    tests: MEMORY,
  },
  {
    says: 'redis: an append does not look at the head',
    file: 'src/adapters/redis/scripts/append.ts',
    from: "if (head or '0:') ~= ask.head then return { 'stale', head or '0:' } end",
    to: '',
    tests: REDIS,
  },
  {
    says: 'redis: a claim of another incident is overlooked',
    file: 'src/adapters/redis/scripts/append.ts',
    from: "if owner and owner ~= start.owner then return { 'claim', claim.server, owner } end",
    to: '',
    tests: REDIS,
  },
  {
    says: "redis: a group's slot that is taken is overlooked",
    file: 'src/adapters/redis/scripts/append.ts',
    from: "if held.owner ~= start.owner and not inherits then return { 'slot', held.owner, held.server } end",
    to: '',
    tests: REDIS,
  },
  {
    says: 'redis: throttles count nothing',
    file: 'src/adapters/redis/scripts/append.ts',
    from: 'return switchedOff() or claimed() or slotTaken() or throttled()',
    to: 'return switchedOff() or claimed() or slotTaken()',
    tests: REDIS,
  },
  {
    says: 'redis: the start looks at no kill switch',
    file: 'src/adapters/redis/scripts/append.ts',
    from: "if applies then return { 'kill-switch', switches[i + 1] } end",
    to: '',
    tests: REDIS,
  },
  {
    says: 'redis: a lease is given twice',
    file: 'src/adapters/redis/scripts/advancing.ts',
    from: "ARGV[2], 'NX', 'PX', ARGV[3])",
    to: "ARGV[2], 'PX', ARGV[3])",
    tests: REDIS,
  },
  {
    says: 'redis: a command is confirmed though the lease is lost',
    file: 'src/adapters/redis/scripts/advancing.ts',
    from: "if ARGV[3] ~= '' and token ~= ARGV[3] then return 0 end",
    to: '',
    tests: REDIS,
  },
  {
    says: 'redis: a command is confirmed whatever was written since',
    file: 'src/adapters/redis/scripts/advancing.ts',
    from: 'if head ~= ARGV[2] then return head end',
    to: '',
    tests: REDIS,
  },
  {
    says: 'chain: an entry is not compared with the hash of the one before',
    file: 'src/incident/chain.ts',
    from: 'if (entry.previous !== this.#previous) {',
    to: "if (entry.previous === 'never') {",
    tests: ['test/unit/memory/chain.test.ts'],
  },
  {
    says: 'chain: the head is not compared with the last entry',
    file: 'src/incident/chain.ts',
    from: 'if (head.hash !== this.#previous) {',
    to: "if (head.hash === 'never') {",
    tests: ['test/unit/memory/chain.test.ts'],
  },
  {
    says: 'fence: the far side restarts a service whenever it is told',
    file: 'src/lab/cmdlets.ts',
    from: 'if (startedAt !== null && (seen === null || startedAt > seen)) {',
    to: 'if (startedAt === -1) {',
    tests: LAB,
  },
  {
    says: 'fence: the far side reboots whenever it is told',
    file: 'src/lab/cmdlets.ts',
    from: 'if (here.bootedAt > fence.bootedAt) {',
    to: 'if (here.bootedAt < 0) {',
    tests: LAB,
  },
  {
    says: 'fence: the far side changes a setting that is not as it was seen',
    file: 'src/lab/cmdlets.ts',
    from: 'if (now !== seen) throw',
    to: 'if (false) throw',
    tests: ['test/unit/lab/fence.test.ts'],
  },
  {
    says: 'fence: the far side carries out what comes too late',
    file: 'src/lab/telephone.ts',
    from: 'if (late > 0) {',
    to: 'if (late === -0.5) {',
    tests: LAB,
  },
  {
    says: 'waist: the kill switch is not asked before a command is sent',
    file: 'src/engine/waist.ts',
    from: "if (switches.some((one) => applies(one, scope))) throw new NotSent('the kill switch is on');",
    to: '',
    tests: ['test/unit/engine/waist.test.ts'],
  },
  {
    says: 'waist: a kill switch that can not be asked counts as off',
    file: 'src/engine/waist.ts',
    from: "if (!switches) throw new NotSent('the kill switch could not be asked, so it counts as on');",
    to: 'if (!switches) return;',
    tests: ['test/unit/engine/waist.test.ts', 'test/unit/engine/guards.test.ts'],
  },
  {
    says: 'waist: any service may be restarted',
    file: 'src/engine/waist.ts',
    from: 'if (!isNamed(name, settings.services)) {',
    to: 'if (!name) {',
    tests: ['test/unit/engine/waist.test.ts'],
  },
  {
    says: 'waist: its own machine may be rebooted',
    file: 'src/engine/waist.ts',
    from: 'if (settings.self.includes(shortName(server))) {',
    to: 'if (!server) {',
    tests: ['test/unit/engine/waist.test.ts'],
  },
  {
    says: 'the store is not asked before a command is sent',
    file: 'src/engine/command.ts',
    from: 'await advance.confirm();',
    to: '',
    tests: ['test/unit/engine/replicas.test.ts'],
  },
  {
    says: 'a worker that stood still does not compare its lease with the clock',
    file: 'src/engine/worker.ts',
    from: 'if (sinceGranted() > lasts)',
    to: 'if (false)',
    tests: ['test/unit/engine/standing-still.test.ts'],
  },
  {
    says: 'a command that a lost worker may have sent is not waited out',
    file: 'src/engine/command.ts',
    from: "return slept !== undefined && slept.n === n && (slept.for === 'late' || slept.for === 'health');",
    to: 'return slept?.n !== n || slept?.until !== 0;',
    tests: ['test/unit/engine/not-sent.test.ts'],
  },
  {
    says: 'what was started is sent again without a look',
    file: 'src/engine/continue-step.ts',
    from: 'return poll(engine, advance, command, undefined);',
    to: 'return command.intent ? send(engine, advance, command) : poll(engine, advance, command, undefined);',
    tests: CRASH,
  },
  {
    says: 'undo: what is owed is not written down before the change',
    file: 'src/engine/begin-step.ts',
    from: '...(change.undo && { undo: change.undo }),',
    to: '',
    tests: ['test/unit/engine/page.test.ts', 'test/unit/engine/owed.test.ts'],
  },
  {
    says: 'undo: it is over before what is due was put back',
    file: 'src/incident/next.ts',
    from: 'if (due) return asleep(incident, now) ?? {',
    to: "if (due && incident.id === '') return asleep(incident, now) ?? {",
    tests: FOLD,
  },
  {
    says: 'a look that saw nothing counts as health',
    file: 'src/incident/fold.ts',
    from: "if (data.verdict === 'cleared') {",
    to: "if (data.verdict !== 'confirmed') {",
    tests: FOLD,
  },
  {
    says: 'a look that saw nothing is a licence to act',
    file: 'src/incident/next.ts',
    from: "if (incident.looked.verdict === 'inconclusive') return lookAgain(incident, now, settings);",
    to: '',
    tests: FOLD,
  },
  {
    says: 'a step that the kill switch stopped is owed for all the same',
    file: 'src/incident/fold.ts',
    from: "debt.state = 'notNeeded';",
    to: 'debt.tries += 0;',
    tests: ['test/unit/engine/not-sent.test.ts'],
  },
  {
    says: 'the debt of a step that was not sent stays in the ledger',
    file: 'src/incident/traces.ts',
    from: "if (event.data.state !== 'notSent') return {};",
    to: 'return {};',
    tests: ['test/unit/engine/not-sent.test.ts'],
  },
  {
    says: 'what is remembered beside an entry is not what its journal tells',
    file: 'src/engine/append.ts',
    from: '    ...beside,\n',
    to: '    ...beside,\n    settle: [],\n',
    tests: ['test/unit/memory/reindex.test.ts'],
  },
  {
    says: 'a component that a person took out of service stops nothing',
    file: 'src/guards/maintenance.ts',
    from: 'if (decided === undefined) return ALLOW;',
    to: 'if (decided === undefined || decided) return ALLOW;',
    tests: ['test/unit/guards/maintenance.test.ts', 'test/unit/engine/components.test.ts'],
  },
  {
    says: 'what did not work before a reboot is demanded after it',
    file: 'src/steps/restart-server.ts',
    from: '(record.note.expected ?? {}) as Expected',
    to: '{} as Expected',
    tests: ['test/unit/steps/restart-server.test.ts', 'test/unit/engine/components.test.ts'],
  },
  {
    says: 'a probe that did not run counts as one that succeeded',
    file: 'src/verification/judge.ts',
    from: "case 'Succeeded':",
    to: "case 'Poisoned':\n    case 'Rejected':\n    case 'Succeeded':",
    tests: ['test/unit/verification/judge.test.ts'],
  },
  {
    says: 'a row that no clock drives counts in the moment after our change',
    file: 'src/verification/judge.ts',
    from: 'return change === undefined || hasSeen(row, change) ||',
    to: 'return true ||',
    tests: ['test/unit/verification/judge.test.ts'],
  },
  {
    says: 'a row that no clock drives is too old like any other',
    file: 'src/incident/health.ts',
    from: 'return recurrenceSeconds === 0;',
    to: 'return recurrenceSeconds === -1;',
    tests: ['test/unit/verification/judge.test.ts', 'test/unit/engine/rows.test.ts'],
  },
  {
    says: 'what nobody could look at is over, as the rest is healthy',
    file: 'src/incident/next.ts',
    from: "outcome: isUnverified(incident) ? 'escalated' : conclusion.outcome,",
    to: 'outcome: conclusion.outcome,',
    tests: FOLD,
  },
  {
    says: 'an alert is answered before it is stored',
    file: 'src/engine/intake.ts',
    from: 'gathered.push({ alerts, resolve, reject });',
    to: 'gathered.push({ alerts, resolve, reject });\n      resolve(alerts.map(({ id }) => ({ id, repeat: false })));',
    tests: ['test/unit/engine/intake.test.ts'],
  },
  {
    says: 'people are told after the end is written, or not at all',
    file: 'src/engine/finish.ts',
    from: 'if (tries < TELLINGS) return false;',
    to: '',
    tests: ['test/unit/engine/tell-first.test.ts'],
  },
];

/** Two rows for each guard of the list: taken out of it, and in it but against nothing. */
function guards(): Mutation[] {
  const file = 'src/guards/index.ts';
  const source = readFileSync(file, 'utf8');
  const [, list = ''] = /GUARDS[^=]*= \[([^\]]*)\]/.exec(source) ?? [];
  const names = list.split(',').map((name) => name.trim());
  return names.filter(Boolean).flatMap((name) => {
    const own = fileOf(source, name);
    const tests = ['test/unit/engine/guards.test.ts', `test/unit/guards/${own}.test.ts`];
    const text = readFileSync(`src/guards/${own}.ts`, 'utf8');
    const judge = new RegExp(`export const ${name}: Guard = \\{[^]*?judge\\([^)]*\\) \\{`).exec(text)?.[0];
    return [
      {
        says: `the guard ${name} is not in the list`,
        file,
        from: `\n  ${name},\n`,
        to: '\n',
        tests: [...tests, 'test/rules/docs.test.ts'],
      },
      // Those that only repeat what the store decides have no judge of their own.
      ...(judge === undefined
        ? []
        : [
            {
              says: `the guard ${name} allows everything`,
              file: `src/guards/${own}.ts`,
              from: judge,
              to: `${judge} return ALLOW;`,
              tests,
            },
          ]),
    ];
  });
}

function fileOf(source: string, guard: string): string {
  const [, names = '', path = ''] =
    [...source.matchAll(/import \{([^}]*)\} from '\.\/([^']*)\.ts'/g)].find(([, names]) =>
      names?.split(',').some((one) => one.trim() === guard),
    ) ?? [];
  return names && path;
}

export const ALL: readonly Mutation[] = [...MUTATIONS, ...guards()];
