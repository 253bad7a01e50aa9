import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { AtBoundary, Boundary, Strike } from './boundary.ts';
import { type Request, RequestReader } from './requests.ts';

/** `refuse`: connections are reset, new ones as well. `hold`: nothing moves, and what was held arrives late in the end. */
export type Cut = 'refuse' | 'hold';

interface Pair {
  client: Socket;
  server: Socket;
  /** The append whose answer is kept here before the daemon gets it. */
  awaited?: { answers: Buffer; strike: Strike; done(then: 'pass' | 'drop'): void };
}

/** Redis answers this right after the append that the gate waits for: whatever comes before it has been carried out. */
const MARK = 'the-gate-waits';
const ECHO = Buffer.from(`*2\r\n$4\r\nECHO\r\n$${MARK.length}\r\n${MARK}\r\n`);
const ECHOED = Buffer.from(`$${MARK.length}\r\n${MARK}\r\n`);
const WRITTEN = Buffer.from('*1\r\n$2\r\nok\r\n');

/**
 * Between one daemon and Redis. Knows each journal append on its way: before Redis has it, and after Redis has carried
 * it out and before the daemon knows. And cuts the daemon off.
 */
export class RedisGate {
  readonly #server: Server;
  readonly #port: number;
  readonly #atBoundary: AtBoundary;
  readonly #pairs = new Set<Pair>();
  #cut: Cut | undefined;

  /** `port`: where Redis is. */
  static async open(port: number, atBoundary: AtBoundary): Promise<RedisGate> {
    const gate = new RedisGate(port, atBoundary);
    gate.#server.listen(0, '127.0.0.1');
    await once(gate.#server, 'listening');
    return gate;
  }

  private constructor(port: number, atBoundary: AtBoundary) {
    this.#port = port;
    this.#atBoundary = atBoundary;
    this.#server = createServer((client) => this.#connected(client));
  }

  get address(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(kind: Cut): void {
    this.#cut = kind;
    for (const pair of this.#pairs) {
      if (kind === 'refuse') reset(pair);
      else pause(pair);
    }
  }

  mend(): void {
    this.#cut = undefined;
    for (const { client, server } of this.#pairs) {
      client.resume();
      server.resume();
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const pair of this.#pairs) drop(pair);
    await closed;
  }

  #connected(client: Socket): void {
    client.on('error', () => {}); // the daemon was killed
    if (this.#cut === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.#port, '127.0.0.1').on('error', () => {}); // Redis was
    client.setNoDelay();
    server.setNoDelay();
    const pair: Pair = { client, server };
    this.#pairs.add(pair);
    for (const socket of [client, server]) {
      socket.on('close', () => {
        this.#pairs.delete(pair);
        drop(pair);
      });
    }
    const reader = new RequestReader();
    let before = Promise.resolve();
    client.on('data', (chunk) => {
      for (const request of reader.read(chunk)) before = before.then(() => this.#forward(pair, request));
    });
    server.on('data', (chunk) => answered(pair, chunk));
    if (this.#cut === 'hold') pause(pair);
  }

  /** One after the other: what comes after an append that is being watched waits for it. */
  async #forward(pair: Pair, request: Request): Promise<void> {
    if (pair.client.destroyed) return;
    const boundary = appendIn(request);
    const strike = boundary && this.#atBoundary(boundary);
    if (strike?.when === 'after') {
      pair.server.write(Buffer.concat([request.raw, ECHO]));
      const then = await new Promise((done) => {
        pair.awaited = { answers: Buffer.alloc(0), strike, done };
      });
      if (then === 'drop') drop(pair);
    } else if (strike && (await strike.strike()) === 'drop') drop(pair);
    else pair.server.write(request.raw);
  }
}

function answered(pair: Pair, chunk: Buffer): void {
  const { client, awaited } = pair;
  if (!awaited) {
    client.write(chunk);
    return;
  }
  awaited.answers = Buffer.concat([awaited.answers, chunk]);
  const end = awaited.answers.indexOf(ECHOED);
  if (end < 0) return;
  const answer = awaited.answers.subarray(0, end);
  const rest = awaited.answers.subarray(end + ECHOED.length);
  delete pair.awaited;
  // What was not written, as its script was unknown or its head had moved, is no entry: nobody dies of it.
  const written = answer.subarray(-WRITTEN.length).equals(WRITTEN);
  // Nothing else is under way on this connection meanwhile.
  void (written ? awaited.strike.strike() : Promise.resolve('pass' as const)).then((then) => {
    if (then === 'pass') client.write(Buffer.concat([answer, rest]));
    awaited.done(then);
  });
}

/** A journal append is a script with the new head among its arguments. */
function appendIn({ args }: Request): Boundary | undefined {
  const asked = args.at(-1);
  if (!asked?.includes('"newHead":')) return undefined;
  const { id, seq, opening } = JSON.parse(asked.toString()) as { id: string; seq: number; opening?: { key: string } };
  // Each try to open an incident takes a new id.
  return { of: 'append', key: opening ? `the opening of ${opening.key}` : `${id} ${seq}` };
}

function pause({ client, server }: Pair): void {
  client.pause();
  server.pause();
}

function drop({ client, server }: Pair): void {
  client.destroy();
  server.destroy();
}

function reset({ client, server }: Pair): void {
  client.resetAndDestroy();
  server.destroy();
}
