/** Incidents of the API as text. */
import { ANY_FAMILY } from '../../incident/alert.ts';
import type { StepState } from '../../incident/event.ts';
import type { IncidentView } from '../../incident/view.ts';
import { span } from '../../lib/span.ts';
import { details, healthSetName, howToApprove, OUTCOME_STYLES, previewed } from './narrate.ts';
import type { Style, Terminal } from './terminal.ts';
import { pad, plain, table, wrap } from './text.ts';
import { localTime, timeOfDay } from './time.ts';

export function incidentTable(
  { incidents, next }: { incidents: IncidentView[]; next?: string },
  { paint, tableColumns }: Terminal,
): string {
  if (incidents.length === 0) return 'No incidents found.\n';
  const head = ['OPENED', 'INCIDENT', 'SERVER', 'HEALTH SET', 'STATE', 'WHY'].map((title) => paint('dim', title));
  const rows = incidents.map((one) => [
    localTime(one.openedAt),
    plain(one.id),
    plain(one.server),
    plain(one.healthSet === ANY_FAMILY ? '(none named)' : one.healthSet),
    state(one, paint),
    plain(one.waiting?.reason ?? one.reason ?? title(one)),
  ]);
  const more = next === undefined ? '' : `${paint('dim', `More: --cursor ${plain(next)}`)}\n`;
  return table([head, ...rows], tableColumns) + more;
}

function state({ outcome, phase }: IncidentView, paint: Terminal['paint']): string {
  return outcome ? paint(OUTCOME_STYLES[outcome], outcome) : paint(phase === 'approving' ? 'warn' : 'accent', phase);
}

const title = ({ alerts }: IncidentView) => alerts[0]?.title ?? '';

const LABEL = 12;

/** One incident, from its alert to its outstanding undo actions. */
export function formatIncident(view: IncidentView, terminal: Terminal): string {
  const { paint, columns } = terminal;
  const room = columns - LABEL;
  const out: string[] = [];
  const say = (label: string, text: string) => {
    const rows = wrap(plain(text), room);
    out.push(...rows.map((row, index) => pad(index === 0 ? paint('dim', label) : '', LABEL) + row));
  };
  const below = (...more: Parameters<typeof details>[0]) => out.push(...details(more, LABEL, paint, room));

  out.push(`${paint('bold', plain(view.id))}  ${state(view, paint)}`);
  say('Problem', `${healthSetName(view.healthSet)} on ${view.server}`);
  say('Opened', localTime(view.openedAt));
  if (view.finishedAt !== undefined) {
    say('Finished', `${localTime(view.finishedAt)}, after ${span(view.finishedAt - view.openedAt)}`);
  }
  if (view.reason) say('Why', view.reason);
  if (view.waiting) {
    const until = view.waiting.until === undefined ? '' : `, until ${localTime(view.waiting.until)}`;
    say('Waiting', `${view.waiting.reason} (${view.waiting.for}${until})`);
  }
  if (view.approval) {
    const { preview, approvers, approvedBy } = view.approval;
    if (preview) below(...previewed(preview));
    if (approvers > 1) {
      const by = approvedBy.length > 0 ? ` (so far: ${approvedBy.join(', ')})` : '';
      below({ kind: 'note', text: `${approvers} people must approve${by}` });
    }
  }
  if (view.phase === 'approving') below(...howToApprove(view.id, view.approval?.role));
  if (view.asked) say('Asked', `by ${view.asked.by}${view.asked.note ? `: ${view.asked.note}` : ''}`);
  if (view.parent) say('For', view.parent);
  for (const child of view.children) say('Elsewhere', child);

  const counted = view.alertCount - view.alerts.length;
  for (const alert of view.alerts) {
    out.push('');
    say('Alert', `${alert.source}, ${alert.status}, raised ${localTime(alert.raisedAt)}, id ${alert.senderId}`);
    if (alert.title) below({ kind: 'quote', text: alert.title });
    if (alert.description) below({ kind: 'quote', text: alert.description });
    for (const text of alert.notes ?? []) below({ kind: 'note', text });
  }
  if (counted > 0) {
    out.push('');
    say('Alerts', `${view.alertCount} in all; ${counted} of them are not shown`);
  }
  if (view.verdict) {
    out.push('');
    say('Verdict', view.verdict);
    for (const { says, sees, detail, at } of view.evidence) {
      below({
        kind: ({ healthy: 'good', unhealthy: 'bad', nothing: 'unseen' } as const)[sees],
        text: `${timeOfDay(at)}  ${says}`,
      });
      if (detail && sees !== 'healthy') below({ kind: 'quote', text: detail.split(/\r?\n/)[0] ?? '' });
    }
  }
  if (view.playbook) {
    out.push('');
    say('Playbook', `${view.playbook.name} (${view.playbook.hash})`);
    out.push(...view.steps.flatMap((step) => formatStep(step, view.state, terminal)));
  }
  if (view.checklist.length > 0) {
    out.push('');
    for (const item of view.checklist) say('To do', item);
  }
  if (view.owed.length + view.left.length > 0) out.push('');
  for (const says of view.owed) say('Not undone', says);
  for (const says of view.left) say('Kept', `on purpose: ${says}`);
  return `${out.map((line) => line.trimEnd()).join('\n')}\n`;
}

const STEP_STYLES: Record<StepState, Style> = {
  pending: 'dim',
  started: 'accent',
  done: 'good',
  skipped: 'dim',
  refused: 'bad',
  notSent: 'warn',
  failed: 'bad',
};
const STATE_WIDTH = 9;

function formatStep(
  step: IncidentView['steps'][number],
  incident: IncidentView['state'],
  { paint, columns }: Terminal,
): string[] {
  const times = [step.startedAt, step.finishedAt].filter((at) => at !== undefined).map(timeOfDay);
  const when = times.length > 0 ? `  ${times.join(' to ')}` : '';
  const never = incident === 'finished' && step.state === 'pending';
  const state = never ? 'not run' : step.state === 'notSent' ? 'not sent' : step.state;
  const head = `${String(step.n).padStart(4)}  ${pad(paint(STEP_STYLES[step.state], state), STATE_WIDTH)} ${plain(step.says)}`;
  const indent = 6 + STATE_WIDTH + 1;
  const result = step.result ? wrap(plain(step.result.says), columns - indent) : [];
  return [head + paint('dim', when), ...result.map((row) => ' '.repeat(indent) + paint('dim', row))];
}
