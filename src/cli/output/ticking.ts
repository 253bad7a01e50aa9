import type { Instant } from '../../incident/alert.ts';
import type { Terminal } from './terminal.ts';
import { timeOfDay } from './time.ts';

const EVERY = 80;
const CLEAR = '\r\u001b[2K';

/**
 * A terminal whose last line shows the organisation's time while nothing happens. If the output is not a terminal, returns it
 * unchanged.
 */
export function ticking(terminal: Terminal, now: () => Instant): { terminal: Terminal; stop(): void } {
  if (!terminal.live) return { terminal, stop: () => {} };
  const { write, paint } = terminal;
  const timer = setInterval(() => write(`${CLEAR}  ${paint('dim', timeOfDay(now()))}`), EVERY);
  return {
    terminal: { ...terminal, write: (text) => write(CLEAR + text) },
    stop() {
      clearInterval(timer);
      write(CLEAR);
    },
  };
}
