import { z } from 'zod';
import { type Exchange, ExchangeError, type Reply } from './exchange.ts';
/** The value that a call returns. */
export type Value<K extends keyof Exchange> = Awaited<ReturnType<Exchange[K]>> extends Reply<infer T> ? T : never;

/** Longer texts of a server are cut, because they go to the journal. */
const LONGEST = 16_000;

const name = z.string().max(1_000);
const words = z.string().transform((text) => text.slice(0, LONGEST));
/** Every instant that a Date can represent. */
const instant = z.number().min(-8.64e15).max(8.64e15);
const count = z.number().min(0);

const service = z.object({
  name,
  status: z.enum(['Running', 'Stopped', 'StartPending', 'StopPending']),
  startType: z.enum(['Automatic', 'Manual', 'Disabled']),
  startedAt: z.exactOptional(instant),
});

const copy = z.object({
  database: name,
  server: name,
  status: name,
  copies: count,
  copyQueueLength: count,
  replayQueueLength: count,
  activationSuspended: z.boolean(),
  lagged: z.boolean(),
  error: z.exactOptional(words),
});

const changed = z.object({ effect: z.enum(['changed', 'already']), says: z.exactOptional(words) });

/** The allowed reply to each call. A compromised server can send only this form. */
const VALUES: { [K in keyof Exchange]: z.ZodType<Value<K>> } = {
  organisation: z.object({
    id: name,
    servers: z.array(
      z.object({
        server: name,
        fqdn: name,
        roles: z.array(z.enum(['mailbox', 'client-access'])),
        version: name,
        site: name,
        dag: z.exactOptional(name),
        group: z.exactOptional(name),
        organisation: name,
      }),
    ),
  }),
  serverHealth: z.array(
    z.object({
      healthSet: name,
      name,
      targetResource: name,
      alertValue: z.enum([
        ...['Healthy', 'Degraded', 'Unhealthy', 'Repairing'],
        ...['Disabled', 'Unavailable', 'UnInitialized', 'Unknown'],
      ] as const),
      component: name,
      lastTransition: z.exactOptional(instant),
      lastExecution: z.exactOptional(instant),
      recurrenceSeconds: z.exactOptional(count),
      timeoutSeconds: count,
      isStale: z.boolean(),
    }),
  ),
  invokeProbe: z
    .object({
      resultType: z.enum(['Abandoned', 'TimedOut', 'Poisoned', 'Succeeded', 'Failed', 'Quarantined', 'Rejected']),
      error: words,
      exception: words,
      startedAt: instant,
      endedAt: instant,
    })
    // JSON has no undefined: a probe without a result is sent without a value.
    .optional(),
  service,
  services: z.array(service),
  restartService: changed,
  copiesOn: z.array(copy),
  copiesOf: z.array(copy),
  mailboxServer: z.object({
    server: name,
    activationBlocked: z.boolean(),
    autoActivationPolicy: z.enum(['Unrestricted', 'IntrasiteOnly', 'Blocked']),
    maximumActiveDatabases: z.exactOptional(count),
  }),
  availabilityGroup: z.object({
    name,
    members: z.array(z.object({ server: name, site: name, up: z.boolean(), suspended: z.boolean() })),
    witness: z.exactOptional(z.object({ server: name, up: z.boolean() })),
  }),
  setActivationBlocked: changed,
  protocolLog: z.object({ enabled: z.boolean(), location: name }),
  setProtocolLog: changed,
  componentStates: z.array(
    z.object({
      component: name,
      state: z.enum(['Active', 'Inactive', 'Draining', 'Unknown']),
      requesters: z.array(z.object({ requester: name, state: z.enum(['Active', 'Inactive', 'Draining']) })),
    }),
  ),
  recoveryActions: z.array(
    z.object({
      action: name,
      resource: name,
      requester: name,
      state: z.enum(['started', 'finished']),
      result: z.exactOptional(z.enum(['succeeded', 'failed', 'throttled'])),
      startedAt: instant,
      endedAt: z.exactOptional(instant),
    }),
  ),
  activity: z.array(
    z.object({ kind: z.enum(['setup', 'servicing', 'backup', 'seeding', 'pending-update']), says: words }),
  ),
  bootTime: z.object({ bootedAt: instant, uptimeSeconds: z.number() }),
  restartServer: changed,
  script: z.object({
    file: z.enum(['same', 'different', 'missing']),
    run: z.enum(['none', 'running', 'succeeded', 'failed', 'interrupted']),
    output: z.exactOptional(words),
  }),
  runScript: changed,
};

const warnings = z.array(words).max(1_000);

/**
 * Throws `badReply` for anything that is not a valid reply to the call. `who`: the other side, at the beginning of a
 * sentence.
 */
export function readReply<K extends keyof Exchange>(verb: K, reply: unknown, who = 'The lab'): Reply<Value<K>> {
  const schema: z.ZodType<Value<K>> = VALUES[verb];
  const checked = z.object({ value: schema, warnings }).safeParse(reply);
  if (checked.success) return checked.data as Reply<Value<K>>;
  const [issue] = checked.error.issues;
  const place = issue?.path.map(String).join('.').slice(0, 100);
  throw new ExchangeError('badReply', `${who} sent an invalid reply to ${verb} (${place || 'the whole reply'}).`);
}
