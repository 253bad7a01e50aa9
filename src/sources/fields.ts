/** The kinds of value that senders send, validated in one place for all sources. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { cut } from '../incident/cut.ts';
import { parseTime, TIME_FORMS } from './time.ts';

/**
 * The maximum number of characters that an alert keeps of each text. External text is cut before any pattern is
 * applied.
 */
export const LIMITS = { title: 1000, description: 16_000, name: 256, host: 1000, time: 100 };

/**
 * Free text of any content, cut to `limit` characters with an ellipsis as the last one: a long text must not lose an
 * alert. NUL and half a surrogate pair become U+FFFD, so that the stored text equals the hashed one.
 */
export const text = (limit: number) =>
  z
    .string()
    .transform((value) =>
      cut(
        Buffer.from(value.slice(0, 2 * limit))
          .toString()
          .replaceAll('\0', '\ufffd'),
        limit,
      ),
    )
    .meta({ description: `Text; at most ${limit} characters are kept.` });

/** A short name of something: one line, no control characters. */
export const name = (limit = LIMITS.name) =>
  z
    .string()
    .trim()
    .min(1, { error: 'is empty', abort: true })
    .max(limit, { abort: true })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern detects control characters
    .refine((value) => !/[\u0000-\u001f\u007f]/.test(value), 'contains control characters: it must be one line of text')
    .refine((value) => !/[\ud800-\udfff]/u.test(value), 'contains half a surrogate pair: it must be well-formed text');

const HEALTH_SET = /^[A-Za-z0-9][A-Za-z0-9._ -]{0,127}$/;

export const isHealthSet = (value: string) => HEALTH_SET.test(value);

/** A health set name of Exchange: letters, digits and dots. Wildcards are not allowed. */
export const healthSet = z
  .string()
  .trim()
  .min(1, { error: 'is empty', abort: true })
  .max(LIMITS.name, { abort: true })
  .regex(HEALTH_SET, 'is not a health set name: use a name such as IMAP.Protocol');

const HOST_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/;
/** The last label of a host name is never a number (RFC 3696), but that of an address is. */
const ADDRESS = /(^|\.)\d+\.?$/;

/** Why a text can't be the name of a server; undefined if it can. Incidents are keyed by server name. */
export function whyNotHost(value: string): string | undefined {
  if (isIP(value) === 6) return 'is an IP address';
  if (!HOST_NAME.test(value)) return 'is not a valid host name';
  if (ADDRESS.test(value)) return 'is an IP address';
  if (/^localhost(\.|$)/i.test(value)) return 'is the name of every machine';
  return undefined;
}

export const hostName = z
  .string()
  .trim()
  .min(1, { error: 'is empty', abort: true })
  .superRefine((value, context) => {
    const why = whyNotHost(value);
    if (why) context.addIssue({ code: 'custom', message: `${why}: ${HOST_FORM}` });
  });

const HOST_FORM = 'use the server’s name, such as mbx1.contoso.com';

/** A time as text → epoch milliseconds; undefined for .NET's "never set". */
export const time = z
  .string({ error: (issue) => (issue.input === undefined ? undefined : `must be text: ${TIME_FORMS}`) })
  .transform((value, context) => {
    const parsed = value.length > LIMITS.time ? 'unreadable' : parseTime(value);
    if (parsed === 'unreadable') {
      context.addIssue({ code: 'custom', message: `is not a valid time: ${TIME_FORMS}` });
      return z.NEVER;
    }
    return parsed;
  })
  .meta({ description: 'A time, preferably ISO 8601 with a time zone; UTC without one.' });

/** Whether the problem exists; case-insensitive. */
export const status = z
  .string()
  .trim()
  .toLowerCase()
  .pipe(z.enum(['firing', 'resolved']))
  .meta({ enum: ['firing', 'resolved'] });
