import { chanceFrom } from './chance.ts';
import { describeExact, type Exact, type ExactRun } from './exact.ts';
import { unseenPlaybooks } from './playbooks.ts';
import { PROCEDURES, type Procedure } from './procedures.ts';
import type { Cut } from './redis-gate.ts';

/** What a round does, all of it from its seed: whoever has the seed can play the round again. */

/** What is done to the running daemons and their Redis. `ms`: how long it lasts. */
const TROUBLES = {
  'kill a daemon': [0, 0],
  'freeze a daemon': [8_000, 12_000],
  'restart a daemon': [0, 0],
  'set a clock': [0, 0],
  'cut a daemon off from Redis': [5_000, 5_000],
  'cut all off from Redis': [5_000, 5_000],
  'kill Redis': [1_000, 5_000],
  'freeze Redis': [5_000, 5_000],
  'pause Redis': [5_000, 5_000],
  'fill Redis': [3_000, 3_000],
} as const satisfies Record<string, readonly [least: number, most: number]>;
export type TroubleKind = keyof typeof TROUBLES;

/** After so many entries of all journals, commands, or changing commands that took effect. */
export interface Moment {
  after: 'entry' | 'command' | 'change';
  count: number;
}

export interface PlannedTrouble {
  kind: TroubleKind;
  at: Moment;
  /** Real milliseconds between that moment and the trouble, so that it falls anywhere between two signs of life. */
  delay: number;
  /** Real milliseconds that it lasts. */
  ms: number;
  /** Which of the daemons, as a part of one. */
  whom: number;
  /** Of a cut. */
  how: Cut;
  /** The kill switch is on while a cut lasts. */
  killSwitch: boolean;
  /** How wrong a clock that is set goes, in milliseconds. */
  shift: number;
  /** Posted in the midst of it, so many real milliseconds after it began. */
  alert: { delay: number; server: string; healthSet: string };
}

export interface Plan {
  name: string;
  /** What of the environment plays it again. */
  again: string;
  procedure: Procedure;
  daemons: number;
  /** `work.lease` of the daemons. */
  lease: string;
  /** `safety.evidence-max-age` of the daemons, where it is not what is shipped. */
  evidenceMaxAge?: string;
  /** How much faster than the wall the lab's time runs. */
  speed: number;
  troubles: PlannedTrouble[];
  /** More alerts, about servers that are well, each posted at its moment. */
  others: { at: Moment; server: string; healthSet: string }[];
  exact?: Exact;
  /** Instead of the shipped ones: text by name of file. */
  playbooks?: Record<string, string>;
  /** Faults of the lab that change how long it takes, not how it ends. */
  disturbances: Record<string, unknown>[];
  /** Real milliseconds that it may take. */
  limit: number;
}

/** Last counts that an undisturbed run of the shortest procedure reaches. */
const LAST: Record<Moment['after'], number> = { entry: 20, command: 50, change: 3 };
const OTHERS = 4;
const SPEED = 300;
const SERVERS = ['mbx1', 'mbx2', 'mbx3', 'ex1', 'ex2', 'cas1', 'cas2'];
const HEALTH_SETS = ['OWA.Proxy', 'ActiveSync', 'POP', 'ECP'];
const MINUTE = 60_000;
const SHIFTS = [-60 * MINUTE, -2 * MINUTE, 2 * MINUTE, 60 * MINUTE];
/** An undisturbed round takes about fifteen seconds. */
const LIMIT = 120_000;
const DISTURBANCES: readonly Record<string, unknown>[] = [
  { fault: 'drop-after-effect', command: 'Restart-Service', times: 1 },
  { fault: 'drop-after-effect', command: 'Set-MailboxServer', times: 1 },
  { fault: 'drop-after-effect', command: 'Restart-Computer', times: 1 },
  { fault: 'session-limit', times: 3 },
  { fault: 'slow', command: 'Get-ServerHealth', by: '20s', times: 5 },
];

type Kind = 'shipped' | 'unseen';

/** One to three troubles, one to three daemons. `unseen`: on playbooks that nobody wrote. */
export function planOf(seed: number, kind: Kind = 'shipped'): Plan {
  const chance = chanceFrom(seed);
  const { whole, oneOf } = chance;
  return {
    name: `seed ${seed}`,
    again: `CRASH_SEED=${seed} `,
    procedure: oneOf(PROCEDURES),
    daemons: whole(1, 3),
    lease: '5s',
    speed: SPEED,
    // Killing a daemon is what this is about: it comes up more often than the rest.
    troubles: Array.from({ length: whole(1, 3) }, () =>
      troubleOf(seed + whole(1, 1_000_000), [
        ...(Object.keys(TROUBLES) as TroubleKind[]),
        'kill a daemon',
        'kill a daemon',
        'kill a daemon',
      ]),
    ),
    others: othersOf(seed),
    ...(kind === 'unseen' && { playbooks: unseenPlaybooks(chance) }),
    disturbances: Array.from({ length: whole(0, 2) }, () => oneOf(DISTURBANCES)),
    limit: LIMIT,
  };
}

