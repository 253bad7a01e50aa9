/** Level and text of the log line of each event. */
import type { Entry, IncidentEvent } from '../../incident/event.ts';
import type { IncidentView } from '../../incident/view.ts';

export type Level = 'error' | 'warn' | 'info' | 'debug';

export interface Line {
  level: Level;
  message: string;
}

export function describe(entry: Entry, view: IncidentView): Line {
  const event = { type: entry.type, data: entry.data } as IncidentEvent;
  const { level, message } = line(event, view);
  return { level, message: `${view.server} ${view.healthSet}: ${message}` };
}

function line(event: IncidentEvent, view: IncidentView): Line {
  switch (event.type) {
    case 'opened': {
      const { alert, parent, asked } = event.data;
      if (asked) {
        const what = asked.what === 'putBack' ? 'puts changes back' : 'settled changes by hand';
        const debts = asked.debts.map(({ says }) => says).join('; ');
        return warn(`opened: ${asked.by} ${what}: ${debts}${noted(asked.note)}`);
      }
      if (parent) return info(`opened for step ${parent.n} of ${parent.incident}`);
      return info(`opened${alert ? ` by an alert from ${alert.source}${quoted(alert.title)}` : ''}`);
    }
    case 'attached': {
      const { alerts, parent } = event.data;
      if (parent) return info(`joined by ${parent.incident}, which waits for it`);
      const [first] = alerts;
      if (alerts.length > 1) return info(`${alerts.length} more alerts, the first from ${first?.source}`);
      return info(`another alert from ${first?.source} (${first?.status})${quoted(first?.title)}`);
    }
    case 'verified': {
      const { verdict, reason } = event.data;
      return { level: verdict === 'inconclusive' ? 'warn' : 'info', message: `${verdict}: ${reason}` };
    }
    case 'matched': {
      if (event.data.playbook === null) return warn(`no playbook: ${event.data.reason}`);
      const { name, mode, hash } = event.data.playbook;
      return info(`playbook ${name} (${mode}, ${hash}), ${event.data.plan.length} steps`);
    }
    case 'held': {
      const { n, guard, says, approval } = event.data;
      const what = n === undefined ? 'undo' : `step ${n}`;
      return { level: approval ? 'warn' : 'info', message: `${what} waits (${guard}): ${says}` };
    }
    case 'approved':
      return info(`approved by ${event.data.by}${noted(event.data.note)}`);
    case 'rejected':
      return event.data.expired
        ? warn('not approved in time')
        : warn(`rejected by ${event.data.by}${noted(event.data.note)}`);
    case 'stepStarted': {
      const { n, intent } = event.data;
      if (!intent) return info(`${stepName(view, n)} begins`);
      return { level: 'warn', message: `${stepName(view, n)} sends ${intent.command} to ${intent.server}` };
    }
    case 'stepFinished': {
      const { n, state, says, escalate } = event.data;
      const level: Level = escalate || state === 'failed' || state === 'refused' ? 'warn' : 'info';
      return { level, message: `${stepName(view, n)} ${state}: ${says}` };
    }
    case 'childOpened': {
      const { n, incident, server, joined } = event.data;
      return info(`${stepName(view, n)} ${joined ? 'waits for' : 'opened'} ${incident} on ${server}`);
    }
    case 'slept':
      return { level: 'debug', message: `waits: ${event.data.says}` };
    case 'undoStarted':
      return info(`puts back ${event.data.undo}: sends ${event.data.intent.command} to ${event.data.intent.server}`);
    case 'undone': {
      const { undo, state, says } = event.data;
      return { level: state === 'failed' ? 'error' : 'info', message: `${undo} ${state}: ${says}` };
    }
    case 'cancelled':
      return warn(`cancelled by ${event.data.by}${noted(event.data.note)}`);
    case 'finished': {
      const { outcome, reason, left, owed } = event.data;
      const rest = [...left.map((each) => `kept: ${each}`), ...owed.map((each) => `NOT UNDONE: ${each}`)];
      const level: Level = owed.length > 0 ? 'error' : outcome === 'escalated' ? 'warn' : 'info';
      return { level, message: [`${outcome}: ${reason}`, ...rest].join('; ') };
    }
  }
}

const info = (message: string): Line => ({ level: 'info', message });
const warn = (message: string): Line => ({ level: 'warn', message });

const stepName = (view: IncidentView, n: number) =>
  `step ${n}${view.steps
    .filter((step) => step.n === n)
    .map((step) => ` (${step.step})`)
    .join('')}`;

const quoted = (title: string | undefined) => (title ? `: ${JSON.stringify(title)}` : '');
const noted = (note: string | undefined) => (note ? ` (${JSON.stringify(note)})` : '');
