import { z } from 'zod';
import { duration, pattern, positiveDuration } from '../schema.ts';

/**
 * How System Center titles a health set's alert. The one title printed in public documentation has this form; the other
 * forms seen are unconfirmed, so the pattern is a setting, and a title that does not fit is accepted all the same.
 */
const SCOM_TITLE =
  '^(?<healthSet>\\S+) health set (maintenance )?unhealthy \\((?<monitor>[^/)]+)(?:/(?<targetResource>[^)]*))?\\) - (.*)$';

const labels = (...names: string[]) => z.array(z.string().min(1, 'is empty')).prefault(names);

export const alerts = z.strictObject({
  reopenAfter: duration
    .prefault('15m')
    .describe('A repeat of an alert opens the matter again this long after its last outcome.'),
  retention: positiveDuration
    .prefault('7d')
    .describe('How long an alert is remembered, so that posting it again is a repeat.'),
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
          'How to read the title of a SCOM alert, whatever the case: groups healthSet, and if you like monitor and targetResource.',
        ),
    })
    .prefault({}),
});
