import { ANY_FAMILY } from '../../incident/alert.ts';
import type { Finished } from '../../incident/event.ts';
import { monitorName } from '../../incident/health.ts';
import { type Incident, isUnverified } from '../../incident/incident.ts';
import type { Notice } from '../../ports/notifier.ts';
import type { SharedNotification } from './shared-notification.ts';

/** The message for the person who is woken: what is wrong, what was done, what is still changed, what comes next. */
export function escalation(
  incident: Incident,
  finished: Finished,
  checklist: string[],
  others?: SharedNotification,
): Notice {
  const monitors =
    incident.verified?.monitors.filter((monitor) => monitor.verdict !== 'cleared').map(monitorName) ?? [];
  const done = incident.steps.filter((record) => record.end);
  const seen = incident.verified?.evidence.filter((evidence) => evidence.sees !== 'healthy') ?? [];
  const alert = incident.alerts[0];
  const text = [
    finished.reason,
    '',
    ...(alert?.title ? [`Alert: ${alert.title} (${alert.source})`] : []),
    ...(monitors.length > 0 ? [`Monitors: ${monitors.join(', ')}`] : []),
    ...section(
      'Evidence',
      seen.map((evidence) => (evidence.detail ? `${evidence.says}: ${evidence.detail}` : evidence.says)),
    ),
    ...section(
      'Done',
      done.map((record) => `${record.step.n}. ${record.step.says}: ${record.end?.says ?? record.state}`),
    ),
    ...section('To do by hand', checklist),
    ...(others ? ['', `One of many: ${others.says}. There is no separate message for each of them.`] : []),
    ...section('Servers', named(others?.servers ?? [])),
    ...section('Left changed on purpose', finished.left),
    ...section('Could not be put back; do it by hand', finished.owed),
  ].join('\n');
  return {
    key: `${incident.id}:escalated`,
    kind: 'escalation',
    incident: incident.id,
    subject: subjectOf(incident, others),
    text,
  };
}

function subjectOf(incident: Incident, others: SharedNotification | undefined): string {
  const { server, family } = incident;
  const isNamed = family !== ANY_FAMILY;
  if (others) {
    const what = isNamed ? `${family} on` : 'Alerts that name no health set, on';
    return `${what} ${others.servers.length} servers${isNamed ? ' was not recovered' : ''}: a common cause`;
  }
  if (isUnverified(incident)) return `${server}: an alert reports something that could not be verified`;
  return `${server}: ${isNamed ? family : 'an alert that names no health set'} was not recovered`;
}

/** The server recovered again; a person should find out why the problem keeps coming back. */
export function recurring(incident: Incident, incidents: string[]): Notice {
  return {
    key: `${incident.id}:recurring`,
    kind: 'escalation',
    incident: incident.id,
    subject: `${incident.server}: ${incident.family} has recovered ${incidents.length} times in seven days`,
    text: [
      'The recovery helped each time, but the problem came back. Restarts hide its cause.',
      ...section('Incidents', incidents),
    ].join('\n'),
  };
}

/** A bug keeps the daemon from advancing an incident. Nothing is lost, but nothing happens either. */
export function bugNotice(incident: string, error: unknown): Notice {
  return {
    key: `${incident}:defect`,
    kind: 'escalation',
    incident,
    subject: `${incident}: a bug stops the daemon from handling it`,
    text: `An unexpected error stops the daemon from advancing this incident. It retries from time to time; until that succeeds, handle the incident by hand. Please report this as a bug.\n\n${error}`,
  };
}

const MOST_NAMED = 50;

function named(servers: string[]): string[] {
  const more = servers.length - MOST_NAMED;
  return [...servers.slice(0, MOST_NAMED), ...(more > 0 ? [`and ${more} more`] : [])];
}

function section(title: string, lines: string[]): string[] {
  return lines.length > 0 ? [`${title}:`, ...lines.map((line) => `  - ${line}`)] : [];
}
