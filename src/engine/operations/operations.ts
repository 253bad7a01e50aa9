import { demotion, failuresOf } from '../../guards/trust.ts';
import { type Instant, shortName } from '../../incident/alert.ts';
import { ChainVerifier } from '../../incident/chain.ts';
import type { ByPerson, Entry, IncidentEvent } from '../../incident/event.ts';
import { monitorName } from '../../incident/health.ts';
import { approvalsOf, approverOf, type Incident, isExpired } from '../../incident/incident.ts';
import { demote, type Playbook } from '../../incident/plan.ts';
import { modeInForce } from '../../incident/restrictions.ts';
import { type IncidentView, view } from '../../incident/view.ts';
import { type Head, Stale } from '../../ports/journal.ts';
import {
  Conflict,
  Forbidden,
  type IncidentFilter,
  NotFound,
  type Operations,
  type PlaybookView,
  type Readiness,
} from '../../ports/operations.ts';
import { stepNamed } from '../../steps/index.ts';
import { append } from '../append.ts';
import { createIntake } from '../intake/intake.ts';
import type { Engine } from '../parts.ts';
import { pagesOf, readIncident } from '../read-incident.ts';
import { askFor } from '../undo/asked.ts';
import { wake } from '../wake.ts';
import { scopeDoubts } from './scope-doubts.ts';
import { whatIf } from './what-if.ts';

/** Number of incidents read in parallel while a filter looks for matches. */
const READ_AT_ONCE = 100;
/**
 * A filter with few matches ends a page after this many incidents; `next` continues. One request can't make the daemon
 * read everything.
 */
const MOST_FILTERED = 2_000;
/** A page also ends when its incidents contain more alert text than this (characters). */
const TEXT_OF_PAGE = 8_000_000;
/** Number of store pages in one answer about a journal, a megabyte each. Only journals of older versions are longer. */
const PAGES_OF_JOURNAL = 8;

