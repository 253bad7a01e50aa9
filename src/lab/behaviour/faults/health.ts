import { z } from 'zod';
import { sameName } from '../../../incident/names.ts';
import { activeOn } from '../../world/databases.ts';
import { duration, period } from '../../world/duration.ts';
import { freeRow, type RowState, readRow, setRow, type Watch, watchesOf } from '../../world/health.ts';
import { HEALTH_SETS } from '../../world/health-sets.ts';
import { problem, unknownName } from '../../world/problems.ts';
import { type Cause, type Cure, type Server, schedule, type Trouble, type World } from '../../world/world.ts';
import { addCause, end, isBroken, removeCauses } from '../cures.ts';
import { anywhere, common, type Fault, MINUTE, onServer, rolesOf, text } from './fault.ts';

const cureWritten = z.union([
  text,
  z.strictObject({ by: text, service: text.optional() }),
  z.strictObject({ 'restart-service': text }),
]);

export const HEALTH_FAULTS: Fault[] = [
  anywhere({
    name: 'directory-down',
    description: 'every probe that needs the directory fails',
    endedBy: 'nothing',
    options: z.strictObject(common),
    causes: ({ server, trouble }) => {
      const cause: Cause = {
        trouble: trouble.id,
        sits: { directory: true },
        rowOnly: false,
        cure: { by: 'none' },
        says: 'No domain controller answered',
        hangs: false,
      };
      return [[server?.name ?? '*', cause]];
    },
  }),
  onServer({
    name: 'transient',
    description: 'only the row still says Unhealthy; the probe succeeds',
    endedBy: 'time (5 min)',
    untried: true,
    options: z.strictObject({
      ...common,
      for: duration.default(5 * MINUTE),
      healthSet: text.optional(),
      monitor: text.optional(),
    }),
    causes: ({ world, server, trouble, options }) => {
      const [watch] = monitorsNamed(world, server, options);
      return [[server.name, { ...causeOf(trouble, watch!), rowOnly: true }]];
    },
    begin: ({ world, trouble, options, now }) =>
      schedule(world, { at: now + options.for, what: 'over', trouble: trouble.id }),
    turn({ world, trouble, now }) {
      removeCauses(world, trouble.id, now);
      end(world, trouble.id, 'cured', now);
    },
  }),
  onServer({
    name: 'unfixable',
    description: 'the health set fails',
    endedBy: 'nothing',
    options: z.strictObject({ ...common, healthSet: text, monitor: text.optional() }),
    causes: ({ world, server, trouble, options }) =>
      monitorsNamed(world, server, options).map((watch) => [server.name, causeOf(trouble, watch)]),
  }),
  onServer({
    name: 'flapping',
    description: 'alternates between healthy and unhealthy (10 min; at least `1s`)',
    endedBy: 'nothing',
    untried: true,
    options: z.strictObject({
      ...common,
      period: period.default(10 * MINUTE),
      healthSet: text.optional(),
      monitor: text.optional(),
    }),
    causes: ({ world, server, trouble, options }) => {
      const [watch] = monitorsNamed(world, server, options);
      return [[server.name, causeOf(trouble, watch!)]];
    },
    begin: ({ world, trouble, options, now }) =>
      schedule(world, { at: now + options.period, what: 'flap', trouble: trouble.id }),
    turn({ world, server, trouble, options, now }) {
      const wasBroken = isBroken(world, trouble.id);
      if (wasBroken) removeCauses(world, trouble.id, now);
      else addCause(world, server.name, causeOf(trouble, monitorsNamed(world, server, options)[0]!), now);
      // `times` counts unhealthy periods, and one has just ended.
      if (wasBroken && trouble.timesLeft !== undefined && --trouble.timesLeft <= 0)
        end(world, trouble.id, 'cured', now);
      else schedule(world, { at: now + options.period, what: 'flap', trouble: trouble.id });
    },
    // An unhealthy and a healthy period together have no lasting effect.
    skip({ trouble, options, now }, at) {
      const both = 2 * options.period;
      const pairs = Math.min(Math.floor((now - at) / both), (trouble.timesLeft ?? Number.POSITIVE_INFINITY) - 1);
      if (pairs <= 0) return 0;
      if (trouble.timesLeft !== undefined) trouble.timesLeft -= pairs;
      return pairs * both;
    },
  }),
  onServer({
    name: 'unhealthy',
    description: 'any of the 72 health sets fails',
    endedBy: 'what `cure` says: `restart-service:<name>`, `restart-server`, `fail-over`, `run-script:<file>`, `none`',
    options: z.strictObject({
      ...common,
      healthSet: text,
      monitor: text.optional(),
      cure: cureWritten.default('none'),
    }),
    causes: ({ world, server, trouble, options }) => {
      const cure = readCure(world, server, options.cure);
      const [watch] = monitorsNamed(world, server, options);
      return [[server.name, { ...causeOf(trouble, watch!), cure }]];
    },
  }),
  anywhere({
    name: 'stale-rows',
    description: 'rows keep their values and are marked stale',
    options: z.strictObject({ ...common, healthSet: text.optional() }),
    begin({ world, server: only, trouble, now }) {
      trouble.frozen = Object.fromEntries(
        (only ? [only] : Object.values(world.servers)).map((server) => [
          server.name,
          Object.fromEntries(
            watchesOf(server, world.settings)
              .map((watch) => [watch.key, readRow(world, server, watch, now).alertValue] as const)
              .filter(([, value]) => value !== 'Healthy'),
          ),
        ]),
      );
    },
  }),
  onServer({
    name: 'row',
    description: 'sets individual properties of rows; see below',
    options: z.strictObject({
      server: common.server,
      healthSet: text,
      monitor: text.optional(),
      every: duration.optional(),
      value: z.enum(['Disabled', 'Repairing', 'Unavailable', 'Unknown', 'UnInitialized']).optional(),
      stale: z.boolean().optional(),
      age: z.union([z.literal('never'), duration]).optional(),
    }),
    check: ({ world, server, options }) => void rowsNamed(world, server, options),
    begin({ world, server, options, now }) {
      for (const watch of rowsNamed(world, server, options)) setRow(world, server, watch, options as RowState, now);
    },
    remove({ world, server, options, now }) {
      for (const { key } of rowsNamed(world, server, options)) freeRow(world, server, key, now);
    },
  }),
];

