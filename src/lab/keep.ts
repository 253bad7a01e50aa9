import { appendFileSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setAside, writeWhole } from '../lib/files.ts';
import { LOG_LIMIT, type LoggedCommand } from './port/command-log.ts';
import type { ClockStart } from './world/clock.ts';
import type { World } from './world/world.ts';

const VERSION = 1;
const DEBOUNCE_MS = 250;
/** How soon a disk that was full is tried again (real milliseconds). */
const AGAIN_MS = 1_000;

export interface Kept {
  version: typeof VERSION;
  id: string;
  /** Which organisation file it was built from; another file makes another organisation. */
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
 * Keeps the world in a file, so that killing the process does not reset it: the world as JSON, replaced in one rename,
 * and beside it the command log, a line for each command (`<file>.commands.jsonl`). A disk that is full or broken ends
 * nothing: the world goes on in memory, `trouble` says so, and it is written as soon as it can be.
 */
export class Keeper {
  private timer: NodeJS.Timeout | undefined;
  private lines: string[] = [];
  private written = 0;
  private readonly file: string;
  private readonly snapshot: () => Snapshot;
  private readonly tell: (says: string) => void;
  private closed = false;
  /** Why the file is behind the world; undefined when it is not. */
  trouble: string | undefined;

  constructor(file: string, snapshot: () => Snapshot, tell: (says: string) => void) {
    this.file = file;
    this.snapshot = snapshot;
    this.tell = tell;
    mkdirSync(dirname(file), { recursive: true });
  }

  /**
   * Undefined: nothing was kept, or nothing that can be used. `usable` throws for a world that this version can't go on
   * with. What can't be used is set aside under another name, and `tell` is told; throws when even that fails.
   */
  load(usable: (kept: Kept) => void): { kept: Kept; commands: LoggedCommand[] } | undefined {
    if (lstatSync(this.file, { throwIfNoEntry: false }) === undefined) return undefined;
    try {
      // A pipe would be waited for.
      if (!statSync(this.file).isFile()) throw new Error('it is not a regular file');
      const kept = JSON.parse(readFileSync(this.file, 'utf8')) as Kept;
      if (kept?.version !== VERSION) throw new Error(`its version is not ${VERSION}, the only supported one`);
      if (typeof kept.id !== 'string' || !Number.isFinite(kept.lastSeq)) throw new TypeError();
      usable(kept);
      const commands = this.loadCommands();
      this.written = commands.length;
      return { kept, commands };
    } catch (error) {
      this.begin(error instanceof TypeError ? 'it does not have the expected form' : (error as Error).message);
      return undefined;
    }
  }

  private begin(why: string): void {
    try {
      const names = [this.file, this.logFile].filter((file) => existsSync(file) || file === this.file).map(setAside);
      this.tell(
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
          // What a full disk took in part was written again, with the lines before it.
          if (!(entry.seq > last)) return [];
          last = entry.seq;
          return [entry];
        } catch {
          // A process that was killed can leave half a line at the end.
          return [];
        }
      });
  }

  command(entry: LoggedCommand): void {
    this.lines.push(JSON.stringify(entry));
    // With more than these the log is written anew from the entries themselves.
    if (this.lines.length > 4 * LOG_LIMIT) this.lines.splice(0, LOG_LIMIT);
    this.soon();
  }

  /** Written within a quarter of a second. */
  soon(): void {
    if (!this.closed) this.timer ??= setTimeout(() => this.now(), DEBOUNCE_MS).unref();
  }

  /** Written before it returns: what changed something must not be forgotten when the answer was given. */
  now(): void {
    if (this.closed) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    try {
      this.write();
      if (this.trouble !== undefined) this.tell(`The lab state is saved in ${this.file} again.`);
      this.trouble = undefined;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const says = `The lab state can't be saved in ${this.file} (${why}). The lab continues in memory; the state is lost if the process ends before it can be saved.`;
      if (this.trouble !== says) this.tell(says);
      this.trouble = says;
      this.timer = setTimeout(() => this.now(), AGAIN_MS).unref();
    }
  }

  private write(): void {
    const { kept, commands } = this.snapshot();
    if (this.written + this.lines.length > 2 * LOG_LIMIT) {
      const all = commands();
      writeWhole(this.logFile, all.map((entry) => `${JSON.stringify(entry)}\n`).join(''), LIKE_THE_WORLD);
      this.written = all.length;
    } else if (this.lines.length > 0) {
      // A line break first: it closes a line that a kill may have left half written.
      appendFileSync(this.logFile, `\n${this.lines.join('\n')}`);
      this.written += this.lines.length;
    }
    this.lines = [];
    writeWhole(this.file, JSON.stringify(kept), LIKE_THE_WORLD);
  }

  /** A new organisation: its log is empty. */
  startAnew(): void {
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

/** A simulated world that a power loss forgets begins anew: no change waits for the disk. */
const LIKE_THE_WORLD = { mode: 0o644, flush: false };
