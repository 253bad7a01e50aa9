import type { Socket } from 'node:net';
import { networkOf } from './limits.ts';

interface Reader {
  socket: Socket;
  network: string;
  /** Bytes that must be read, and since when they wait (real milliseconds). */
  debt?: { upTo: number; since: number };
}

export interface UnreadLimits {
  /** Time limit for reading what was written, in real milliseconds. */
  ms: number;
  /** Maximum of unread bytes, of one network and of all. */
  bytes: { each: number; all: number };
}

/** Unread responses are in memory, so a connection that reads too slowly or leaves too much unread is closed. */
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

  /** Call this regularly; `now` is monotonic milliseconds. */
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

  /** Returns whether the connection has unread bytes; closes it if they have waited too long. */
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

  /** A single response may have any length, if it is read in time. */
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
