import { z } from 'zod';
import { type Alert, shortName } from '../incident/alert.ts';
import { healthSet, hostName, LIMITS, name, status, text, time } from './fields.ts';
import type { Problem } from './problems.ts';
import { reader } from './read.ts';
import { countIn, identity, noted, oneOrMany, present, type Source, type SourceEnvironment } from './source.ts';

const alert = z
  .object({
    id: name().describe('Yours; the same alert is sent again under the same id.'),
    healthSet: healthSet.describe('Exchange’s name of the health set, such as IMAP.Protocol.'),
    server: hostName.describe('The server it is about, as a short or a full name.'),
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
  description: 'An alert in the daemon’s own words, or a list of them: for scripts and for systems it does not know.',
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
