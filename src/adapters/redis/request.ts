import type { Alert } from '../../incident/alert.ts';
import type { IncidentEvent } from '../../incident/event.ts';
import type { AppendOptions, Head, StartConditions, StartRefusal } from '../../ports/journal.ts';
import type { KillScope } from '../../ports/kill-switch.ts';
import type { LedgerEntry } from '../../ports/store.ts';
import type { AppendRequest } from './scripts/append.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** One field of several names with any characters. */
export function field(organisation: string, ...names: string[]): string {
  return JSON.stringify([organisation, ...names]);
}

/** The scope of a switch as a field; names of hosts and playbooks are case-insensitive. */
export function scopeField(scope: KillScope): string {
  const low = (name: string | undefined) => name?.toLowerCase();
  return JSON.stringify({ playbook: low(scope.playbook), server: low(scope.server), group: low(scope.group) });
}

/** A head as it is stored. */
export function headText(head: Head): string {
  return `${head.seq}:${head.hash}`;
}

export function headFrom(text: string): Head {
  const colon = text.indexOf(':');
  return { seq: Number(text.slice(0, colon)), hash: text.slice(colon + 1) };
}

/** The request of the append script. */
export function appendRequest(
  id: string,
  head: Head,
  newHead: Head,
  event: IncidentEvent,
  options: AppendOptions,
  feedLength: number,
): AppendRequest {
  const { opening, attaching, start, trouble, finishing } = options;
  const alerts = attaching?.alertIds ?? (opening?.alertId === undefined ? [] : [opening.alertId]);
  return {
    id,
    head: headText(head),
    newHead: headText(newHead),
    seq: newHead.seq,
    at: options.at,
    due: options.due === undefined ? false : options.due,
    ...(opening && { opening: { key: opening.key, server: opening.server, family: opening.family } }),
    taking: alerts,
    ...whatToNote(event),
    ...(start && { start: startRequest(id, start) }),
    owe: (options.outstanding ?? []).map(({ debt, incident, organisation }) => {
      const entry: LedgerEntry = { debt, incident, world: organisation, at: options.at };
      return { field: field(organisation, debt.server, debt.setting), text: JSON.stringify(entry) };
    }),
    settle: (options.settle ?? []).map(({ server, setting, organisation, of }) => ({
      field: field(organisation, server, setting),
      server,
      world: organisation,
      ...(of && { of }),
    })),
    ...(trouble && {
      trouble: {
        server: trouble.server,
        seen: trouble.seen.map((name) => field(trouble.organisation, name)),
        gone: trouble.gone.map((name) => field(trouble.organisation, name)),
      },
    }),
    ...(finishing && {
      finishing: {
        root: finishing.root,
        isRoot: finishing.isRoot,
        keep: finishing.keepSlots,
        recovered: finishing.outcome === 'recovered',
        requeue: newestOfEach(finishing.requeue ?? []).map((alert) => ({
          id: alert.id,
          receivedAt: alert.receivedAt,
          text: JSON.stringify(alert),
        })),
        runs: (finishing.runs ?? []).map((run) => ({ playbook: run.playbook, text: JSON.stringify(run) })),
      },
    }),
    feedLength,
  };
}

/** A repeated alert is in the list again, at a later position; the last one counts. */
function newestOfEach(alerts: readonly Alert[]): Alert[] {
  return [...new Map(alerts.map((alert) => [alert.id, alert])).values()];
}

/** The conditions of a start as a request. */
export function startRequest(id: string, start: StartConditions): NonNullable<AppendRequest['start']> {
  const { owner, organisation, slot, disrupts } = start;
  const named = (one: keyof KillScope): Record<string, true> => {
    const names = start.kill.flatMap((scope) => scope[one]?.toLowerCase() ?? []);
    return Object.fromEntries(names.map((name) => [name, true]));
  };
  return {
    owner,
    world: organisation,
    kill: { playbook: named('playbook'), server: named('server'), group: named('group') },
    claims: start.claims.map((server) => ({ field: field(organisation, server), server })),
    ...(slot && { slot: { field: field(organisation, slot.group), group: slot.group, server: slot.server } }),
    throttles: start.throttles.map((rule) => ({
      field: field(organisation, rule.key),
      now: rule.now,
      between: rule.minutesBetween,
      perHour: rule.perHour,
      perDay: rule.perDay,
      kept: Math.ceil(Math.max(DAY, rule.minutesBetween * MINUTE)),
    })),
    disrupts: (disrupts?.servers ?? []).map((server) => ({
      field: field(organisation, server),
      value: `${disrupts?.until}:${id}`,
    })),
  };
}

/** The facts of an entry by which its incident is found or judged later. */
export function whatToNote(event: IncidentEvent): { world?: string; repeatCount?: number } {
  if (event.type === 'opened' || event.type === 'attached') {
    const alerts = event.type === 'attached' ? event.data.alerts : [event.data.alert];
    const counts = alerts.flatMap((alert) => alert?.repeatCount ?? []);
    return counts.length === 0 ? {} : { repeatCount: Math.max(...counts) };
  }
  if (event.type === 'verified' && event.data.facts) return { world: event.data.facts.organisation };
  return {};
}

/** The refusal in the script's answer; undefined if there is none. */
export function refusalFrom(answer: unknown[], start: StartConditions | undefined): StartRefusal | undefined {
  const [by, ...rest] = answer.map(String);
  const [first = '', second = '', third = '', fourth = ''] = rest;
  switch (by) {
    case 'kill-switch':
      return { by, switch: JSON.parse(first) };
    case 'claim':
      return { by, server: first, owner: second };
    case 'slot':
      return { by, group: start?.slot?.group ?? '', owner: first, server: second };
    case 'throttle': {
      const rule = start?.throttles[Number(first) - 1];
      const limit = (['minutesBetween', 'perHour', 'perDay'] as const).find((name) => name === second);
      if (!rule || !limit) return undefined;
      return { by, rule, limit, last: Number(third), count: Number(fourth) };
    }
    default:
      return undefined;
  }
}
