import type { Notice } from '../../src/ports/notifier.ts';
import type { LedgerEntry } from '../../src/ports/store.ts';
import type { Kill } from './fleet.ts';
import type { Sent } from './lab-gate.ts';
import type { Plan, TroubleKind } from './plan.ts';
import type { Command, SeenEntry } from './watch.ts';

export interface Incident {
  id: string;
  /** Of a child incident. */
  parent?: unknown;
  server: string;
  healthSet: string;
  state: 'open' | 'finished';
  outcome?: string;
  reason?: string;
  left: string[];
  owed: string[];
  alerts: { senderId: string }[];
}

/** The part of the lab's organisation that a run may change. */
export interface Organisation {
  servers: {
    name: string;
    state: string;
    services: { name: string; status: string }[];
    settings: { activationBlocked: boolean; protocolLog: { imap: boolean; pop: boolean } };
  }[];
}

/** A trouble that came to pass: a run can be over before the moment of a planned one. Real milliseconds. */
export interface Span {
  kind: TroubleKind;
  from: number;
  to: number;
  /** Who was cut off from Redis, and from when to when; everybody when nobody is named. */
  cutOff?: { name?: string; from: number; to: number };
  /** How long the kill switch was on. */
  killSwitch?: { from: number; to: number };
}

/** To an alert. 0: none came. */
export interface Answer {
  id: string;
  asked: number;
  at: number;
  status: number;
}

/** What is left of a round when it is over: everything that an audit needs. */
export interface Aftermath {
  plan: Plan;
  happened: Span[];
  accepted: string[];
  answers: Answer[];
  commands: Command[];
  /** The changing commands that came out of each machine, whether they arrived or not. */
  sent: Sent[];
  entries: SeenEntry[];
  incidents: Incident[];
  verified: { incident: string; ok: boolean; why?: string }[];
  /** Journals in which the chain is broken, or an entry is not as it was when it was written. */
  torn: string[];
  before: Organisation;
  after: Organisation;
  faults: { fault: string; state: string }[];
  ledger: LedgerEntry[];
  notices: Notice[];
  ready: { url: string; status: number; says: string }[];
  kills: Kill[];
  stops: number[];
  outputs: string[];
  seconds: number;
}
