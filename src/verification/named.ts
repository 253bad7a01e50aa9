import { familyOf, shortName } from '../incident/alert.ts';
import { cut } from '../incident/cut.ts';
import { type MonitorRef, monitorName } from '../incident/health.ts';
import { sameName } from '../incident/names.ts';
import type { HealthRow } from '../ports/exchange.ts';
import type { Catalog } from './catalog.ts';

/** What an alert names. Hints, never filters; but what it names must be verified before the problem counts as gone. */
export interface Hint {
  healthSet?: string;
  monitor?: string;
  targetResource?: string;
  title?: string;
  senderId?: string;
}

/** Longer titles are cut when quoted. */
const QUOTED = 120;
/** Maximum number of alerts that a reason quotes; the others are counted. */
const MOST_QUOTED = 3;

/** The hints of an incident's own family; alerts of other families are verified separately later. */
export function ownHints(family: string, hints: readonly Hint[]): Hint[] {
  return hints.filter((hint) => sameName(familyOf(hint.healthSet), family));
}

/**
 * The monitors that an alert names: rows of that name in its health set; else the catalog's monitor, because its probe
 * can be run; else rows of that name in another health set, because senders write IMAP for IMAP.Protocol.
 */
export function monitorsNamed(
  { healthSet, monitor }: Hint,
  rows: readonly HealthRow[],
  catalog: Catalog,
): MonitorRef[] {
  if (!monitor) return [];
  const known = healthSet ? catalog.find(healthSet, monitor) : undefined;
  const named = rows.filter((row) => sameName(row.name, known?.monitor ?? monitor));
  const own = named.filter((row) => sameName(row.healthSet, known?.healthSet ?? healthSet ?? row.healthSet));
  if (own.length > 0) return own.map(refOf);
  return known ? [{ healthSet: known.healthSet, monitor: known.monitor }] : named.map(refOf);
}

/** The rows of the health set that an alert names, except those that someone disabled. */
export function rowsOfSet({ healthSet }: Hint, rows: readonly HealthRow[]): HealthRow[] {
  return healthSet ? rows.filter((row) => sameName(row.healthSet, healthSet) && row.alertValue !== 'Disabled') : [];
}

/** What alerts report and no verification of this server can cover, one sentence each. */
export function unseenOf(
  server: string,
  hints: readonly Hint[],
  rows: readonly HealthRow[],
  catalog: Catalog,
): string[] {
  const all = hints.flatMap((hint) => {
    const why = whyUnseen(server, hint, rows, catalog);
    return why === undefined ? [] : [`the alert ${quoted(hint)} ${why}`];
  });
  const each = [...new Set(all)];
  const more = each.length - MOST_QUOTED;
  return more > 0
    ? [...each.slice(0, MOST_QUOTED), `and ${more} more alerts name nothing that could be verified`]
    : each;
}

function whyUnseen(server: string, hint: Hint, rows: readonly HealthRow[], catalog: Catalog): string | undefined {
  const { healthSet, monitor, targetResource } = hint;
  if (monitor) {
    const name = healthSet ? monitorName({ healthSet, monitor }) : monitor;
    const named = monitorsNamed(hint, rows, catalog);
    if (named.length === 0) return `names the monitor ${name}, which ${server} does not have`;
    const targets = named.flatMap((ref) => ref.targetResource ?? []);
    if (!targetResource || targets.length === 0) return undefined;
    // If a monitor has no target resource, titles repeat the health set, its family or the server.
    const nothingElse = [healthSet ?? '', familyOf(healthSet), server];
    const isNamed = [...targets, ...nothingElse].some((known) => sameName(known, targetResource));
    if (isNamed || sameName(shortName(targetResource), server)) return undefined;
    return `names the target resource ${targetResource}, which ${name} does not have on ${server}`;
  }
  if (!healthSet) return 'names no health set';
  if (rowsOfSet(hint, rows).length > 0) return undefined;
  return rows.some((row) => sameName(row.healthSet, healthSet))
    ? `names ${healthSet}, of which every monitor on ${server} is switched off`
    : `names ${healthSet}, of which ${server} has no monitor`;
}

function quoted({ title, senderId = '' }: Hint): string {
  const text = (title?.trim() || senderId).replace(/[\p{C}\p{Z}]+/gu, ' ');
  return `"${cut(text, QUOTED)}"`;
}

export function refOf(row: HealthRow): MonitorRef {
  return {
    healthSet: row.healthSet,
    monitor: row.name,
    ...(row.targetResource && { targetResource: row.targetResource }),
  };
}
