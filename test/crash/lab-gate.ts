import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { CHANGING_CALLS } from '../../src/ports/exchange.ts';
import type { AtBoundary } from './boundary.ts';

/** A changing command that a daemon sent, and when (real ms). */
export interface Sent {
  at: number;
  by: string;
  verb: string;
  caller: string;
}

interface Call {
  verb: string;
  arguments: { server?: string; name?: string; change?: { caller: string } };
}

/**
 * Between one daemon and the lab. Knows each changing command on its way: before the lab has it, and after its effect
 * and before its answer.
 */
export class LabGate {
  /** In the order in which they came. */
  readonly sent: Sent[] = [];
  readonly #server: Server;
  readonly #lab: string;
  readonly #who: string;
  readonly #atBoundary: AtBoundary;

  static async open(lab: string, who: string, atBoundary: AtBoundary): Promise<LabGate> {
    const gate = new LabGate(lab, who, atBoundary);
    gate.#server.listen(0, '127.0.0.1');
    await once(gate.#server, 'listening');
    return gate;
  }

  private constructor(lab: string, who: string, atBoundary: AtBoundary) {
    this.#lab = lab;
    this.#who = who;
    this.#atBoundary = atBoundary;
    this.#server = createServer((request, response) => {
      // Either side may be gone in the midst of it.
      this.#pass(request, response).catch(() => response.destroy());
    });
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const command = request.method === 'POST' ? changeIn(body) : undefined;
    if (command) this.sent.push({ at: Date.now(), by: this.#who, ...command });
    const strike = command && this.#atBoundary({ of: 'command', key: `${command.caller} ${command.verb}` });
    if (strike?.when === 'before' && (await strike.strike()) === 'drop') return void response.destroy();
    const answer = await fetch(`${this.#lab}${request.url}`, {
      method: request.method ?? 'GET',
      headers: { 'content-type': 'application/json' },
      ...(body !== '' && { body }),
    });
    const answered = await answer.text();
    if (strike?.when === 'after' && (await strike.strike()) === 'drop') return void response.destroy();
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' });
    response.end(answered);
  }
}

function changeIn(body: string): Pick<Sent, 'verb' | 'caller'> | undefined {
  const { verb, arguments: given } = JSON.parse(body) as Call;
  if (!(verb in CHANGING_CALLS)) return undefined;
  return { verb: `${verb} ${given.name ?? ''} ${given.server ?? ''}`, caller: given.change?.caller ?? '' };
}
