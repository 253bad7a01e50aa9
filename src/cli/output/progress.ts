import { plain } from './text.ts';

export interface Progress {
  /** `share`: how much is done, from 0 to 1. */
  show(share: number, says: string): void;
  clear(): void;
}

const WIDTH = 30;
/** Milliseconds between two updates: more can't be seen. */
const EVERY = 100;

/** A bar on standard error that is overwritten, on a terminal only. */
export function progressBar(isWanted: boolean, now = Date.now): Progress {
  if (!isWanted || !process.stderr.isTTY) return { show() {}, clear() {} };
  let shown = 0;
  return {
    show(share, says) {
      if (now() - shown < EVERY) return;
      shown = now();
      const full = Math.round(share * WIDTH);
      const bar = '█'.repeat(full) + '░'.repeat(WIDTH - full);
      process.stderr.write(`\r\x1b[2K${bar} ${String(Math.floor(share * 100)).padStart(3)} % ${plain(says)}`);
    },
    clear: () => void process.stderr.write('\r\x1b[2K'),
  };
}
