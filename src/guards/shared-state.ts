import type { StartRefusal } from '../ports.ts';
import type { Answer } from './guard.ts';
import { saysOf } from './kill-switch.ts';

/** The guards whose answer comes from the atomic start: what they may say, for metrics and docs. */
export const SHARED_GUARDS = [
  { name: 'claim', reasons: ['server-claimed'] },
  { name: 'slot', reasons: ['group-busy'] },
] as const;

const LIMITS = {
  minutesBetween: ['too-soon', 'group-too-soon', 'the last was too short a time ago'],
  perHour: ['hourly-limit', 'hourly-limit', 'the limit of an hour is reached'],
  perDay: ['daily-limit', 'group-daily-limit', 'the limit of a day is reached'],
} as const;

/** What a refused start means: which guard, and wait or refuse. */
export function answerOf(refusal: StartRefusal): { guard: string; answer: Answer } {
  switch (refusal.by) {
    case 'kill-switch':
      return { guard: 'kill-switch', answer: { answer: 'wait', reason: 'kill-switch', says: saysOf(refusal.switch) } };
    case 'claim': {
      const says = `Incident ${refusal.owner} acts on ${refusal.server}`;
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