function troubleOf(seed: number, kinds: readonly TroubleKind[]): PlannedTrouble {
  const { part, whole, oneOf } = chanceFrom(seed);
  const kind = oneOf(kinds);
  const [least, most] = TROUBLES[kind];
  const ms = whole(least, most);
  const after = oneOf(['entry', 'command', 'change'] as const);
  return {
    kind,
    at: { after, count: whole(1, LAST[after]) },
    delay: whole(0, 400),
    ms,
    whom: part(),
    how: oneOf(['refuse', 'hold'] as const),
    killSwitch: part() < 0.3,
    shift: oneOf(SHIFTS),
    alert: { delay: whole(0, Math.max(ms, 500)), server: oneOf(SERVERS), healthSet: oneOf(HEALTH_SETS) },
  };
}

function othersOf(seed: number): Plan['others'] {
  const { whole, oneOf } = chanceFrom(seed + 1_000_003);
  return Array.from({ length: OTHERS }, () => {
    const after = oneOf(['entry', 'command', 'change'] as const);
    const at = { after, count: whole(1, LAST[after]) };
    return { at, server: oneOf(SERVERS), healthSet: oneOf(HEALTH_SETS) };
  });
}

/**
 * Daemons that end at exact places, with leases as short as may be: it is not the waiting that is looked at here. In the
 * lab's time each takeover lasts five minutes and more, and evidence would be too old whenever it was written down.
 */
export function exactPlan(
  { procedure, exact }: ExactRun,
  { again = '', lease = '1s', daemons = 1 }: { again?: string; lease?: string; daemons?: number } = {},
): Plan {
  return {
    name: `${describeExact(exact)}, ${procedure.says}${daemons > 1 ? `, ${daemons} daemons` : ''}`,
    again,
    procedure,
    daemons,
    lease,
    evidenceMaxAge: '30m',
    speed: 100,
    troubles: [],
    others: othersOf(1).slice(0, 1),
    exact,
    disturbances: [],
    limit: 15 * MINUTE,
  };
}

/** One trouble of a given kind, in the midst of a procedure: right after its first change. */
export function singlePlan(
  name: string,
  trouble: Pick<PlannedTrouble, 'kind'> & Partial<PlannedTrouble>,
  more: Partial<Plan> = {},
): Plan {
  const { alert, ...rest } = troubleOf(7, [trouble.kind]);
  const ms = trouble.ms ?? rest.ms;
  const at: Moment = { after: 'change', count: 1 };
  return {
    name,
    again: '',
    procedure: PROCEDURES[0] as Procedure,
    daemons: 2,
    lease: '5s',
    speed: SPEED,
    troubles: [{ ...rest, at, delay: 100, ...trouble, ms, alert: { ...alert, delay: Math.floor(ms / 2) } }],
    others: [],
    disturbances: [],
    limit: LIMIT + ms,
    ...more,
  };
}

/** The id with which the sender posts the alert that the round is about. */
export const mainAlert = (plan: Plan) => plan.procedure.alert.monitor;
export const otherAlert = (index: number) => `other-${index}`;
export const alertDuring = (index: number) => `during-${index}`;

/** What the alert with that id was about. */
export function alertOf(plan: Plan, id: string): { server: string; healthSet: string } | undefined {
  if (id === mainAlert(plan)) return plan.procedure.alert;
  const during = plan.troubles.find((_, index) => alertDuring(index) === id);
  return during?.alert ?? plan.others.find((_, index) => otherAlert(index) === id);
}

export function describePlan({ name, procedure, daemons, troubles, disturbances, playbooks }: Plan): string {
  const each = troubles.map(({ kind, at, ms, how, killSwitch, shift }) => {
    const cut = kind.startsWith('cut') ? ` (${how}${killSwitch ? ', kill switch on meanwhile' : ''})` : '';
    const clock = kind === 'set a clock' ? ` by ${shift / MINUTE} min` : '';
    return `${kind}${cut}${clock}${ms > 0 ? ` for ${ms} ms` : ''} at ${at.after} ${at.count}`;
  });
  const faults = disturbances.map(({ fault, command }) => `${fault}${command ? ` ${command}` : ''}`);
  const unseen = Object.values(playbooks ?? {});
  return [
    `${name}: ${procedure.says}; ${daemons} daemon${daemons > 1 ? 's' : ''}`,
    ...each,
    ...faults,
    ...unseen.map((text) => text.slice(text.indexOf('steps:')).replace(/\s+/g, ' ')),
  ].join('; ');
}
