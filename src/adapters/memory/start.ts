import type { StartConditions, StartRefusal, ThrottleRule } from '../../ports/journal.ts';
import type { KillScope, KillSwitch } from '../../ports/kill-switch.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A slot of a group. `kept`: its owner has finished and left its server drained. */
export interface Slot {
  owner: string;
  server: string;
  kept: boolean;
}

/** State shared by the starts of changing steps. Keys are created by `inOrganisation`. */
export interface SharedState {
  /** By scope, see `scopeName`. */
  switches: Map<string, KillSwitch>;
  /** Organisation and server → owner. */
  claims: Map<string, string>;
  /** Organisation and group → slot. */
  slots: Map<string, Slot>;
  /** Organisation and throttle key → owner → organisation time of its first start. */
  starts: Map<string, Map<string, number>>;
}

/** One key of several names with any characters. */
export function inOrganisation(organisation: string, ...names: string[]): string {
  return JSON.stringify([organisation, ...names]);
}

/** The scope of a switch as a key; names of hosts and playbooks are case-insensitive. */
export function scopeName(scope: KillScope): string {
  const low = (name: string | undefined) => name?.toLowerCase();
  return JSON.stringify({ playbook: low(scope.playbook), server: low(scope.server), group: low(scope.group) });
}

/** A switch applies if everything in its scope is in the requested scope; one without a scope always applies. */
function applies(scope: KillScope, asked: KillScope[]): boolean {
  return (['playbook', 'server', 'group'] as const).every((field) => {
    const wanted = scope[field]?.toLowerCase();
    return wanted === undefined || asked.some((one) => one[field]?.toLowerCase() === wanted);
  });
}

/** The first condition that refuses, in the order kill switch, claims, slot, throttles. Takes nothing. */
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
    // A slot that a finished run kept for a drained server does not prevent another run on that server.
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

/** Takes what a start requests. Call it only if `refusal` returned nothing. */
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

/** Releases what a root incident holds, except a slot in `keep`, which stays with its drained server. */
export function giveBack(state: SharedState, owner: string, keep: string[]): void {
  for (const [key, holder] of state.claims) if (holder === owner) state.claims.delete(key);
  for (const [key, slot] of state.slots) {
    if (slot.owner !== owner) continue;
    const [, group] = JSON.parse(key) as [string, string];
    if (keep.includes(group)) slot.kept = true;
    else state.slots.delete(key);
  }
}
