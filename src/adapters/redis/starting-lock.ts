import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, futimesSync, linkSync, lstatSync, openSync, renameSync, rmSync } from 'node:fs';
import { setAside } from '../../lib/files.ts';

/** Interval at which the holder touches the file, in real milliseconds. */
const BEAT_MS = 500;
/** A holder that has not touched it for this time is dead, or frozen and notices before it continues. */
const DEAD_MS = 5_000;

export interface StartingLock {
  /** False if another process took it over because this one was frozen too long. */
  held(): boolean;
  release(): void;
}

/**
 * The lock to start the server of a directory: an empty file that its holder keeps touching. It contains no process id, which
 * could mean another process after a restart or in another container. A file that has not changed for some time is taken over,
 * whatever it is.
 */
export class Locksmith {
  private readonly path: string;
  private readonly tell: (says: string) => void;
  private seen: { mark: string; since: number } | undefined;

  constructor(path: string, tell: (says: string) => void) {
    this.path = path;
    this.tell = tell;
  }

  /** Undefined if another process holds it or may hold it; try again. Throws if it can't be written. */
  attempt(): StartingLock | undefined {
    let descriptor: number;
    try {
      descriptor = openSync(this.path, 'wx', 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      this.takeOverFromTheDead();
      return undefined;
    }
    const { ino } = fstatSync(descriptor, { bigint: true });
    const held = () => lstatSync(this.path, { bigint: true, throwIfNoEntry: false })?.ino === ino;
    // Uses the open file, so that it never touches another holder's.
    const beat = () => futimesSync(descriptor, new Date(), new Date());
    const beats = setInterval(beat, BEAT_MS).unref();
    return {
      held,
      release: () => {
        clearInterval(beats);
        if (held()) rmSync(this.path, { force: true });
        closeSync(descriptor);
      },
    };
  }

  private takeOverFromTheDead(): void {
    const mark = markOf(this.path);
    if (mark === undefined) return;
    const now = performance.now();
    if (this.seen?.mark !== mark) this.seen = { mark, since: now };
    if (now - this.seen.since < DEAD_MS) return;
    try {
      this.remove(mark);
    } catch (error) {
      // Another process was faster.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  private remove(mark: string): void {
    this.tell(`${this.path} was left by a daemon that crashed while starting: removing it`);
    const taken = `${this.path}.${randomUUID()}`;
    renameSync(this.path, taken);
    // Another process may have been faster and hold its own lock there.
    if (markOf(taken) === mark) discard(taken, this.path);
    else giveBack(taken, this.path);
  }
}

/** Changes whenever the holder touches the file. */
function markOf(path: string): string | undefined {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}:${found.mtimeNs}`;
}

/** Removes a file; keeps a directory under another name, because it is not ours and may contain data. */
function discard(taken: string, path: string): void {
  if (lstatSync(taken).isDirectory()) {
    renameSync(taken, path);
    setAside(path);
  } else {
    rmSync(taken);
  }
}

function giveBack(taken: string, path: string): void {
  try {
    linkSync(taken, path);
  } catch {
    // A third process has the lock now; the one that lost it notices before it starts a server.
  }
  rmSync(taken, { force: true });
}
