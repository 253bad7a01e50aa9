import type { PlaybookRun } from '../../incident/runs.ts';
import type { AppendOptions } from '../../ports/journal.ts';
import type { Trust } from '../../ports/store.ts';
import { inWorld } from './start.ts';

const DAY = 24 * 3_600_000;
const RUNS_KEPT = 20;

/** What incidents learn from each other: who has the same trouble, who tells of it, how playbooks did. */
export class Lessons {
  /** World and trouble → server → organisation time at which it was last seen there. */
  readonly #troubles = new Map<string, Map<string, number>>();
  /** World and matter → who speaks for it, until when (real ms). */
  readonly #speakers = new Map<string, { incident: string; until: number }>();
  /** World and playbook → its runs, newest first. */
  readonly #runs = new Map<string, PlaybookRun[]>();
  readonly #trust = new Map<string, Trust>();

  forgetWhatJournalsTell(): void {
    this.#troubles.clear();
    this.#runs.clear();
  }

  note({ world, server, seen, gone }: NonNullable<AppendOptions['trouble']>, at: number): void {
    for (const name of gone) this.#troubles.get(inWorld(world, name))?.delete(server);
    for (const name of seen) {
      const place = inWorld(world, name);
      const servers = this.#troubles.get(place) ?? new Map<string, number>();
      this.#troubles.set(place, servers);
      servers.set(server, at);
      for (const [other, since] of servers) if (since <= at - DAY) servers.delete(other);
    }
  }

  troubled(world: string, names: readonly string[], since: number): string[] {
    const servers = names.flatMap((name) => [...(this.#troubles.get(inWorld(world, name)) ?? [])]);
    return [...new Set(servers.filter(([, at]) => at >= since).map(([server]) => server))].sort();
  }

  spokesman(
    world: string,
    matter: string,
    incident: string | undefined,
    until: number,
    now: number,
  ): string | undefined {
    const place = inWorld(world, matter);
    const held = this.#speakers.get(place);
    const speaks = held && held.until > now ? held.incident : incident;
    if (speaks !== undefined) this.#speakers.set(place, { incident: speaks, until });
    return speaks;
  }

  ran(world: string, run: PlaybookRun): void {
    const place = inWorld(world, run.playbook);
    this.#runs.set(place, [structuredClone(run), ...(this.#runs.get(place) ?? [])].slice(0, RUNS_KEPT));
  }

  runs(world: string, playbook: string): { runs: PlaybookRun[]; trusted?: Trust } {
    const place = inWorld(world, playbook);
    const trusted = this.#trust.get(place);
    return structuredClone({ runs: this.#runs.get(place) ?? [], ...(trusted && { trusted }) });
  }

  trust(world: string, playbook: string, trust: Trust): void {
    this.#trust.set(inWorld(world, playbook), structuredClone(trust));
  }
}
