import { openWindow } from '../config/windows.ts';
import { groupOf } from '../incident/health.ts';
import type { Incident } from '../incident/incident.ts';
import { sameName } from '../incident/names.ts';
import type { ComponentState } from '../ports/exchange.ts';
import {
  componentsOfFamilies,
  componentsOfService,
  describeOut,
  familiesOf,
  outOfService,
} from '../verification/components.ts';
import { ALLOW, type Answer, type Guard, type GuardContext } from './guard.ts';

/** If one of these is Inactive, someone took the server, or Managed Availability on it, out of service. */
const HANDS_OFF = ['ServerWideOffline', 'Monitoring', 'RecoveryActionsEnabled'];

/** Waits while someone is working on the server. If that exceeds the limit, the incident ends `suppressed`. */
export const maintenance: Guard = {
  name: 'maintenance',
  reasons: ['window', 'sender', 'component', 'node-suspended', 'out-of-service'],
  requires: 'nobody works on the server: no maintenance window, no component out of service, no suspended cluster node',
  async judge(context) {
    const { incident, target, exchange, clock, settings, signal } = context;
    const { server } = target;
    const open = openWindow(settings.maintenance, { server, group: groupOf(target) }, clock.now());
    if (open) {
      const says = `${server} is in maintenance (${open.window.name}) until ${new Date(open.until).toISOString()}`;
      return waitFor('window', says);
    }
    if (server === incident.server && senderSaysSo(incident)) {
      return waitFor('sender', `${server} is in maintenance mode in the monitoring system`);
    }
    const { value: states } = await exchange.componentStates(server, { signal });
    const [off] = outOfService(states, HANDS_OFF);
    if (off) {
      const says = `${describeOut(off, server)}: someone is working on it`;
      return waitFor('component', says);
    }
    if (target.dag !== undefined) {
      const { value: group } = await exchange.availabilityGroup(target.dag, { signal });
      if (group.members.some((member) => sameName(member.server, server) && member.suspended)) {
        const says = `The cluster node ${server} of ${target.dag} is suspended: someone is working on it`;
        return waitFor('node-suspended', says);
      }
    }
    // The daemon can't lift it, so waiting would only hide it: a person must learn that the alert is the result of a
    // decision.
    const decided = await decidedByPeople(context, states);
    if (decided === undefined) return ALLOW;
    const says = `${decided}: someone took it out of service on purpose, so nothing is changed`;
    return { answer: 'refuse', reason: 'out-of-service', says };
  },
};

/** Someone is working there and knows about it: no escalation if that takes long, unless we have changed something. */
const waitFor = (reason: string, says: string): Answer => ({ answer: 'wait', reason, says, suppresses: true });

/**
 * A component that the run treats, or of the service to restart, that anyone but Managed Availability took out of
 * service: on the target server or on the incident's own.
 */
async function decidedByPeople(context: GuardContext, ofTarget: ComponentState[]): Promise<string | undefined> {
  const { incident, run, change, target, exchange, signal } = context;
  for (const server of new Set([target.server, incident.server])) {
    const { value: rows } = await exchange.serverHealth(server, { signal });
    const states = server === target.server ? ofTarget : (await exchange.componentStates(server, { signal })).value;
    const treated = [
      ...componentsOfFamilies(familiesOf(run.handles), rows),
      ...(change.resource === undefined ? [] : componentsOfService(change.resource, rows)),
    ];
    const out = outOfService(states, treated).find((one) => !one.byManagedAvailability);
    if (out) return describeOut(out, server);
  }
  return undefined;
}

/** The latest alert counts: senders report the end of maintenance. */
function senderSaysSo({ alerts, counted }: Incident): boolean {
  const said = [...alerts, ...(counted ? [counted.newest] : [])];
  return said.findLast((alert) => alert.inMaintenance !== undefined)?.inMaintenance === true;
}
