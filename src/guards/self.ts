import { DISRUPTIVE } from '../incident/planned-change.ts';
import { ALLOW, type Guard } from './guard.ts';

/** Never takes the machine out of service that this daemon, or something it depends on, runs on. */
export const self: Guard = {
  name: 'self',
  reasons: ['own-machine'],
  requires: 'the server runs neither this daemon nor anything that it depends on, before a failover or restart',
  judge({ change, target, settings }) {
    if (!DISRUPTIVE.has(change.action) || !settings.self.includes(target.server)) return ALLOW;
    const says = `${target.server} runs this daemon or something that it depends on`;
    return { answer: 'refuse', reason: 'own-machine', says };
  },
};
