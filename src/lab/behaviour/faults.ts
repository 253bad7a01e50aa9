import { z } from 'zod';
import { type Instant, shortName } from '../../incident/alert.ts';
import { sameName } from '../../incident/names.ts';
import { EXCHANGE_FAILURES } from '../../ports/exchange.ts';
import { activeOn } from '../world/databases.ts';
import { duration, period } from '../world/duration.ts';
import {
  backEndsOf,
  establish,
  freeRow,
  type RowState,
  readRow,
  reassess,
  setRow,
  type Watch,
  watchesOf,
} from '../world/health.ts';
import { HEALTH_SETS, type Part } from '../world/health-sets.ts';
import { fromIssues, LabProblems, problem, unknownName } from '../world/problems.ts';
import { type Cause, type Cure, type Server, schedule, type Trouble, type World } from '../world/world.ts';
import { breakIt, end, mend } from './cures.ts';
import { comeBack } from './machines.ts';
import { announceResponder, finishResponder, recordAttempts, startResponder } from './responders.ts';
import { putIn, releaseHungService, restoreService, serviceNamed, setService, takeOut } from './service-faults.ts';

const MINUTE = 60_000;
const text = z.string().min(1).max(200);
const common = {
  server: text.optional(),
  times: z.int().min(1).max(1_000_000).optional(),
  /** It begins now and develops at the real pace, instead of standing as an established trouble. */
  onset: z.boolean().optional(),
};

/** Faults that are nothing but one sick part of one server: where it sits, and what cures it. */
const PARTS: Record<string, { part: Part; cure: 'restart' | 'boot' | 'databases-away'; hangs: boolean; says: string }> =
  {
    'imap-backend-hang': {
      part: 'imap-back-end',
      cure: 'restart',
      hangs: true,
      says: 'The IMAP4 back end accepted the connection and did not answer',
    },
    'imap-backend-wedged': {
      part: 'imap-back-end',
      cure: 'boot',
      hangs: false,
      says: 'The IMAP4 back end closed the connection: insufficient system resources',
    },
    'imap-store-stuck': {
      part: 'imap-store',
      cure: 'databases-away',
      hangs: false,
      says: 'NO Server Unavailable: the mailbox database did not answer',
    },
    'imap-proxy-hang': {
      part: 'imap-front-end',
      cure: 'restart',
      hangs: true,
      says: 'The IMAP4 proxy accepted the connection and did not answer',
    },
    'imap-proxy-wedged': {
      part: 'imap-front-end',
      cure: 'boot',
      hangs: false,
      says: 'The IMAP4 proxy closed the connection: insufficient system resources',
    },
    'imap-slow': {
      part: 'imap-load',
      cure: 'restart',
      hangs: false,
      says: 'The average command takes longer than 60 seconds',
    },
    'imap-slow-relapse': {
      part: 'imap-load',
      cure: 'restart',
      hangs: false,
      says: 'The average command takes longer than 60 seconds',
    },
  };
const BACK_END_FAULTS = ['imap-backend-hang', 'imap-backend-wedged', 'imap-store-stuck'] as const;

const cureWritten = z.union([
  text,
  z.strictObject({ by: text, service: text.optional() }),
  z.strictObject({ 'restart-service': text }),
]);

