import { DISRUPTIVE } from '../incident/planned-change.ts';
import { ALLOW, type Guard } from './guard.ts';

/** The machine that this daemon (or what it stands on) runs on is never taken out of service by it. */
export const self: Guard = {
  name: 'self',
  reasons: ['own-machine'],
  judge({ change, target, settings }) {
    if (!DISRUPTIVE.has(change.action) || !settings.self.includes(target.server)) return ALLOW;
    const says = `${target.server} runs this daemon or something that it depends on`;
    return { answer: 'refuse', reason: 'own-machine', says };
  },
};
