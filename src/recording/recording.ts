/** A recording: the answers of an organisation to all reading calls, as plain data in one JSON document. */
import { z } from 'zod';
import type { Instant } from '../incident/alert.ts';
import {
  type AvailabilityGroup,
  type DatabaseCopy,
  EXCHANGE_FAILURES,
  type Exchange,
  type ExchangeFailure,
  type Organisation,
  type Protocol,
} from '../ports/exchange.ts';
import type { Value } from '../ports/replies.ts';

export const FORMAT = 'second-responder recording';
export const VERSION = 1;

export interface Failure {
  code: ExchangeFailure;
  /** The server's own words. */
  says: string;
}

/** The result of one call. `at`: when it was answered, on the organisation's clock; `ms`: its duration in real time. */
export type Answer<T> = { at: Instant; ms: number } & (
  | { value: T; warnings: string[]; failure?: never }
  | { failure: Failure; value?: never; warnings?: never }
);

/** The result of Invoke-MonitoringProbe; a refused probe has warnings and no value. */
export interface RecordedProbe {
  /** The identity passed to Invoke-MonitoringProbe. */
  identity: string;
  /** The row that it verifies. */
  monitor: { healthSet: string; name: string; targetResource: string };
  answer: Answer<Value<'invokeProbe'>>;
}

/** Calls that were not made are absent: copies are requested from mailbox servers only. */
export interface RecordedServer {
  server: string;
  serverHealth?: Answer<Value<'serverHealth'>>;
  services?: Answer<Value<'services'>>;
  bootTime?: Answer<Value<'bootTime'>>;
  mailboxServer?: Answer<Value<'mailboxServer'>>;
  copiesOn?: Answer<Value<'copiesOn'>>;
  protocolLog?: Record<Protocol, Answer<Value<'protocolLog'>>>;
  componentStates?: Answer<Value<'componentStates'>>;
  recoveryActions?: Answer<Value<'recoveryActions'>>;
  activity?: Answer<Value<'activity'>>;
  probes?: RecordedProbe[];
}

export interface Recording {
  format: typeof FORMAT;
  version: typeof VERSION;
  /** When it began, on the organisation's clock. */
  recordedAt: Instant;
  /** The product and its version. */
  recordedBy: string;
  /** Whether names of the organisation were replaced. */
  renamed: boolean;
  organisation: Answer<Organisation>;
  servers: RecordedServer[];
  groups: { group: string; availabilityGroup: Answer<AvailabilityGroup> }[];
  databases: { database: string; copiesOf: Answer<DatabaseCopy[]> }[];
}

// -------------------------------------------------------------------------------------------------- the form of the file

/** Longer texts of a server are cut when recorded. */
export const LONGEST_TEXT = 16_000;

/** External names appear on terminals, so control characters are refused. */
const word = z
  .string()
  .max(400, 'is longer than 400 characters')
  .regex(/^\P{Cc}*$/u, 'contains control characters');
const name = word.min(1, 'is empty');
const text = z.string().max(LONGEST_TEXT, `is longer than ${LONGEST_TEXT} characters`);
const count = z.number().min(0).max(Number.MAX_SAFE_INTEGER);

const YEAR_1 = -62_135_596_800_000;
const YEAR_9999 = 253_402_300_799_999;

/** ISO 8601 in the file, so that people can read it. */
const instant = z.codec(
  z.iso.datetime({ offset: true, error: 'is not a time such as "2026-11-23T14:31:31.702Z"' }),
  z.number().min(YEAR_1).max(YEAR_9999),
  { decode: (written) => Date.parse(written), encode: (at) => new Date(at).toISOString() },
);

/**
 * A key that may be absent. Declared `optional`, because the search for the nearest spelling of a key inspects that.
 */
const maybe = <T extends z.ZodType>(schema: T) => schema.optional() as unknown as z.ZodExactOptional<T>;

const listOf = <T extends z.ZodType>(element: T, most: number) =>
  z.array(element).max(most, `has more than ${most} elements`);

const warnings = listOf(text, 1_000);

const service = z.strictObject({
  name,
  status: z.enum(['Running', 'Stopped', 'StartPending', 'StopPending']),
  startType: z.enum(['Automatic', 'Manual', 'Disabled']),
  startedAt: maybe(instant),
});

