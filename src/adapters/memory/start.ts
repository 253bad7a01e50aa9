import type { StartConditions, StartRefusal, ThrottleRule } from '../../ports/journal.ts';
import type { KillScope, KillSwitch } from '../../ports/kill-switch.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A slot of a group. `kept`: its owner is finished, and left its server drained. */
export interface Slot {
  owner: string;
  server: string;
  kept: boolean;
}

/** What the starts of changing steps share. Keys are made by `inOrganisation`. */
export interface SharedState {
  /** By scope, see `scopeName`. */
  switches: Map<string, KillSwitch>;
  /** World and server → owner. */
  claims: Map<string, string>;
  /** World and group → slot. */
  slots: Map<string, Slot>;
  /** World and throttle key → owner → organisation time of its first start. */
  starts: Map<string, Map<string, number>>;
}

/** One key of several names, whatever characters they are made of. */
export function inOrganisation(organisation: string, ...names: string[]): string {
  return JSON.stringify([organisation, ...names]);
}

/** A switch's scope as a key: host and playbook names mean the same in any case. */
export function scopeName(scope: KillScope): string {
  const low = (name: string | undefined) => name?.toLowerCase();
  return JSON.stringify({ playbook: low(scope.playbook), server: low(scope.server), group: low(scope.group) });
}

/** A switch applies when everything it names is among what is asked about; one that names nothing always does. */
function applies(scope: KillScope, asked: KillScope[]): boolean {
  return (['playbook', 'server', 'group'] as const).every((field) => {
    const wanted = scope[field]?.toLowerCase();
    return wanted === undefined || asked.some((one) => one[field]?.toLowerCase() === wanted);
  });
}

/** The first condition that says no, in the order kill switch, claims, slot, throttles. Takes nothing. */
export function refusal(state: SharedState, start: StartConditions): StartRefusal | undefined {
  for (const one of state.switches.values()) {
    if (applies(one.scope, start.kill)) return { by: 'kill-switch', switch: one };
  }
  for (const server of start.claims) {
    const owner = state.claims.get(inOrganisation(start.organisation, server));
    if (owner !== undefined && owner !== start.owner) return { by: 'claim', server, owner };
  }
  if (start.slot) {
    const { group, server } = start.slot;
    const slot = state.slots.get(inOrganisation(start.organisation, group));
    // The slot that a finished run left to a drained server is no obstacle to treating that same server again.
    const inherits = slot?.kept && slot.server === server;
    if (slot && slot.owner !== start.owner && !inherits) {
      return { by: 'slot', group, owner: slot.owner, server: slot.server };
    }
  }
  for (const rule of start.throttles) {
    const no = throttled(state.starts.get(inOrganisation(start.organisation, rule.key)), rule, start.owner);
    if (no) return no;
  }
  return undefined;
}

function throttled(
  starts: Map<string, number> | undefined,
  rule: ThrottleRule,
  owner: string,
): StartRefusal | undefined {
  if (starts?.has(owner)) return undefined;
  const others = [...(starts?.values() ?? [])];
  const last = others.length > 0 ? Math.max(...others) : rule.now;
  const within = (window: number) => others.filter((at) => at > rule.now - window).length;

  const close = rule.minutesBetween < 0 ? 0 : within(rule.minutesBetween * MINUTE);
  if (close > 0) return { by: 'throttle', rule, limit: 'minutesBetween', last, count: close };
  const hour = within(HOUR);
  if (rule.perHour >= 0 && hour >= rule.perHour) return { by: 'throttle', rule, limit: 'perHour', last, count: hour };
  const day = within(DAY);
  if (rule.perDay >= 0 && day >= rule.perDay) return { by: 'throttle', rule, limit: 'perDay', last, count: day };
  return undefined;
}

/** Takes what a start asked for. Only after `refusal` had nothing to say. */
export function take(state: SharedState, start: StartConditions): void {
  for (const server of start.claims) state.claims.set(inOrganisation(start.organisation, server), start.owner);
  if (start.slot) {
    const { group, server } = start.slot;
    const held = state.slots.get(inOrganisation(start.organisation, group));
    if (held?.owner !== start.owner)
      state.slots.set(inOrganisation(start.organisation, group), { owner: start.owner, server, kept: false });
  }
  for (const rule of start.throttles) {
    const key = inOrganisation(start.organisation, rule.key);
    const starts = state.starts.get(key) ?? new Map<string, number>();
    state.starts.set(key, starts);
    if (!starts.has(start.owner)) starts.set(start.owner, rule.now);
    const oldest = rule.now - Math.max(DAY, rule.minutesBetween * MINUTE);
    for (const [owner, at] of starts) if (at <= oldest) starts.delete(owner);
  }
}

/** Gives back what a root incident holds; a slot named in `keep` stays with its drained server. */
export function giveBack(state: SharedState, owner: string, keep: string[]): void {
  for (const [key, holder] of state.claims) if (holder === owner) state.claims.delete(key);
  for (const [key, slot] of state.slots) {
    if (slot.owner !== owner) continue;
    const [, group] = JSON.parse(key) as [string, string];
    if (keep.includes(group)) slot.kept = true;
    else state.slots.delete(key);
  }
}
