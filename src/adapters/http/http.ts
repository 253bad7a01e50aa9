import type { AddressInfo } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { Queue } from 'bullmq';
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Router,
} from 'express';
import { MemoryStore } from 'express-rate-limit';
import type { Explain } from '../../ports/explanation.ts';
import { NotCopied } from '../../ports/journal.ts';
import { Conflict, Forbidden, NotFound, type Operations } from '../../ports/operations.ts';
import type { SourceSettings } from '../../sources/index.ts';
import { type Access, admit, bySignature, byToken, type Identity, refuseForeign } from './auth.ts';
import { decodeBody, NO_BODY, readBody } from './body.ts';
import { boardHeaders, COMMON_HEADERS, TLS_HEADERS } from './headers.ts';
import { AlertAllowance, BYTES_OF_AN_ALERT, callerOf, limitRequests, roomOf } from './limits.ts';
import { createListener } from './listener.ts';
import { Places } from './places.ts';
import { HttpProblem, notFound, PROBLEM_TYPES, sendProblem, storeAway } from './problem.ts';
import { asUnderstood, createRefusals, sourceOf } from './refusals.ts';
import type { HttpLogger, HttpMetrics, Route, Surroundings } from './route.ts';
import { EVENT_STREAM } from './routes/events.ts';
import { allRoutes } from './routes/index.ts';
import { queueBoard } from './routes/queues.ts';
import { AtATime } from './shared.ts';
import { Stock } from './stock.ts';
import { readTlsFiles, secureOptions, type TlsFiles } from './tls.ts';

export interface HttpOptions {
  /** The `http` section of the configuration. */
  config: {
    host: string;
    port: number;
    /** Bytes. Default: enough for the maximum number of alerts in one request. */
    bodyLimit?: number | undefined;
    rateLimit: { perMinute: number; alertsPerMinute: number };
    maxAlertsPerRequest: number;
    maxConnections: number;
    tls?: TlsFiles | undefined;
  };
  /** The current identities; none: open to all. Whether there are any does not change. */
  identities(): readonly Identity[];
  operations: Operations;
  explain: Explain;
  /** The `alerts` section of the configuration. */
  sources: SourceSettings;
  metrics: HttpMetrics;
  logger: HttpLogger;
  /** Called for every connection that is closed on a client, often with the same text. Default: the logger's `warn`. */
  closed?(says: string): void;
  /** Handles whole paths (`/lab/v1/…`); reading requires a viewer, anything else an operator. */
  lab?: Router;
  queues?: readonly Queue[];
  /** Whether this daemon receives alerts. Default: true. */
  receive?: boolean;
  version: string;
  /** Wall-clock time in milliseconds. */
  now(): number;
  /** In real milliseconds; for tests. */
  limits?: {
    acceptMs?: number;
    heartbeatMs?: number;
    slowClientMs?: number;
    headersMs?: number;
    requestMs?: number;
  };
}

export interface HttpServer {
  /** Resolves when connections are accepted; fails with a message that names the setting if the address is in use. */
  listen(): Promise<{ url: string }>;
  /** Stops accepting, ends streams, finishes requests in progress within `graceMs`, and closes every connection. */
  close(graceMs?: number): Promise<void>;
  /** With TLS: reloads its files. */
  certificate?: {
    /** The files in use. */
    known: string;
    /** Reads the files. Throws like reading. */
    read(): string;
    /** Uses the files for every new connection. Throws if they are invalid, and keeps the old ones. */
    accept(text: string): void;
  };
}

/** Responses that are not yet read. */
const UNREAD_BYTES = { each: 32 * 1024 ** 2, all: 64 * 1024 ** 2 };
/** Maximum number of concurrent read requests of one caller. */
const READS_AT_ONCE = 4;

