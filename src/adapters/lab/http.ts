import { z } from 'zod';
import type { Clock } from '../../ports/clock.ts';
import {
  type CallOptions,
  EXCHANGE_FAILURES,
  type Exchange,
  ExchangeError,
  type ExchangeFailure,
  type Reply,
} from '../../ports/exchange.ts';
import { readReply } from '../../ports/replies.ts';

/** A lab in another process. */
export interface RemoteLab {
  exchange: Exchange;
  /** Follows the lab's clock: correct after `ready`, adjusted by each response. Never goes back. */
  clock: Clock;
  /** Reads the lab's time. Fails with `unreachable` if the lab does not answer. */
  ready(): Promise<void>;
  /** Ends calls in progress with `unreachable`. */
  close(): void;
}

/** `url` is the lab's address, such as `http://127.0.0.1:8090`. Throws if it is invalid. */
export function labHttpExchange(options: { url: string; caller?: string }): RemoteLab {
  const base = new URL(options.url);
  if (base.protocol !== 'http:' && base.protocol !== 'https:') {
    throw new Error(`The lab's address must start with http:// or https://, not ${options.url}`);
  }
  const closing = new AbortController();
  const clock = new FollowingClock();

  async function ask(path: string, request: RequestInit, limits: CallOptions = {}): Promise<Record<string, unknown>> {
    const { timeLimit, signal } = limits;
    signal?.throwIfAborted();
    const tooLong = timeLimit === undefined ? undefined : AbortSignal.timeout(Math.max(0, Math.floor(timeLimit)));
    const signals = [closing.signal, signal, tooLong].filter((each) => each !== undefined);
    try {
      const response = await fetch(new URL(path, base), { ...request, signal: AbortSignal.any(signals) });
      return await readAnswer(response);
    } catch (error) {
      if (error instanceof ExchangeError) throw error;
      if (signal?.aborted) throw signal.reason;
      if (tooLong?.aborted) throw new ExchangeError('timedOut', `No answer within ${timeLimit} ms.`);
      if (closing.signal.aborted) throw new ExchangeError('unreachable', 'The connection to the lab was closed.');
      throw new ExchangeError('unreachable', `The lab at ${base.origin} does not answer: ${reasonOf(error)}.`);
    }
  }

  async function call<T>(verb: keyof Exchange, given: object, limits?: CallOptions): Promise<Reply<T>> {
    const body = JSON.stringify({ verb, arguments: given, ...(options.caller ? { caller: options.caller } : {}) });
    const headers = { 'content-type': 'application/json' };
    const answer = await ask('/lab/v1/call', { method: 'POST', headers, body }, limits);
    clock.follow(answer);
    const { failure, reply } = answer;
    if (isRecord(failure)) throw new ExchangeError(failureCode(failure.code), wordsOf(failure.message));
    return readReply(verb, reply) as Reply<T>;
  }

  const exchange: Exchange = {
    organisation: (limits) => call('organisation', {}, limits),
    serverHealth: (server, limits) => call('serverHealth', { server }, limits),
    invokeProbe: (server, identity, limits) => call('invokeProbe', { server, identity }, limits),
    service: (server, name, limits) => call('service', { server, name }, limits),
    services: (server, limits) => call('services', { server }, limits),
    restartService: (server, name, fence, change, limits) =>
      call('restartService', { server, name, fence, change }, limits),
    copiesOn: (server, limits) => call('copiesOn', { server }, limits),
    copiesOf: (database, limits) => call('copiesOf', { database }, limits),
    mailboxServer: (server, limits) => call('mailboxServer', { server }, limits),
    availabilityGroup: (name, limits) => call('availabilityGroup', { name }, limits),
    setActivationBlocked: (server, blocked, fence, change, limits) =>
      call('setActivationBlocked', { server, blocked, fence, change }, limits),
    protocolLog: (server, protocol, limits) => call('protocolLog', { server, protocol }, limits),
    setProtocolLog: (server, protocol, enabled, fence, change, limits) =>
      call('setProtocolLog', { server, protocol, enabled, fence, change }, limits),
    componentStates: (server, limits) => call('componentStates', { server }, limits),
    activity: (server, limits) => call('activity', { server }, limits),
    recoveryActions: (server, since, limits) => call('recoveryActions', { server, since }, limits),
    bootTime: (server, limits) => call('bootTime', { server }, limits),
    restartServer: (server, fence, change, limits) => call('restartServer', { server, fence, change }, limits),
    script: (server, file, run, limits) => call('script', { server, file, run }, limits),
    runScript: (server, order, fence, change, limits) => call('runScript', { server, order, fence, change }, limits),
  };

  return {
    exchange,
    clock,
    async ready() {
      clock.follow(await ask('/lab/v1/clock', {}, { timeLimit: 10_000 }));
    },
    close: () => closing.abort(),
  };
}

/** The lab's time, from every response. */
const labTime = z.object({
  now: z.number().min(-8.64e15).max(8.64e15),
  speed: z.number().gt(0).max(1e9),
  epoch: z.string().max(1_000),
  virtual: z.boolean().optional(),
});

/** The lab's clock; between responses it advances at the lab's speed. */
class FollowingClock implements Clock {
  speed = 1;
  epoch = '';
  private rate = 1;
  private base = Date.now();
  private since = performance.now();

  now(): number {
    return Math.floor(this.base + (performance.now() - this.since) * this.rate);
  }

  follow(answer: Record<string, unknown>): void {
    const checked = labTime.safeParse(answer);
    if (!checked.success) throw new ExchangeError('badReply', "The lab's answer does not contain the time.");
    const { now, speed, epoch, virtual } = checked.data;
    // A response is older than it looks, by its time in transit, so the later of the two times is more accurate.
    const sameTime = this.epoch === epoch && this.speed === speed;
    this.base = sameTime ? Math.max(this.now(), now) : now;
    this.since = performance.now();
    this.speed = speed;
    this.rate = virtual ? 0 : speed;
    this.epoch = epoch;
  }
}

async function readAnswer(response: Response): Promise<Record<string, unknown>> {
  const text = await readText(response);
  const parsed = parse(text);
  if (response.ok && isRecord(parsed)) return parsed;
  const words = isRecord(parsed) && typeof parsed.detail === 'string' ? wordsOf(parsed.detail) : text.slice(0, 300);
  throw new ExchangeError('badReply', `The lab answered ${response.status}: ${words}`);
}

/** Far more than the description of an organisation with thousands of servers. */
const LARGEST_ANSWER = 32 * 1024 * 1024;

/** Aborts an endless response before it fills the memory. */
async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > LARGEST_ANSWER) {
      throw new ExchangeError('badReply', `The lab answered with more than ${LARGEST_ANSWER} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** The lab's message, cut to a readable length. */
const wordsOf = (said: unknown) => (typeof said === 'string' ? said : 'It gave no reason.').slice(0, 2_000);

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function failureCode(code: unknown): ExchangeFailure {
  return EXCHANGE_FAILURES.find((known) => known === code) ?? 'badReply';
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as { cause?: { code?: unknown; message?: unknown }; message?: unknown };
  return String(cause?.code ?? cause?.message ?? message);
}
