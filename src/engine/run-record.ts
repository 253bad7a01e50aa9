import { fold } from '../incident/fold.ts';
import { currentRun, type Incident } from '../incident/incident.ts';
import type { PlaybookView, Store } from '../ports.ts';

type RunView = PlaybookView['runs'][number];

const KEPT = 20;
/** Finished incidents that are read at start. */
const READ_BACK = 200;

/** How each playbook's last runs ended, newest first: read from the journals at start, and kept up as incidents finish. */
export class RunRecord {
  readonly #runs = new Map<string, RunView[]>();

  async read(store: Store): Promise<void> {
    const { ids } = await store.list({ state: 'finished', limit: READ_BACK });
    for (const id of ids.reverse()) {
      const journal = await store.read(id);
      if (journal) this.add(fold(journal.entries));
    }
  }

  add(incident: Incident): void {
    const run = currentRun(incident);
    const { finished } = incident;
    if (!run || !finished) return;
    const { id, server } = incident;
    const others = this.of(run.playbook).filter((one) => one.incident !== id);
    this.#runs.set(
      run.playbook,
      [{ incident: id, server, at: finished.at, outcome: finished.outcome }, ...others].slice(0, KEPT),
    );
  }

  of(playbook: string): RunView[] {
    return this.#runs.get(playbook) ?? [];
  }
}