/** Every fault and disturbance with the body that it takes. */
const BODIES = {
  ...(Object.fromEntries(Object.keys(PARTS).map((name) => [name, z.strictObject(common)])) as Record<
    keyof typeof PARTS,
    z.ZodObject
  >),
  'imap-ctp-backend': z.strictObject({
    ...common,
    backend: text,
    backendFault: z.enum(BACK_END_FAULTS).default('imap-backend-wedged'),
  }),
  transient: z.strictObject({
    ...common,
    for: duration.default(5 * MINUTE),
    healthSet: text.optional(),
    monitor: text.optional(),
  }),
  unfixable: z.strictObject({ ...common, healthSet: text, monitor: text.optional() }),
  'directory-down': z.strictObject(common),
  flapping: z.strictObject({
    ...common,
    period: period.default(10 * MINUTE),
    healthSet: text.optional(),
    monitor: text.optional(),
  }),
  unhealthy: z.strictObject({
    ...common,
    healthSet: text,
    monitor: text.optional(),
    cure: cureWritten.default('none'),
  }),
  'component-inactive': z.strictObject({
    ...common,
    component: text,
    requester: text.default('HealthAPI'),
    state: z.enum(['Inactive', 'Draining']).default('Inactive'),
    /** What its service does meanwhile: by design it stops; on some servers it runs on (KB 3025138). */
    service: z.enum(['stops', 'runs']).default('stops'),
  }),
  'service-state': z.strictObject({
    ...common,
    service: text,
    status: z.enum(['Running', 'Stopped', 'StartPending', 'StopPending']).optional(),
    startType: z.enum(['Automatic', 'Manual', 'Disabled']).optional(),
    /** Whether a boot brings it up, where it starts automatically. */
    startsAtBoot: z.boolean().default(true),
  }),
  slow: z.strictObject({ ...common, command: text, by: duration }),
  refuse: z.strictObject({ ...common, command: text, as: z.enum(EXCHANGE_FAILURES).default('refused') }),
  'drop-after-effect': z.strictObject({ ...common, command: text }),
  'no-object': z.strictObject({ ...common, probe: text.optional() }),
  'stale-rows': z.strictObject({ ...common, healthSet: text.optional() }),
  row: z
    .strictObject({
      ...common,
      healthSet: text,
      monitor: text.optional(),
      every: duration.optional(),
      value: z.enum(['Disabled', 'Repairing', 'Unavailable', 'Unknown', 'UnInitialized']).optional(),
      stale: z.boolean().optional(),
      age: z.union([z.literal('never'), duration]).optional(),
    })
    .omit({ times: true, onset: true }),
  'session-limit': z.strictObject(common),
  'stop-hangs': z.strictObject({ ...common, service: text }),
  'never-returns': z.strictObject(common),
  'will-not-move': z.strictObject({ ...common, database: text.optional() }),
  'responder-at-work': z.strictObject({ ...common, for: duration.default(5 * MINUTE), service: text.optional() }),
  'node-suspended': z.strictObject(common),
  busy: z.strictObject({ ...common, with: z.enum(['setup', 'servicing', 'backup', 'seeding', 'pending-update']) }),
} satisfies Record<string, z.ZodObject>;

/** Names of all faults and disturbances. */
export const FAULTS: readonly string[] = Object.keys(BODIES);

const NEEDS_SERVER = new Set([
  ...Object.keys(PARTS),
  'imap-ctp-backend',
  'transient',
  'unfixable',
  'flapping',
  'unhealthy',
  'component-inactive',
  'service-state',
  'row',
  'responder-at-work',
  'node-suspended',
  'busy',
]);

/**
 * Breaks something. `posted` is the body of a request: `{fault, server?, times?, …}`.
 * Throws `LabProblems` when there is no such fault, or it can't be on that server.
 */
export function postFault(world: World, posted: unknown, now: Instant): Trouble {
  const { fault: kind, ...rest } = z.looseObject({}).safeParse(posted).data ?? {};
  if (typeof kind !== 'string') {
    problem('/fault', `missing: name what breaks. Known: ${FAULTS.join(', ')}`);
  }
  const schema = Object.hasOwn(BODIES, kind) ? (BODIES as Record<string, z.ZodObject>)[kind] : undefined;
  if (!schema) problem('/fault', unknownName('fault', kind, FAULTS));
  const checked = schema.safeParse(rest);
  if (!checked.success) throw new LabProblems(`The fault ${kind} cannot be made`, fromIssues(checked.error.issues));

  const body = checked.data as Record<string, unknown>;
  const server = body.server === undefined ? undefined : findServer(world, String(body.server));
  if (!server && NEEDS_SERVER.has(kind)) {
    problem('/server', `missing: ${kind} sits on one server. Known: ${Object.keys(world.servers).join(', ')}`);
  }
  if (kind === 'will-not-move') checkDatabase(world, body.database);
  if (kind === 'service-state' && server) serviceNamed(server, body.service);
  if (kind === 'node-suspended' && !server?.dag) {
    problem('/server', `${server?.name} is in no database availability group, so it is no cluster node`);
  }

  if (kind === 'row' && server) rowsNamed(world, server, body);

  const id = `f${world.lastTrouble + 1}`;
  const trouble: Trouble = {
    id,
    kind,
    ...(server ? { server: server.name } : {}),
    body,
    postedAt: now,
    state: 'present',
    ...(body.times === undefined ? {} : { timesLeft: body.times as number }),
  };
  const causes = causesOf(world, trouble);
  world.lastTrouble++;
  world.troubles[id] = trouble;
  if (causes.length === 0) world.disturbances.push(id);
  forgetTheOldest(world);

  for (const [where, cause] of causes) breakIt(world, where, cause, now);
  if (causes.length > 0) {
    if (body.onset) announceResponder(world, trouble, causes, now);
    else standEstablished(world, trouble, causes, now);
  }
  begin(world, trouble, server, now);
  return trouble;
}

