import type { Response } from 'express';
import { z } from 'zod';
import type { FeedItem } from '../../../ports.ts';
import { render } from '../render.ts';
import type { Route, Surroundings } from '../route.ts';
import { check } from './checks.ts';

const feedId = z
  .string()
  .regex(/^\d{1,20}(-\d{1,20})?$/, 'is not the id of an event: leave it out to begin now')
  .describe('Begin after this event.');

const query = z.strictObject({ lastEventId: feedId.optional() });

export function eventRoutes(around: Surroundings): Route[] {
  return [
    {
      method: 'get',
      path: '/api/v1/events',
      access: 'viewer',
      tag: 'events',
      summary: 'Every journal entry as it happens, as server-sent events.',
      query,
      headers: { 'Last-Event-ID': 'Begin after this event; browsers send it when they come again.' },
      answers: [
        {
          status: 200,
          description: 'A stream: `id` resumes it, `event` is the entry’s type, `data` is one of these.',
          schema: 'FeedEvent',
          type: 'text/event-stream',
        },
      ],
      problems: ['invalid-request'],
      async handle({ request, response }) {
        const { lastEventId } = check(query, request.query);
        const header = request.get('last-event-id');
        await stream(response, header ? check(feedId, header) : (lastEventId ?? ''), around);
      },
    },
  ];
}

async function stream(response: Response, after: string, around: Surroundings): Promise<void> {
  const gone = new AbortController();
  const signal = AbortSignal.any([gone.signal, around.closing]);
  response.on('close', () => gone.abort());
  response.on('error', () => gone.abort());
  response.status(200).set({
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
  });
  response.flushHeaders();
  response.write(': listening\n\n');
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(': still here\n\n');
  }, around.heartbeatMs);
  try {
    for await (const item of around.operations.feed(after, signal)) {
      if (signal.aborted) break;
      if (!response.write(frame(item))) await drained(response, around.slowClientMs, signal);
    }
  } catch (error) {
    // Headers are out: all that can be done is to end the stream; the client comes again with its last id.
    if (!signal.aborted) around.logger.warn(`an event stream ended: ${(error as Error).message}`);
  } finally {
    clearInterval(heartbeat);
    if (response.writableNeedDrain) response.destroy();
    else response.end();
  }
}

function frame({ id, incident, entry }: FeedItem): string {
  const { seq, at, type, data } = entry;
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(render({ incident, seq, at, type, data }))}\n\n`;
}

/** A client that does not read in time is let go, so that nothing is kept for it without end. */
function drained(response: Response, limitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error) => {
      clearTimeout(timer);
      response.off('drain', onDrain);
      signal.removeEventListener('abort', onAbort);
      if (error) reject(error);
      else resolve();
    };
    const onDrain = () => settle();
    const onAbort = () => settle();
    const timer = setTimeout(() => settle(new Error(`its client read nothing for ${limitMs} ms`)), limitMs);
    response.once('drain', onDrain);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
