import type { ChildProcess } from 'node:child_process';
import { PowerShell, type PowerShellOptions } from 'node-powershell';
import { BOOTSTRAP_COMMAND, END_WITHOUT_BOOTSTRAP, RECEIVE_NEXT_LINE } from '../bootstrap.ts';
import { type Driver, SWITCHES } from './driver.ts';

/** Its reader never resolves if an answer arrives in one piece with a Windows line end. */
const LINE_ENDS = ['[Console]::Out.NewLine = [string][char]10', '[Console]::Error.NewLine = [string][char]10'];

/** The library renames some programs, and an environment variable overrides the requested one. */
class Shell extends PowerShell {
  protected override setExecutable({ executable = 'pwsh' }: PowerShellOptions): string {
    return executable;
  }
}

/**
 * The library of that name. It receives only constant commands; each request follows its command as a line of data. It guesses
 * whether a command succeeded, so only the output of the shell is used; the caller checks the reply and the process.
 * docs/dependencies.md lists its problems that are worked around here.
 */
export const nodePowerShell: Driver = ({ executable, environment }) => {
  const shell = new Shell({
    executable,
    executableOptions: SWITCHES,
    spawnOptions: { env: environment, windowsHide: true },
    throwOnInvocationError: false,
  });
  // The library does not expose the process, which is required to kill its tree.
  const child = Reflect.get(shell, 'process') as ChildProcess;
  for (const command of LINE_ENDS) shell.streams.stdin.write(`${command}\n`);
  const started = invoke(shell, BOOTSTRAP_COMMAND);
  // The first request reports a failed start. Until then an invocation is required: otherwise the library's promise of the
  // process's exit would be an unhandled rejection and end the daemon.
  started.catch(() => {});
  shell.streams.stdin.write(`${END_WITHOUT_BOOTSTRAP}\n`);

  return {
    process: child,
    ask: (line) => invoke(shell, `${RECEIVE_NEXT_LINE}\n${line}`),
  };
};

/** The output of the shell. The library would keep it, and the command, for the life of the shell. */
async function invoke(shell: PowerShell, command: string): Promise<string> {
  try {
    const { stdout } = await shell.invoke(command);
    return stdout?.toString('utf8') ?? '';
  } finally {
    shell.history.length = 0;
  }
}
