/** Says what happens on a path in words, and what it costs. */
import type { IncidentEvent } from '../incident/event.ts';
import { type Incident, stepRecord } from '../incident/incident.ts';
import { stepNamed, undoOfKind } from '../steps/index.ts';
import { type Cost, NO_COST } from './explore.ts';
import type { Occurred } from './invariants.ts';
import type { What } from './shell.ts';
import type { State } from './state.ts';

/** Milliseconds (organisation's clock). */
export interface Times {
  /** How long it takes at most until an inconclusive verification was repeated often enough. */
  verifyingAgain: number;
  /** How long health must last after activation was allowed again. */
  watchAfterUndo: number;
}

export interface Narrator {
  event(event: IncidentEvent, before: State): string;
  command(state: State, what: What, how: string): string;
  costOf(event: IncidentEvent, before: State): Cost | undefined;
  costOfSending(before: State, what: What, arrived: Occurred['arrived']): Cost;
}

export function createNarrator(times: Times): Narrator {
  return {
    event: (event, { incident }) => sentence(event, incident),
    command: ({ incident }, what, how) => `${capital(nameOf(incident, what))}: ${how}`,
    costOf(event, { incident }) {
      if (event.type === 'verified') return { ...NO_COST, time: event.data.hopeless ? 0 : times.verifyingAgain };
      if (event.type === 'slept' && event.data.for === 'watch') return { ...NO_COST, time: times.watchAfterUndo };
      if (event.type !== 'stepStarted' || event.data.intent) return undefined;
      const again = stepNamed(stepRecord(incident, event.data.n).step.step).verifies ? times.verifyingAgain : 0;
      return { ...NO_COST, time: worstOf(incident, event.data.n) + again };
    },
    costOfSending({ incident }, what, arrived) {
      const time = 'n' in what ? worstOf(incident, what.n) : undoTakes(incident, what.undo);
      const command = arrived?.effect === 'changed' ? arrived.intent.command : undefined;
      return {
        time,
        serviceRestarts: Number(command === 'Restart-Service'),
        serverRestarts: Number(command === 'Restart-Computer'),
      };
    },
  };
}

function worstOf(incident: Incident, n: number): number {
  const { step } = stepRecord(incident, n);
  return stepNamed(step.step).worst?.(step.options).takes ?? 0;
}

function undoTakes({ undo }: Incident, id: string): number {
  const one = undo.find((candidate) => candidate.id === id);
  return one ? (undoOfKind(one.kind).takes ?? 0) : 0;
}

function nameOf(incident: Incident, what: What): string {
  if ('n' in what) return `step ${what.n}, ${stepRecord(incident, what.n).step.says}`;
  return `undo (${incident.undo.find(({ id }) => id === what.undo)?.says ?? what.undo})`;
}

const VERDICTS = { confirmed: 'unhealthy', cleared: 'healthy', inconclusive: 'nothing can be determined' };
const ENDS = {
  done: 'done',
  skipped: 'skipped',
  failed: 'failed',
  refused: 'refused; a person must look at it',
  notSent: 'not sent because of the kill switch',
};

function sentence(event: IncidentEvent, incident: Incident): string {
  switch (event.type) {
    case 'verified':
      return `The server is verified: ${VERDICTS[event.data.verdict]}${event.data.backEnd ? `; the probe names ${event.data.backEnd}` : ''}`;
    case 'matched':
      return event.data.playbook ? `Playbook ${event.data.playbook.name} is chosen` : 'No playbook handles it';
    case 'held':
      return event.data.role
        ? `${capital(nameOf(incident, { n: event.data.n ?? 0 }))}: a person is asked`
        : 'A person must approve the next change';
    case 'approved':
      return 'A person approves';
    case 'rejected':
      return event.data.expired ? 'Nobody answers in time' : 'A person rejects';
    case 'cancelled':
      return 'A person cancels the incident';
    case 'stepStarted':
      return `${capital(nameOf(incident, event.data))}: begins`;
    case 'stepFinished': {
      const { state, health, looked } = event.data;
      const seen = health ?? (looked && VERDICTS[looked.verdict]);
      return `${capital(nameOf(incident, event.data))}: ${seen ? `the server is ${seen}` : ENDS[state]}`;
    }
    case 'childOpened':
      return `${event.data.server} is recovered in a child incident`;
    case 'slept':
      return 'It waits and tries again';
    case 'undoStarted':
      return `${capital(nameOf(incident, event.data))}: begins`;
    case 'undone':
      return `${capital(nameOf(incident, event.data))}: ${event.data.state === 'putBack' ? 'done' : event.data.state === 'failed' ? 'failed' : 'not needed'}`;
    case 'finished':
      return `The incident ends: ${event.data.outcome}`;
    default:
      return event.type;
  }
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