const copies = listOf(
  z.strictObject({
    database: name,
    server: name,
    status: name,
    copies: count,
    copyQueueLength: count,
    replayQueueLength: count,
    activationSuspended: z.boolean(),
    lagged: z.boolean(),
    error: maybe(text),
  }),
  10_000,
);

const rowKey = { healthSet: name, name, targetResource: word };

/** The calls whose answers are recorded. */
export type RecordedCall = Exclude<
  keyof Exchange,
  'service' | 'restartService' | 'setActivationBlocked' | 'setProtocolLog' | 'restartServer' | 'script' | 'runScript'
>;

/**
 * The format of each answer in the file. Independent of the adapters: those may change with the port, while a file of
 * version 1 stays as it is.
 */
const VALUES: { [K in RecordedCall]: z.ZodType<Value<K>> } = {
  organisation: z.strictObject({
    id: word,
    servers: listOf(
      z.strictObject({
        server: name,
        fqdn: name,
        roles: listOf(z.enum(['mailbox', 'client-access']), 2),
        version: word,
        site: word,
        dag: maybe(name),
        group: maybe(name),
        organisation: word,
      }),
      10_000,
    ),
  }),
  serverHealth: listOf(
    z.strictObject({
      ...rowKey,
      alertValue: z.enum([
        ...['Healthy', 'Degraded', 'Unhealthy', 'Repairing'],
        ...['Disabled', 'Unavailable', 'UnInitialized', 'Unknown'],
      ] as const),
      component: word,
      lastTransition: maybe(instant),
      lastExecution: maybe(instant),
      recurrenceSeconds: maybe(count),
      timeoutSeconds: count,
      isStale: z.boolean(),
    }),
    20_000,
  ),
  invokeProbe: z
    .strictObject({
      resultType: z.enum(['Abandoned', 'TimedOut', 'Poisoned', 'Succeeded', 'Failed', 'Quarantined', 'Rejected']),
      error: text,
      exception: text,
      startedAt: instant,
      endedAt: instant,
    })
    .optional(),
  services: listOf(service, 2_000),
  copiesOn: copies,
  copiesOf: copies,
  mailboxServer: z.strictObject({
    server: name,
    activationBlocked: z.boolean(),
    autoActivationPolicy: z.enum(['Unrestricted', 'IntrasiteOnly', 'Blocked']),
    maximumActiveDatabases: maybe(count),
  }),
  availabilityGroup: z.strictObject({
    name,
    members: listOf(z.strictObject({ server: name, site: word, up: z.boolean(), suspended: z.boolean() }), 1_000),
    witness: maybe(z.strictObject({ server: name, up: z.boolean() })),
  }),
  protocolLog: z.strictObject({ enabled: z.boolean(), location: text }),
  componentStates: listOf(
    z.strictObject({
      component: name,
      state: z.enum(['Active', 'Inactive', 'Draining', 'Unknown']),
      requesters: listOf(z.strictObject({ requester: name, state: z.enum(['Active', 'Inactive', 'Draining']) }), 1_000),
    }),
    1_000,
  ),
  recoveryActions: listOf(
    z.strictObject({
      action: word,
      resource: text,
      requester: word,
      state: z.enum(['started', 'finished']),
      result: maybe(z.enum(['succeeded', 'failed', 'throttled'])),
      startedAt: instant,
      endedAt: maybe(instant),
    }),
    20_000,
  ),
  activity: listOf(
    z.strictObject({ kind: z.enum(['setup', 'servicing', 'backup', 'seeding', 'pending-update']), says: text }),
    100,
  ),
  bootTime: z.strictObject({ bootedAt: instant, uptimeSeconds: z.number() }),
};

const failure = z.strictObject({ code: z.enum(EXCHANGE_FAILURES), says: text });

/** Either a value with its warnings, or a failure. Only a probe may have no value. */
function answerTo<K extends RecordedCall>(call: K): z.ZodType<Answer<Value<K>>> {
  const form = z
    .strictObject({
      at: instant,
      ms: count,
      value: maybe(VALUES[call] as z.ZodType),
      warnings: maybe(warnings),
      failure: maybe(failure),
    })
    .superRefine((answer, context) => {
      const complain = (message: string) => context.addIssue({ code: 'custom', message });
      const replied = answer.value !== undefined || answer.warnings !== undefined;
      if (replied === (answer.failure !== undefined)) complain('must have either a value and warnings, or a failure');
      else if (replied && answer.warnings === undefined) complain('has a value but no warnings: write [] for none');
      else if (replied && answer.value === undefined && call !== 'invokeProbe') complain('has warnings but no value');
    });
  return form as unknown as z.ZodType<Answer<Value<K>>>;
}

