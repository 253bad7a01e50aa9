/** The catalog of Exchange health sets: how each monitor is verified, and in which order. */
import { z } from 'zod';
import { ConfigError, didYouMean, type Locate, type Problem, zodProblems } from '../config/problems.ts';
import { readYaml, type Source } from '../config/yaml.ts';
import { familyOf, inFamily } from '../incident/alert.ts';
import type { MonitorRef, Role } from '../incident/health.ts';

/** How a monitor is verified: by running its probe, or by a fresh `AlertValue` of its row if it has no probe. */
export type Verification = 'probe' | 'alert-value';

export interface CatalogProbe {
  healthSet: string;
  name: string;
  /** Picks a random mailbox each time, and so another back end: one successful run proves little. */
  randomMailbox: boolean;
}

export interface CatalogMonitor {
  healthSet: string;
  monitor: string;
  verification: Verification;
  /** The identity for Invoke-MonitoringProbe: `<healthSet>\<name>`. */
  probe?: CatalogProbe;
  /** Lower is more basic, and treated first. */
  rank: number;
}

export interface HealthSetEntry {
  name: string;
  /** What it watches, in a few words. */
  what?: string;
  /** Exchange's own grouping: CustomerTouchPoints, ServiceComponents, ServerResources, KeyDependencies. */
  group: (typeof GROUPS)[number];
  roles: Role[];
  /** The health sets that one problem can show in: `IMAP` for IMAP, IMAP.Proxy and IMAP.Protocol. */
  family: string;
  /** Health sets whose problems explain this one's: `AD`, `Network`, `Store`. */
  dependsOn: string[];
  /** Most basic first. */
  monitors: CatalogMonitor[];
}

export interface Catalog {
  healthSets(): HealthSetEntry[];
  /** Ignores case, and also accepts the spellings of published headings (`ImapTestDeepMonitor`). */
  find(healthSet: string, monitor: string): CatalogMonitor | undefined;
  /** Monitors of a family that a probe verifies, most basic first. */
  probesOf(family: string): CatalogMonitor[];
  /** How basic a health set is: 0 key dependencies, then resources, services, customer touch points; 4 unknown. */
  layer(healthSet: string | undefined): number;
  /** A monitor outside the catalog ranks last. */
  rank(ref: Pick<MonitorRef, 'healthSet' | 'monitor'>): number;
}

/** The order of treatment: what the layers of a family depend on comes before them; load is an effect of all others. */
const RANKS = {
  dependency: 0,
  resource: 5,
  'self-test': 10,
  component: 15,
  'deep-test': 20,
  proxy: 30,
  customer: 40,
  load: 50,
} as const;
const UNKNOWN_RANK = 1000;

const GROUPS = ['KeyDependencies', 'ServerResources', 'ServiceComponents', 'CustomerTouchPoints'] as const;

/** The default layer of a monitor. */
const LAYER_OF_GROUP = {
  KeyDependencies: 'dependency',
  ServerResources: 'resource',
  ServiceComponents: 'component',
  CustomerTouchPoints: 'component',
} as const;

const name = z.string().regex(/^[A-Za-z0-9._-]+$/, 'is not a valid Exchange name');
/** `Name`, or `HealthSet\Name` if it belongs to another health set. */
const foreignName = z.string().regex(/^([A-Za-z0-9._-]+\\)?[A-Za-z0-9._-]+$/, 'must be Name or HealthSet\\Name');

const monitorSchema = z
  .strictObject({
    probe: foreignName
      .refine(
        (probe) => !/HealthManagerHeartbeatProbe$/i.test(probe),
        'fails by design on healthy servers: it proves nothing',
      )
      .optional()
      .describe('The probe that verifies this monitor: ImapSelfTestProbe, or HealthSet\\Probe.'),
    verification: z
      .enum(['probe', 'alert-value'])
      .optional()
      .describe('alert-value: judged by its row. Default: probe if there is one.'),
    layer: z
      .enum(Object.keys(RANKS) as [keyof typeof RANKS, ...(keyof typeof RANKS)[]])
      .optional()
      .describe('How basic it is; the most basic is treated first.'),
    'random-mailbox': z
      .boolean()
      .prefault(false)
      .describe('The probe picks a mailbox at random: it is run more than once.'),
    aliases: z.array(foreignName).prefault([]).describe('Other spellings in published pages.'),
  })
  .superRefine((monitor, context) => {
    if (monitor.verification === 'probe' && !monitor.probe)
      context.addIssue({ code: 'custom', path: ['verification'], message: 'is "probe", but no probe is named' });
    if (!monitor.verification && !monitor.probe)
      context.addIssue({ code: 'custom', message: 'names neither a probe nor verification: alert-value' });
    if (monitor.verification === 'alert-value' && monitor.probe)
      context.addIssue({ code: 'custom', path: ['probe'], message: 'is never run: verification is "alert-value"' });
  });

