import { setImmediate } from 'node:timers/promises';
import type { Alert } from '../../../incident/alert.ts';
import { within } from '../../../lib/deadline.ts';
import type { AcceptedAlert } from '../../../ports/store.ts';
import { type Parsed, type Reading, SOURCES, type Source } from '../../../sources/index.ts';
import { HttpProblem, invalid, RETRY_AFTER_SECONDS, storeAway, told } from '../problem.ts';
import { pathOf } from '../refusals.ts';
import type { Call, Route, Surroundings } from '../route.ts';

export function alertRoutes(around: Surroundings): Route[] {
  return SOURCES.map((source) => ({
    method: 'post',
    path: pathOf(source),
    access: 'sender',
    tag: 'alerts',
    summary: source.description,
    body: { schema: source.body, example: source.example, required: true },
    headers: {
      'X-Signature':
        'sha256=<hex>: HMAC-SHA256 of `<X-Timestamp>.<body>` with a sender’s signing secret, instead of a token.',
      'X-Timestamp': 'Time of signing, in seconds since 1970; within five minutes of the daemon’s time.',
    },
    answers: [
      {
        status: 202,
        description: 'Stored: each alert is new or a repeat. Invalid alerts of a list are refused and named.',
        schema: 'Accepted',
      },
    ],
    problems: ['invalid-request', 'malformed-json', 'too-large', 'unsupported-media-type', 'busy', 'not-receiving'],
    handle: (call) => receive(call, source, around),
  }));
}

async function receive(
  { request, body, response, identity }: Call,
  source: Source,
  around: Surroundings,
): Promise<void> {
  if (!around.receive) {
    throw new HttpProblem(
      'not-receiving',
      'It was started without its receiver (work.receive): send alerts to another daemon.',
      {
        headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) },
      },
    );
  }
  if (body === undefined) throw invalid([{ pointer: '', message: 'is missing: send one alert, or a list of them' }]);
  const sent = source.count(body);
  if (sent > around.maxAlertsPerRequest) {
    throw new HttpProblem(
      'too-large',
      `${sent} alerts in one request; the maximum is ${around.maxAlertsPerRequest}: send them in parts.`,
      { alerts: sent },
    );
  }

  around.allow(identity, sent);

  const { alerts, refused, refusedElements, truncated } = await inParts(
    source.parse(body, { now: around.now(), settings: around.sources }),
  );
  if (truncated) around.metrics.received(source.name, { truncated }, around.now());
  const bad = refusedElements > 0 ? invalid(refused, refusedElements) : undefined;
  if (bad && alerts.length === 0) throw bad;
  if (bad) around.refused(source, request, identity, bad);

  const stored = await store(alerts, around);
  const repeats = stored.filter((alert) => alert.repeat).length;
  const accepted = stored.length - repeats;
  around.metrics.received(source.name, { accepted, repeat: repeats }, around.now());
  const answered = stored.map((one, index) => ({
    ...one,
    ...(alerts[index]?.notes && { notes: alerts[index].notes }),
  }));
  response
    .status(202)
    .json({ accepted, repeats, alerts: answered, refused: told(refused), ...(truncated && { truncated }) });
}

/** Handles a long list in parts, so that other requests have their turn. */
async function inParts(reading: Reading): Promise<Parsed> {
  for (;;) {
    const { done, value } = reading.next();
    if (done) return value;
    await setImmediate();
  }
}

/** Additional time for a long list, many times what the store requires. */
const FOR_EACH_ALERT_MS = 1;

/** If alerts can't be stored for any reason, the sender must try again, and never gets a success. */
async function store(alerts: Alert[], around: Surroundings): Promise<AcceptedAlert[]> {
  const limit = around.acceptTimeoutMs + alerts.length * FOR_EACH_ALERT_MS;
  const late = () => new Error(`no answer within ${limit} ms`);
  try {
    return await within(limit, around.operations.accept(alerts), late);
  } catch (error) {
    around.logger.error(`Failed to store ${alerts.length} alerts: ${(error as Error).message}`);
    const says = 'The alerts may not be stored: send them all again. Those already stored count as repeats.';
    throw storeAway(says, alerts.length);
  }
}
