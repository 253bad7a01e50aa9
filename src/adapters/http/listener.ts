import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { COMMON_HEADERS } from './headers.ts';
import { HttpProblem, problemDocument } from './problem.ts';
import { secureOptions } from './tls.ts';

export interface ListenerOptions {
  /** What `readTlsFiles` read; absent: plain http. */
  tls?: string;
  /** Only clients that show a certificate of its client CA. */
  clientCertificates?: boolean;
  /** In all; one address may hold half of them. */
  maxConnections: number;
  /** Real milliseconds until headers, and a whole request, must have come. */
  headersMs: number;
  requestMs: number;
}

/** More than any client of ours sends, and too little to hold memory with. */
const HEADER_BYTES = 16 * 1024;

/** A listener that does not let slow, endless or countless senders hold it. */
export function createListener(app: RequestListener, options: ListenerOptions): Server | SecureServer {
  const { headersMs, requestMs, maxConnections } = options;
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
      ? createServer(limits, app)
      : createSecureServer(
          {
            ...limits,
            ...secureOptions(options.tls),
            handshakeTimeout: headersMs,
            ...(options.clientCertificates && { requestCert: true, rejectUnauthorized: true }),
          },
          app,
        );
  // Longer than any call of a lab stays silent; then whoever does not read its answer is let go.
  server.timeout = 600_000;
  server.maxConnections = maxConnections;
  limitEachAddress(server, Math.ceil(maxConnections / 2));
  server.on('clientError', answerUnreadable);
  return server;
}

function limitEachAddress(server: Server | SecureServer, most: number): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (open.get(address) ?? 0) + 1;
    if (count > most) {
      socket.destroy();
      return;
    }
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
  });
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
    return new HttpProblem('too-slow', 'The request did not come in time.');
  }
  return new HttpProblem('invalid-request', 'This is not a request of HTTP/1.1.');
}
