import { type Command, Option } from 'commander';
import { OUTCOMES } from '../../incident/outcome.ts';
import type { IncidentView } from '../../incident/view.ts';
import { type CliContext, print } from '../context.ts';
import { daemonOf, signature, signing, talking } from '../daemon/connect.ts';
import { revive } from '../daemon/revive.ts';
import { formatIncident, incidentTable } from '../output/incident-text.ts';
import { plain } from '../output/text.ts';
import { since, wholeNumber } from '../values.ts';
import { watch } from './watch.ts';

const path = (id: string, verb = '') => `/api/v1/incidents/${encodeURIComponent(id)}${verb && `/${verb}`}`;

export function incidentsCommand(program: Command, context: CliContext): void {
  const incidents = program
    .command('incidents')
    .description('see what is being handled, and decide where a person is asked')
    .helpCommand(false);

  talking(incidents.command('list'))
    .description('incidents, newest first')
    .addOption(new Option('--state <state>', 'only those that are still open, or over').choices(['open', 'finished']))
    .option('--server <name>', 'only of this server')
    .option('--health-set <name>', 'only of this health set or family')
    .addOption(new Option('--outcome <outcome>', 'only those that ended so').choices([...OUTCOMES]))
    .option('--since <time>', 'only those opened since then: 2h, 1d, 2025-01-31', since)
    .option('--limit <number>', 'at most so many, 500 at most', wholeNumber, 50)
    .option('--cursor <cursor>', 'go on where the list before ended')
    .action(async (options: Record<string, string | number | undefined>, command: Command) => {
      const daemon = daemonOf(command);
      const query = new URLSearchParams();
      for (const name of ['state', 'server', 'healthSet', 'outcome', 'since', 'limit', 'cursor']) {
        if (options[name] !== undefined) query.set(name, String(options[name]));
      }
      const answer = await daemon.ask('GET', `/api/v1/incidents?${query}`);
      print(command, context, answer, () => {
        const page = revive<{ incidents: IncidentView[]; next?: string }>(answer);
        return incidentTable(page, context.terminal);
      });
    });

  talking(incidents.command('show'))
    .description('the whole story of one incident')
    .argument('<id>', 'the incident')
    .action(async (id: string, _: unknown, command: Command) => {
      const answer = await daemonOf(command).ask('GET', path(id));
      print(command, context, answer, () => formatIncident(revive<IncidentView>(answer), context.terminal));
    });

  talking(incidents.command('watch'))
    .description('tell what happens as it happens; of one incident until it is over, and how it ended is the exit code')
    .argument('[id]', 'the incident; else all')
    .action(async (id: string | undefined, _: unknown, command: Command) => {
      const fine = await watch(daemonOf(command), command, context, id);
      if (!fine) context.fail();
    });

  const decisions = [
    ['approve', 'let an incident that waits for it go on with the plan it showed'],
    ['reject', 'refuse the plan of an incident; it ends escalated'],
    ['cancel', 'stop an incident before its next command; what it changed is put back'],
  ] as const;
  for (const [verb, description] of decisions) {
    signing(incidents.command(verb))
      .description(description)
      .argument('<id>', 'the incident')
      .option('--note <text>', 'why, for the journal')
      .action(async (id: string, { note }: { note?: string }, command: Command) => {
        const daemon = daemonOf(command);
        const body = { ...signature(command, daemon), ...(note !== undefined && { note }) };
        const answer = await daemon.ask('POST', path(id, verb), body);
        print(command, context, answer, () => {
          const done = { approve: 'approved', reject: 'rejected', cancel: 'cancelled' }[verb];
          const see = `See what follows: second-responder incidents watch ${plain(id)}`;
          return `${plain(id)} is ${done}. ${see}\n`;
        });
      });
  }

  talking(incidents.command('verify'))
    .description('check that nobody changed the journal of an incident: each entry holds the hash of the one before')
    .argument('<id>', 'the incident')
    .action(async (id: string, _: unknown, command: Command) => {
      const answer = await daemonOf(command).ask('GET', path(id, 'verify'));
      const result = answer as { ok: boolean; entries?: number; seq?: number; why?: string };
      if (!result.ok) context.fail();
      print(command, context, answer, () => {
        const { paint } = context.terminal;
        return result.ok
          ? `${paint('good', 'whole')}: the ${result.entries} entries of ${plain(id)} fit each other\n`
          : `${paint('bad', 'broken')}: entry ${result.seq} of ${plain(id)} does not fit: ${plain(result.why ?? '')}\n`;
      });
    });
}
