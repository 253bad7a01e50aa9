import { ceiling } from '../incident/plan.ts';
import { ALLOW, type Guard } from './guard.ts';

/** Observe says what it would do; approve asks a person, once for an incident, for the plan that was shown. */
export const mode: Guard = {
  name: 'mode',
  reasons: ['observe', 'approval'],
  judge({ incident, run, settings, clock }) {
    const inForce = ceiling(run.mode, settings.mode);
    if (inForce === 'observe') {
      const steps = run.plan.map((step) => step.says).join(' → ');
      const says = `Playbook ${run.playbook} only observes. It would have done: ${steps}`;
      return { answer: 'refuse', reason: 'observe', says, suppressed: true };
    }
    if (inForce === 'auto' || incident.approved || incident.parent) return ALLOW;
    const asked = incident.held?.approval ? incident.held.at : clock.now();
    return {
      answer: 'wait',
      reason: 'approval',
      says: `Playbook ${run.playbook} waits for a person's approval`,
      until: asked + settings.approvalExpiry,
      approval: true,
    };
  },
};
