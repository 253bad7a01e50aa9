import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { networkOf } from './limits.ts';
import { Stock } from './stock.ts';

/** The requests of one connection. */
interface Line {
  network: string;
  busy: boolean;
  waiting: [IncomingMessage, ServerResponse][];
}

/** Maximum number of waiting requests of a connection; each takes about two kilobytes. */
const WAITING = { each: 4_000, all: 16_000 };

/**
 * Handles one request of a connection at a time: the next one starts when the previous response was sent, and nothing is read
 * while one waits. By default, Node starts every request of a packet immediately: a thousand responses for a client that
 * reads none.
 */
export function inTurn(app: RequestListener, say: (says: string) => void, limits = WAITING): RequestListener {
  const lines = new WeakMap<Socket, Line>();
  const places = new Stock(limits);

  function lineOf(socket: Socket): Line {
    const known = lines.get(socket);
    if (known) return known;
    const line: Line = { network: networkOf(socket.remoteAddress), busy: false, waiting: [] };
    lines.set(socket, line);
    // Node continues reading after every response.
    socket.on('resume', () => {
      if (line.waiting.length > 0) socket.pause();
    });
    socket.once('close', () => places.giveBack(line.network, line.waiting.splice(0).length));
    return line;
  }

  function serve(socket: Socket, line: Line, request: IncomingMessage, response: ServerResponse): void {
    line.busy = true;
    // Later, so that other connections have their turn between two requests of one.
    response.once('close', () => setImmediate(next, socket, line));
    app(request, response);
  }

  function next(socket: Socket, line: Line): void {
    line.busy = false;
    const [first] = line.waiting.splice(0, 1);
    if (!first) return;
    places.giveBack(line.network);
    if (line.waiting.length === 0) socket.resume();
    serve(socket, line, ...first);
  }

  return (request, response) => {
    const { socket } = request;
    // The rest of a packet from a closed connection.
    if (socket.destroyed) return;
    const line = lineOf(socket);
    if (!line.busy) {
      serve(socket, line, request, response);
      return;
    }
    if (!places.take(line.network)) {
      socket.destroy();
      say(`Closed a connection from ${line.network}: too many requests are waiting on it`);
      return;
    }
    line.waiting.push([request, response]);
    socket.pause();
  };
}
