/** Waits for changes of files. */
import { type FSWatcher, readdirSync, type Stats, statSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';

/** Editors write a file in several steps. */
const SETTLES_MS = 100;
/** Network shares, and systems with too many watched files, report nothing. */
const LOOKS_EVERY_MS = 2_000;

/**
 * Watches folders, not files, because editors replace a file by another of its name. A report of the system is only a
 * reason to compare: on Windows, reading a file is reported too.
 */
export class FileWatch {
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #timer = setInterval(() => this.#hint(), LOOKS_EVERY_MS);
  #paths: readonly string[] = [];
  #known = new Map<string, string>();
  #hint: () => void = () => {};

  /** Sets the files and folders to watch. A path that was followed before keeps its known state, so no change is missed. */
  follow(paths: readonly string[]): void {
    this.#paths = paths;
    const states = statesOf(paths);
    for (const [file, state] of states) if (!this.#known.has(file)) this.#known.set(file, state);
    const folders = new Set(paths.map(folderOf));
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) this.#open(folder);
  }

  /** The files that have changed since they were last known, as soon as there are any. */
  async changes(): Promise<string[]> {
    while (this.#changed(statesOf(this.#paths)).length === 0) {
      await new Promise<void>((resolve) => {
        this.#hint = resolve;
      });
    }
    await this.#settled();
    const states = statesOf(this.#paths);
    const changed = this.#changed(states);
    this.#known = states;
    // A file may be as it was before.
    return changed.length > 0 ? changed : this.changes();
  }

  close(): void {
    clearInterval(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #changed(states: Map<string, string>): string[] {
    const files = new Set([...states.keys(), ...this.#known.keys()]);
    return [...files].filter((file) => states.get(file) !== this.#known.get(file));
  }

  /** Resolves once nothing has been reported for a moment. */
  #settled(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => resolve();
      let timer = setTimeout(done, SETTLES_MS);
      this.#hint = () => {
        clearTimeout(timer);
        timer = setTimeout(done, SETTLES_MS);
      };
    });
  }

  #open(folder: string): void {
    if (this.#watchers.has(folder)) return;
    try {
      const watcher = watch(folder, () => this.#hint());
      // A folder that is removed; the next comparison sees it.
      watcher.on('error', () => {
        watcher.close();
        this.#watchers.delete(folder);
        this.#hint();
      });
      this.#watchers.set(folder, watcher);
    } catch {
      // It cannot be watched: the timer compares.
    }
  }
}

/** What counts in a folder; editors leave drafts there too. */
const KINDS = /\.(ya?ml|ps1)$/i;

/** The state of each file, and of each file that counts in a folder. */
function statesOf(paths: readonly string[]): Map<string, string> {
  return new Map(
    paths.flatMap((path): [string, string][] => {
      const found = statOf(path);
      if (!found?.isDirectory()) return [[path, stateOf(found)]];
      return namesIn(path).map((name) => [join(path, name), stateOf(statOf(join(path, name)))]);
    }),
  );
}

const stateOf = (found: Stats | undefined) => (found ? `${found.ino} ${found.size} ${found.mtimeMs}` : 'absent');
const statOf = (path: string) => {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
};

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => KINDS.test(name));
  } catch {
    return [];
  }
}

/** The folder in which a change of the path shows; the nearest one that exists. */
function folderOf(path: string): string {
  for (let folder = statOf(path)?.isDirectory() ? path : dirname(path); ; folder = dirname(folder)) {
    if (statOf(folder)?.isDirectory() || folder === dirname(folder)) return folder;
  }
}
