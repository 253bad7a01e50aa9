import { z } from 'zod';
import type { Alert } from '../incident/alert.ts';
import { healthSet, LIMITS, name, status, text, time } from './fields.ts';
import { type Problem, pointer, problemsOf } from './problems.ts';
import { isEmpty, reader, unreadable } from './read.ts';
import { serversIn } from './server.ts';
import {
  each,
  identity,
  noted,
  present,
  refuseAll,
  type Source,
  type SourceEnvironment,
  serverFields,
} from './source.ts';

const anything = z.record(z.string(), z.unknown());

const alert = z
  .object({
    status: status.nullish(),
    labels: anything,
    annotations: anything.nullish(),
    startsAt: time.nullish(),
    fingerprint: name().nullish(),
  })
  .meta({ title: 'AlertmanagerAlert' });

const VERSIONS = 'must be "4", sent by Alertmanager since 0.6, or "1", sent by Grafana';

/**
 * The webhook of Alertmanager, version 4 (`webhook_config`), and of Grafana, version 1, which sends the same alerts.
 * `endsAt` is ignored, because it may be a guess.
 */
const envelope = z.object({
  version: z.literal(['4', '1', 4, 1, ''], { error: VERSIONS }).nullish(),
  status: z.unknown().optional().describe('Status of alerts that have none themselves.'),
  truncatedAlerts: z
    .int()
    .min(0)
    .nullish()
    .catch(undefined)
    .describe('Number of alerts that the sender left out (max_alerts).'),
  alerts: z.array(z.unknown()),
});

export const alertmanager: Source = {
  name: 'alertmanager',
  description:
    'Receives the webhook of Prometheus Alertmanager (version 4) or Grafana. The configuration maps labels to fields.',
  retriesOnlyServerErrors: true,
  count(body) {
    const list = typeof body === 'object' && body !== null && 'alerts' in body ? body.alerts : undefined;
    return Array.isArray(list) ? list.length : 1;
  },
  body: envelope.extend({ alerts: z.array(alert).min(1) }),
  example: {
    version: '4',
    status: 'firing',
    alerts: [
      {
        status: 'firing',
        labels: { alertname: 'ExchangeHealthSet', server: 'mbx1.contoso.com', health_set: 'IMAP.Protocol' },
        annotations: { summary: 'IMAP.Protocol is unhealthy' },
        startsAt: '2024-11-23T10:11:12.000Z',
        fingerprint: 'c1a3f6a0b2d4e8f1',
      },
    ],
  },
  *parse(body, env) {
    const checked = envelope.safeParse(body);
    if (!checked.success) {
      return { alerts: [], refused: problemsOf(checked.error), refusedElements: 1 };
    }
    const { alerts, truncatedAlerts } = checked.data;
    if (alerts.length === 0) return refuseAll('the list is empty: send at least one alert', '/alerts');
    const forAll = status.safeParse(checked.data.status).data;
    const parsed = yield* each(
      alerts,
      (index) => ['alerts', index],
      (element, at) => parseOne(element, at, env, forAll),
    );
    return truncatedAlerts ? { ...parsed, truncated: truncatedAlerts } : parsed;
  },
};

const read = reader(alert);
const [hint, title, description] = [name(), text(LIMITS.title), text(LIMITS.description)];

function parseOne(
  element: unknown,
  at: PropertyKey[],
  env: SourceEnvironment,
  statusOfAll: Alert['status'] | undefined,
): Alert | Problem[] {
  const checked = read(element, at);
  if (Array.isArray(checked)) return checked;
  const { labels, startsAt, fingerprint } = checked.data;
  const notes = [...checked.notes];
  const map = env.settings.alertmanager;

  /** The first usable value among these keys; unusable ones before it are noted. */
  const first = <T>(names: string[], given: Record<string, unknown>, field: z.ZodType<T>): T | undefined => {
    for (const key of names) {
      if (!Object.hasOwn(given, key) || isEmpty(given[key])) continue;
      const value = field.safeParse(given[key]);
      if (value.success) return value.data;
      notes.push(...unreadable(key, value.error));
    }
    return undefined;
  };
  const label = <T>(names: string[], field: z.ZodType<T>) => first(names, labels, field);
  const annotation = <T>(names: string[], field: z.ZodType<T>) => first(names, checked.data.annotations ?? {}, field);

  const given = map.server.map((from) => ({ from, value: Object.hasOwn(labels, from) ? labels[from] : undefined }));
  const { names, why } = serversIn(given);
  if (names.length === 0) {
    const message = given.every(({ value }) => isEmpty(value))
      ? `has no label for the server: add one of ${map.server.join(', ')}`
      : `has no label that names a server: ${why}`;
    return [{ pointer: pointer([...at, 'labels']), message }];
  }

  const senderId = fingerprint ?? fingerprintOf(labels);
  const state = checked.data.status ?? statusOfAll ?? 'firing';
  return {
    ...present({
      healthSet: label(map.healthSet, healthSet),
      monitor: label(map.monitor, hint),
      targetResource: label(map.targetResource, hint),
      severity: label(['severity'], hint),
      title: annotation(['summary', 'title', 'message'], title),
      description: annotation(['description'], description),
    }),
    id: identity('alertmanager', senderId, startsAt ?? undefined, state),
    source: 'alertmanager',
    senderId,
    status: state,
    ...serverFields(names),
    raisedAt: startsAt ?? env.now,
    receivedAt: env.now,
    ...noted(notes),
  };
}

/**
 * Alertmanager's own fingerprint, if it was not sent: 64-bit FNV-1a of the sorted labels, with byte 255 after each name
 * and value. So an alert has the same id with and without it.
 */
function fingerprintOf(labels: Record<string, unknown>): string {
  let [high, low] = [0xcbf29ce4, 0x84222325];
  const add = (byte: number) => {
    const xored = (low ^ byte) >>> 0;
    // Multiply by the prime, 2^40 + 435, in halves of 32 bits.
    const product = xored * 435;
    high = (high * 435 + Math.floor(product / 2 ** 32) + xored * 256) % 2 ** 32;
    low = product >>> 0;
  };
  for (const name of Object.keys(labels).sort()) {
    for (const part of [name, typeof labels[name] === 'string' ? labels[name] : JSON.stringify(labels[name])]) {
      for (const byte of Buffer.from(part)) add(byte);
      add(255);
    }
  }
  return [high, low].map((half) => half.toString(16).padStart(8, '0')).join('');
}
