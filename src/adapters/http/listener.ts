import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { COMMON_HEADERS } from './headers.ts';
import type { Places } from './places.ts';
import { HttpProblem, problemDocument } from './problem.ts';
import { secureOptions } from './tls.ts';
import { inTurn } from './turns.ts';
import { Unread, type UnreadLimits } from './unread.ts';

export interface ListenerOptions {
  /** What `readTlsFiles` read; absent: plain http. */
  tls?: string;
  /** Only clients that show a certificate of its client CA. */
  clientCertificates?: boolean;
  places: Places;
  /** Real milliseconds until headers, and a whole request, must have come. */
  headersMs: number;
  requestMs: number;
  unread: UnreadLimits;
  /** Told of every connection that is closed on a client. */
  say(says: string): void;
}

/** More than any client of ours sends, and too little to hold memory with. */
const HEADER_BYTES = 16 * 1024;

/** How often it is looked who reads too slowly. */
const SWEEP_MS = 250;

/** A listener that slow, endless or countless clients can't hold. */
export function createListener(app: RequestListener, options: ListenerOptions): Server | SecureServer {
  const { headersMs, requestMs, places } = options;
  const limits = {
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    keepAliveTimeout: 10_000,
    // How often Node looks whether one of the three has passed; by itself only twice a minute.
    connectionsCheckingInterval: Math.min(1_000, headersMs),
    maxHeaderSize: HEADER_BYTES,
  };
  const server =
    options.tls === undefined
      ? createServer(limits, inTurn(app, options.say))
      : createSecureServer(
          {
            ...limits,
            ...secureOptions(options.tls),
            handshakeTimeout: headersMs,
            ...(options.clientCertificates && { requestCert: true, rejectUnauthorized: true }),
          },
          inTurn(app, options.say),
        );
  // Longer than any call of a lab stays silent.
  server.timeout = 600_000;
  server.on('connection', (socket: Socket) => places.enter(socket));
  const unread = new Unread(options.unread, options.say);
  server.on(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => unread.watch(socket));
  const sweep = setInterval(() => unread.sweep(performance.now()), Math.min(SWEEP_MS, options.unread.ms)).unref();
  server.once('close', () => clearInterval(sweep));
  server.on('clientError', answerUnreadable);
  return server;
}

/** What is no HTTP never becomes a request; it gets its answer all the same, with the headers of every other. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  // Where an answer has begun, nothing more can be said.
  if (!socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const { status, headers, body } = problemDocument(problemOf(error));
  const all = { ...COMMON_HEADERS, ...headers, Connection: 'close', 'Content-Length': String(Buffer.byteLength(body)) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${status} Refused\r\n${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

function problemOf({ code }: NodeJS.ErrnoException): HttpProblem {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new HttpProblem('headers-too-large', `The headers are larger than ${HEADER_BYTES} bytes.`);
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new HttpProblem('too-slow', 'The request did not arrive in time.');
  }
  return new HttpProblem('invalid-request', 'This is not an HTTP/1.1 request.');
}
