import type { Request, Response } from 'express';
import { z } from 'zod';
import { writeInstants } from '../../../ports/instants.ts';
import type { FeedItem } from '../../../ports/journal.ts';
import { HttpProblem } from '../problem.ts';
import type { Call, Route, Surroundings } from '../route.ts';
import { check } from './checks.ts';

export const EVENT_STREAM = 'text/event-stream';

/** Seconds that a caller with too many streams should wait. */
const STREAM_RETRY_SECONDS = 30;

const feedId = z
  .string()
  .regex(/^\d{1,20}(-\d{1,20})?$/, 'is not an event id: omit it to start now')
  .describe('Start after this event.');

const query = z.strictObject({ lastEventId: feedId.optional() });

export function eventRoutes(around: Surroundings): Route[] {
  return [
    {
      method: 'get',
      path: '/api/v1/events',
      access: 'viewer',
      tag: 'events',
      summary: 'Streams journal entries as server-sent events.',
      query,
      headers: { 'Last-Event-ID': 'Start after this event; browsers send it when they reconnect.' },
      answers: [
        {
          status: 200,
          description: 'A stream: `id` resumes it, `event` is the entry’s type, `data` is one of these.',
          schema: 'FeedEvent',
          type: EVENT_STREAM,
        },
      ],
      problems: ['invalid-request', 'too-many-requests'],
      async handle(call) {
        const after = startOf(call.request);
        call.response.status(200).set({
          'Content-Type': `${EVENT_STREAM}; charset=utf-8`,
          'Cache-Control': 'no-store',
          'X-Accel-Buffering': 'no',
        });
        // A stream without a body ends immediately, so that the next requests have their turn.
        if (call.request.method === 'HEAD') call.response.end();
        else await counted(call, around, () => stream(call.response, after, around));
      },
    },
  ];
}

function startOf(request: Request): string {
  const { lastEventId } = check(query, request.query);
  const header = request.get('last-event-id');
  return header ? check(feedId, header) : (lastEventId ?? '');
}

async function counted({ caller }: Call, { streams }: Surroundings, work: () => Promise<void>): Promise<void> {
  if (!streams.take(caller)) {
    throw new HttpProblem(
      'too-many-requests',
      `Too many event streams are open: close one, or try again in ${STREAM_RETRY_SECONDS} s.`,
      { headers: { 'Retry-After': String(STREAM_RETRY_SECONDS) } },
    );
  }
  try {
    await work();
  } finally {
    streams.giveBack(caller);
  }
}

async function stream(response: Response, after: string, around: Surroundings): Promise<void> {
  const gone = new AbortController();
  const signal = AbortSignal.any([gone.signal, around.closing]);
  response.on('close', () => gone.abort());
  response.on('error', () => gone.abort());
  response.flushHeaders();
  response.write(': listening\n\n');
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(': still here\n\n');
  }, around.heartbeatMs);
  try {
    for await (const item of around.operations.feed(after, signal)) {
      if (signal.aborted) break;
      if (!response.write(frame(item))) await drained(response, signal);
    }
  } catch (error) {
    // Headers were sent, so the stream can only end; the client reconnects with its last id.
    if (!signal.aborted) around.logger.warn(`Event stream ended: ${(error as Error).message}`);
  } finally {
    clearInterval(heartbeat);
    if (response.writableNeedDrain) response.destroy();
    else response.end();
  }
}

/** Readers at the same position get the same item, which is converted to text once. */
const frames = new WeakMap<FeedItem, Buffer>();

function frame(item: FeedItem): Buffer {
  const known = frames.get(item);
  if (known) return known;
  const { id, incident, entry } = item;
  const { seq, at, type, data } = entry;
  const text = JSON.stringify(writeInstants({ incident, seq, at, type, data }));
  const bytes = Buffer.from(`id: ${id}\nevent: ${type}\ndata: ${text}\n\n`);
  frames.set(item, bytes);
  return bytes;
}

/** Resolves when the client has read or disconnected; the listener closes a connection that is not read in time. */
function drained(response: Response, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      response.off('drain', settle);
      signal.removeEventListener('abort', settle);
      resolve();
    };
    response.once('drain', settle);
    signal.addEventListener('abort', settle, { once: true });
  });
}
