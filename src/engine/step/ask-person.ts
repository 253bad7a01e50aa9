import { ANY_FAMILY } from '../../incident/alert.ts';
import type { Held } from '../../incident/event.ts';
import { monitorName } from '../../incident/health.ts';
import { currentRun, type Incident, peopleIn } from '../../incident/incident.ts';
import { modeInForce } from '../../incident/restrictions.ts';
import type { Notice } from '../../ports/notifier.ts';
import type { Question } from '../../steps/step.ts';
import type { Advance, Progress } from '../advancing.ts';
import type { Engine } from '../parts.ts';
import { previewOf } from './preview.ts';
import { endStep } from './step-record.ts';

/** Whether enough people have approved the question of this step. */
export function isAnswered({ settings }: Engine, { cursor }: Advance, n: number): boolean {
  return peopleIn(cursor.incident.approvals.filter((one) => one.n === n)) >= settings.approvers;
}

/**
 * Asks the question of a step. The wait is the same as for an approval that a guard requires: it is in the journal, holds
 * no worker, and a rejection or its end escalates. People are notified first, because a crash in between must not leave a
 * question that nobody knows of.
 */
export async function askPerson(engine: Engine, advance: Advance, n: number, asks: Question): Promise<Progress> {
  const { cursor } = advance;
  const { incident } = cursor;
  const { settings, clock, log } = engine;
  const { question, role, within } = asks;
  const run = currentRun(incident);
  if (run && modeInForce(run, settings, incident.facts ? [incident.facts] : []).mode === 'observe') {
    return endStep(advance, { n, state: 'skipped', says: `nobody is asked in mode observe: ${question}` });
  }
  const held: Held = {
    n,
    guard: 'ask',
    reason: 'ask',
    says: question,
    until: clock.now() + within,
    approval: true,
    ...(settings.approvers > 1 && { approvers: settings.approvers }),
    role,
    preview: previewOf(incident, n + 1),
  };
  await engine
    .notify(noticeOf(incident, held, run?.playbook))
    // The channels retry; an answer that never comes escalates.
    .catch((error) =>
      log.error('Nobody is notified of a question yet', { incident: incident.id, error: String(error) }),
    );
  await cursor.decide({ type: 'held', data: held });
  return { is: 'waiting', until: clock.now() + within };
}

/** The message for the person who must answer: what is asked, what is wrong, what follows from each answer. */
function noticeOf(incident: Incident, held: Held, playbook: string | undefined): Notice {
  const { id, server, family, verified } = incident;
  const { n, says, role, until = 0, approvers = 1, preview } = held;
  const unhealthy = verified?.monitors.filter(({ verdict }) => verdict === 'confirmed').map(monitorName) ?? [];
  const what = family === ANY_FAMILY ? 'an alert that names no health set' : family;
  const who = `${role === 'admin' ? 'an admin' : 'an operator'}${approvers > 1 ? `, and ${approvers} people,` : ''}`;
  const text = [
    says,
    '',
    `Step ${n} of playbook ${playbook} asks it, for ${what} on ${server}.`,
    ...(unhealthy.length > 0 ? [`Unhealthy: ${unhealthy.join(', ')}`] : []),
    '',
    `To approve (${who} until ${new Date(until).toISOString()}): second-responder incidents approve ${id}`,
    `To reject: second-responder incidents reject ${id}`,
    'A rejection, or no answer in time, escalates the incident; no further step runs.',
    ...list('Next, if it is approved', preview?.steps.map((step) => `${step.n}. ${step.says}`) ?? []),
    ...list('At worst', preview?.disrupts ?? []),
  ].join('\n');
  return { key: `${id}:${n}:ask`, kind: 'escalation', incident: id, subject: `${server}: ${says}`, text };
}

function list(title: string, lines: readonly string[]): string[] {
  return lines.length > 0 ? ['', `${title}:`, ...lines.map((line) => `  - ${line}`)] : [];
}
