import { z } from 'zod';
import { MODES, type Mode } from '../../incident/plan.ts';
import { positiveDuration } from '../schema.ts';

const LIMITS = {
  time: positiveDuration,
  serviceRestarts: z.int().min(0).max(100),
  serverRestarts: z.int().min(0).max(10),
};
const MEANING = {
  time: 'Longest that one run may take at worst, without waits for people and for other servers.',
  serviceRestarts: 'Most restarts of services in one run.',
  serverRestarts: 'Most restarts of the server in one run.',
};

/** Names, at least one. */
const names = (of: z.ZodString) => z.array(of).min(1, 'names none').optional();

const times = z.int().min(1).optional();
/** At most a day: for that long, every start is remembered, whichever playbook it was for. */
const minutes = z.int().min(1).max(1440).optional();

/** The keys of `safety.throttles`; what is left out is not restricted. */
const throttle = z
  .strictObject({
    minutesBetween: minutes.describe('Minutes between two runs on one server.'),
    perHour: times.describe('Runs per hour on one server.'),
    perDay: times.describe('Runs per day on one server.'),
    groupMinutesBetween: minutes.describe('Minutes between two runs in one group of servers.'),
    groupPerDay: times.describe('Runs per day in one group of servers.'),
  })
  .optional();

const restriction = z
  .strictObject({
    playbooks: names(
      z.string().regex(/^[a-z0-9*-]+$/, 'must be the name of a playbook, in which * stands for any part: imap-*'),
    ).describe('Playbooks that it applies to, by name or pattern (`imap-*`). Default: all.'),
    servers: names(z.string().min(1, 'is empty')).describe('Servers that it applies to. Default: all.'),
    groups: names(z.string().min(1, 'is empty')).describe(
      'Database availability groups that it applies to, besides the servers; "cas:<site>" stands for the client access servers of a site.',
    ),
    mode: z
      .enum(['observe', 'approve'], {
        error: 'must be "observe" or "approve": a restriction makes a playbook more careful',
      })
      .optional()
      .describe('Upper limit for the mode of these playbooks on these servers: observe or approve.'),
    limits: z
      .strictObject({
        time: LIMITS.time.optional().describe(MEANING.time),
        serviceRestarts: LIMITS.serviceRestarts.optional().describe(MEANING.serviceRestarts),
        serverRestarts: LIMITS.serverRestarts.optional().describe(MEANING.serverRestarts),
      })
      .optional(),
    throttles: z
      .strictObject({ 'restart-service': throttle, 'fail-over-databases': throttle, 'restart-server': throttle })
      .optional(),
  })
  .superRefine(({ servers, groups, mode, limits, throttles }, context) => {
    const complain = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    if (limits && (servers ?? groups)) {
      complain(['limits'], 'are proved for whole playbooks: put them into an entry without servers and groups');
    }
    const set = [limits, ...Object.values(throttles ?? {})].flatMap((each) => Object.keys(each ?? {}));
    if (mode === undefined && set.length === 0 && context.issues.length === 0) {
      complain([], 'restricts nothing: set mode, limits or throttles');
    }
  });

export const playbooks = z.strictObject({
  directory: z.string().min(1, 'is empty').prefault('playbooks').describe('Folder of the playbooks (*.yaml).'),
  proof: z
    .enum(['required', 'warn'])
    .prefault('required')
    .describe(
      '`required`: start and reload refuse a playbook that fails its proof; `warn`: they log why and use it anyway.',
    ),
  limits: z
    .strictObject({
      time: LIMITS.time.prefault('12h').describe(MEANING.time),
      serviceRestarts: LIMITS.serviceRestarts.prefault(6).describe(MEANING.serviceRestarts),
      serverRestarts: LIMITS.serverRestarts.prefault(1).describe(MEANING.serverRestarts),
    })
    .prefault({})
    .describe('Limits that every playbook must keep on its worst path; `playbooks check` proves it.'),
  defaults: z
    .strictObject({
      mode: z
        .enum(MODES as [Mode, ...Mode[]])
        .prefault('observe')
        .describe('Mode of the playbooks that set none: observe, approve or auto.'),
      steps: z
        .record(z.string(), z.record(z.string(), z.unknown()))
        .prefault({})
        .describe(
          'Options of steps where a playbook sets none, by the name of the step: { restart-server: { back-within: 60m } }.',
        ),
    })
    .prefault({})
    .describe('Defaults of this organisation; what a playbook sets wins.'),
  restrictions: z
    .array(restriction)
    .prefault([])
    .describe(
      'What playbooks may not do, also on some servers only. The most careful of all that apply holds, whatever their order.',
    ),
});
