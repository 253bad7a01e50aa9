import { z } from 'zod';
import { MODES, type Mode } from '../../incident/plan.ts';
import { duration, positiveDuration } from '../schema.ts';
import { startAfter } from '../windows.ts';

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

const maintenanceWindow = z
  .strictObject({
    name: z.string().min(1, 'is empty').describe('What it is called where an incident waits for its end.'),
    servers: z.array(hostName).prefault([]).describe('Neither servers nor groups: the whole organisation.'),
    groups: z
      .array(z.string().min(1))
      .prefault([])
      .describe('Database availability groups, and "cas:<site>" for the client access servers of a site.'),
    starts: z
      .string()
      .describe(
        'A cron pattern ("0 22 * * TUE#2": the second Tuesday of each month), or one moment ("2026-12-05T22:00").',
      ),
    lasts: positiveDuration.describe('How long it is open, also where clocks change within it.'),
    timeZone: z.string().prefault('UTC').describe('By whose clocks: an IANA name, such as Europe/Berlin.'),
  })
  .superRefine(({ starts, timeZone }, context) => {
    const complain = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    try {
      new Intl.DateTimeFormat('en', { timeZone });
    } catch {
      complain('timeZone', `${JSON.stringify(timeZone)} is no time zone: write an IANA name, such as "Europe/Berlin"`);
      return;
    }
    try {
      startAfter({ starts, timeZone }, 0);
    } catch (error) {
      complain(
        'starts',
        `is neither a cron pattern ("0 22 * * TUE#2") nor a moment ("2026-12-05T22:00"): ${(error as Error).message}`,
      );
    }
  });

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
  approvers: z
    .int()
    .min(1)
    .max(5)
    .prefault(1)
    .describe('How many different people must approve; 2 is the two-person rule, and needs http.tokens.'),
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
  maintenance: z
    .array(maintenanceWindow)
    .prefault([])
    .describe('When people work on servers: incidents wait for the end of it.'),
  commonCause: z
    .strictObject({
      share: z
        .number()
        .min(0)
        .max(100)
        .prefault(20)
        .describe(
          'The same trouble on more than this percentage of a group (and on two at least) is no server’s fault.',
        ),
      servers: z.int().min(2).prefault(20).describe('Nor is the same trouble on so many servers, wherever they are.'),
      within: positiveDuration.prefault('10m').describe('How long what was seen on one server counts for the others.'),
    })
    .prefault({}),
  trust: z
    .strictObject({
      runs: z
        .int()
        .min(0)
        .max(20)
        .prefault(3)
        .describe('So many runs in a row that did not end in recovery make a playbook ask first; 0: never.'),
    })
    .prefault({}),
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
