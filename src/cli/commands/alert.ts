import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { type CliContext, print } from '../context.ts';
import { daemonOf, talking } from '../daemon/connect.ts';
import { CliError, UsageError } from '../errors.ts';
import { plain } from '../output/text.ts';

interface Options {
  server?: string;
  healthSet?: string;
  monitor?: string;
  targetResource?: string;
  source: 'generic' | 'scom' | 'alertmanager';
  resolved?: boolean;
  id?: string;
  title?: string;
  body?: string;
}

interface Accepted {
  alerts: { id: string; repeat: boolean }[];
  refused: { pointer: string; message: string }[];
}

export function alertCommand(program: Command, context: CliContext): void {
  const alert = program.command('alert').description('be a monitoring system').helpCommand(false);
  talking(alert.command('send'))
    .description('post an alert, as a monitoring system would')
    .option('--server <name>', 'the server that is in trouble')
    .option('--health-set <name>', 'what is unhealthy there, such as IMAP.Protocol')
    .option('--monitor <name>', 'the monitor that says so, such as ImapSelfTestMonitor')
    .option('--target-resource <name>', 'what of it the monitor looks at')
    .addOption(
      new Option('--source <kind>', 'in whose form').choices(['generic', 'scom', 'alertmanager']).default('generic'),
    )
    .option('--resolved', 'say that it is over; the daemon then looks, and believes only what it sees')
    .option('--id <id>', 'the sender’s own id: the same id is the same alert; else a new one')
    .option('--title <text>', 'in words')
    .option('--body <file>', 'post this JSON as it is, in the form of --source; - reads standard input')
    .action(async (options: Options, command: Command) => {
      const body = options.body === undefined ? compose(options) : readBody(options.body, options);
      const answer = await daemonOf(command).ask('POST', `/api/v1/alerts/${options.source}`, body);
      const { alerts, refused } = answer as Accepted;
      if (refused.length > 0) context.fail();
      print(command, context, answer, () => {
        const { paint } = context.terminal;
        return [
          ...alerts.map(({ id, repeat }) =>
            repeat
              ? `${paint('warn', 'known')}    ${plain(id)}: it was sent before`
              : `${paint('good', 'stored')}   ${plain(id)}`,
          ),
          ...refused.map(({ pointer, message }) => `${paint('bad', 'refused')}  ${plain(`${pointer} ${message}`)}`),
          'See what follows: second-responder incidents watch',
          '',
        ].join('\n');
      });
    });
}

/** The time stands still in an id's first post: a repeat of it must be the same alert. */
function compose({ source, id = randomUUID(), ...given }: Options): unknown {
  const { server, healthSet, monitor, targetResource, resolved, title } = given;
  if (source === 'alertmanager')
    throw new UsageError('Alertmanager’s form has labels of your own: give it with --body.');
  const missing = [server === undefined && '--server', healthSet === undefined && '--health-set'].filter(Boolean);
  if (server === undefined || healthSet === undefined) {
    throw new UsageError(
      `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing (or give it all with --body).`,
    );
  }
  if (source === 'scom') return scomAlert({ ...given, server, healthSet, id });
  return {
    id,
    server,
    healthSet,
    status: resolved ? 'resolved' : 'firing',
    ...(monitor !== undefined && { monitor }),
    ...(targetResource !== undefined && { targetResource }),
    ...(title !== undefined && { title }),
  };
}

export interface ScomFacts {
  id: string;
  server: string;
  healthSet: string;
  monitor?: string;
  targetResource?: string;
  title?: string;
  resolved?: boolean;
  /** ISO 8601 */
  raisedAt?: string;
}

/** As `Get-SCOMAlert | ConvertTo-Json` writes it; the name has the form of the Exchange management pack. */
export function scomAlert(facts: ScomFacts): Record<string, unknown> {
  const { id, server, healthSet, monitor, targetResource, resolved, raisedAt } = facts;
  const which = [monitor ?? healthSet, targetResource ?? healthSet].join('/');
  const says = facts.title ?? `The ${healthSet} health set is unhealthy`;
  return {
    Id: id,
    Name: `${healthSet} health set unhealthy (${which}) - ${says}`,
    Description: says,
    Severity: 'Error',
    Priority: 'Normal',
    ResolutionState: resolved ? 255 : 0,
    MonitoringObjectPath: server,
    NetbiosComputerName: (server.split('.')[0] ?? server).toUpperCase(),
    ...(raisedAt !== undefined && { TimeRaised: raisedAt, LastModified: raisedAt }),
    RepeatCount: 0,
  };
}

function readBody(file: string, options: Options): unknown {
  const composed = (['server', 'healthSet', 'monitor', 'targetResource', 'resolved', 'id', 'title'] as const).filter(
    (name) => options[name] !== undefined,
  );
  if (composed.length > 0) throw new UsageError('--body posts a file as it is: nothing can be added to it.');
  const name = file === '-' ? 'standard input' : file;
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new CliError(`${name} can't be read: ${(error as Error).message}`);
  }
  try {
    // PowerShell and editors on Windows write a mark in front.
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw new CliError(`${name} is not JSON: ${plain((error as Error).message)}`);
  }
}
