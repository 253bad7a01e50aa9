import { didYouMean, type Path, zodProblems } from '../config/problems.ts';
import type { Condition } from '../incident/plan.ts';
import type { StepReading } from './reading.ts';
import { conditionSchema } from './schema.ts';

/** Reads the `when:` at `path` and combines it with the conditions around it: all parts must hold. */
export function readCondition(data: unknown, path: Path, around: Condition, reading: StepReading): Condition {
  const result = conditionSchema.safeParse(data, { reportInput: true });
  if (!result.success) {
    reading.problems.push(
      ...zodProblems(result.error, conditionSchema, (inner, at) => reading.locate([...path, ...inner], at)),
    );
    return around;
  }
  const { role, dag, version, healthy, unhealthy } = result.data;
  const inner: Condition = {
    ...(role !== undefined && { role }),
    ...(dag !== undefined && { dag }),
    ...(version !== undefined && { version: [version].flat().sort() }),
    ...(healthy !== undefined && { healthy: knownHealthSet(healthy, [...path, 'healthy'], reading) }),
    ...(unhealthy !== undefined && { unhealthy: knownHealthSet(unhealthy, [...path, 'unhealthy'], reading) }),
  };
  if (Object.keys(inner).length === 0) reading.complain(path, 'is empty: name at least one condition');
  return join(around, inner, (key, message) => reading.complain([...path, key], message));
}

function knownHealthSet(written: string, path: Path, { catalog, complain }: StepReading): string {
  const names = catalog.healthSets().map((entry) => entry.name);
  const known = names.find((name) => name.toLowerCase() === written.toLowerCase());
  if (!known) complain(path, `there is no health set "${written}"`, didYouMean(written, names));
  return known ?? written;
}

/** A step has one combined condition, so each part can have only one value. */
function join(around: Condition, inner: Condition, complain: (key: string, message: string) => void): Condition {
  const joined: Condition = { ...around, ...inner };
  if (around.version && inner.version) {
    joined.version = inner.version.filter((year) => around.version?.includes(year));
    if (joined.version.length === 0) complain('version', 'leaves no year that the outer condition allows');
  }
  for (const key of ['role', 'dag', 'healthy', 'unhealthy'] as const) {
    const [outer, own] = [around[key], inner[key]];
    if (outer !== undefined && own !== undefined && outer !== own) {
      complain(key, `is inside "when: { ${key}: ${outer} }" and cannot have another value`);
    }
  }
  if (joined.healthy !== undefined && joined.healthy === joined.unhealthy) {
    complain('unhealthy' in inner ? 'unhealthy' : 'healthy', `${joined.healthy} cannot be both healthy and unhealthy`);
  }
  return joined;
}
