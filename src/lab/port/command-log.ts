import type { Instant } from '../../incident/alert.ts';

/** `none`: it changed nothing (a read, or an attempt in vain). `already`: its fence said that it was done before. */
export type Effect = 'changed' | 'none' | 'already' | 'refused';

/** A command that reached the organisation, with the real names of cmdlet and parameters. */
export interface LoggedCommand {
  /** 1 is the first; never used again, not even after a reset. */
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

/** What really happened, whatever the callers believe. The oldest go when there are more than the limit. */
export class CommandLog {
  private entries: LoggedCommand[] = [];
  private next = 1;
  /** Told of each entry; persistence listens. */
  onEntry: (entry: LoggedCommand) => void = () => {};

  add(entry: Omit<LoggedCommand, 'seq'>): void {
    const logged = { seq: this.next++, ...entry };
    this.entries.push(logged);
    // In portions, because shifting the array at each entry would cost more than the entry.
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

  /** Goes on with what another process kept. */
  restore(entries: LoggedCommand[], last: number): void {
    this.entries = entries.slice(-LOG_LIMIT);
    this.next = Math.max(last, this.entries.at(-1)?.seq ?? 0) + 1;
  }
}
