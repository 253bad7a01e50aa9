import { isatty } from 'node:tty';

export interface Signals {
  /** Called for SIGHUP, unless it means that the terminal was closed. Absent: SIGHUP stops the process. */
  reload?(): void;
  /** Called for a signal that has no meaning here and would end the process by default. */
  unused?(signal: NodeJS.Signals): void;
}

/**
 * Resolves at the first signal to stop; a second one exits immediately. Handles every such signal of a terminal, a service manager
 * or a person.
 */
export function untilStopped({ reload, unused }: Signals = {}): Promise<NodeJS.Signals> {
  const onTerminal = isatty(1);
  return new Promise((resolve) => {
    let asked = false;
    const stop = (signal: NodeJS.Signals) => {
      if (asked) process.exit(130);
      asked = true;
      resolve(signal);
    };
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGBREAK'] as const) process.on(signal, stop);
    process.on('SIGHUP', (signal) => {
      // A closed terminal is no longer one and sends the signal more than once, like the Windows console.
      const closed = (onTerminal && !isatty(1)) || process.platform === 'win32';
      if (reload && !closed) reload();
      else if (!asked) stop(signal);
    });
    // By default, SIGUSR1 opens Node's debugger to everybody on this machine.
    for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGALRM'] as const) process.on(signal, () => unused?.(signal));
  });
}
