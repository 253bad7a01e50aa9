import { openWindow } from '../config/windows.ts';
import { groupOf } from '../incident/health.ts';
import type { Incident } from '../incident/incident.ts';
import { isNamed } from '../incident/names.ts';
import { ALLOW, type Guard } from './guard.ts';

/** Inactive, they mean that somebody has taken the server, or Managed Availability on it, out of service. */
const HANDS_OFF = ['ServerWideOffline', 'Monitoring', 'RecoveryActionsEnabled'];

/** Somebody works on the server. It is waited for until it is over; what outlives the limit ends `suppressed`. */
export const maintenance: Guard = {
  name: 'maintenance',
  reasons: ['window', 'sender', 'component', 'node-suspended'],
  async judge({ incident, target, exchange, clock, settings, signal }) {
    const { server } = target;
    const open = openWindow(settings.maintenance, { server, group: groupOf(target) }, clock.now());
    if (open) {
      const says = `${server} is in maintenance (${open.window.name}) until ${new Date(open.until).toISOString()}`;
      return { answer: 'wait', reason: 'window', says };
    }
    if (server === incident.server && senderSaysSo(incident)) {
      return { answer: 'wait', reason: 'sender', says: `${server} is in maintenance mode in the monitoring system` };
    }
    const { value: states } = await exchange.componentStates(server, { signal });
    const off = states.find(
      ({ component, state }) => state !== 'Active' && state !== 'Unknown' && isNamed(component, HANDS_OFF),
    );
    if (off) {
      const by = off.requesters.filter(({ state }) => state !== 'Active').map(({ requester }) => requester);
      const says = `${off.component} is ${off.state} on ${server}${by.length > 0 ? `, requested by ${by.join(', ')}` : ''}: somebody works there`;
      return { answer: 'wait', reason: 'component', says };
    }
    if (target.dag !== undefined) {
      const { value: group } = await exchange.availabilityGroup(target.dag, { signal });
      if (group.members.some((member) => member.server === server && member.suspended)) {
        const says = `The cluster node ${server} of ${target.dag} is suspended: somebody works there`;
        return { answer: 'wait', reason: 'node-suspended', says };
      }
    }
    return ALLOW;
  },
};

/** The latest alert counts: a sender tells again when maintenance is over. */
function senderSaysSo({ alerts }: Incident): boolean {
  return alerts.findLast((alert) => alert.inMaintenance !== undefined)?.inMaintenance === true;
}