/** What a fault does besides its causes. */
function begin(world: World, trouble: Trouble, server: Server | undefined, now: Instant): void {
  const { id, kind, body } = trouble;
  if (kind === 'transient') schedule(world, { at: now + (body.for as number), what: 'over', trouble: id });
  if (kind === 'flapping') schedule(world, { at: now + (body.period as number), what: 'flap', trouble: id });
  if (kind === 'row' && server) {
    for (const watch of rowsNamed(world, server, body)) setRow(world, server, watch, body as RowState, now);
  }
  if (kind === 'stale-rows') trouble.frozen = freeze(world, server, now);
  if (kind === 'responder-at-work' && server) {
    const resource = (body.service as string | undefined) ?? imapServices(server)[0] ?? 'MSExchangeIMAP4';
    startResponder(world, { server, trouble: id, resource, requester: 'ServiceRestartResponder', at: now });
    schedule(world, {
      at: now + (body.for as number),
      what: 'responder-ends',
      server: server.name,
      trouble: id,
      resource,
      requester: 'ServiceRestartResponder',
    });
  }
  if (kind === 'component-inactive' && server) {
    takeOut(server, trouble);
    reassess(world, server, now);
    if (!body.onset) establish(world, server, now - world.settings['established-for']);
  }
  if (kind === 'service-state' && server) {
    setService(trouble, serviceNamed(server, body.service), now);
    reassess(world, server, now);
    if (!body.onset) establish(world, server, now - world.settings['established-for']);
  }
}

/** Mends what a fault broke and forgets it. False: there is none with that id. */
export function deleteFault(world: World, id: string, now: Instant): boolean {
  const trouble = Object.hasOwn(world.troubles, id) ? world.troubles[id] : undefined;
  if (!trouble) return false;
  mend(world, id, now);
  for (const server of trouble.server ? [world.servers[trouble.server]!] : Object.values(world.servers)) {
    finishResponder(server, id, now, 'failed');
    putIn(world, server, id, now);
    if (trouble.kind === 'service-state') restoreService(world, server, trouble, now);
    if (trouble.kind === 'row') {
      for (const { key } of rowsNamed(world, server, trouble.body)) freeRow(world, server, key, now);
    }
    if (trouble.kind === 'stop-hangs') releaseHungService(world, server, String(trouble.body.service), now);
    if (trouble.kind === 'never-returns') comeBack(world, server, now);
  }
  world.agenda = world.agenda.filter((next) => !('trouble' in next && next.trouble === id));
  delete world.troubles[id];
  world.disturbances = world.disturbances.filter((other) => other !== id);
  return true;
}

/** `relapse`, `flap`, `over`: the next turn of a trouble that changes by itself. */
export function turn(world: World, id: string, now: Instant): void {
  const trouble = world.troubles[id];
  if (trouble?.state !== 'present') return;
  const broken = Object.values(world.causes).some((causes) => causes.some((cause) => cause.trouble === id));
  if (trouble.kind === 'transient') {
    mend(world, id, now);
    end(world, id, 'cured', now);
    return;
  }
  if (broken) mend(world, id, now);
  else for (const [where, cause] of causesOf(world, trouble)) breakIt(world, where, cause, now);
  if (trouble.kind === 'flapping') {
    // `times` counts the bad spells, and one has just ended.
    if (broken && trouble.timesLeft !== undefined && --trouble.timesLeft <= 0) {
      end(world, id, 'cured', now);
      return;
    }
    schedule(world, { at: now + (trouble.body.period as number), what: 'flap', trouble: id });
  } else if (trouble.timesLeft !== undefined && --trouble.timesLeft <= 0) {
    // The last relapse: from here on it is plain slowness.
    trouble.kind = 'imap-slow';
    delete trouble.timesLeft;
  }
}

/**
 * How much later a flap may be taken, when time has jumped (a kept lab was away, or runs fast): whole bad and good spells
 * leave nothing behind, so that they need not be gone through one by one.
 */
export function flapsToSkip(world: World, id: string, at: Instant, now: Instant): number {
  const trouble = world.troubles[id];
  if (trouble?.kind !== 'flapping') return 0;
  const both = 2 * (trouble.body.period as number);
  const spells = Math.min(Math.floor((now - at) / both), (trouble.timesLeft ?? Number.POSITIVE_INFINITY) - 1);
  if (spells <= 0) return 0;
  if (trouble.timesLeft !== undefined) trouble.timesLeft -= spells;
  return spells * both;
}

