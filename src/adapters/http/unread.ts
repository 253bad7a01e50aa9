import type { Socket } from 'node:net';
import { networkOf } from './limits.ts';

interface Reader {
  socket: Socket;
  network: string;
  /** Bytes that must have been read, and since when they wait (real milliseconds). */
  debt?: { upTo: number; since: number };
}

export interface UnreadLimits {
  /** Real milliseconds in which what is written must be read. */
  ms: number;
  /** Bytes that may be written and not read: by one network, and by all. */
  bytes: { each: number; all: number };
}

/** Unread answers are kept in memory, so a connection that is read too slowly, or leaves too much unread, is closed. */
export class Unread {
  readonly #limits: UnreadLimits;
  readonly #say: (says: string) => void;
  readonly #readers = new Set<Reader>();

  constructor(limits: UnreadLimits, say: (says: string) => void) {
    this.#limits = limits;
    this.#say = say;
  }

  watch(socket: Socket): void {
    const reader = { socket, network: networkOf(socket.remoteAddress) };
    this.#readers.add(reader);
    socket.once('close', () => this.#readers.delete(reader));
  }

  /** To be called now and then; `now` is monotonic, ms. */
  sweep(now: number): void {
    const behind = [...this.#readers].filter((reader) => this.#isBehind(reader, now));
    behind.sort((a, b) => (a.debt?.since ?? 0) - (b.debt?.since ?? 0));
    for (const network of new Set(behind.map((reader) => reader.network))) {
      this.#relieve(
        behind.filter((reader) => reader.network === network),
        this.#limits.bytes.each,
      );
    }
    this.#relieve(behind, this.#limits.bytes.all);
  }

  /** Whether something waits to be read by it; lets it go when that has waited for too long. */
  #isBehind(reader: Reader, now: number): boolean {
    const { socket, debt } = reader;
    if (socket.writableLength === 0) {
      delete reader.debt;
      return false;
    }
    const read = socket.bytesWritten - socket.writableLength;
    if (!debt || read >= debt.upTo) reader.debt = { upTo: socket.bytesWritten, since: now };
    else if (now - debt.since > this.#limits.ms)
      this.#close(reader, `read nothing for ${this.#limits.ms} ms, or too little`);
    return !socket.destroyed;
  }

  /** One answer may be as long as it likes, as long as it is read in time. */
  #relieve(oldestFirst: readonly Reader[], most: number): void {
    const open = oldestFirst.filter(({ socket }) => !socket.destroyed);
    let bytes = open.reduce((sum, { socket }) => sum + socket.writableLength, 0);
    for (const reader of open.slice(0, -1)) {
      if (bytes <= most) return;
      bytes -= reader.socket.writableLength;
      this.#close(reader, 'left too much unread');
    }
  }

  #close({ socket, network }: Reader, why: string): void {
    socket.destroy();
    this.#say(`Closed a connection from ${network}: its client ${why}`);
  }
}
