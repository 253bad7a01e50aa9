/** Files that the daemon writes: complete or not at all, and checked before they are read. */
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
  /** File mode; default: only the owner can read it. */
  mode?: number;
  /** Throws EEXIST if the file already exists. */
  never?: 'over-another';
  /** Whether the write must survive a power failure; default true. */
  flush?: boolean;
}

/**
 * Writes a file under another name and renames it, so that a reader, a full disk or a kill never leaves half of it.
 * Throws the system's error, and then the previous file stays.
 */
export function writeWhole(file: string, text: string, options: WriteOptions = {}): void {
  const { mode = 0o600, never, flush = true } = options;
  // The next attempt overwrites a file's single draft; concurrent writers of one file need a draft each.
  const draft = never ? join(dirname(file), `.${basename(file)}.${randomUUID()}`) : `${file}.new`;
  try {
    rmSync(draft, { force: true });
    // 'wx' does not follow a link that someone put there.
    const descriptor = openSync(draft, 'wx', mode);
    try {
      writeFileSync(descriptor, text);
      if (flush) fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    if (never) putBeside(draft, file);
    else renameSync(draft, file);
    if (flush) flushFolder(dirname(file));
  } finally {
    // On a full disk, half a file would take the space that the next attempt needs.
    removeQuietly(draft);
  }
}

/** Adds a second name for a file. Unlike a rename, linking never replaces an existing file. */
function putBeside(draft: string, file: string): void {
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error;
    // The file system does not support hard links.
    copyFileSync(draft, file, constants.COPYFILE_EXCL);
  }
}

/** A new name is on disk once its folder is. Systems that can't open a folder handle that themselves. */
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

function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // Ignored: the failure that led here is the one to report.
  }
}

/** Larger than any of these files; a larger one was not written by the daemon. */
const SMALL = 64 * 1024;

/**
 * The text of a small file; undefined if it does not exist. Throws if it is not a regular file, without waiting for a
 * pipe.
 */
export function readSmall(file: string): string | undefined {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (!found.isFile()) throw new Error('is not a regular file');
  if (found.size > SMALL) throw new Error('is too large');
  return readFileSync(file, 'utf8');
}

/** Renames an unusable file, so that nothing is lost; returns the new name. */
export function setAside(file: string): string {
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  for (let count = 1; ; count++) {
    const name = `${file}.unusable-${stamp}${count === 1 ? '' : `-${count}`}`;
    if (lstatSync(name, { throwIfNoEntry: false }) !== undefined) continue;
    renameSync(file, name);
    return name;
  }
}