/** The causes that a trouble puts in place, each with its server. Throws when it can't be there. */
function causesOf(world: World, trouble: Trouble): [server: string, cause: Cause][] {
  const { id, kind, body } = trouble;
  const server = trouble.server === undefined ? undefined : world.servers[trouble.server];
  if (kind === 'directory-down') {
    const says = 'No domain controller answered';
    const where = server?.name ?? '*';
    return [
      [where, { trouble: id, sits: { directory: true }, rowOnly: false, cure: { by: 'none' }, says, hangs: false }],
    ];
  }
  if (!server) return [];
  if (Object.hasOwn(PARTS, kind)) return [[server.name, sickPart(world, server, kind, id)]];
  if (kind === 'imap-ctp-backend') return sickRoute(world, server, trouble);

  const one = (watch: Watch, cure: Cure, rowOnly: boolean): [string, Cause] => [
    server.name,
    {
      trouble: id,
      sits: { monitor: watch.key },
      rowOnly,
      cure,
      says: `${watch.healthSet}: ${watch.probe ?? watch.name} found the component failing`,
      hangs: false,
    },
  ];
  const named = () => monitorsNamed(world, server, body.healthSet, body.monitor);
  const none: Cure = { by: 'none' };
  switch (kind) {
    case 'transient':
      return [one(named()[0]!, none, true)];
    case 'flapping':
      return [one(named()[0]!, none, false)];
    case 'unfixable':
      return named().map((watch) => one(watch, none, false));
    case 'unhealthy': {
      const cure = readCure(world, server, body.cure as z.output<typeof cureWritten>);
      return [one(named()[0]!, cure, false)];
    }
    default:
      return [];
  }
}

function sickPart(world: World, server: Server, kind: string, trouble: string): Cause {
  const { part, cure, hangs, says } = PARTS[kind]!;
  const services = imapServices(server);
  const restarted =
    part === 'imap-load' ? services : services.filter((name) => name.endsWith('BE') === (part !== 'imap-front-end'));
  if (!watchesOf(server, world.settings).some((watch) => watch.looksAt.includes(part))) {
    problem('/server', `${server.name} has no monitor that could show ${kind}: ${rolesOf(server)}`);
  }
  if (cure === 'databases-away' && activeOn(world, server.name).length === 0) {
    problem('/server', `${server.name} holds no active database that could be stuck`);
  }
  return {
    trouble,
    sits: { part },
    rowOnly: false,
    cure:
      cure === 'restart'
        ? { by: 'restart-service', services: restarted, still: [...restarted] }
        : cure === 'boot'
          ? { by: 'restart-server' }
          : { by: 'databases-away' },
    says,
    hangs,
  };
}

/** A client access server whose CTP probes meet a sick back end, and that back end. */
function sickRoute(world: World, server: Server, { id, body }: Trouble): [string, Cause][] {
  if (!server.roles.includes('client-access')) {
    problem('/server', `${server.name} runs no client-touch-point probes: ${rolesOf(server)}`);
  }
  const backEnd = findServer(world, String(body.backend), '/backend');
  const reached = backEndsOf(world, server);
  if (!reached.includes(backEnd.name)) {
    problem('/backend', `${server.name} does not reach ${backEnd.name}; its probes go to ${reached.join(', ')}`);
  }
  const says = `The back end ${backEnd.name} failed a part of the log-ons`;
  return [
    [backEnd.name, sickPart(world, backEnd, String(body.backendFault), id)],
    [
      server.name,
      {
        trouble: id,
        sits: { part: 'imap-ctp-route' },
        rowOnly: false,
        cure: { by: 'back-end', server: backEnd.name },
        says,
        hangs: false,
        backEnd: backEnd.name,
      },
    ],
  ];
}

/** Every row of a health set, or those of one monitor. */
function rowsNamed(world: World, server: Server, { healthSet, monitor }: Record<string, unknown>): Watch[] {
  const [first] = monitorsNamed(world, server, healthSet, monitor);
  return watchesOf(server, world.settings).filter(
    (watch) =>
      sameName(watch.healthSet, first!.healthSet) && (monitor === undefined || sameName(watch.name, first!.name)),
  );
}

