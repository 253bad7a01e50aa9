import { isatty } from 'node:tty';

export interface Signals {
  /** What SIGHUP does, where it does not mean that the terminal is gone; absent: it stops the process like the others. */
  reload?(): void;
  /** Told of a signal that means nothing here and would end a process that does not catch it. */
  unused?(signal: NodeJS.Signals): void;
}

/**
 * Resolves at the first signal that asks the process to stop; a second one ends it at once. None that is sent by a
 * terminal, a service manager or by hand ends it without a goodbye.
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
      // A terminal that was closed is none any more, and it sends the signal more than once; so does Windows' console.
      const closed = (onTerminal && !isatty(1)) || process.platform === 'win32';
      if (reload && !closed) reload();
      else if (!asked) stop(signal);
    });
    // Node would open its debugger at SIGUSR1, to everybody on this machine.
    for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGALRM'] as const) process.on(signal, () => unused?.(signal));
  });
}
