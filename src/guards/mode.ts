import { isApproved } from '../incident/incident.ts';
import { modeInForce } from '../incident/restrictions.ts';
import { ALLOW, type Answer, type Guard, type GuardContext } from './guard.ts';

/** `observe` reports what it would do; `approve` asks a person, once per incident, for the plan shown. */
export const mode: Guard = {
  name: 'mode',
  reasons: ['observe', 'approval'],
  requires: 'the mode in force lets the playbook act, or a person has approved its plan',
  judge(context) {
    const { incident, run } = context;
    const { mode: inForce, restricted } = modeOn(context);
    const why = restricted ? `, as required by ${restricted.by}` : '';
    if (inForce === 'observe') {
      const says = `Playbook ${run.playbook} only observes${why}. ${wouldHaveDone(context)}`;
      return { answer: 'refuse', reason: 'observe', says, suppressed: true };
    }
    // A child is part of its parent's approved run, except where a restriction asks for more care.
    if (inForce === 'auto' || (incident.parent && !restricted)) return ALLOW;
    return ask(context, 'approval', `Playbook ${run.playbook} waits for a person's approval${why}`, PLAN_APPROVED);
  },
};

/** The mode in force for the server of the incident and the one that is changed: the more careful of both. */
export function modeOn({ incident, run, settings, target }: GuardContext): ReturnType<typeof modeInForce> {
  return modeInForce(run, settings, [...(incident.facts ? [incident.facts] : []), target]);
}

/** Anyone who approved the plan for one of these reasons has seen all of it. */
export const PLAN_APPROVED: readonly string[] = ['approval', 'demoted'];

export function wouldHaveDone({ run }: Pick<GuardContext, 'run'>): string {
  return `It would have done: ${run.plan.map((step) => step.says).join(' → ')}`;
}

/** Waits until the approval expires; allows once enough people have approved. */
export function ask(
  { incident, settings, clock }: Pick<GuardContext, 'incident' | 'settings' | 'clock'>,
  reason: string,
  says: string,
  approvedBy: readonly string[] = [reason],
): Answer {
  const { approvers } = settings;
  if (isApproved(incident, approvedBy, approvers)) return ALLOW;
  const asked = incident.held?.approval ? incident.held.at : clock.now();
  return { answer: 'wait', reason, says, until: asked + settings.approvalExpiry, approval: true };
}
