import { Command, CommanderError } from 'commander';
import { ConfigError } from '../config/problems.ts';
import { labCommand } from './lab.ts';
import { serveCommand } from './serve.ts';
import { version } from './version.ts';

/** Fine; problems found; wrong usage. */
export const EXIT = { fine: 0, problems: 1, usage: 2 } as const;

/** What went wrong in a way that its user can mend: told in a sentence, without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError';
}

/** What a command is given besides its arguments. */
export interface CliContext {
  /** Problems were found, and have been printed: the exit code becomes 1. */
  fail(): void;
}

/** Every command; adding one: its file, and a line here. */
const COMMANDS: readonly ((program: Command, context: CliContext) => void)[] = [serveCommand, labCommand];

/** Runs `second-responder ARGV`; answers the exit code. */
export async function run(argv: string[]): Promise<number> {
  let code: 0 | 1 = EXIT.fine;
  const program = new Command('second-responder')
    .description(
      'Takes alerts about Exchange health sets, checks that the trouble is still there, runs the playbook, proves that it worked.',
    )
    .version(version())
    .option('--config <file>', 'the configuration; else config/second-responder.yaml')
    .option('--json', 'print JSON instead of text for people')
    .showSuggestionAfterError()
    .exitOverride();
  const context: CliContext = {
    fail: () => {
      code = EXIT.problems;
    },
  };
  for (const add of COMMANDS) add(program, context);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.usage;
    if (error instanceof ConfigError || error instanceof CliError) {
      process.stderr.write(`${error.message}\n`);
      return EXIT.problems;
    }
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return EXIT.problems;
  }
}
