import { z } from 'zod';
import type { LabExchange } from '../../lab/port/cmdlets.ts';
import { fromIssues, LabProblems, unknownName } from '../../lab/world/problems.ts';
import type { ExchangeFailure, Reply } from '../../ports/exchange.ts';

/** The clock in every response of POST /lab/v1/call, which the client's clock follows. */
export interface LabTime {
  /** Milliseconds since 1970 on the organisation's clock. */
  now: number;
  speed: number;
  epoch: string;
  /** Its time advances only by request. */
  virtual: boolean;
}

export type CallAnswer = LabTime &
  ({ reply: Reply<unknown> } | { failure: { code: ExchangeFailure; message: string } });

const name = z.string().min(1).max(300);
const instant = z.number().finite();
const change = z.strictObject({
  notAfter: instant,
  caller: z.string().max(500),
  scope: z.array(z.strictObject({ playbook: name.optional(), server: name.optional(), group: name.optional() })),
});
const protocol = z.enum(['imap', 'pop']);
const onServer = { server: name };
const file = { name, sha256: z.string().max(100) };
const run = z.string().max(1_000);

/** One verb of the port: its arguments and its call. */
interface Verb {
  run(exchange: LabExchange, given: unknown): Promise<Reply<unknown>>;
}

function verb<T>(schema: z.ZodType<T>, call: (exchange: LabExchange, given: T) => Promise<Reply<unknown>>): Verb {
  return {
    run(exchange, given) {
      const checked = schema.safeParse(given ?? {});
      if (checked.success) return call(exchange, checked.data);
      throw new LabProblems('The arguments do not match the verb', fromIssues(checked.error.issues));
    },
  };
}

const VERBS: { [K in keyof LabExchange]: Verb } = {
  organisation: verb(z.strictObject({}), (exchange) => exchange.organisation()),
  serverHealth: verb(z.strictObject(onServer), (exchange, { server }) => exchange.serverHealth(server)),
  invokeProbe: verb(z.strictObject({ ...onServer, identity: name }), (exchange, { server, identity }) =>
    exchange.invokeProbe(server, identity),
  ),
  service: verb(z.strictObject({ ...onServer, name }), (exchange, given) => exchange.service(given.server, given.name)),
  services: verb(z.strictObject(onServer), (exchange, { server }) => exchange.services(server)),
  restartService: verb(
    z.strictObject({ ...onServer, name, fence: z.strictObject({ startedAt: instant.nullable() }), change }),
    (exchange, given) => exchange.restartService(given.server, given.name, given.fence, scoped(given.change)),
  ),
  copiesOn: verb(z.strictObject(onServer), (exchange, { server }) => exchange.copiesOn(server)),
  copiesOf: verb(z.strictObject({ database: name }), (exchange, { database }) => exchange.copiesOf(database)),
  mailboxServer: verb(z.strictObject(onServer), (exchange, { server }) => exchange.mailboxServer(server)),
  availabilityGroup: verb(z.strictObject({ name }), (exchange, given) => exchange.availabilityGroup(given.name)),
  setActivationBlocked: verb(
    z.strictObject({
      ...onServer,
      blocked: z.boolean(),
      fence: z.strictObject({ activationBlocked: z.boolean() }),
      change,
    }),
    (exchange, given) => exchange.setActivationBlocked(given.server, given.blocked, given.fence, scoped(given.change)),
  ),
  protocolLog: verb(z.strictObject({ ...onServer, protocol }), (exchange, given) =>
    exchange.protocolLog(given.server, given.protocol),
  ),
  setProtocolLog: verb(
    z.strictObject({
      ...onServer,
      protocol,
      enabled: z.boolean(),
      fence: z.strictObject({ enabled: z.boolean() }),
      change,
    }),
    (exchange, given) =>
      exchange.setProtocolLog(given.server, given.protocol, given.enabled, given.fence, scoped(given.change)),
  ),
  componentStates: verb(z.strictObject(onServer), (exchange, { server }) => exchange.componentStates(server)),
  recoveryActions: verb(z.strictObject({ ...onServer, since: instant }), (exchange, given) =>
    exchange.recoveryActions(given.server, given.since),
  ),
  processes: verb(z.strictObject(onServer), (exchange, { server }) => exchange.processes(server)),
  activity: verb(z.strictObject(onServer), (exchange, { server }) => exchange.activity(server)),
  bootTime: verb(z.strictObject(onServer), (exchange, { server }) => exchange.bootTime(server)),
  restartServer: verb(
    z.strictObject({ ...onServer, fence: z.strictObject({ bootedAt: instant }), change }),
    (exchange, given) => exchange.restartServer(given.server, given.fence, scoped(given.change)),
  ),
  script: verb(z.strictObject({ ...onServer, file: z.strictObject(file), run }), (exchange, given) =>
    exchange.script(given.server, given.file, given.run),
  ),
  runScript: verb(
    z.strictObject({
      ...onServer,
      order: z.strictObject({
        ...file,
        parameters: z.record(name, z.union([z.string().max(10_000), z.number(), z.boolean()])),
        timeLimit: z.number().positive(),
        repeat: z.boolean(),
      }),
      fence: z.strictObject({ run }),
      change,
    }),
    (exchange, given) => exchange.runScript(given.server, given.order, given.fence, scoped(given.change)),
  ),
};

/** The scope of kill switches is checked before a command is sent, so it is not transferred. */
function scoped({ notAfter, caller }: { notAfter: number; caller: string }) {
  return { notAfter, caller, scope: [] };
}

const body = z.strictObject({
  verb: z.string(),
  arguments: z.unknown().optional(),
  caller: z.string().max(500).optional(),
});

/** Executes the body of POST /lab/v1/call. Throws `LabProblems` for a bad body, `ExchangeError` as the port does. */
export async function carryOut(exchangeOf: (caller?: string) => LabExchange, posted: unknown): Promise<Reply<unknown>> {
  const checked = body.safeParse(posted);
  if (!checked.success) throw new LabProblems('Invalid call', fromIssues(checked.error.issues));
  const { verb: wanted, arguments: given, caller } = checked.data;
  if (!Object.hasOwn(VERBS, wanted)) {
    throw new LabProblems('Invalid call', [
      { pointer: '/verb', message: unknownName('verb', wanted, Object.keys(VERBS)) },
    ]);
  }
  return VERBS[wanted as keyof LabExchange].run(exchangeOf(caller), given);
}
