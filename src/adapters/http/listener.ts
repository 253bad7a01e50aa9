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
  /** Result of `readTlsFiles`. Absent: plain http. */
  tls?: string;
  /** Accepts only clients with a certificate of its client CA. */
  clientCertificates?: boolean;
  places: Places;
  /** Time limits for headers and for a whole request, in real milliseconds. */
  headersMs: number;
  requestMs: number;
  unread: UnreadLimits;
  /** Called for every connection that is closed on a client. */
  say(says: string): void;
}

/** More than our clients send, and too little to exhaust memory. */
const HEADER_BYTES = 16 * 1024;

/** Interval of the check for slow readers. */
const SWEEP_MS = 250;

/** A listener that slow, endless or numerous clients can't block. */
export function createListener(app: RequestListener, options: ListenerOptions): Server | SecureServer {
  const { headersMs, requestMs, places } = options;
  const limits = {
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    keepAliveTimeout: 10_000,
    // Interval at which Node checks these three limits; its default is 30 seconds.
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
  // Longer than any call to a lab takes.
  server.timeout = 600_000;
  server.on('connection', (socket: Socket) => places.enter(socket));
  const unread = new Unread(options.unread, options.say);
  server.on(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => unread.watch(socket));
  const sweep = setInterval(() => unread.sweep(performance.now()), Math.min(SWEEP_MS, options.unread.ms)).unref();
  server.once('close', () => clearInterval(sweep));
  server.on('clientError', answerUnreadable);
  return server;
}

/** Invalid HTTP never becomes a request, but gets a response with the usual headers. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  // After a response has started, nothing can be added.
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
