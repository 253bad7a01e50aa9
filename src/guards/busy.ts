import { DISRUPTIVE } from '../incident/planned-change.ts';
import type { ServerActivity } from '../ports/exchange.ts';
import { ALLOW, type Guard } from './guard.ts';
import { ask } from './mode.ts';

/**
 * Refuses or asks while something runs on the server that a restart would interrupt, or that would prolong a reboot.
 */
export const busy: Guard = {
  name: 'busy',
  reasons: ['setup', 'servicing', 'backup', 'seeding', 'pending-update'],
  requires: 'no setup, update, backup or seeding runs on it, and no update waits for a restart',
  async judge(context) {
    const { target, change, exchange, signal } = context;
    const { value: activities } = await exchange.activity(target.server, { signal });
    const running = (kind: ServerActivity['kind']) => activities.find((activity) => activity.kind === kind);
    const setup = running('setup');
    if (setup) {
      // Setup stops and starts the services itself.
      const says = `Exchange setup is running on ${target.server}: ${setup.says}`;
      if (!DISRUPTIVE.has(change.action)) return { answer: 'wait', reason: 'setup', says };
      return { answer: 'refuse', reason: 'setup', says };
    }
    if (!DISRUPTIVE.has(change.action)) return ALLOW;
    for (const [kind, what] of INTERRUPTED) {
      const found = running(kind);
      if (!found) continue;
      const says = `${what} on ${target.server}, so it is neither drained nor restarted: ${found.says}`;
      return { answer: 'refuse', reason: kind, says };
    }
    const pending = running('pending-update');
    if (!pending) return ALLOW;
    const says = `${target.server} will install updates when it restarts, which can take long: ${pending.says}`;
    return ask(context, 'pending-update', says);
  },
};

const INTERRUPTED = [
  ['servicing', 'Windows is being serviced'],
  ['backup', 'A backup is running'],
  ['seeding', 'A database copy is being seeded'],
] as const;
