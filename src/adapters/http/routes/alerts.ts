import type { Alert } from '../../../incident/alert.ts';
import type { AcceptedAlert } from '../../../ports.ts';
import { SOURCES, type Source } from '../../../sources/index.ts';
import { HttpProblem, invalid, RETRY_AFTER_SECONDS, storeAway, told } from '../problem.ts';
import type { Call, Route, Surroundings } from '../route.ts';

export function alertRoutes(around: Surroundings): Route[] {
  return SOURCES.map((source) => ({
    method: 'post',
    path: `/api/v1/alerts/${source.name}`,
    access: 'sender',
    tag: 'alerts',
    summary: source.description,
    body: { schema: source.body, example: source.example, required: true },
    headers: {
      'X-Signature':
        'sha256=<hex>: HMAC-SHA256 of `<X-Timestamp>.<body>` with a sender’s signing secret, instead of a token.',
      'X-Timestamp': 'When it was signed, in seconds since 1970; within five minutes of the daemon’s time.',
    },
    answers: [
      {
        status: 202,
        description: 'Stored: each alert is new or a repeat. What is bad in a list is refused by name.',
        schema: 'Accepted',
      },
    ],
    problems: ['invalid-request', 'malformed-json', 'too-large', 'unsupported-media-type', 'not-receiving'],
    handle: (call) => receive(call, source, around),
  }));
}

async function receive({ body, response, identity }: Call, source: Source, around: Surroundings): Promise<void> {
  if (!around.receive) {
    throw new HttpProblem('not-receiving', 'It was started without its receiver (work.receive): post to another.', {
      headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) },
    });
  }
  if (body === undefined) throw invalid([{ pointer: '', message: 'is missing: send one alert, or a list of them' }]);
  const sent = howMany(body);
  if (sent > around.maxAlertsPerRequest) {
    throw new HttpProblem(
      'too-large',
      `${sent} alerts in one request; at most ${around.maxAlertsPerRequest} are taken: send them in parts.`,
    );
  }

  around.allow(identity, sent);

  const { alerts, refused, refusedElements, truncated } = source.parse(body, {
    now: around.now(),
    settings: around.sources,
  });
  around.metrics.received(source.name, { refused: refusedElements, ...(truncated && { truncated }) }, around.now());
  if (refusedElements > 0) {
    around.logger.warn(`refused ${refusedElements} of ${refusedElements + alerts.length} alerts from ${source.name}`, {
      problems: refused.slice(0, 20),
    });
  }
  if (alerts.length === 0) throw invalid(refused);

  const stored = await store(alerts, source, around);
  const repeats = stored.filter((alert) => alert.repeat).length;
  const accepted = stored.length - repeats;
  around.metrics.received(source.name, { accepted, repeat: repeats }, around.now());
  response
    .status(202)
    .json({ accepted, repeats, alerts: stored, refused: told(refused), ...(truncated && { truncated }) });
}

/** Whatever keeps the alerts from being stored, the sender must come again: it is never told that they are safe. */
async function store(alerts: Alert[], source: Source, around: Surroundings): Promise<AcceptedAlert[]> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer within ${around.acceptTimeoutMs} ms`)),
      around.acceptTimeoutMs,
    );
  });
  try {
    return await Promise.race([around.operations.accept(alerts), tooLong]);
  } catch (error) {
    around.metrics.received(source.name, { failed: alerts.length }, around.now());
    around.logger.error(`could not store ${alerts.length} alerts from ${source.name}: ${(error as Error).message}`);
    throw storeAway('Nothing is certain to be stored: send it all again. What was stored will be known as a repeat.');
  } finally {
    clearTimeout(timer);
  }
}

function howMany(body: unknown): number {
  const list = Array.isArray(body) ? body : (body as { alerts?: unknown } | null)?.alerts;
  return Array.isArray(list) ? list.length : 1;
}
