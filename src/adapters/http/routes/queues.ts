import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import type { Queue } from 'bullmq';
import { Router } from 'express';

/** The queue board, read-only: jobs are only wake-ups, and the journal is authoritative. */
export function queueBoard(queues: readonly Queue[] | undefined): Router {
  if (!queues || queues.length === 0) {
    return Router().get('/', (_request, response) => {
      response.type('text/plain').send('There is no queue board: the in-memory store has no queues.\n');
    });
  }
  const adapter = new ExpressAdapter();
  adapter.setBasePath('/queues');
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })),
    // Its type declarations disagree about optional properties.
    serverAdapter: adapter as unknown as Parameters<typeof createBullBoard>[0]['serverAdapter'],
    options: { uiConfig: { boardTitle: 'Second Responder' } },
  });
  return adapter.getRouter();
}
