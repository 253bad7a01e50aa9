import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, futimesSync, linkSync, lstatSync, openSync, renameSync, rmSync } from 'node:fs';
import { setAside } from '../../lib/files.ts';

/** How often its holder touches the file (real milliseconds). */
const BEAT_MS = 500;
/** A holder that did not touch it for so long is dead; or it stands still, and finds out before it goes on. */
const DEAD_MS = 5_000;

export interface StartingLock {
  /** False: another took it over, as this process stood still for too long. */
  held(): boolean;
  release(): void;
}

/**
 * The right to start the server of a directory: an empty file that its holder keeps touching. No number of a process stands
 * in it, as that means another one after a restart or in another container. Only a file that changes is held; one that lies
 * still is taken over, whatever it is.
 */
export class Locksmith {
  private readonly path: string;
  private readonly tell: (says: string) => void;
  private seen: { mark: string; since: number } | undefined;

  constructor(path: string, tell: (says: string) => void) {
    this.path = path;
    this.tell = tell;
  }

  /** Undefined: another holds it, or may; ask again. Throws when it can't be written. */
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
    // By the open file, so that it is never another's that is touched.
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
      // Another was quicker.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  private remove(mark: string): void {
    this.tell(`${this.path} was left by a daemon that crashed while starting: removing it`);
    const taken = `${this.path}.${randomUUID()}`;
    renameSync(this.path, taken);
    // Another may have been quicker, and hold a lock of its own there by now.
    if (markOf(taken) === mark) discard(taken, this.path);
    else giveBack(taken, this.path);
  }
}

/** Another one whenever its holder has touched it. */
function markOf(path: string): string | undefined {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}:${found.mtimeNs}`;
}

/** What is no file is none of ours, and may hold something. */
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
    // Yet another has one now: the one without finds out before it starts a server.
  }
  rmSync(taken, { force: true });
}
