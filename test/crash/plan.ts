/** What a round does, all of it from its seed: whoever has the seed can play the round again. */

interface Procedure {
  says: string;
  fault: Record<string, string>;
  alert: { server: string; healthSet: string; monitor: string };
}

/** The four procedures of the page, each with a trouble that only its harshest step cures. */
export const PROCEDURES: readonly Procedure[] = [
  {
    says: 'deep and self test of mbx1, rebooted',
    fault: { fault: 'imap-backend-wedged', server: 'mbx1' },
    alert: { server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' },
  },
  {
    says: 'deep and self test of ex1 (both roles), rebooted',
    fault: { fault: 'imap-backend-wedged', server: 'ex1' },
    alert: { server: 'ex1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' },
  },
  {
    says: 'proxy test of cas1, rebooted',
    fault: { fault: 'imap-proxy-wedged', server: 'cas1' },
    alert: { server: 'cas1', healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' },
  },
  {
    says: 'customer touch point of cas1, mbx2 behind it rebooted',
    fault: { fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' },
    alert: { server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' },
  },
  {
    says: 'load on ex1, rebooted after a relapse',
    fault: { fault: 'imap-slow-relapse', server: 'ex1' },
    alert: { server: 'ex1', healthSet: 'IMAP', monitor: 'AverageCommandProcessingTimeGt60sMonitor' },
  },
];

/** What is done to the running daemons and their Redis. `ms`: how long it lasts. */
export const TROUBLES = {
  'kill a daemon': [0, 0],
  'freeze a daemon': [8_000, 12_000],
  'restart a daemon': [0, 0],
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
  /** Posted in the midst of it, so many real milliseconds after it began. */
  alert: { delay: number; server: string; healthSet: string };
}

export interface Plan {
  seed: number;
  procedure: Procedure;
  daemons: number;
  troubles: PlannedTrouble[];
  /** More alerts, about servers that are well, each posted at its moment. */
  others: { at: Moment; server: string; healthSet: string }[];
}

/** Last counts that an undisturbed run of the shortest procedure reaches. */
const LAST: Record<Moment['after'], number> = { entry: 20, command: 50, change: 3 };
const OTHERS = 4;
const SERVERS = ['mbx1', 'mbx2', 'mbx3', 'ex1', 'ex2', 'cas1', 'cas2'];
const HEALTH_SETS = ['OWA.Proxy', 'ActiveSync', 'POP', 'ECP'];

export function planOf(seed: number): Plan {
  const chance = chanceFrom(seed);
  const whole = (least: number, most: number): number => least + Math.floor(chance() * (most - least + 1));
  const oneOf = <T>(list: readonly T[]): T => list[whole(0, list.length - 1)] as T;
  const matter = () => ({ server: oneOf(SERVERS), healthSet: oneOf(HEALTH_SETS) });
  const moment = (): Moment => {
    const after = oneOf(['entry', 'command', 'change'] as const);
    return { after, count: whole(1, LAST[after]) };
  };
  return {
    seed,
    procedure: oneOf(PROCEDURES),
    daemons: whole(1, 3),
    troubles: Array.from({ length: whole(1, 3) }, () => {
      // Killing a daemon is what this is about: it comes up more often than the rest.
      const kind = oneOf([...(Object.keys(TROUBLES) as TroubleKind[]), 'kill a daemon', 'kill a daemon'] as const);
      const [least, most] = TROUBLES[kind];
      const ms = whole(least, most);
      const alert = { delay: whole(0, Math.max(ms, 500)), ...matter() };
      return { kind, at: moment(), delay: whole(0, 400), ms, whom: chance(), alert };
    }),
    others: Array.from({ length: OTHERS }, () => ({ at: moment(), ...matter() })),
  };
}

export const mainAlert = ({ seed }: Plan) => `main-${seed}`;
export const otherAlert = (index: number) => `other-${index}`;
export const alertDuring = (index: number) => `during-${index}`;

/** What the alert with that id was about. */
export function alertOf(plan: Plan, id: string): { server: string; healthSet: string } | undefined {
  if (id === mainAlert(plan)) return plan.procedure.alert;
  const during = plan.troubles.find((_, index) => alertDuring(index) === id);
  return during?.alert ?? plan.others.find((_, index) => otherAlert(index) === id);
}

/** Mulberry32: numbers from 0 to 1, the same ones for the same seed. */
function chanceFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function describePlan({ seed, procedure, daemons, troubles }: Plan): string {
  const each = troubles.map(({ kind, at, ms }) => `${kind}${ms > 0 ? ` for ${ms} ms` : ''} at ${at.after} ${at.count}`);
  return `seed ${seed}: ${procedure.says}; ${daemons} daemon${daemons > 1 ? 's' : ''}; ${each.join('; ')}`;
}
