import { z } from 'zod';
import { duration, pattern, positiveDuration } from '../schema.ts';

/**
 * The title of a health set alert in System Center. Public documentation shows only this form; other forms are
 * unconfirmed, so the pattern is a setting, and a title that does not match is still accepted.
 */
const SCOM_TITLE =
  '^(?<healthSet>\\S+) health set (maintenance )?unhealthy \\((?<monitor>[^/)]+)(?:/(?<targetResource>[^)]*))?\\) - (.*)$';

const labels = (...names: string[]) => z.array(z.string().min(1, 'is empty')).prefault(names);

export const alerts = z.strictObject({
  reopenAfter: duration
    .prefault('15m')
    .describe('Time after the last outcome from which a repeat of the alert opens an incident again.'),
  retention: positiveDuration
    .prefault('7d')
    .describe('How long an alert is remembered; posting it again within this time counts as a repeat.'),
  alertmanager: z
    .strictObject({
      server: labels('server', 'host', 'instance', 'exchange_server').describe(
        'Labels that may hold the server, in order.',
      ),
      healthSet: labels('health_set', 'healthset').describe('Labels that may hold the health set, in order.'),
      monitor: labels('monitor').describe('Labels that may hold the monitor, in order.'),
      targetResource: labels('target_resource', 'target').describe(
        'Labels that may hold the target resource, in order.',
      ),
    })
    .prefault({}),
  scom: z
    .strictObject({
      titlePattern: pattern
        .refine((text) => text.includes('(?<healthSet>'), 'has no group (?<healthSet>…)')
        .prefault(SCOM_TITLE)
        .describe(
          'Regular expression for the title of a SCOM alert, case-insensitive. Groups: healthSet, and optionally monitor and targetResource.',
        ),
    })
    .prefault({}),
});
