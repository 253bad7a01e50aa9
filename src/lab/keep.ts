import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ClockStart } from './clock.ts';
import { LOG_LIMIT, type LoggedCommand } from './command-log.ts';
import type { World } from './world.ts';

const VERSION = 1;
const DEBOUNCE_MS = 250;

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
 * and beside it the command log, a line for each command (`<file>.commands.jsonl`).
 */
export class Keeper {
  private timer: NodeJS.Timeout | undefined;
  private lines: string[] = [];
  private written = 0;
  private readonly file: string;
  private readonly snapshot: () => Snapshot;
  private closed = false;

  constructor(file: string, snapshot: () => Snapshot) {
    this.file = file;
    this.snapshot = snapshot;
    mkdirSync(dirname(file), { recursive: true });
  }

  /** Undefined: nothing was kept. Throws when what was kept can't be read. */
  load(): { kept: Kept; commands: LoggedCommand[] } | undefined {
    if (!existsSync(this.file)) return undefined;
    try {
      const kept = JSON.parse(readFileSync(this.file, 'utf8')) as Kept;
      if (kept.version !== VERSION || !kept.world || !kept.clock || !kept.id) throw new Error('it has another form');
      const commands = this.loadCommands();
      this.written = commands.length;
      return { kept, commands };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`The lab's world in ${this.file} cannot be read (${why}). Remove it to begin with a new one.`);
    }
  }

  private loadCommands(): LoggedCommand[] {
    if (!existsSync(this.logFile)) return [];
    return readFileSync(this.logFile, 'utf8')
      .split('\n')
      .slice(-LOG_LIMIT - 1)
      .flatMap((line) => {
        try {
          return [JSON.parse(line) as LoggedCommand];
        } catch {
          // A process that was killed can leave half a line at the end.
          return [];
        }
      });
  }

  command(entry: LoggedCommand): void {
    this.lines.push(JSON.stringify(entry));
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
    const { kept, commands } = this.snapshot();
    if (this.written + this.lines.length > 2 * LOG_LIMIT) {
      const all = commands();
      replace(this.logFile, all.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
      this.written = all.length;
    } else if (this.lines.length > 0) {
      // A line break first: it closes a line that a kill may have left half written.
      appendFileSync(this.logFile, `\n${this.lines.join('\n')}`);
      this.written += this.lines.length;
    }
    this.lines = [];
    replace(this.file, JSON.stringify(kept));
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

function replace(file: string, content: string): void {
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
}
