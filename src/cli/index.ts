import { Command, CommanderError } from 'commander';
import { ConfigError, formatProblem } from '../config/problems.ts';
import { alertCommand } from './commands/alert.ts';
import { completionCommand } from './commands/completion.ts';
import { configCommand } from './commands/config.ts';
import { demoCommand } from './commands/demo.ts';
import { doctorCommand } from './commands/doctor.ts';
import { drillCommand } from './commands/drill.ts';
import { healthSetsCommand } from './commands/health-sets.ts';
import { incidentsCommand } from './commands/incidents.ts';
import { killSwitchCommand } from './commands/kill-switch.ts';
import { labCommand } from './commands/lab.ts';
import { playbooksCommand } from './commands/playbooks/index.ts';
import { recordCommand } from './commands/record.ts';
import { serveCommand } from './commands/serve.ts';
import { simulateCommand } from './commands/simulate/index.ts';
import { storeCommand } from './commands/store.ts';
import { undoCommand } from './commands/undo.ts';
import type { CliContext } from './context.ts';
import { CliError, EXIT, UsageError } from './errors.ts';
import { createTerminal } from './output/terminal.ts';
import { plainLines } from './output/text.ts';
import { version } from './version.ts';

/**
 * Every command. To add one, add its file and a line here. Modules that only the daemon requires are imported when a command runs,
 * so that the others start three times as fast.
 */
const COMMANDS: readonly ((program: Command, context: CliContext) => void)[] = [
  serveCommand,
  demoCommand,
  simulateCommand,
  drillCommand,
  labCommand,
  recordCommand,
  doctorCommand,
  alertCommand,
  incidentsCommand,
  killSwitchCommand,
  undoCommand,
  playbooksCommand,
  healthSetsCommand,
  storeCommand,
  configCommand,
  completionCommand,
];

const AFTER_HELP = `
Start here:
  second-responder demo              watch it repair a broken server, in ten seconds
  second-responder serve             run the daemon
  second-responder incidents watch   follow incidents live

Exit codes: 0 success, 1 problems found, 2 wrong usage. Colours are for terminals only; NO_COLOR turns them off.`;

/** All commands. Tests compare documentation and completion with it. */
export function createProgram(context: CliContext): Command {
  const program = new Command('second-responder')
    .description(
      'Receives alerts about Exchange health sets, verifies them, runs the recovery playbook and proves that it worked.',
    )
    .version(version(), '--version', 'print the version')
    .option('--config <file>', 'configuration file (default: config/second-responder.yaml)')
    .option('--json', 'print JSON instead of text')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', AFTER_HELP)
    .showSuggestionAfterError()
    // Values after `--token=` and similar options are not printed.
    .configureOutput({ outputError: (text, write) => write(text.replace(/(--[\w-]+=)[^'\n]*/g, '$1…')) })
    .exitOverride();
  for (const add of COMMANDS) add(program, context);
  return program;
}

/** Runs `second-responder ARGV` and returns the exit code. */
export async function run(argv: string[]): Promise<number> {
  process.stdout.once('error', readerGone);
  // No reader is left for an error message.
  process.stderr.on('error', () => {});
  let code: 0 | 1 = EXIT.fine;
  const context: CliContext = {
    terminal: createTerminal(process.stdout, process.env),
    fail: () => {
      code = EXIT.problems;
    },
  };
  try {
    await createProgram(context).parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.usage;
    const mendable = error instanceof ConfigError || error instanceof CliError || error instanceof UsageError;
    process.stderr.write(`${plainLines(mendable ? messageOf(error) : stackOf(error))}\n`);
    return error instanceof UsageError ? EXIT.usage : EXIT.problems;
  }
}

/** The reader of the output may stop early: `… | head`. A command that cleans up when it is stopped does so then too. */
function readerGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') {
    process.stderr.write(`Failed to write the output: ${error.message}\n`);
    process.exit(EXIT.problems);
  }
  process.stdout.on('error', () => {});
  if (process.listenerCount('SIGTERM') === 0) process.exit(EXIT.fine);
  process.kill(process.pid, 'SIGTERM');
}

/** Problems of files with an excerpt of each. */
const messageOf = (error: Error) =>
  error instanceof ConfigError ? error.problems.map(formatProblem).join('\n') : error.message;

const stackOf = (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error));