/** Implements the requests of people and senders. `reload` reads the playbook files again, all or nothing. */
export function createOperations(
  engine: Engine,
  control: { reload(): Promise<void>; readiness(): Promise<Readiness> },
): Operations {
  const { store, settings } = engine;

  async function folded(id: string): Promise<Incident | undefined> {
    return (await readIncident(store, id))?.incident;
  }

  async function incidents(filter: IncidentFilter): Promise<{ incidents: IncidentView[]; next?: string }> {
    const { state, since, limit } = filter;
    const found: IncidentView[] = [];
    let cursor = filter.cursor;
    for (let filtered = 0, text = 0; filtered < MOST_FILTERED && text < TEXT_OF_PAGE; ) {
      const page = await store.list({
        limit: Math.max(1, Math.min(READ_AT_ONCE, limit - found.length)),
        ...(state && { state }),
        ...(since !== undefined && { since }),
        ...(cursor !== undefined && { cursor }),
      });
      const read = await Promise.all(page.ids.map(folded));
      const fitting = read.flatMap((incident) => (incident ? [view(incident)] : [])).filter((one) => fits(one, filter));
      found.push(...fitting);
      text += fitting.flatMap(({ alerts }) => alerts).reduce((sum, one) => sum + (one.description?.length ?? 0), 0);
      filtered += page.ids.length;
      cursor = page.next;
      if (cursor === undefined) return { incidents: found };
      if (found.length >= limit) break;
    }
    return { incidents: found, ...(cursor !== undefined && { next: cursor }) };
  }

  async function journal(id: string, after = 0, limit = Number.POSITIVE_INFINITY) {
    const entries: Entry[] = [];
    let more = false;
    for (let pages = 0, from = after; pages < PAGES_OF_JOURNAL && entries.length < limit; pages += 1) {
      const page = await store.page(id, from, Math.min(limit - entries.length, Number.MAX_SAFE_INTEGER));
      if (!page) return undefined;
      entries.push(...page.entries);
      from = page.entries.at(-1)?.seq ?? from;
      more = page.more;
      if (!more) break;
    }
    return { entries, more };
  }

  /** Appends a person's decision to the head, and at the time, for which the rule was checked. */
  async function appendByPerson(
    id: string,
    event: IncidentEvent,
    forbids: (incident: Incident, at: Instant) => string | undefined,
  ): Promise<IncidentView> {
    for (;;) {
      const known = await readIncident(store, id);
      if (!known) throw new NotFound(`There is no incident ${id}`);
      const { incident } = known;
      const at = engine.clock.now();
      const why = incident.finished ? `It has already ended (${incident.finished.outcome})` : forbids(incident, at);
      if (why !== undefined) throw new Conflict(`Incident ${id}: ${why}`);
      try {
        await append(engine, id, known, event, { at, sure: true });
      } catch (error) {
        if (error instanceof Stale) continue;
        throw error;
      }
      await wake(engine, id);
      return view(incident);
    }
  }

  const isEnding = (incident: Incident) =>
    incident.conclusion ? `It is already ending: ${incident.conclusion.reason}` : undefined;
  const unlessItEnds = (error: unknown) => {
    if (!(error instanceof Conflict)) throw error;
  };

  async function openChildrenOf(id: string): Promise<string[]> {
    const incident = await folded(id);
    const children = await Promise.all((incident?.children ?? []).map(folded));
    return children.flatMap((child) => (child && !child.finished && child.openedBy === id ? [child.id] : []));
  }

  function waitsForApproval({ held }: Incident, at: Instant): string | undefined {
    if (!held?.approval) return 'It is not waiting for an approval';
    if (!isExpired(held, at)) return undefined;
    return `The request for approval expired at ${new Date(held.until ?? at).toISOString()}; the incident ends as escalated`;
  }

  /** Each person's approval counts once: under the two-person rule, the second must be someone else. */
  function forbidsApproval(person: ByPerson): typeof waitsForApproval {
    return (incident, at) => {
      const { held } = incident;
      const why = waitsForApproval(incident, at);
      if (why !== undefined || !held) return why;
      // Without tokens, everyone may do everything.
      if (held.role === 'admin' && person.role !== undefined && person.role !== 'admin') {
        throw new Forbidden(`${person.identity} has the role ${person.role}; only an admin may approve: ${held.says}`);
      }
      const again = approvalsOf(incident, held).some((one) => approverOf(one) === approverOf(person));
      return again ? `${person.by} has already approved it; another person must approve it too` : undefined;
    };
  }

  async function viewOf(playbook: Playbook): Promise<PlaybookView> {
    const { runs, trusted } = await store.runs(engine.clock.epoch, playbook.name);
    // Restrictions for some servers are not included.
    const { mode: written } = modeInForce({ playbook: playbook.name, mode: playbook.mode }, settings, []);
    const down = demotion(runs, playbook.hash, trusted, settings.trustRuns);
    const inForce = demote(written, down);
    return {
      name: playbook.name,
      summary: playbook.summary,
      ...(playbook.page !== undefined && { page: playbook.page }),
      handles: playbook.handles.map(monitorName),
      mode: inForce,
      ...(inForce !== written && {
        demoted: { from: written, incidents: failuresOf(runs, playbook.hash, trusted).map(({ incident }) => incident) },
      }),
      hash: playbook.hash,
      file: playbook.file,
      steps: playbook.steps.map((spec, index) => ({
        n: index + 1,
        step: spec.step,
        options: spec.options,
        ...(spec.when && { when: { ...spec.when } }),
        says: stepNamed(spec.step).says(spec.options),
      })),
      runs,
      ...(trusted && { trusted }),
    };
  }

  const playbooks = () => Promise.all(engine.playbooks().map(viewOf));

  async function trustPlaybook(name: string, { by, note }: ByPerson): Promise<PlaybookView> {
    const playbook = engine.playbooks().find((one) => one.name === name);
    if (!playbook) throw new NotFound(`There is no playbook ${name}`);
    await store.trust(engine.clock.epoch, name, { by, at: engine.clock.now(), ...(note && { note }) });
    engine.log.warn(`Playbook ${name} is trusted again`, { by, ...(note && { note }) });
    return viewOf(playbook);
  }

  return {
    accept: createIntake(engine),
    async incident(id) {
      const incident = await folded(id);
      return incident && view(incident);
    },
    incidents,
    journal,
    async verifyJournal(id) {
      const chain = new ChainVerifier();
      let head: Head | undefined;
      for await (const page of pagesOf(store, id)) {
        chain.add(page.entries);
        head = page.head;
      }
      return head && chain.end(head);
    },
    approve: (id, person) => appendByPerson(id, { type: 'approved', data: person }, forbidsApproval(person)),
    reject: (id, person) => appendByPerson(id, { type: 'rejected', data: person }, waitsForApproval),
    async cancel(id, person) {
      const cancelled = await appendByPerson(id, { type: 'cancelled', data: person }, isEnding);
      // Its own children are cancelled too; an incident that it joined continues independently.
      for (const child of await openChildrenOf(id)) {
        await appendByPerson(
          child,
          { type: 'cancelled', data: { by: person.by, note: `${id} was cancelled` } },
          isEnding,
        ).catch(unlessItEnds);
      }
      return cancelled;
    },
    killSwitches: () => store.killSwitches(),
    async setKillSwitch({ on, scope = {}, by, reason = '' }) {
      const named = { ...scope, ...(scope.server !== undefined && { server: shortName(scope.server) }) };
      await store.setKillSwitch({ on, scope: named, by, reason, since: engine.realNow() });
      engine.log.warn(`The kill switch was switched ${on ? 'on' : 'off'}`, { by, reason, scope: named });
      // Incidents that waited for it continue.
      if (!on) for (const id of await store.openIncidents()) await wake(engine, id);
      const openOn = async () => (await incidents({ state: 'open', limit: 100 })).incidents.map(({ server }) => server);
      const warnings = await scopeDoubts(engine, named, openOn);
      for (const warning of warnings) engine.log.warn(warning);
      return { switches: await store.killSwitches(), warnings };
    },
    playbooks,
    trustPlaybook,
    async reloadPlaybooks() {
      await control.reload();
      return playbooks();
    },
    whatIf: (alert, signal) => whatIf(engine, alert, signal),
    undo: () => store.ledger(),
    putBack: async (target, person) => view(await askFor(engine, 'putBack', settingsIn(target), person)),
    settle: async (target, person) => view(await askFor(engine, 'settle', settingsIn(target), person)),
    feed: (after, signal) => store.feed(after, signal),
    readiness: () => control.readiness(),
  };
}

const settingsIn = ({ server, setting }: { server: string; setting?: string }) => ({
  server,
  ...(setting !== undefined && { settings: [setting] }),
});

function fits(one: IncidentView, { server, healthSet, outcome, state }: IncidentFilter): boolean {
  if (state && one.state !== state) return false;
  if (server !== undefined && one.server !== shortName(server)) return false;
  if (outcome !== undefined && one.outcome !== outcome) return false;
  if (healthSet === undefined) return true;
  const wanted = healthSet.toLowerCase();
  return one.healthSet.toLowerCase() === wanted || one.family.toLowerCase() === wanted;
}
