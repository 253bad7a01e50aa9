/** The files that the daemon itself writes: whole or not at all, and what is there is believed only after a look. */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

export interface WriteOptions {
  /** Who may read it; its owner alone unless said. */
  mode?: number;
  /** Throws EEXIST where there is such a file already. */
  never?: 'over-another';
  /** Kept also when the power fails; false where a lost change costs nothing. True unless said. */
  flush?: boolean;
}

/**
 * Writes a file under another name and renames it, so that a reader, a full disk or a kill never leaves half of it. Throws
 * what the system says, and what was there before stays.
 */
export function writeWhole(file: string, text: string, options: WriteOptions = {}): void {
  const { mode = 0o600, never, flush = true } = options;
  // The one draft of a file is written over by the next attempt; those who race for one file need a draft each.
  const half = never ? join(dirname(file), `.${basename(file)}.${randomUUID()}`) : `${file}.new`;
  try {
    rmSync(half, { force: true });
    // A link that somebody laid there is not followed.
    const descriptor = openSync(half, 'wx', mode);
    try {
      writeFileSync(descriptor, text);
      if (flush) fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    if (never) putBeside(half, file);
    else renameSync(half, file);
    if (flush) flushFolder(dirname(file));
  } finally {
    // Where the disk is full, half a file would take the room that the next attempt needs.
    removed(half);
  }
}

/** A second name for a file is never given where there is one: unlike a rename, which replaces what is there. */
function putBeside(half: string, file: string): void {
  try {
    linkSync(half, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error;
    // A file system without second names.
    copyFileSync(half, file, constants.COPYFILE_EXCL);
  }
}

/** A new name is on disk once its folder is. Not every system lets a folder be opened; there it is the system's affair. */
function flushFolder(folder: string): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(folder, 'r');
    fsyncSync(descriptor);
  } catch {
    return;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function removed(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // It is no file of ours, and the failure that led here is the one to tell.
  }
}

/** More than any of them holds; what is larger was not written by us. */
const SMALL = 64 * 1024;

/** The text of a small file; undefined where there is none. Throws for what is no plain file, without waiting for a pipe. */
export function readSmall(file: string): string | undefined {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (!found.isFile()) throw new Error('is not a regular file');
  if (found.size > SMALL) throw new Error('is too large');
  return readFileSync(file, 'utf8');
}

/** Gives what can't be used another name beside it, so that nothing is lost; answers the name. */
export function setAside(file: string): string {
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  for (let count = 1; ; count++) {
    const name = `${file}.unusable-${stamp}${count === 1 ? '' : `-${count}`}`;
    if (lstatSync(name, { throwIfNoEntry: false }) !== undefined) continue;
    renameSync(file, name);
    return name;
  }
}
