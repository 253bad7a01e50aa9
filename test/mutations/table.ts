/** What keeps the promises of the product, broken in one place at a time, and the tests that must go red for it. */
import { basename } from 'node:path';
import { declarationsOf } from './declarations.ts';

export interface Mutation {
  says: string;
  /** Name of a function, method or constant of src/, with the names around it where it needs them: `Worker.run`. */
  in: string;
  /** The code to break, once in there, however it is broken into lines. Left out: all between the braces of a function. */
  from?: string;
  /** What stands there instead; left out: nothing. */
  to?: string;
  /** Test files by the end of their path, without `.test.ts`. */
  tests: string[];
}

const MEMORY = ['memory/store'];
const REDIS = ['store/redis'];
const LAB = ['lab/exchange-contract'];
const FOLD = ['incident/fold', 'incident/next', 'incident/properties'];

const MUTATIONS: Mutation[] = [
  {
    says: 'memory: an append ignores the head',
    in: 'MemoryStore.append',
    from: 'seq !== head.seq || hash !== head.hash',
    to: 'false',
    tests: MEMORY,
  },
  {
    says: 'memory: a command is confirmed whatever was written since',
    in: 'MemoryStore.confirm',
    from: 'seq === head.seq && hash === head.hash',
    to: 'true',
    tests: MEMORY,
  },
  {
    says: 'memory: a command is confirmed after the lease was lost',
    in: 'MemoryStore.confirm',
    from: 'held?.token !== token || held.until <= this.#now()',
    to: 'false',
    tests: MEMORY,
  },
  {
    says: 'memory: a start ignores kill switches, claims, slots and throttles',
    in: 'MemoryStore.append',
    from: 'if (refused)',
    to: 'if (false)',
    tests: MEMORY,
  },
  {
    says: 'memory: a start ignores the claim of another incident',
    in: 'refusal',
    from: 'owner !== undefined && owner !== start.owner',
    to: 'false',
    tests: MEMORY,
  },
  {
    says: "memory: a start ignores that the group's slot is taken",
    in: 'refusal',
    from: 'slot.owner !== start.owner',
    to: 'false',
    tests: MEMORY,
  },
  { says: 'memory: throttles count nothing', in: 'refusal', from: 'if (no)', to: 'if (false)', tests: MEMORY },
  {
    says: 'memory: a later undo action overwrites an earlier one of the same place',
    in: 'MemoryStore.remember',
    from: '!this.#ledger.has(place)',
    to: 'true',
    tests: MEMORY,
  },
  {
    says: 'redis: an append ignores the head',
    in: 'APPEND',
    from: "(head or '0:') ~= ask.head",
    to: 'false',
    tests: REDIS,
  },
  {
    says: 'redis: a start ignores the claim of another incident',
    in: 'CONDITIONS',
    from: 'owner and owner ~= start.owner',
    to: 'false',
    tests: REDIS,
  },
  {
    says: "redis: a start ignores that the group's slot is taken",
    in: 'CONDITIONS',
    from: 'held.owner ~= start.owner',
    to: 'false',
    tests: REDIS,
  },
  { says: 'redis: throttles count nothing', in: 'CONDITIONS', from: 'or throttled()', tests: REDIS },
  {
    says: 'redis: a start ignores kill switches',
    in: 'CONDITIONS',
    from: 'if applies then',
    to: 'if false then',
    tests: REDIS,
  },
  { says: 'redis: a lease is granted twice', in: 'LEASE', from: "'NX',", tests: REDIS },
  {
    says: 'redis: a command is confirmed after the lease was lost',
    in: 'CONFIRM',
    from: "ARGV[3] ~= '' and token ~= ARGV[3]",
    to: 'false',
    tests: REDIS,
  },
  {
    says: 'redis: a command is confirmed whatever was written since',
    in: 'CONFIRM',
    from: 'head ~= ARGV[2]',
    to: 'false',
    tests: REDIS,
  },
  {
    says: 'chain: an entry is not compared with the hash of the one before',
    in: 'ChainVerifier.next',
    from: 'entry.previous !== this.#previous',
    to: 'false',
    tests: ['memory/chain'],
  },
  {
    says: 'chain: the head is not compared with the last entry',
    in: 'ChainVerifier.end',
    from: 'head.hash !== this.#previous',
    to: 'false',
    tests: ['memory/chain'],
  },
  {
    says: 'fence: the lab restarts a service that was restarted meanwhile',
    in: 'restartOne',
    from: 'startedAt !== null &&',
    to: 'false &&',
    tests: LAB,
  },
  {
    says: 'fence: the lab reboots a server that was rebooted meanwhile',
    in: 'restartServer',
    from: 'here.bootedAt > fence.bootedAt',
    to: 'false',
    tests: LAB,
  },
  {
    says: 'fence: the lab changes a setting that was changed meanwhile',
    in: 'compare',
    from: 'now !== seen',
    to: 'false',
    tests: ['lab/fence'],
  },
  {
    says: 'fence: the lab carries out a command that arrives too late',
    in: 'change',
    from: 'late > 0',
    to: 'false',
    tests: LAB,
  },
  {
    says: 'gateway: a command is sent although the kill switch is on',
    in: 'permit',
    from: 'switches.some((one) => applies(one, scope))',
    to: 'false',
    tests: ['gateway/gateway'],
  },
  {
    says: 'gateway: a kill switch that cannot be read counts as off',
    in: 'permit',
    from: 'if (!switches)',
    to: 'if (!switches) return; if (false)',
    tests: ['gateway/gateway', 'engine/guards'],
  },
  {
    says: 'gateway: any service may be restarted',
    in: 'restartService',
    from: '!isNamed(name, settings.services)',
    to: 'false',
    tests: ['gateway/gateway'],
  },
  {
    says: 'gateway: a script that changed since the plan may run',
    in: 'runScript',
    from: 'now !== script.sha256',
    to: 'false',
    tests: ['gateway/gateway'],
  },
  {
    says: 'fence: the lab runs a script that ran before',
    in: 'runOne',
    from: "before.run !== 'none' &&",
    to: 'false &&',
    tests: LAB,
  },
  {
    says: 'gateway: the daemon may reboot its own machine',
    in: 'refuseSelf',
    from: 'settings.self.includes(shortName(server))',
    to: 'false',
    tests: ['gateway/gateway'],
  },
  {
    says: 'a command is sent without asking the store first',
    in: 'send',
    from: 'await advance.confirm();',
    tests: ['engine/replicas'],
  },
  {
    says: 'a worker that was suspended does not compare its lease with the clock',
    in: 'createWorker.incident.stillMine',
    from: 'sinceGranted() > leaseMs',
    to: 'false',
    tests: ['engine/standing-still'],
  },
  {
    says: 'a command that a lost worker may have sent is not waited for',
    in: 'isWaitedOut',
    from: "return slept !== undefined && slept.n === n && (slept.for === 'late' || slept.for === 'health');",
    to: 'return slept?.n !== n || slept?.until !== 0;',
    tests: ['engine/not-sent'],
  },
  {
    says: 'a command that was sent before is sent again without polling first',
    in: 'continueStep',
    from: "return poll(engine, advance, command, 'maybe');",
    to: "return command.intent ? send(engine, advance, command) : poll(engine, advance, command, 'maybe');",
    tests: ['full/crash'],
  },
  {
    says: 'undo: the undo action is not stored before the change',
    in: 'weigh',
    from: '...(change.undo && { undo: change.undo }),',
    tests: ['engine/page', 'engine/outstanding-undo'],
  },
  {
    says: 'undo: an incident ends before what is due is put back',
    in: 'ending',
    from: 'if (due)',
    to: 'if (false)',
    tests: FOLD,
  },
  {
    says: 'an inconclusive verification counts as health',
    in: 'FOLDERS.verified',
    from: "data.verdict === 'cleared'",
    to: "data.verdict !== 'confirmed'",
    tests: FOLD,
  },
  {
    says: 'an inconclusive verification is a licence to act',
    in: 'next',
    from: "incident.verified.verdict === 'inconclusive'",
    to: 'false',
    tests: FOLD,
  },
  {
    says: 'a step that the kill switch stopped leaves an undo action behind',
    in: 'FOLDERS.stepFinished',
    from: "undo.state = 'notNeeded'",
    to: 'undo.tries += 0',
    tests: ['engine/not-sent'],
  },
  {
    says: 'the undo action of a step that was not sent stays in the ledger',
    in: 'besideOf',
    from: "if (event.data.state !== 'notSent') return",
    to: 'return',
    tests: ['engine/not-sent'],
  },
  {
    says: 'an append settles other undo actions than its entry says',
    in: 'append',
    from: '...beside,',
    to: '...beside, settle: [],',
    tests: ['memory/reindex'],
  },
  {
    says: 'a component that a person took out of service stops nothing',
    in: 'maintenance.judge',
    from: 'decided === undefined',
    to: 'true',
    tests: ['guards/maintenance', 'engine/components'],
  },
  {
    says: 'what did not work before a reboot is demanded after it',
    in: 'progressOf',
    from: '(record.note.expected ?? {})',
    to: '{}',
    tests: ['steps/restart-server', 'engine/components'],
  },
  {
    says: 'a probe that did not run counts as one that succeeded',
    in: 'judgeRun',
    from: "case 'Succeeded':",
    to: "case 'Poisoned': case 'Rejected': case 'Succeeded':",
    tests: ['verification/judge'],
  },
  {
    says: 'an event-driven row counts in the moment after our change',
    in: 'isFresh',
    from: 'change === undefined ||',
    to: 'true ||',
    tests: ['verification/judge'],
  },
  {
    says: 'an event-driven row becomes too old like any other',
    in: 'isEventDriven',
    from: 'recurrenceSeconds === 0',
    to: 'false',
    tests: ['verification/judge', 'engine/rows'],
  },
  {
    says: 'an incident that could not be verified recovers with the rest',
    in: 'ending',
    from: "isUnverified(incident) ? 'escalated' : conclusion.outcome",
    to: 'conclusion.outcome',
    tests: FOLD,
  },
  {
    says: 'an alert is answered before it is stored',
    in: 'accept',
    from: 'gathered.push({ alerts, resolve, reject });',
    to: 'gathered.push({ alerts, resolve, reject }); resolve(alerts.map(({ id }) => ({ id, repeat: false })));',
    tests: ['engine/intake'],
  },
  {
    says: 'a restriction is ignored',
    in: 'modeInForce',
    from: 'const restricted =',
    to: 'const restricted = undefined && ',
    tests: ['guards/mode', 'engine/restrictions'],
  },
  {
    says: 'a child incident escapes a restriction',
    in: 'mode.judge',
    from: '&& !restricted',
    to: '',
    tests: ['guards/mode', 'engine/restrictions'],
  },
  {
    says: 'a throttle of a restriction is ignored',
    in: 'limitsOn',
    from: 'limits && tighter.reduce<ThrottleLimits>(tightest, limits)',
    to: 'limits',
    tests: ['guards/throttle', 'engine/restrictions'],
  },
  {
    says: 'a limit of a restriction is not proved',
    in: 'limitOf',
    from: 'one.most < least.most',
    to: 'false',
    tests: ['playbooks/restrictions', 'proof/gate'],
  },
  {
    says: 'an incident ends although nobody could be notified',
    in: 'notifyPeople',
    from: 'tries < NOTIFY_TRIES',
    to: 'false',
    tests: ['engine/notify-first'],
  },
  {
    says: 'a scenario passes whatever the commands are',
    in: 'compare',
    from: "lists('commands', commands, observed.commands);",
    tests: ['scenarios/results'],
  },
  {
    says: 'a step that a guard refused counts as reached by a scenario',
    in: 'createCoverage',
    from: "event.data.state === 'done'",
    to: "event.data.state !== 'skipped'",
    tests: ['scenarios/results'],
  },
  {
    says: 'a recorded scenario replaces another one',
    in: 'recordScenario',
    from: "never: 'over-another', ",
    tests: ['scenarios/record'],
  },
];

/** Two rows for each guard: taken out of the list, and in it but against nothing. */
function guards(): Mutation[] {
  const [list] = declarationsOf('GUARDS');
  const names = [...(list?.text.split('=')[1] ?? '').matchAll(/\w+/g)].map(([name]) => name);
  return names.flatMap((name) => {
    const file = declarationsOf(name).find(({ text }) => text.includes(': Guard ='))?.file ?? '';
    const tests = ['engine/guards', `guards/${basename(file, '.ts')}`];
    return [
      { says: `the guard ${name} is not in the list`, in: 'GUARDS', from: `${name},`, tests: [...tests, 'rules/docs'] },
      // Those that only repeat what the store decides judge in one expression.
      ...(declarationsOf(`${name}.judge`).some(({ body }) => body)
        ? [{ says: `the guard ${name} allows everything`, in: `${name}.judge`, to: 'return ALLOW;', tests }]
        : []),
    ];
  });
}

export const ALL: readonly Mutation[] = [...MUTATIONS, ...guards()];
