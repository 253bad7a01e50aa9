import type { StartRefusal } from '../ports/journal.ts';
import { ALLOW, type Answer, type Guard } from './guard.ts';
import { saysOf } from './kill-switch.ts';

/**
 * Another incident is acting on this server. The atomic start decides finally; asking before makes other incidents
 * wait.
 */
export const claim: Guard = {
  name: 'claim',
  reasons: ['server-claimed'],
  requires: 'no other incident acts on the server',
  judge: ({ refusal }) => (refusal?.by === 'claim' ? answerOf(refusal).answer : ALLOW),
};

/** Another server of the group is out of service. */
export const slot: Guard = {
  name: 'slot',
  reasons: ['group-busy'],
  requires: 'no other server of its group is out of service, before a failover or restart',
  judge: ({ refusal }) => (refusal?.by === 'slot' ? answerOf(refusal).answer : ALLOW),
};

const LIMITS = {
  minutesBetween: ['too-soon', 'group-too-soon', 'the last one was too recent'],
  perHour: ['hourly-limit', 'hourly-limit', 'the hourly limit is reached'],
  perDay: ['daily-limit', 'group-daily-limit', 'the daily limit is reached'],
} as const;

/** The guard and the answer that a refused start stands for. */
export function answerOf(refusal: StartRefusal): { guard: string; answer: Answer } {
  switch (refusal.by) {
    case 'kill-switch':
      return { guard: 'kill-switch', answer: { answer: 'wait', reason: 'kill-switch', says: saysOf(refusal.switch) } };
    case 'claim': {
      const says = `Incident ${refusal.owner} is acting on ${refusal.server}`;
      return { guard: 'claim', answer: { answer: 'wait', reason: 'server-claimed', says } };
    }
    case 'slot': {
      const says = `Incident ${refusal.owner} has ${refusal.server} of ${refusal.group} out of service`;
      return { guard: 'slot', answer: { answer: 'wait', reason: 'group-busy', says } };
    }
    case 'throttle': {
      const [own, shared, why] = LIMITS[refusal.limit];
      const says = `${refusal.rule.key}: ${why} (${refusal.count} before, the last at ${new Date(refusal.last).toISOString()})`;
      return { guard: 'throttle', answer: { answer: 'refuse', reason: refusal.rule.group ? shared : own, says } };
    }
  }
}