export function createHttp(options: HttpOptions): HttpServer {
  const closing = new AbortController();
  const limiter = new MemoryStore();
  const { host, port, tls: files, maxConnections } = options.config;
  const say = options.closed ?? ((says: string) => options.logger.warn(says));
  const places = new Places(maxConnections, say);
  const app = createHttpApp(options, closing.signal, limiter, places);
  const tls = files && readTlsFiles(files);
  const server = createListener(app, {
    ...(tls !== undefined && { tls, clientCertificates: files?.clientCaFile !== undefined }),
    places,
    headersMs: options.limits?.headersMs ?? 10_000,
    requestMs: options.limits?.requestMs ?? 30_000,
    unread: { ms: options.limits?.slowClientMs ?? 30_000, bytes: UNREAD_BYTES },
    say,
  });
  // A connection that was busy when the daemon stopped would stay open after its response.
  server.on('request', (_request, response) => {
    response.once('close', () => {
      if (closing.signal.aborted) setImmediate(() => server.closeIdleConnections());
    });
  });

  return {
    ...(files &&
      tls !== undefined && {
        certificate: {
          known: tls,
          read: () => readTlsFiles(files),
          accept: (text: string) => {
            const secure = secureOptions(text);
            if (server instanceof TlsServer) server.setSecureContext(secure);
          },
        },
      }),
    listen: () =>
      new Promise((resolve, reject) => {
        server.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, host, port)));
        server.listen(port, host, () => {
          const { port: taken } = server.address() as AddressInfo;
          resolve({ url: `http${tls === undefined ? '' : 's'}://${host.includes(':') ? `[${host}]` : host}:${taken}` });
        });
      }),
    async close(graceMs = 5000) {
      closing.abort();
      limiter.shutdown();
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const atLast = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(atLast);
    },
  };
}

/** The routes, without a listener. */
function createHttpApp(options: HttpOptions, closing: AbortSignal, limiter: MemoryStore, places: Places): Express {
  const { config, operations, logger, identities } = options;
  const allowance = new AlertAllowance(config.rateLimit.alertsPerMinute);
  const refused = createRefusals(options.metrics, logger, options.now);
  const around: Surroundings = {
    operations,
    explain: options.explain,
    sources: options.sources,
    metrics: options.metrics,
    logger,
    version: options.version,
    maxAlertsPerRequest: config.maxAlertsPerRequest,
    allow(identity, alerts) {
      if (identity) allowance.take(identity.name, alerts, options.now());
    },
    refused,
    receive: options.receive ?? true,
    acceptTimeoutMs: options.limits?.acceptMs ?? 10_000,
    heartbeatMs: options.limits?.heartbeatMs ?? 15_000,
    streams: new Stock({ each: Math.ceil(config.maxConnections / 16), all: Math.ceil(config.maxConnections / 4) }),
    now: options.now,
    closing,
  };
  const open = identities().length === 0;
  const identified = new WeakMap<Request, Identity>();
  function recognise(request: Request, identity: Identity): void {
    identified.set(request, identity);
    places.vouch(request.socket, identity.name);
  }
  const routes = allRoutes(around);
  const openPaths = new Set(routes.filter((route) => route.access === 'open').map((route) => route.path));

  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use((request, response, next) => {
    response.set(config.tls ? { ...COMMON_HEADERS, ...TLS_HEADERS } : COMMON_HEADERS);
    if (closing.aborted) response.set('Connection', 'close');
    const identity = byToken(request, identities());
    if (identity) recognise(request, identity);
    refuseForeign(request, { open, host: config.host });
    next();
  });
  if (!open) {
    const { perMinute } = config.rateLimit;
    app.use(limitRequests({ perMinute, store: limiter, identified, openPaths }));
  }

  const bodyLimit = config.bodyLimit ?? config.maxAlertsPerRequest * BYTES_OF_AN_ALERT;
  const rooms = {
    known: new Stock({ each: 2 * bodyLimit, all: 4 * bodyLimit }),
    // A request with a signature is from an unknown caller until the signature is verified.
    strangers: new Stock({ each: bodyLimit, all: 2 * bodyLimit }),
  };
  const reads = new AtATime(READS_AT_ONCE);
  for (const route of routes) {
    app[route.method](route.path, async (request, response) => {
      let identity = identified.get(request);
      const mayBeSigned = route.access === 'sender' && request.headers['x-signature'] !== undefined;
      if (!open && !mayBeSigned) admit(identity, route.access);
      const caller = callerOf(request, identity);
      const limit = route.access === 'sender' ? bodyLimit : Math.min(bodyLimit, LARGEST_OTHER_BODY);
      const room = roomOf(identity || open ? rooms.known : rooms.strangers, caller);
      const { bytes, release } = route.body ? await readBody(request, limit, room) : NO_BODY;
      try {
        if (!open && mayBeSigned) {
          identity ??= bySignature(request, bytes, identities(), options.now());
          if (identity) recognise(request, identity);
          admit(identity, route.access);
        }
        const call = { request, response, body: decodeBody(bytes), identity, caller };
        if (!mayBeLong(route)) await route.handle(call);
        else await reads.run(caller, () => (request.socket.destroyed ? undefined : route.handle(call)));
      } finally {
        release();
      }
    });
  }
  for (const path of new Set(routes.map((route) => route.path))) app.all(path, refuseMethod(path, routes));

  const guarded =
    (access: (request: Request) => Access): RequestHandler =>
    (request, _response, next) => {
      if (!open) admit(identified.get(request), access(request));
      next();
    };
  const board = guarded(() => 'operator');
  app.use('/queues', board, lookOnly, boardHeaders, queueBoard(options.queues));
  if (options.lab) {
    const lab = options.lab;
    const access = guarded(({ method }) => (method === 'GET' || method === 'HEAD' ? 'viewer' : 'operator'));
    app.use('/lab', access);
    app.use(lab);
  }

  app.use((request) => {
    throw notFound(`There is nothing at ${request.path.slice(0, 200)}; / lists all addresses.`);
  });
  app.use(answerError(operations, logger, refusedPost));
  return app;

  function refusedPost(request: Request, problem: HttpProblem): HttpProblem {
    const source = sourceOf(request);
    if (!source) return problem;
    const answered = asUnderstood(problem, source);
    refused(source, request, identified.get(request), answered);
    return answered;
  }
}

