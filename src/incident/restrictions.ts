/** Restrictions of the configuration: they only ever make playbooks more careful, so their order does not matter. */
import { shortName } from './alert.ts';
import { groupOf, type ServerFacts } from './health.ts';
import type { Run } from './incident.ts';
import { isNamed } from './names.ts';
import { ceiling, MODES, type Mode } from './plan.ts';

/** As written in the configuration. Names that are left out mean all; servers and groups add up. */
interface Written {
  playbooks?: readonly string[] | undefined;
  servers?: readonly string[] | undefined;
  groups?: readonly string[] | undefined;
  mode?: Mode | undefined;
  limits?: Partial<Record<'time' | 'serviceRestarts' | 'serverRestarts', number | undefined>> | undefined;
  /** By action, in the terms of `safety.throttles`. */
  throttles?: Readonly<Record<string, Readonly<Record<string, number | undefined>> | undefined>> | undefined;
}

export interface Restriction extends Written {
  /** Where it is written: `playbooks.restrictions[1]`. */
  key: string;
}

/** A mode that a restriction sets; `by` names the restriction: `playbooks.restrictions[1] for dag1`. */
export interface Restricted {
  mode: Mode;
  by: string;
}

export function restrictionsOf(written: readonly Written[]): Restriction[] {
  return written.map((one, index) => ({ ...one, key: `playbooks.restrictions[${index}]` }));
}

/** Whether a restriction is about this playbook. */
export function isAbout({ playbooks }: Pick<Written, 'playbooks'>, playbook: string): boolean {
  return playbooks === undefined || playbooks.some((pattern) => fits(pattern, playbook));
}

/** Whether it is for some servers only. */
export function isLocal({ servers, groups }: Pick<Written, 'servers' | 'groups'>): boolean {
  return servers !== undefined || groups !== undefined;
}

/** Whether a name fits a pattern, in which `*` stands for any part of it. */
export function fits(pattern: string, name: string): boolean {
  const [start = '', ...rest] = pattern.split('*');
  const end = rest.pop();
  if (end === undefined) return name === pattern;
  if (!name.startsWith(start)) return false;
  let from = start.length;
  for (const part of rest) {
    const at = name.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return name.length - end.length >= from && name.endsWith(end);
}

/** Those that apply to a playbook on these servers. */
export function restrictionsOn(
  restrictions: readonly Restriction[],
  playbook: string,
  servers: readonly ServerFacts[],
): Restriction[] {
  const applies = (one: Restriction) => !isLocal(one) || servers.some((facts) => isWithin(one, facts));
  return restrictions.filter((one) => isAbout(one, playbook) && applies(one));
}

/** The most careful mode that restrictions set for a playbook on these servers. */
export function restrictedOn(
  restrictions: readonly Restriction[],
  playbook: string,
  servers: readonly ServerFacts[],
): Restricted | undefined {
  return mostCareful(modesOf(restrictionsOn(restrictions, playbook, servers)));
}

/** What restrictions set for a playbook on some servers only. */
export function restrictedSomewhere(restrictions: readonly Restriction[], playbook: string): Restricted[] {
  return modesOf(restrictions.filter((one) => isAbout(one, playbook) && isLocal(one)));
}

/**
 * The mode of a run on these servers: the most careful of its own, `safety.mode` and the restrictions, those in force now
 * and the one that it began with. `restricted`: the restriction, if none of the others is more careful.
 */
export function modeInForce(
  run: Pick<Run, 'playbook' | 'mode' | 'restricted'>,
  settings: { mode: Mode; restrictions: readonly Restriction[] },
  servers: readonly ServerFacts[],
): { mode: Mode; restricted?: Restricted } {
  const now = restrictedOn(settings.restrictions, run.playbook, servers);
  const then = run.restricted && { ...run.restricted, by: `${run.restricted.by}, when the run began` };
  const restricted = mostCareful([now, then].flatMap((one) => one ?? []));
  const own = ceiling(run.mode, settings.mode);
  if (!restricted || ceiling(own, restricted.mode) !== restricted.mode) return { mode: own };
  return { mode: restricted.mode, restricted };
}

const modesOf = (restrictions: readonly Restriction[]): Restricted[] =>
  restrictions.flatMap(({ mode, ...one }) => (mode === undefined ? [] : [{ mode, by: inWords(one) }]));

/** The first of the most careful. */
function mostCareful(all: readonly Restricted[]): Restricted | undefined {
  return MODES.flatMap((mode) => all.find((one) => one.mode === mode) ?? [])[0];
}

function isWithin({ servers = [], groups = [] }: Written, facts: ServerFacts): boolean {
  const group = groupOf(facts);
  return isNamed(shortName(facts.server), servers.map(shortName)) || (group !== undefined && isNamed(group, groups));
}

function inWords({ key, playbooks = [], servers = [], groups = [] }: Restriction): string {
  const names = [...playbooks, ...servers, ...groups];
  return names.length > 0 ? `${key} for ${names.join(', ')}` : key;
}
