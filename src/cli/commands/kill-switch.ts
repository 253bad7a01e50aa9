import type { Command } from 'commander';
import { shortName } from '../../incident/alert.ts';
import { readInstants } from '../../ports/instants.ts';
import type { KillScope, KillSwitch } from '../../ports/kill-switch.ts';
import type { Store } from '../../ports/store.ts';
import { type CliContext, print } from '../context.ts';
import { Away, type Daemon } from '../daemon/client.ts';
import { daemonOf, isOwnDaemon, signature, signing, talking, userName } from '../daemon/connect.ts';
import { inOwnStore } from '../daemon/own-store.ts';
import { EXIT, UsageError } from '../errors.ts';
import { leave } from '../leave.ts';
import { plain } from '../output/text.ts';
import { localTime } from '../output/time.ts';

interface Change {
  playbook?: string;
  server?: string;
  group?: string;
  reason?: string;
  by?: string;
}

interface Answer {
  on: boolean;
  switches: KillSwitch[];
  warnings?: string[];
}

export function killSwitchCommand(program: Command, context: CliContext): void {
  const group = program.command('kill-switch').description('stop all workers from sending commands').helpCommand(false);

  for (const on of [true, false]) {
    signing(group.command(on ? 'on' : 'off'))
      .description(
        on
          ? 'stop all changes, undo included, until it is off; verification continues'
          : 'allow changes again; name the same scope as for on',
      )
      .option('--playbook <name>', 'only for this playbook')
      .option('--server <name>', 'only for this server')
      .option('--group <name>', 'only for this group, such as dag1')
      .option('--reason <text>', 'the reason, shown to everyone')
      .action(async (options: Change, command: Command) => {
        const scope = scopeOf(options);
        await reach(command, context, {
          scope,
          daemon: (daemon) => {
            const reason = options.reason === undefined ? {} : { reason: options.reason };
            return daemon.ask('PUT', '/api/v1/kill-switch', { on, scope, ...signature(command, daemon), ...reason });
          },
          store: async (store) => {
            const { by = userName(), reason = '' } = options;
            const named = { ...scope, ...(scope.server !== undefined && { server: shortName(scope.server) }) };
            await store.setKillSwitch({ on, scope: named, by, reason, since: Date.now() });
          },
        });
      });
  }

  talking(group.command('show'))
    .description('show the kill switches that are on, who set them and why')
    .action(async (_: unknown, command: Command) => {
      await reach(command, context, {
        daemon: (daemon) => daemon.ask('GET', '/api/v1/kill-switch'),
        store: async () => {},
      });
    });
}

function scopeOf(options: Change): KillScope {
  const scope: KillScope = {};
  for (const kind of ['playbook', 'server', 'group'] as const) {
    const name = options[kind];
    // Ignoring it would stop everything.
    if (name === '') throw new UsageError(`--${kind} is empty: give a name, or omit the option to stop everything.`);
    if (name !== undefined) scope[kind] = name;
  }
  return scope;
}

/** Uses the daemon, or the store itself if no daemon answers, because the switch must always work. */
async function reach(
  command: Command,
  context: CliContext,
  by: { scope?: KillScope; daemon(daemon: Daemon): Promise<unknown>; store(store: Store): Promise<void> },
): Promise<void> {
  const show = (answer: unknown) => print(command, context, answer, () => tell(readInstants<Answer>(answer), context));
  const away = await by.daemon(daemonOf(command)).then(show, (error: unknown) => {
    if (error instanceof Away && isOwnDaemon(command)) return error;
    throw error;
  });
  if (!away) return;
  const reached = await inOwnStore(command, async ({ store }, says) => {
    await by.store(store);
    const switches = (await store.killSwitches()).filter((one) => one.on);
    process.stderr.write(`No daemon answers; this is read from the store directly: ${plain(says)}.\n`);
    const written = switches.map((one) => ({ ...one, since: new Date(one.since).toISOString() }));
    const warnings = Object.entries(by.scope ?? {}).map(
      ([kind, name]) => `Not checked whether there is a ${kind} "${name}": that requires a daemon.`,
    );
    show({ on: switches.length > 0, switches: written, ...(warnings.length > 0 && { warnings }) });
    return true;
  });
  // A switch in a new store would stop no daemon.
  if (!reached) throw away;
  await leave(EXIT.fine);
}

function tell({ switches, warnings = [] }: Answer, { terminal: { paint } }: CliContext): string {
  const doubts = warnings.map((says) => `${paint('warn', 'Warning')}: ${plain(says)}\n`).join('');
  if (switches.length === 0) return `${doubts}${paint('good', 'off')}: nothing is stopped\n`;
  return (
    doubts +
    switches
      .map(({ scope, by, reason, since }) => {
        const parts = Object.entries(scope).map(([kind, name]) => `${kind} ${name}`);
        const what = parts.length > 0 ? parts.join(', ') : 'everything';
        return `${paint('bad', 'on')}: ${plain(what)}, since ${localTime(since)}, by ${plain(by)}${reason ? `: ${plain(reason)}` : ''}\n`;
      })
      .join('')
  );
}