/** Maximum size of requests other than alerts, in bytes. */
const LARGEST_OTHER_BODY = 256 * 1024;

/** The board would respond 200 to a change without making it. */
const lookOnly: RequestHandler = ({ method }, _response, next) => {
  if (method !== 'GET' && method !== 'HEAD') {
    throw new HttpProblem(
      'method-not-allowed',
      `${method} is not allowed here: the queue board is read-only (GET, HEAD).`,
      {
        headers: { Allow: 'GET, HEAD' },
      },
    );
  }
  next();
};

/** A list or a journal; streams are counted separately. */
const mayBeLong = ({ method, access, answers }: Route) =>
  method === 'get' && access !== 'open' && answers.every(({ type }) => type !== EVENT_STREAM);

function refuseMethod(path: string, routes: readonly Route[]): RequestHandler {
  const methods = routes.filter((route) => route.path === path).map((route) => route.method.toUpperCase());
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ');
  return (request) => {
    throw new HttpProblem('method-not-allowed', `${request.method} is not allowed here; use ${allow}.`, {
      headers: { Allow: allow },
    });
  };
}

function answerError(
  operations: Operations,
  logger: HttpLogger,
  refusedPost: (request: Request, problem: HttpProblem) => HttpProblem,
): ErrorRequestHandler {
  return async (error: unknown, request, response, _next) => {
    const problem = refusedPost(request, known(error) ?? (await explainUnknown(error, operations)));
    const [status] = PROBLEM_TYPES[problem.type];
    const line = `${request.method} ${request.path.slice(0, 200)} → ${status} ${problem.type}: ${problem.message}`;
    if (problem.type === 'internal')
      logger.error(line, { error: error instanceof Error ? error.stack : String(error) });
    else if ((status >= 500 || status === 401) && !sourceOf(request)) logger.warn(line);
    else logger.debug(line);
    if (response.headersSent) response.destroy();
    else sendProblem(response, problem);
  };
}

function known(error: unknown): HttpProblem | undefined {
  if (error instanceof HttpProblem) return error;
  if (error instanceof NotFound) return notFound(error.message);
  if (error instanceof Forbidden) return new HttpProblem('forbidden', error.message);
  if (error instanceof Conflict) return new HttpProblem('conflict', error.message);
  if (error instanceof NotCopied) return storeAway(`Done, but not yet copied safely: ${error.message}. Send it again.`);
  // Errors of Express have a status.
  const { status } = error as { status?: unknown };
  if (error instanceof URIError) return notFound('The URL is not correctly encoded.');
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new HttpProblem('invalid-request', `The request could not be read: ${(error as Error).message}.`);
  }
  return undefined;
}

/** A bug, unless the store is down, which is temporary. */
async function explainUnknown(error: unknown, operations: Operations): Promise<HttpProblem> {
  const readiness = await operations.readiness().catch(() => undefined);
  const store = readiness?.parts.find(({ part }) => part === 'store');
  if (!readiness || (store && !store.ok)) return storeAway(store?.says ?? 'Its health could not be read.');
  return new HttpProblem(
    'internal',
    `The daemon’s log has the details (${errorName(error)}); please report this bug with them.`,
  );
}

const errorName = (error: unknown) => (error instanceof Error ? error.name : 'an error');

function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE') {
    return new Error(
      `port ${port} on ${host} is in use: set http.port (SECOND_RESPONDER_HTTP_PORT) to another port, or to 0 for any free one`,
    );
  }
  if (error.code === 'EACCES')
    return new Error(`port ${port} on ${host} requires more rights: set http.port above 1023`);
  if (error.code === 'EADDRNOTAVAIL') return new Error(`${host} is not an address of this machine: fix http.host`);
  return error;
}
