/** What the daemon is about to do, and why it may, in words. */
import type { Asked } from '../../guards/index.ts';
import { type Incident, stepRecord } from '../../incident/incident.ts';
import type { Decision } from '../../incident/next.ts';
import type { Detail } from './narrate.ts';

/** Undefined for a decision that does nothing now: to wait, or to poll what was started. */
export function decisionInWords(incident: Incident, decision: Decision): string | undefined {
  switch (decision.do) {
    case 'nothing':
    case 'wait':
    case 'continue':
      return undefined;
    case 'verify':
      return {
        first: `verify that ${incident.family} on ${incident.server} is unhealthy`,
        'before-change': 'verify again before anything is changed',
        'after-health': 'verify the whole health set, because the monitors of the playbook are healthy',
        'after-undo': 'verify that the server stays healthy after the undo actions',
      }[decision.purpose];
    case 'match':
      return 'choose the playbook for the unhealthy monitors';
    case 'begin':
      return `step ${decision.n}: ${stepRecord(incident, decision.n).step.says}`;
    case 'skip':
      return `skip step ${decision.n}: ${decision.says}`;
    case 'undo':
      return `undo: ${saysOf(incident, decision.undo)}`;
    case 'settle':
      return `note as undone by hand: ${saysOf(incident, decision.undo)}`;
    case 'sleep':
      return `wait: ${decision.says}`;
    case 'expire':
      return 'end the wait for an approval: nobody answered in time';
    case 'finish':
      return `finish as ${decision.finished.outcome}: ${decision.finished.reason}`;
  }
}

/** The answers of the guards, as lines below the step: those that allow it in one line. */
export function guardsInWords(asked: readonly Asked[]): Detail[] {
  const allowing = asked.filter(({ answer }) => answer.answer === 'allow').map(({ guard }) => guard);
  const others = asked.flatMap(({ guard, answer }): Detail[] => {
    switch (answer.answer) {
      case 'wait':
        return [{ kind: 'unseen', text: `guard ${guard} makes it wait: ${answer.says}` }];
      case 'refuse':
        return [{ kind: 'bad', text: `guard ${guard} refuses it: ${answer.says}` }];
      case 'verify':
        return [{ kind: 'unseen', text: `guard ${guard} requires another verification first` }];
      default:
        return [];
    }
  });
  if (allowing.length === 0) return others;
  return [{ kind: 'good', text: `allowed by the guards ${allowing.join(', ')}` }, ...others];
}

const saysOf = ({ undo }: Incident, id: string) => undo.find((one) => one.id === id)?.says ?? id;
