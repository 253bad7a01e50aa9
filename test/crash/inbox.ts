import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { Notice } from '../../src/ports/notifier.ts';

/** Where people are told: a webhook that keeps what it was sent. */
export class Inbox {
  readonly notices: Notice[] = [];
  readonly #server: Server;

  static async open(): Promise<Inbox> {
    const inbox = new Inbox();
    inbox.#server.listen(0, '127.0.0.1');
    await once(inbox.#server, 'listening');
    return inbox;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      json(request).then(
        (notice) => {
          this.notices.push(notice as Notice);
          response.writeHead(204).end();
        },
        () => response.destroy(), // its sender was killed
      );
    });
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
