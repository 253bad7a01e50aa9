import type { ChildProcess } from 'node:child_process';
import { PowerShell, type PowerShellOptions } from 'node-powershell';
import { BOOTSTRAP_COMMAND, END_WITHOUT_BOOTSTRAP, RECEIVE_NEXT_LINE } from '../bootstrap.ts';
import { type Driver, SWITCHES } from './driver.ts';

/** Its reader waits for ever when an answer arrives in one piece with a Windows line end behind it. */
const LINE_ENDS = ['[Console]::Out.NewLine = [string][char]10', '[Console]::Error.NewLine = [string][char]10'];

/** The library renames some programs, and lets an environment variable overrule what was asked for. */
class Shell extends PowerShell {
  protected override setExecutable({ executable = 'pwsh' }: PowerShellOptions): string {
    return executable;
  }
}

/**
 * The library of that name. Only constant commands are given to it; a request follows its command as a line of data. It tells
 * success from failure by guesses, so nothing is taken from it but what the shell wrote; whether that is an answer, and whether the
 * process lives, is judged outside. docs/dependencies.md lists what is kept in check here.
 */
export const nodePowerShell: Driver = ({ executable, environment }) => {
  const shell = new Shell({
    executable,
    executableOptions: SWITCHES,
    spawnOptions: { env: environment, windowsHide: true },
    throwOnInvocationError: false,
  });
  // It keeps the process to itself, but a tree can only be ended by it.
  const child = Reflect.get(shell, 'process') as ChildProcess;
  for (const command of LINE_ENDS) shell.streams.stdin.write(`${command}\n`);
  const started = invoke(shell, BOOTSTRAP_COMMAND);
  // The first request tells that it failed; until then an invocation is needed, or the library's own promise of the
  // process's end would be nobody's, and end the daemon.
  started.catch(() => {});
  shell.streams.stdin.write(`${END_WITHOUT_BOOTSTRAP}\n`);

  return {
    process: child,
    ask: (line) => invoke(shell, `${RECEIVE_NEXT_LINE}\n${line}`),
  };
};

/** What the shell wrote to its output. The library would keep it, and the command, for the life of the shell. */
async function invoke(shell: PowerShell, command: string): Promise<string> {
  try {
    const { stdout } = await shell.invoke(command);
    return stdout?.toString('utf8') ?? '';
  } finally {
    shell.history.length = 0;
  }
}