/** The monitors of a health set that have a probe, or its first; without a health set IMAP's own test by role. */
function monitorsNamed(world: World, server: Server, healthSet: unknown, monitor: unknown): Watch[] {
  const all = watchesOf(server, world.settings);
  const wantedSet =
    healthSet === undefined ? (server.roles.includes('mailbox') ? 'IMAP.Protocol' : 'IMAP.Proxy') : String(healthSet);
  const inSet = all.filter((watch) => sameName(watch.healthSet, wantedSet));
  if (inSet.length === 0) {
    const here = [...new Set(all.map((watch) => watch.healthSet))];
    problem(
      '/healthSet',
      HEALTH_SETS.some((known) => sameName(known, wantedSet))
        ? `${server.name} has no rows of ${wantedSet}: ${rolesOf(server)}`
        : unknownName('health set', wantedSet, here),
    );
  }
  if (monitor !== undefined) {
    const named = inSet.filter((watch) => sameName(watch.name, String(monitor)));
    if (named.length > 0) return named;
    problem(
      '/monitor',
      unknownName(
        'monitor',
        String(monitor),
        inSet.map((watch) => watch.name),
      ),
    );
  }
  const preferred = inSet.filter((watch) => sameName(watch.name, healthSet === undefined ? 'ImapSelfTestMonitor' : ''));
  const probed = inSet.filter((watch) => watch.probe !== undefined);
  return preferred.length > 0 ? preferred : probed.length > 0 ? probed : inSet.slice(0, 1);
}

const CURES = ['restart-service:<name>', 'restart-server', 'fail-over', 'none'];

function readCure(world: World, server: Server, written: z.output<typeof cureWritten>): Cure {
  const [by = '', service] =
    typeof written === 'string'
      ? written.split(':', 2).map((part) => part.trim())
      : 'restart-service' in written
        ? ['restart-service', written['restart-service']]
        : [written.by, written.service];
  switch (by.toLowerCase()) {
    case 'none':
      return { by: 'none' };
    case 'restart-server':
      return { by: 'restart-server' };
    case 'fail-over':
      if (activeOn(world, server.name).length === 0) {
        problem('/cure', `${server.name} holds no active database that could fail over`);
      }
      return { by: 'databases-away' };
    case 'restart-service': {
      const known = Object.values(server.services).map((each) => each.name);
      const name = known.find((each) => sameName(each, service ?? ''));
      if (!name) problem('/cure', unknownName(`service on ${server.name}`, service ?? '', known));
      return { by: 'restart-service', services: [name], still: [name] };
    }
    default:
      return problem('/cure', unknownName('cure', by, CURES));
  }
}

/** An alert comes after Managed Availability gave up: the rows have been Unhealthy, and its attempts are on record. */
function standEstablished(world: World, trouble: Trouble, causes: [string, Cause][], now: Instant): void {
  const since = now - world.settings['established-for'];
  for (const [where, cause] of causes) {
    const servers = where === '*' ? Object.values(world.servers) : [world.servers[where]!];
    for (const server of servers) if (!server.boot) establish(world, server, since);
    if (trouble.kind !== 'transient' && trouble.kind !== 'flapping') recordAttempts(world, where, cause, now);
  }
}

/** `stale-rows`: what the rows will go on saying. */
function freeze(world: World, only: Server | undefined, now: Instant): NonNullable<Trouble['frozen']> {
  return Object.fromEntries(
    (only ? [only] : Object.values(world.servers)).map((server) => [
      server.name,
      Object.fromEntries(
        watchesOf(server, world.settings)
          .map((watch) => [watch.key, readRow(world, server, watch, now).alertValue] as const)
          .filter(([, value]) => value !== 'Healthy'),
      ),
    ]),
  );
}

/** Records of troubles that are over are kept for a while, not for ever. */
function forgetTheOldest(world: World): void {
  const over = Object.values(world.troubles).filter((trouble) => trouble.state !== 'present');
  for (const { id } of over.slice(0, Math.max(0, over.length - 1_000))) delete world.troubles[id];
}

function findServer(world: World, name: string, pointer = '/server'): Server {
  const short = shortName(name);
  if (Object.hasOwn(world.servers, short)) return world.servers[short]!;
  return problem(pointer, unknownName('server', name, Object.keys(world.servers)));
}

function checkDatabase(world: World, name: unknown): void {
  if (name === undefined) return;
  const known = Object.keys(world.databases);
  if (!known.some((each) => sameName(each, String(name))))
    problem('/database', unknownName('database', String(name), known));
}

function imapServices(server: Server): string[] {
  return Object.values(server.services)
    .map((service) => service.name)
    .filter((name) => name.startsWith('MSExchangeIMAP4'));
}

function rolesOf(server: Server): string {
  const unused = server.uses.imap ? '' : ', IMAP unused';
  return `its roles are ${server.roles.join(' and ')}${unused}`;
}