const healthSetSchema = z.strictObject({
  what: z.string().optional().describe('What it watches.'),
  group: z.enum(GROUPS).describe('Exchange’s own grouping.'),
  roles: z.array(z.enum(['client-access', 'mailbox'])).min(1, 'names no role'),
  'depends-on': z.array(name).prefault([]).describe('Health sets whose problems explain this one’s.'),
  monitors: z.record(name, monitorSchema).prefault({}),
});

export const catalogSchema = z.strictObject({ 'health-sets': z.record(name, healthSetSchema) });

/** Reads the catalog. Throws ConfigError with every problem. */
export function loadCatalog(file: string): Catalog {
  return readCatalog(readYaml(file));
}

export function readCatalog(source: Source): Catalog {
  const result = catalogSchema.safeParse(source.data ?? {}, { reportInput: true });
  if (!result.success) throw new ConfigError(zodProblems(result.error, catalogSchema, source.locate));
  const written = result.data['health-sets'];
  const healthSets = Object.entries(written).map(([name, entry]) => healthSetOf(name, entry));
  const { byName, problems } = indexNames(written, healthSets, source.locate);
  problems.unshift(...unknownDependencies(written, source.locate));
  if (problems.length > 0) throw new ConfigError(problems);

  const layers = new Map(healthSets.map(({ name, group }) => [name.toLowerCase(), GROUPS.indexOf(group)]));
  const find = (healthSet: string, monitor: string) => byName.get(keyOf(healthSet, monitor));
  return {
    healthSets: () => healthSets,
    find,
    probesOf: (family) =>
      healthSets
        .filter((entry) => inFamily(family, entry.name))
        .flatMap((entry) => entry.monitors)
        .filter((monitor) => monitor.probe)
        .sort(mostBasicFirst),
    layer: (healthSet) => layers.get(healthSet?.toLowerCase() ?? '') ?? GROUPS.length,
    rank: (ref) => find(ref.healthSet, ref.monitor)?.rank ?? UNKNOWN_RANK,
  };
}

type Written = z.output<typeof catalogSchema>['health-sets'];

const mostBasicFirst = (a: CatalogMonitor, b: CatalogMonitor) => a.rank - b.rank;

function healthSetOf(
  healthSet: string,
  { what, group, roles, 'depends-on': dependsOn, monitors }: Written[string],
): HealthSetEntry {
  const catalogued = Object.entries(monitors).map(
    ([monitor, { probe, layer, 'random-mailbox': randomMailbox }]): CatalogMonitor => ({
      healthSet,
      monitor,
      verification: probe ? 'probe' : 'alert-value',
      ...(probe && { probe: { ...splitName(probe, healthSet), randomMailbox } }),
      rank: RANKS[layer ?? LAYER_OF_GROUP[group]],
    }),
  );
  return {
    name: healthSet,
    ...(what && { what }),
    group,
    roles,
    family: familyOf(healthSet),
    dependsOn,
    monitors: catalogued.sort(mostBasicFirst),
  };
}

/** Every monitor by its name and aliases; an ambiguous spelling is a problem. */
function indexNames(written: Written, healthSets: HealthSetEntry[], locate: Locate) {
  const byName = new Map<string, CatalogMonitor>();
  const problems: Problem[] = [];
  for (const monitor of healthSets.flatMap((entry) => entry.monitors)) {
    const aliases = written[monitor.healthSet]?.monitors[monitor.monitor]?.aliases ?? [];
    for (const spelling of [monitor.monitor, ...aliases]) {
      const { healthSet, name: spelled } = splitName(spelling, monitor.healthSet);
      const taken = byName.get(keyOf(healthSet, spelled));
      if (taken) {
        const place = locate(['health-sets', monitor.healthSet, 'monitors', monitor.monitor], 'key');
        problems.push({ ...place, message: `"${spelling}" already means ${taken.healthSet}\\${taken.monitor}` });
      }
      byName.set(keyOf(healthSet, spelled), monitor);
    }
  }
  return { byName, problems };
}

function unknownDependencies(written: Written, locate: Locate): Problem[] {
  const names = Object.keys(written);
  return Object.entries(written).flatMap(([healthSet, { 'depends-on': dependsOn }]) =>
    dependsOn.flatMap((dependency, index) => {
      if (names.includes(dependency)) return [];
      const place = locate(['health-sets', healthSet, 'depends-on', index]);
      const hint = didYouMean(dependency, names);
      return [{ ...place, message: `there is no health set "${dependency}"`, ...(hint && { hint }) }];
    }),
  );
}

const keyOf = (healthSet: string, monitor: string) => `${healthSet}\\${monitor}`.toLowerCase();

function splitName(text: string, healthSet: string): { healthSet: string; name: string } {
  const [first = '', second] = text.split('\\');
  return second === undefined ? { healthSet, name: first } : { healthSet: first, name: second };
}
