import express, { type NextFunction, type Request, type Response, Router } from 'express';
import { z } from 'zod';
import type { Lab } from '../../lab/lab.ts';
import { duration } from '../../lab/world/duration.ts';
import { fromIssues, LabProblems, type Problem } from '../../lab/world/problems.ts';
import { ExchangeError } from '../../ports/exchange.ts';
import { type CallAnswer, carryOut, type LabTime } from './calls.ts';

const BODY_LIMIT = '256kb';

/** Serves /lab/v1/*: faults, the command log, and the Exchange port for a daemon in another process. */
export function labRouter(lab: Lab): Router {
  const router = Router();
  const at = (path: string) => `/lab/v1${path}`;
  // If the daemon serves the lab, its parser has already read the body, and this one does nothing.
  router.use(at(''), express.json({ limit: BODY_LIMIT, strict: false }));

  router.get(at('/organisation'), (_, response) => {
    response.json(lab.organisation());
  });

  router.post(at('/faults'), (request, response) => {
    const fault = lab.post(request.body);
    response
      .status(201)
      .location(at(`/faults/${fault.id}`))
      .json(fault);
  });
  router.get(at('/faults'), (_, response) => {
    response.json(lab.faults());
  });
  router.get(at('/faults/:id'), (request, response) => {
    const fault = lab.fault(idOf(request));
    if (fault) response.json(fault);
    else noFault(response, idOf(request));
  });
  router.delete(at('/faults/:id'), (request, response) => {
    const fault = lab.fault(idOf(request));
    if (fault && lab.remove(fault.id)) response.json({ ...fault, state: 'deleted', shows: [] });
    else noFault(response, idOf(request));
  });

  router.get(at('/commands'), (request, response) => {
    const commands = lab.commands(readSince(request.query.since));
    response.json(commands.map((entry) => ({ ...entry, at: new Date(entry.at).toISOString() })));
  });

  router.post(at('/commands'), (request, response) => {
    const checked = notDone.safeParse(request.body);
    if (!checked.success) throw new LabProblems('Invalid command', fromIssues(checked.error.issues));
    lab.note(checked.data);
    response.status(204).end();
  });

  router.post(at('/reset'), (_, response) => {
    lab.reset();
    response.json({ id: lab.id });
  });

  router.get(at('/clock'), (_, response) => {
    response.json(timeOf(lab));
  });
  router.post(at('/clock/advance'), (request, response) => {
    if (!lab.clock.virtual) {
      sendProblems(response, 409, 'This lab has a real clock', [
        { pointer: '', message: 'only a virtual clock can be advanced; raise lab.speed to make time run faster' },
      ]);
      return;
    }
    const checked = z.strictObject({ by: duration }).safeParse(request.body);
    if (!checked.success) throw new LabProblems('The clock cannot be advanced', fromIssues(checked.error.issues));
    lab.clock.advance(checked.data.by);
    response.json(timeOf(lab));
  });

  router.post(at('/call'), async (request, response) => {
    const outcome = await carryOut((caller) => lab.exchange(caller), request.body).then(
      (reply) => ({ reply }),
      (error: unknown) => {
        if (!(error instanceof ExchangeError)) throw error;
        return { failure: { code: error.code, message: error.message } };
      },
    );
    const answer: CallAnswer = { ...timeOf(lab), ...outcome };
    response.json(answer);
  });

  router.use(at(''), (request, response) => {
    sendProblems(response, 404, 'Path not found', [
      { pointer: '', message: `${request.method} ${request.originalUrl.slice(0, 200)} is not part of the lab` },
    ]);
  });
  router.use(at(''), (error: unknown, _: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) return next(error);
    answerError(response, error);
  });
  return router;
}

/** A command that ExchangeLab.psm1 did not execute, because it checks fences itself. */
const notDone = z.strictObject({
  server: z.string().max(300),
  command: z.string().min(1).max(300),
  arguments: z.record(z.string().max(300), z.union([z.string().max(1_000), z.number(), z.boolean()])),
  caller: z.string().max(500),
  effect: z.enum(['already', 'refused']),
});

function timeOf(lab: Lab): LabTime {
  const { clock } = lab;
  return { now: clock.now(), speed: clock.speed, epoch: lab.id, virtual: clock.virtual };
}

/** A sequence number, or a time in ISO 8601. */
function readSince(since: unknown): { seq: number } | { at: number } {
  if (since === undefined || since === '') return { seq: 0 };
  if (typeof since === 'string') {
    if (/^\d{1,15}$/.test(since)) return { seq: Number(since) };
    const time = Date.parse(since);
    if (/^\d{4}-\d\d-\d\d/.test(since) && Number.isFinite(time)) return { at: time };
  }
  throw new LabProblems('The commands cannot be listed', [
    { pointer: '/since', message: 'must be a sequence number or a time such as 2025-01-31T12:00:00Z' },
  ]);
}

function noFault(response: Response, id: string): void {
  sendProblems(response, 404, 'Fault not found', [{ pointer: '', message: `no fault has the id "${id}"` }]);
}

/** Errors of the parser have a status; any other error that is not about the request is a bug. */
function answerError(response: Response, error: unknown): void {
  if (error instanceof LabProblems) {
    sendProblems(response, 400, error.message.split('\n')[0] ?? error.message, error.problems);
    return;
  }
  const { status, message } = error as { status?: unknown; message?: unknown };
  const known = typeof status === 'number' && status >= 400 && status < 500;
  const title = known ? 'The request cannot be read' : 'The lab failed';
  sendProblems(response, known ? status : 500, title, [{ pointer: '', message: String(message) }]);
}

function sendProblems(response: Response, status: number, title: string, problems: Problem[]): void {
  const detail = problems.map(({ pointer, message }) => (pointer ? `${pointer}: ${message}` : message)).join('; ');
  response.status(status).type('application/problem+json');
  response.send(JSON.stringify({ type: 'about:blank', title, status, detail, problems }));
}

function idOf(request: Request): string {
  return String(request.params.id);
}
