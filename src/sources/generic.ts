import { z } from 'zod';
import { type Alert, shortName } from '../incident/alert.ts';
import { healthSet, hostName, LIMITS, name, status, text, time } from './fields.ts';
import type { Problem } from './problems.ts';
import { reader } from './read.ts';
import { countIn, identity, noted, oneOrMany, present, type Source, type SourceEnvironment } from './source.ts';

const alert = z
  .object({
    id: name().describe('The sender’s id; the same id means the same alert.'),
    healthSet: healthSet.describe('The health set as named by Exchange, such as IMAP.Protocol.'),
    server: hostName.describe('Short or full name of the server.'),
    monitor: name().nullish().describe('A hint.'),
    targetResource: name().nullish().describe('A hint.'),
    status: status.prefault('firing'),
    raisedAt: time.nullish(),
    repeatCount: z.int().min(0).nullish(),
    severity: name().nullish(),
    title: text(LIMITS.title).nullish(),
    description: text(LIMITS.description).nullish(),
  })
  .meta({ title: 'GenericAlert' });

export const generic: Source = {
  name: 'generic',
  description: 'Receives one or more alerts in the daemon’s own format, for scripts and other monitoring systems.',
  body: z.union([alert, z.array(alert).min(1)]),
  example: { id: 'ticket-4711', healthSet: 'IMAP.Protocol', server: 'mbx1', status: 'firing', title: 'IMAP is slow' },
  count: countIn,
  parse: (body, env) => oneOrMany(body, (element, at) => parseOne(element, at, env)),
};

const read = reader(alert);

function parseOne(element: unknown, at: PropertyKey[], env: SourceEnvironment): Alert | Problem[] {
  const checked = read(element, at);
  if (Array.isArray(checked)) return checked;
  const { id, status, server, raisedAt, ...rest } = checked.data;
  return {
    ...present(rest),
    id: identity('generic', id, raisedAt ?? undefined, status),
    source: 'generic',
    senderId: id,
    status,
    server: shortName(server),
    serverAsSent: server,
    raisedAt: raisedAt ?? env.now,
    receivedAt: env.now,
    ...noted(checked.notes),
  };
}
