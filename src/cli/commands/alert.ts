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
  const alert = program.command('alert').description('send alerts, as a monitoring system does').helpCommand(false);
  talking(alert.command('send'))
    .description('send an alert, as a monitoring system does')
    .option('--server <name>', 'the affected server')
    .option('--health-set <name>', 'the unhealthy health set, such as IMAP.Protocol')
    .option('--monitor <name>', 'the unhealthy monitor, such as ImapSelfTestMonitor')
    .option('--target-resource <name>', 'the target resource of the monitor')
    .addOption(
      new Option('--source <kind>', 'format of the alert')
        .choices(['generic', 'scom', 'alertmanager'])
        .default('generic'),
    )
    .option('--resolved', 'report the problem as resolved; the daemon verifies this before it believes it')
    .option('--id <id>', 'the sender’s id of the alert; the same id means the same alert (default: a new id)')
    .option('--title <text>', 'title of the alert')
    .option('--body <file>', 'send this JSON file unchanged, in the format of --source; - reads standard input')
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
              ? `${paint('warn', 'known')}    ${plain(id)}: already received`
              : `${paint('good', 'stored')}   ${plain(id)}`,
          ),
          ...refused.map(({ pointer, message }) => `${paint('bad', 'refused')}  ${plain(`${pointer} ${message}`)}`),
          'Follow it: second-responder incidents watch',
          '',
        ].join('\n');
      });
    });
}

/** The first post with an id fixes its time: a repeat must be the same alert. */
function compose({ source, id = randomUUID(), ...given }: Options): unknown {
  const { server, healthSet, monitor, targetResource, resolved, title } = given;
  if (source === 'alertmanager')
    throw new UsageError('Alertmanager alerts carry your own labels: send one with --body.');
  const missing = [server === undefined && '--server', healthSet === undefined && '--health-set'].filter(Boolean);
  if (server === undefined || healthSet === undefined) {
    throw new UsageError(
      `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing; or send a file with --body.`,
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

/** An alert in the form of `Get-SCOMAlert | ConvertTo-Json`, with a name in the form of the Exchange management pack. */
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
  if (composed.length > 0)
    throw new UsageError('--body sends the file unchanged and cannot be combined with options that describe an alert.');
  const name = file === '-' ? 'standard input' : file;
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new CliError(`${name} can't be read: ${(error as Error).message}`);
  }
  try {
    // PowerShell and Windows editors write a byte order mark.
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw new CliError(`${name} is not JSON: ${plain((error as Error).message)}`);
  }
}