/** The monitor's own probe fails, and nothing cures it. */
function causeOf({ id }: Trouble, watch: Watch): Cause {
  return {
    trouble: id,
    sits: { monitor: watch.key },
    rowOnly: false,
    cure: { by: 'none' },
    says: `${watch.healthSet}: ${watch.probe ?? watch.name} found the component failing`,
    hangs: false,
  };
}

interface Named {
  healthSet?: string | undefined;
  monitor?: string | undefined;
}

/** Every row of a health set, or those of one monitor. */
function rowsNamed(world: World, server: Server, { healthSet, monitor }: Named): Watch[] {
  const [first] = monitorsNamed(world, server, { healthSet, monitor });
  return watchesOf(server, world.settings).filter(
    (watch) =>
      sameName(watch.healthSet, first!.healthSet) && (monitor === undefined || sameName(watch.name, first!.name)),
  );
}

/** The monitors of a health set with a probe, or its first monitor. Default: IMAP's self-test for the roles of the server. */
function monitorsNamed(world: World, server: Server, { healthSet, monitor }: Named): Watch[] {
  const all = watchesOf(server, world.settings);
  const wantedSet = healthSet ?? (server.roles.includes('mailbox') ? 'IMAP.Protocol' : 'IMAP.Proxy');
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
    const named = inSet.filter((watch) => sameName(watch.name, monitor));
    if (named.length > 0) return named;
    const known = inSet.map((watch) => watch.name);
    problem('/monitor', unknownName('monitor', monitor, known));
  }
  const preferred = inSet.filter((watch) => sameName(watch.name, healthSet === undefined ? 'ImapSelfTestMonitor' : ''));
  const probed = inSet.filter((watch) => watch.probe !== undefined);
  return preferred.length > 0 ? preferred : probed.length > 0 ? probed : inSet.slice(0, 1);
}

const CURES = ['restart-service:<name>', 'restart-server', 'fail-over', 'run-script:<file>', 'none'];

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
        problem('/cure', `${server.name} has no active database that could fail over`);
      }
      return { by: 'databases-away' };
    case 'run-script':
      if (!service) problem('/cure', 'missing: name the file, such as "run-script:clear-cache.ps1"');
      return { by: 'run-script', script: service };
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
