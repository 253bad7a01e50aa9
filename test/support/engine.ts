import { loadConfig } from '../../src/config/load.ts';
import { createOperations } from '../../src/engine/operations/operations.ts';
import type { Alert } from '../../src/incident/alert.ts';
import type { Entry } from '../../src/incident/event.ts';
import type { Incident } from '../../src/incident/incident.ts';
import type { Playbook } from '../../src/incident/plan.ts';
import { createLab, type Lab } from '../../src/lab/lab.ts';
import { languageOf, loadPlaybooks } from '../../src/playbooks/read.ts';
import type { Operations } from '../../src/ports/operations.ts';
import { createRehearsal, type Rehearsal, type RehearsalOptions } from '../../src/rehearsal/rehearsal.ts';
import { STEPS } from '../../src/steps/index.ts';
import { loadCatalog } from '../../src/verification/catalog.ts';

export { Killed } from '../../src/rehearsal/rehearsal.ts';

const { config } = loadConfig({ env: {}, cwd: process.cwd() });
const catalog = loadCatalog(config.verification.catalog);

/** A rehearsal with the shipped configuration. */
export interface Bench extends Rehearsal {
  entries: Entry[];
  /** Posts an alert and lets time run until its incident is over (or nothing moves any more). */
  handle(alert: Partial<Alert> & { server: string }): Promise<Incident>;
  /** The changing commands that reached the organisation, in order: `mbx1 Restart-Service MSExchangeIMAP4BE`. */
  changes(): string[];
}

/** What people and senders may ask of a bench. */
export function operationsOf({ engine }: Pick<Bench, 'engine'>): Operations {
  return createOperations(engine, {
    reload: async () => {},
    readiness: async () => ({ ready: true, parts: [] }),
  });
}

export interface BenchOptions extends Pick<RehearsalOptions, 'settings' | 'aroundStore' | 'aroundExchange'> {
  playbooks?: Playbook[];
  seed?: number;
  /** One whose time is moved by hand, and that others ask too. */
  lab?: Lab;
}

/** The engine on the memory store and a lab whose time is moved by hand: hours of recovery in milliseconds. */
export function bench({ seed = 1, lab, playbooks, ...around }: BenchOptions = {}): Bench {
  const entries: Entry[] = [];
  const rehearsal = createRehearsal({
    config,
    catalog,
    playbooks: playbooks ?? loadPlaybooks(config.playbooks.directory, languageOf(config, STEPS, catalog)),
    lab: lab ?? createLab({ speed: 1, virtual: true, seed }),
    onEntry: (_, entry) => void entries.push(entry),
    ...around,
  });
  return {
    ...rehearsal,
    entries,
    async handle(given) {
      const id = await rehearsal.alert(given);
      await rehearsal.run();
      return rehearsal.incident(id);
    },
    changes: () =>
      rehearsal.lab
        .commands()
        .filter((command) => command.effect === 'changed')
        .map(({ server, command, arguments: args }) => `${server} ${command} ${essence(command, args)}`.trim()),
  };
}

function essence(command: string, args: Record<string, unknown>): string {
  if (command === 'Restart-Service') return String(args.Name);
  if (command === 'Set-MailboxServer') return String(args.DatabaseCopyActivationDisabledAndMoveNow);
  if (command === 'Invoke-TargetScript') return String(args.Name);
  if (command === 'Set-ImapSettings') return String(args.ProtocolLogEnabled);
  return '';
}
