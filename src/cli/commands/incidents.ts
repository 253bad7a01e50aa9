import { type Command, Option } from 'commander';
import { OUTCOMES } from '../../incident/outcome.ts';
import type { IncidentView } from '../../incident/view.ts';
import { visibleJson } from '../../incident/visible.ts';
import { readInstants, writeInstants } from '../../ports/instants.ts';
import { type CliContext, print } from '../context.ts';
import { daemonOf, signature, signing, talking } from '../daemon/connect.ts';
import { withJournals } from '../daemon/journals.ts';
import { formatIncident, incidentTable } from '../output/incident-text.ts';
import { plain } from '../output/text.ts';
import { since, wholeNumber } from '../values.ts';
import { watch } from './watch.ts';

const path = (id: string, verb = '') => `/api/v1/incidents/${encodeURIComponent(id)}${verb && `/${verb}`}`;

export function incidentsCommand(program: Command, context: CliContext): void {
  const incidents = program.command('incidents').description('list, follow and decide incidents').helpCommand(false);

  talking(incidents.command('list'))
    .description('list incidents, newest first')
    .addOption(new Option('--state <state>', 'only open or only finished incidents').choices(['open', 'finished']))
    .option('--server <name>', 'only incidents of this server')
    .option('--health-set <name>', 'only incidents of this health set or family')
    .addOption(new Option('--outcome <outcome>', 'only incidents with this outcome').choices([...OUTCOMES]))
    .option('--since <time>', 'only incidents opened since: 2h, 1d, 2025-01-31', since)
    .option('--limit <number>', 'maximum number of incidents, up to 500', wholeNumber, 50)
    .option('--cursor <cursor>', 'continue after the previous page')
    .action(async (options: Record<string, string | number | undefined>, command: Command) => {
      const daemon = daemonOf(command);
      const query = new URLSearchParams();
      for (const name of ['state', 'server', 'healthSet', 'outcome', 'since', 'limit', 'cursor']) {
        if (options[name] !== undefined) query.set(name, String(options[name]));
      }
      const answer = await daemon.ask('GET', `/api/v1/incidents?${query}`);
      print(command, context, answer, () => {
        const page = readInstants<{ incidents: IncidentView[]; next?: string }>(answer);
        return incidentTable(page, context.terminal);
      });
    });

  talking(incidents.command('show'))
    .description('show everything about an incident')
    .argument('<id>', 'id of the incident')
    .action(async (id: string, _: unknown, command: Command) => {
      const answer = await daemonOf(command).ask('GET', path(id));
      print(command, context, answer, () => formatIncident(readInstants<IncidentView>(answer), context.terminal));
    });

  talking(incidents.command('export'))
    .description('print the journals of finished incidents as JSON lines, one for each incident, newest first')
    .option('--server <name>', 'only incidents of this server')
    .option('--since <time>', 'only incidents opened since: 2h, 1d, 2025-01-31', since)
    .option('--limit <number>', 'maximum number of incidents', wholeNumber)
    .action(async (options: { server?: string; since?: string; limit?: number }, command: Command) => {
      await withJournals(command, options, async (journals) => {
        for await (const { incident, ...read } of journals) {
          if ('entries' in read) context.terminal.write(`${visibleJson(writeInstants(read.entries))}\n`);
          else {
            process.stderr.write(`${plain(incident)} could not be read: ${plain(read.why)}\n`);
            context.fail();
          }
        }
      });
    });

  talking(incidents.command('watch'))
    .description(
      'follow incidents live; with an id, until that incident finishes, and its outcome decides the exit code',
    )
    .argument('[id]', 'id of the incident (default: all incidents)')
    .action(async (id: string | undefined, _: unknown, command: Command) => {
      const fine = await watch(daemonOf(command), command, context, id);
      if (!fine) context.fail();
    });

  const decisions = [
    ['approve', 'approve the plan of a waiting incident'],
    ['reject', 'reject the plan of an incident, which escalates it'],
    ['cancel', 'stop an incident before its next command; its changes are put back'],
  ] as const;
  for (const [verb, description] of decisions) {
    signing(incidents.command(verb))
      .description(description)
      .argument('<id>', 'id of the incident')
      .option('--note <text>', 'the reason, for the journal')
      .action(async (id: string, { note }: { note?: string }, command: Command) => {
        const daemon = daemonOf(command);
        const body = { ...signature(command, daemon), ...(note !== undefined && { note }) };
        const answer = await daemon.ask('POST', path(id, verb), body);
        print(command, context, answer, () => {
          const done = { approve: 'approved', reject: 'rejected', cancel: 'cancelled' }[verb];
          const see = `Follow it: second-responder incidents watch ${plain(id)}`;
          return `${plain(id)} is ${done}. ${see}\n`;
        });
      });
  }

  talking(incidents.command('verify'))
    .description('check that the journal of an incident was not changed: each entry holds the hash of the previous one')
    .argument('<id>', 'id of the incident')
    .action(async (id: string, _: unknown, command: Command) => {
      const answer = await daemonOf(command).ask('GET', path(id, 'verify'));
      const result = answer as { ok: boolean; entries?: number; seq?: number; why?: string };
      if (!result.ok) context.fail();
      print(command, context, answer, () => {
        const { paint } = context.terminal;
        return result.ok
          ? `${paint('good', 'intact')}: all ${result.entries} hashes of ${plain(id)} match\n`
          : `${paint('bad', 'broken')}: the hash of entry ${result.seq} of ${plain(id)} does not match: ${plain(result.why ?? '')}\n`;
      });
    });
}