const ANSWERS = Object.fromEntries(
  (Object.keys(VALUES) as RecordedCall[]).map((call) => [call, answerTo(call)]),
) as unknown as { [K in RecordedCall]: z.ZodType<Answer<Value<K>>> };

const server = z.strictObject({
  server: name,
  serverHealth: maybe(ANSWERS.serverHealth),
  services: maybe(ANSWERS.services),
  bootTime: maybe(ANSWERS.bootTime),
  mailboxServer: maybe(ANSWERS.mailboxServer),
  copiesOn: maybe(ANSWERS.copiesOn),
  protocolLog: maybe(z.strictObject({ imap: ANSWERS.protocolLog, pop: ANSWERS.protocolLog })),
  componentStates: maybe(ANSWERS.componentStates),
  recoveryActions: maybe(ANSWERS.recoveryActions),
  activity: maybe(ANSWERS.activity),
  probes: maybe(
    listOf(z.strictObject({ identity: name, monitor: z.strictObject(rowKey), answer: ANSWERS.invokeProbe }), 2_000),
  ),
});

/** The whole file, decoded: instants are milliseconds. `z.encode` is the inverse. */
export const recordingSchema: z.ZodType<Recording> = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  recordedAt: instant,
  recordedBy: name,
  renamed: z.boolean(),
  organisation: ANSWERS.organisation,
  servers: listOf(server, 10_000),
  groups: listOf(z.strictObject({ group: name, availabilityGroup: ANSWERS.availabilityGroup }), 10_000),
  databases: listOf(z.strictObject({ database: name, copiesOf: ANSWERS.copiesOf }), 100_000),
});

/**
 * Makes an answer fit the file: long texts are cut, and an answer that could not be read back becomes a `badReply`, as
 * for the daemon.
 */
export function fitting<K extends RecordedCall>(call: K, answer: Answer<Value<K>>): Answer<Value<K>> {
  const plain = JSON.parse(JSON.stringify(answer), (_, value) =>
    typeof value === 'string' && value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT - 1)}…` : value,
  ) as Answer<Value<K>>;
  const form: z.ZodType<Answer<Value<K>>> = ANSWERS[call];
  const checked = z.safeEncode(form, plain);
  if (checked.success) return plain;
  const [issue] = checked.error.issues;
  const says = `The answer does not have the expected form: ${issue?.path.join('.')} ${issue?.message}`.slice(0, 1_000);
  return { at: answer.at, ms: answer.ms, failure: { code: 'badReply', says } };
}

// ------------------------------------------------------------------------------------------------------------ all answers

/** The value of an answer; undefined if the call failed or was not made. */
export function answered<T>(answer: Answer<T> | undefined): T | undefined {
  return answer?.failure === undefined ? answer?.value : undefined;
}

export interface AnswerAbout {
  /** Its server, group or database; '' for the organisation. */
  about: string;
  call: RecordedCall;
  answer: Answer<unknown>;
}

/** Every answer of a recording, in the order of the file. */
export function answersOf({ organisation, servers, groups, databases }: Recording): AnswerAbout[] {
  const all: AnswerAbout[] = [{ about: '', call: 'organisation', answer: organisation }];
  for (const { server: about, protocolLog, probes = [], ...rest } of servers) {
    for (const [call, answer] of Object.entries(rest)) all.push({ about, call: call as RecordedCall, answer });
    for (const answer of Object.values(protocolLog ?? {})) all.push({ about, call: 'protocolLog', answer });
    for (const { answer } of probes) all.push({ about, call: 'invokeProbe', answer });
  }
  for (const each of groups) {
    all.push({ about: each.group, call: 'availabilityGroup', answer: each.availabilityGroup });
  }
  for (const each of databases) all.push({ about: each.database, call: 'copiesOf', answer: each.copiesOf });
  return all;
}
