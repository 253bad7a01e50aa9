import type { Instant } from '../../incident/alert.ts';

/** `none`: it changed nothing (a read or a failed attempt). `already`: its fence showed that it had been done before. */
export type Effect = 'changed' | 'none' | 'already' | 'refused';

/** A command that reached the organisation, with the real names of cmdlet and parameters. */
export interface LoggedCommand {
  /** Starts at 1 and is never reused, not even after a reset. */
  seq: number;
  at: Instant;
  /** The server acted on; '' for commands about the organisation. */
  server: string;
  command: string;
  arguments: Record<string, unknown>;
  caller: string;
  effect: Effect;
}

export const LOG_LIMIT = 100_000;

/** Everything that reached the organisation. Drops the oldest entries above the limit. */
export class CommandLog {
  private entries: LoggedCommand[] = [];
  private next = 1;
  /** Called for each entry, to save it. */
  onEntry: (entry: LoggedCommand) => void = () => {};

  add(entry: Omit<LoggedCommand, 'seq'>): void {
    const logged = { seq: this.next++, ...entry };
    this.entries.push(logged);
    // Cut in batches, because shifting the array at every entry is expensive.
    if (this.entries.length > LOG_LIMIT + 10_000) this.entries = this.entries.slice(-LOG_LIMIT);
    this.onEntry(logged);
  }

  /** Those after a sequence number, or at and after a time. */
  since(from: { seq: number } | { at: Instant }): LoggedCommand[] {
    const kept = this.entries.slice(-LOG_LIMIT);
    return kept.filter((entry) => ('seq' in from ? entry.seq > from.seq : entry.at >= from.at));
  }

  clear(): void {
    this.entries = [];
  }

  get last(): number {
    return this.next - 1;
  }

  /** Continues the log that another process saved. */
  restore(entries: LoggedCommand[], last: number): void {
    this.entries = entries.slice(-LOG_LIMIT);
    this.next = Math.max(last, this.entries.at(-1)?.seq ?? 0) + 1;
  }
}
