import type { PlaybookRun } from '../../incident/runs.ts';
import type { AppendOptions } from '../../ports/journal.ts';
import type { Trust } from '../../ports/store.ts';
import { inOrganisation } from './start.ts';

const DAY = 24 * 3_600_000;
const RUNS_KEPT = 20;

/** State shared between incidents: common causes, who notifies about them, and results of playbooks. */
export class Lessons {
  /** Organisation and problem → server → organisation time when it was last seen there. */
  readonly #troubles = new Map<string, Map<string, number>>();
  /** Organisation and cause → the incident that notifies about it, and until when (real ms). */
  readonly #speakers = new Map<string, { incident: string; until: number }>();
  /** Organisation and playbook → its runs, newest first. */
  readonly #runs = new Map<string, PlaybookRun[]>();
  readonly #trust = new Map<string, Trust>();

  forgetWhatJournalsTell(): void {
    this.#troubles.clear();
    this.#runs.clear();
  }

  note({ organisation, server, seen, gone }: NonNullable<AppendOptions['trouble']>, at: number): void {
    for (const name of gone) this.#troubles.get(inOrganisation(organisation, name))?.delete(server);
    for (const name of seen) {
      const place = inOrganisation(organisation, name);
      const servers = this.#troubles.get(place) ?? new Map<string, number>();
      this.#troubles.set(place, servers);
      servers.set(server, at);
      for (const [other, since] of servers) if (since <= at - DAY) servers.delete(other);
    }
  }

  troubled(organisation: string, names: readonly string[], since: number): string[] {
    const servers = names.flatMap((name) => [...(this.#troubles.get(inOrganisation(organisation, name)) ?? [])]);
    return [...new Set(servers.filter(([, at]) => at >= since).map(([server]) => server))].sort();
  }

  claimNotification(
    organisation: string,
    matter: string,
    incident: string | undefined,
    until: number,
    now: number,
  ): string | undefined {
    const place = inOrganisation(organisation, matter);
    const held = this.#speakers.get(place);
    const speaks = held && held.until > now ? held.incident : incident;
    if (speaks !== undefined) this.#speakers.set(place, { incident: speaks, until });
    return speaks;
  }

  ran(organisation: string, run: PlaybookRun): void {
    const place = inOrganisation(organisation, run.playbook);
    this.#runs.set(place, [structuredClone(run), ...(this.#runs.get(place) ?? [])].slice(0, RUNS_KEPT));
  }

  runs(organisation: string, playbook: string): { runs: PlaybookRun[]; trusted?: Trust } {
    const place = inOrganisation(organisation, playbook);
    const trusted = this.#trust.get(place);
    return structuredClone({ runs: this.#runs.get(place) ?? [], ...(trusted && { trusted }) });
  }

  trust(organisation: string, playbook: string, trust: Trust): void {
    this.#trust.set(inOrganisation(organisation, playbook), structuredClone(trust));
  }
}
