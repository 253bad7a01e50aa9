import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type Alert, shortName } from '../incident/alert.ts';
import { DESCRIPTION_LIMIT, healthSet, hostName, name, TITLE_LIMIT, text, time } from './fields.ts';
import { type Problem, pointer, problemsOf } from './problems.ts';
import { each, identity, present, refuseAll, type Source, type SourceEnvironment } from './source.ts';

const strings = z.record(z.string(), z.string());

const alert = z
  .object({
    status: z.enum(['firing', 'resolved']),
    labels: strings,
    annotations: strings.nullish(),
    startsAt: time,
    fingerprint: name().nullish(),
  })
  .meta({ title: 'AlertmanagerAlert' });

/** The webhook of Alertmanager, version 4 (`webhook_config`). Its `endsAt` may be a guess and is not read. */
const envelope = z.object({
  version: z
    .literal('4', { error: 'must be "4", the version of the webhook that Alertmanager has sent since 0.6' })
    .nullish(),
  truncatedAlerts: z.int().min(0).nullish().describe('How many alerts Alertmanager left out (max_alerts).'),
  alerts: z.array(z.unknown()),
});

export const alertmanager: Source = {
  name: 'alertmanager',
  description:
    'The webhook of Prometheus Alertmanager (version 4). Labels become fields by a map in the configuration.',
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
  parse(body, env) {
    const checked = envelope.safeParse(body);
    if (!checked.success) {
      return { alerts: [], refused: problemsOf(checked.error), refusedElements: 1 };
    }
    const { alerts, truncatedAlerts } = checked.data;
    if (alerts.length === 0) return refuseAll('the list is empty: send at least one alert', '/alerts');
    const parsed = each(
      alerts,
      (index) => ['alerts', index],
      (element, at) => parseOne(element, at, env),
    );
    return truncatedAlerts ? { ...parsed, truncated: truncatedAlerts } : parsed;
  },
};

function parseOne(element: unknown, at: PropertyKey[], env: SourceEnvironment): Alert | Problem[] {
  const checked = alert.safeParse(element);
  if (!checked.success) return problemsOf(checked.error, at);
  const { labels, annotations, startsAt, status } = checked.data;
  const map = env.settings.alertmanager;
  const problems: Problem[] = [];

  const from =
    (place: 'labels' | 'annotations', record: Record<string, string>) =>
    <T>(names: string[], field: z.ZodType<T>, wanted?: string): T | undefined => {
      const key = names.find((candidate) => Object.hasOwn(record, candidate) && record[candidate] !== '');
      if (key === undefined) {
        const message = `has no label for the ${wanted}: add one of ${names.join(', ')}`;
        if (wanted) problems.push({ pointer: pointer([...at, place]), message });
        return undefined;
      }
      const value = field.safeParse(record[key]);
      if (value.success) return value.data;
      problems.push(...problemsOf(value.error, [...at, place, key]));
      return undefined;
    };
  const label = from('labels', labels);
  const annotation = from('annotations', annotations ?? {});

  const server = label(map.server, z.string().transform(withoutPort).pipe(hostName), 'server');
  const set = label(map.healthSet, healthSet, 'health set');
  const monitor = label(map.monitor, name());
  const targetResource = label(map.targetResource, name());
  const severity = label(['severity'], name());
  const title = annotation(['summary', 'title', 'message'], text(TITLE_LIMIT));
  const description = annotation(['description'], text(DESCRIPTION_LIMIT));
  if (problems.length > 0 || server === undefined || set === undefined) return problems;

  const senderId = checked.data.fingerprint ?? fingerprint(labels);
  return {
    ...present({ monitor, targetResource, severity, title, description }),
    id: identity('alertmanager', senderId, startsAt, status),
    source: 'alertmanager',
    senderId,
    status,
    server: shortName(server),
    serverAsSent: server,
    healthSet: set,
    raisedAt: startsAt ?? env.now,
    receivedAt: env.now,
  };
}

/** `instance` is what was scraped: a host name, most often with a port. */
const withoutPort = (value: string) => value.trim().replace(/:\d{1,5}$/, '');

/** Alertmanager's own fingerprint is a hash of the labels; ours stands in for it where it is missing. */
const fingerprint = (labels: Record<string, string>) =>
  createHash('sha256')
    .update(JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))))
    .digest('hex')
    .slice(0, 16);
