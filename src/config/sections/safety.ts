import { z } from 'zod';
import { MODES, type Mode } from '../../incident/plan.ts';
import { duration, positiveDuration } from '../schema.ts';

const limit = z.int().min(-1);

/** One action's limits, in Managed Availability's own terms; -1 means no limit. */
const throttle = (
  minutesBetween: number,
  perHour: number,
  perDay: number,
  groupMinutesBetween: number,
  groupPerDay: number,
) =>
  z
    .strictObject({
      minutesBetween: limit.prefault(minutesBetween).describe('Minutes between two runs on one server (-1: no limit).'),
      perHour: limit.prefault(perHour).describe('Runs an hour on one server.'),
      perDay: limit.prefault(perDay).describe('Runs a day on one server.'),
      groupMinutesBetween: limit
        .prefault(groupMinutesBetween)
        .describe('Minutes between two runs in one group of servers.'),
      groupPerDay: limit.prefault(groupPerDay).describe('Runs a day in one group of servers.'),
    })
    .prefault({});

const hostName = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/, 'does not look like a host name');
const serviceName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9$_.-]*$/, 'does not look like the name of a Windows service');

export const safety = z.strictObject({
  mode: z
    .enum(MODES as [Mode, ...Mode[]])
    .optional()
    .describe(
      'The boldest any playbook may be: observe, approve or auto. Unsaid: auto in a lab, observe for a real Exchange.',
    ),
  evidenceMaxAge: positiveDuration
    .prefault('5m')
    .describe('Evidence older than this is looked at again before anything is changed.'),
  approvalExpiry: positiveDuration
    .prefault('4h')
    .describe('How long an approval is waited for before the incident is escalated.'),
  holdLimit: positiveDuration
    .prefault('4h')
    .describe('How long a guard may make an incident wait before it is escalated.'),
  services: z
    .array(serviceName)
    .prefault(['MSExchangeIMAP4', 'MSExchangeIMAP4BE', 'MSExchangePOP3', 'MSExchangePOP3BE'])
    .describe('The only services that may be restarted, whatever a playbook says.'),
  self: z
    .array(hostName)
    .prefault([])
    .describe('Machines that are never rebooted, besides the one the daemon runs on: its store’s, its jump host.'),
  throttles: z
    .strictObject({
      'restart-service': throttle(60, -1, 1, -1, 4),
      'fail-over-databases': throttle(60, -1, 2, 60, 6),
      'restart-server': throttle(720, -1, 1, 600, 1),
    })
    .prefault({})
    .describe('How often each action may be taken; counted once for each incident.'),
  disruptionWindow: duration
    .prefault('15m')
    .describe('Alerts about a server this soon after our own action join that incident.'),
  commandTimeout: positiveDuration
    .prefault('5m')
    .describe('Real time after which a changing command counts as unanswered.'),
  notAfter: positiveDuration
    .prefault('30s')
    .describe('A changing command that arrives later than this is refused by the far side.'),
});
