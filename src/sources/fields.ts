/** The kinds of value that senders send, checked once for all sources. */
import { z } from 'zod';
import { parseTime, TIME_FORMS } from './time.ts';

export const TITLE_LIMIT = 1000;
export const DESCRIPTION_LIMIT = 16_000;

const hasNul = (text: string) => text.includes('\0');
const NO_NUL = 'holds a NUL character, which no text of an alert has: leave it out';

/**
 * Free text, carried unharmed whatever it holds, but cut at `limit` characters: a long text is no reason to lose an
 * alert. Half a surrogate pair becomes U+FFFD, so that what is stored is what was hashed.
 */
export const text = (limit: number) =>
  z
    .string()
    .refine((value) => !hasNul(value), NO_NUL)
    .transform((value) => cut(Buffer.from(value.slice(0, 2 * limit)).toString(), limit))
    .meta({ description: `Text; cut after ${limit} characters.` });

/** A short name of something: one line, no control characters. */
export const name = (limit = 256) =>
  z
    .string()
    .trim()
    .min(1, { error: 'is empty', abort: true })
    .max(limit)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    .refine((value) => !/[\u0000-\u001f\u007f]/.test(value), 'holds control characters: it must be one line of text')
    .refine((value) => !/[\ud800-\udfff]/u.test(value), 'holds half a surrogate pair: it must be well-formed text');

const HEALTH_SET = /^[A-Za-z0-9][A-Za-z0-9._ -]{0,127}$/;

export const isHealthSet = (value: string) => HEALTH_SET.test(value);

/** Exchange's names of health sets are letters, digits and dots. A wildcard is not one. */
export const healthSet = z
  .string()
  .trim()
  .min(1, { error: 'is empty', abort: true })
  .regex(HEALTH_SET, 'does not look like a health set: write its name, such as IMAP.Protocol');

const HOST_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/;
const ADDRESS = /^\d+(\.\d+){3}$/;

/** Looks like a host name, and is not an address: incidents are kept by a server's name. */
export const isHostName = (value: string) => HOST_NAME.test(value) && !ADDRESS.test(value);

export const hostName = z
  .string()
  .trim()
  .min(1, { error: 'is empty', abort: true })
  .regex(
    HOST_NAME,
    'does not look like a host name: letters, digits, dots, hyphens and underscores, such as mbx1.contoso.com',
  )
  .refine((value) => !ADDRESS.test(value), 'is an address: write the server’s name, such as mbx1.contoso.com');

/** A time as text → epoch milliseconds; undefined for .NET's "no time at all". */
export const time = z
  .string({ error: (issue) => (issue.input === undefined ? undefined : `must be text: ${TIME_FORMS}`) })
  .transform((value, context) => {
    const parsed = parseTime(value);
    if (parsed === 'unreadable') {
      context.addIssue({ code: 'custom', message: `is not a time that can be read: ${TIME_FORMS}` });
      return z.NEVER;
    }
    return parsed;
  })
  .meta({ description: 'A time, best as ISO 8601 with its zone; without a zone it is UTC.' });

function cut(value: string, limit: number): string {
  if (value.length <= limit) return value;
  const last = value.charCodeAt(limit - 1);
  const splitsPair = last >= 0xd800 && last <= 0xdbff;
  return value.slice(0, splitsPair ? limit - 1 : limit);
}
