import { z } from 'zod';
import { MODES, type Mode } from '../../incident/plan.ts';
import { duration, positiveDuration } from '../schema.ts';
import { startAfter } from '../windows.ts';

const limit = z.int().min(-1);

/** The limits of one action, in the terms of Managed Availability; -1 means no limit. */
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
      perHour: limit.prefault(perHour).describe('Runs per hour on one server.'),
      perDay: limit.prefault(perDay).describe('Runs per day on one server.'),
      groupMinutesBetween: limit
        .prefault(groupMinutesBetween)
        .describe('Minutes between two runs in one group of servers.'),
      groupPerDay: limit.prefault(groupPerDay).describe('Runs per day in one group of servers.'),
    })
    .prefault({});

const hostName = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/, 'is not a valid host name');
const serviceName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9$_.-]*$/, 'is not a valid name of a Windows service');

const maintenanceWindow = z
  .strictObject({
    name: z.string().min(1, 'is empty').describe('Name of the window, shown for each incident that waits for its end.'),
    servers: z
      .array(hostName)
      .prefault([])
      .describe(
        'Servers that the window applies to. Without servers and groups, it applies to the whole organisation.',
      ),
    groups: z
      .array(z.string().min(1))
      .prefault([])
      .describe(
        'Database availability groups that the window applies to; "cas:<site>" stands for the client access servers of a site.',
      ),
    starts: z
      .string()
      .describe(
        'Start: a cron pattern ("0 22 * * TUE#2" is the second Tuesday of each month at 22:00) or a single time ("2026-12-05T22:00").',
      ),
    lasts: positiveDuration.describe('How long the window is open; a clock change does not alter its length.'),
    timeZone: z.string().prefault('UTC').describe('Time zone of starts: an IANA name, such as Europe/Berlin.'),
  })
  .superRefine(({ starts, timeZone }, context) => {
    const complain = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    try {
      new Intl.DateTimeFormat('en', { timeZone });
    } catch {
      complain('timeZone', `${JSON.stringify(timeZone)} is not a time zone; use an IANA name, such as "Europe/Berlin"`);
      return;
    }
    try {
      startAfter({ starts, timeZone }, 0);
    } catch (error) {
      complain(
        'starts',
        `must be a cron pattern ("0 22 * * TUE#2") or a time ("2026-12-05T22:00"): ${(error as Error).message}`,
      );
    }
  });

export const safety = z.strictObject({
  mode: z
    .enum(MODES as [Mode, ...Mode[]])
    .optional()
    .describe(
      'Upper limit for the mode of every playbook: observe, approve or auto. Default: auto for a lab, observe for a real organisation.',
    ),
  evidenceMaxAge: positiveDuration
    .prefault('5m')
    .describe('Maximum age of evidence; older evidence is verified again before anything is changed.'),
  approvalExpiry: positiveDuration
    .prefault('4h')
    .describe('How long an incident waits for approval before it is escalated.'),
  approvers: z
    .int()
    .min(1)
    .max(5)
    .prefault(1)
    .describe('Number of different people who must approve; more than 1 requires http.tokens.'),
  holdLimit: positiveDuration.prefault('4h').describe('How long guards may hold an incident before it is escalated.'),
  services: z
    .array(serviceName)
    .prefault(['MSExchangeIMAP4', 'MSExchangeIMAP4BE', 'MSExchangePOP3', 'MSExchangePOP3BE'])
    .describe('Services that playbooks may restart; no others are ever restarted.'),
  self: z
    .array(hostName)
    .prefault([])
    .describe(
      'Machines that are never rebooted, such as those of the store or a jump host. The daemon’s own machine is always included.',
    ),
  throttles: z
    .strictObject({
      'restart-service': throttle(60, -1, 1, -1, 4),
      'run-script': throttle(60, -1, 1, -1, 4),
      'fail-over-databases': throttle(60, -1, 2, 60, 6),
      'restart-server': throttle(720, -1, 1, 600, 1),
    })
    .prefault({})
    .describe('Limits per action; each incident counts once.'),
  maintenance: z
    .array(maintenanceWindow)
    .prefault([])
    .describe('Maintenance windows; incidents wait until the window ends.'),
  commonCause: z
    .strictObject({
      share: z
        .number()
        .min(0)
        .max(100)
        .prefault(20)
        .describe(
          'Percentage of a group’s servers; the same problem on more of them (and on at least two) counts as a common cause.',
        ),
      servers: z
        .int()
        .min(2)
        .prefault(20)
        .describe('Number of servers in any groups; the same problem on that many counts as a common cause.'),
      within: positiveDuration
        .prefault('10m')
        .describe('How long a problem seen on one server counts towards a common cause.'),
    })
    .prefault({}),
  trust: z
    .strictObject({
      runs: z
        .int()
        .min(0)
        .max(20)
        .prefault(3)
        .describe(
          'Number of consecutive runs without recovery after which a playbook needs approval; 0 turns this off.',
        ),
    })
    .prefault({}),
  disruptionWindow: duration
    .prefault('15m')
    .describe('Alerts about a server within this time after a disruptive action join the incident of that action.'),
  commandTimeout: positiveDuration
    .prefault('5m')
    .describe('Real time after which a changing command counts as timed out.'),
  notAfter: positiveDuration
    .prefault('30s')
    .describe('Maximum delay of a changing command; the target refuses one that arrives later.'),
});
