import { appendFileSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setAside, writeWhole } from '../lib/files.ts';
import { LOG_LIMIT, type LoggedCommand } from './port/command-log.ts';
import type { ClockStart } from './world/clock.ts';
import type { World } from './world/world.ts';

const VERSION = 1;
const DEBOUNCE_MS = 250;
/** Time until saving is tried again after a failure, in real milliseconds. */
const RETRY_MS = 1_000;

export interface Kept {
  version: typeof VERSION;
  id: string;
  /** Hash of the organisation file; another file gives another organisation. */
  plan: number;
  clock: ClockStart;
  lastSeq: number;
  world: World;
}

export interface Snapshot {
  kept: Kept;
  commands: () => LoggedCommand[];
}

/**
 * Saves the world to a file, so that killing the process does not reset it: the world as JSON, replaced in one rename,
 * and the command log next to it, one line per command (`<file>.commands.jsonl`). If the disk is full or broken, the lab
 * continues in memory, `trouble` says so, and the world is saved as soon as possible.
 */
export class Keeper {
  private timer: NodeJS.Timeout | undefined;
  private lines: string[] = [];
  private written = 0;
  private readonly file: string;
  private readonly snapshot: () => Snapshot;
  private readonly report: (says: string) => void;
  private closed = false;
  /** Why the file does not have the current world; undefined if it does. */
  trouble: string | undefined;

  constructor(file: string, snapshot: () => Snapshot, report: (says: string) => void) {
    this.file = file;
    this.snapshot = snapshot;
    this.report = report;
    mkdirSync(dirname(file), { recursive: true });
  }

  /**
   * Loads the saved world. Undefined: there is none, or it can't be used. `usable` throws for a world that this version
   * can't continue with. An unusable file is renamed and reported; throws if renaming fails.
   */
  load(usable: (kept: Kept) => void): { kept: Kept; commands: LoggedCommand[] } | undefined {
    if (lstatSync(this.file, { throwIfNoEntry: false }) === undefined) return undefined;
    try {
      // Reading a pipe would block.
      if (!statSync(this.file).isFile()) throw new Error('it is not a regular file');
      const kept = JSON.parse(readFileSync(this.file, 'utf8')) as Kept;
      if (kept?.version !== VERSION) throw new Error(`its version is not ${VERSION}, the only supported one`);
      if (typeof kept.id !== 'string' || !Number.isFinite(kept.lastSeq)) throw new TypeError();
      usable(kept);
      const commands = this.loadCommands();
      this.written = commands.length;
      return { kept, commands };
    } catch (error) {
      this.setAside(error instanceof TypeError ? 'it does not have the expected form' : (error as Error).message);
      return undefined;
    }
  }

  private setAside(why: string): void {
    try {
      const names = [this.file, this.logFile].filter((file) => existsSync(file) || file === this.file).map(setAside);
      this.report(
        `The lab state in ${this.file} can't be used (${why}). It was renamed to ${names.join(' and ')}, and the lab starts with a new organisation.`,
      );
    } catch (error) {
      const and = error instanceof Error ? error.message : String(error);
      throw new Error(
        `The lab state in ${this.file} can't be used (${why}) or renamed (${and}). Move it away and start the lab again.`,
      );
    }
  }

  private loadCommands(): LoggedCommand[] {
    if (!existsSync(this.logFile)) return [];
    let last = 0;
    return readFileSync(this.logFile, 'utf8')
      .split('\n')
      .slice(-LOG_LIMIT - 1)
      .flatMap((line) => {
        try {
          const entry = JSON.parse(line) as LoggedCommand;
          // Lines that a full disk took only in part were written again, together with those before them.
          if (!(entry.seq > last)) return [];
          last = entry.seq;
          return [entry];
        } catch {
          // A killed process can leave a partial line at the end.
          return [];
        }
      });
  }

  command(entry: LoggedCommand): void {
    this.lines.push(JSON.stringify(entry));
    // With more lines than this, the log is rewritten from its entries.
    if (this.lines.length > 4 * LOG_LIMIT) this.lines.splice(0, LOG_LIMIT);
    this.soon();
  }

  /** Saves within a quarter of a second. */
  soon(): void {
    if (!this.closed) this.timer ??= setTimeout(() => this.now(), DEBOUNCE_MS).unref();
  }

  /** Saves before it returns, so that no answer is given for a change that is lost. */
  now(): void {
    if (this.closed) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    try {
      this.write();
      if (this.trouble !== undefined) this.report(`The lab state is saved in ${this.file} again.`);
      this.trouble = undefined;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const says = `The lab state can't be saved in ${this.file} (${why}). The lab continues in memory; the state is lost if the process ends before it can be saved.`;
      if (this.trouble !== says) this.report(says);
      this.trouble = says;
      this.timer = setTimeout(() => this.now(), RETRY_MS).unref();
    }
  }

  private write(): void {
    const { kept, commands } = this.snapshot();
    if (this.written + this.lines.length > 2 * LOG_LIMIT) {
      const all = commands();
      writeWhole(this.logFile, all.map((entry) => `${JSON.stringify(entry)}\n`).join(''), WITHOUT_FLUSH);
      this.written = all.length;
    } else if (this.lines.length > 0) {
      // Starts with a line break, to end a partial line of a killed process.
      appendFileSync(this.logFile, `\n${this.lines.join('\n')}`);
      this.written += this.lines.length;
    }
    this.lines = [];
    writeWhole(this.file, JSON.stringify(kept), WITHOUT_FLUSH);
  }

  /** Starts the files of a new organisation, with an empty log. */
  startOver(): void {
    this.lines = [];
    this.written = 0;
    rmSync(this.logFile, { force: true });
    this.now();
  }

  close(): void {
    this.now();
    this.closed = true;
  }

  private get logFile(): string {
    return `${this.file}.commands.jsonl`;
  }
}

/** After a power failure, a simulated world may start over, so no change waits for the disk. */
const WITHOUT_FLUSH = { mode: 0o644, flush: false };
