import { EXCHANGE_FAILURES, ExchangeError, type ExchangeFailure } from '../../ports/exchange.ts';
/** An argument of a function. Undefined fields are omitted. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json | undefined };

/** The first request of a shell loads its modules; all others call a function. */
export type Request =
  | { modules: readonly string[]; watch?: number | undefined }
  | { function: string; arguments: { readonly [parameter: string]: Json | undefined } };

export interface PowerShellReply {
  /** The output of the function, in order: a list of one stays a list. */
  value: unknown[];
  warnings: string[];
  /** Non-terminating errors. */
  errors: string[];
  /** The verbose, debug and information streams, in order. */
  verbose: string[];
}

const NAME = /^[A-Za-z][A-Za-z0-9]*(-[A-Za-z][A-Za-z0-9]*)?$/;

/**
 * A request as base64 of JSON, so that nothing in it can be read as PowerShell. Throws TypeError for invalid names and for numbers
 * that are not finite.
 */
export function encoded(request: Request): string {
  if ('function' in request && !NAME.test(request.function)) {
    throw new TypeError(`Not the name of a function: ${JSON.stringify(request.function)}`);
  }
  return Buffer.from(JSON.stringify(marked(request as Json))).toString('base64');
}

/**
 * Every text gets a prefix, which the shell removes, because ConvertFrom-Json would convert some texts to dates, depending on the
 * version.
 */
function marked(value: Json): Json {
  if (typeof value === 'string') return `=${value}`;
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`Not a number to send: ${value}`);
  if (value === null || typeof value !== 'object') return value;
  if (isList(value)) return value.map(marked);
  const fields = Object.entries(value).filter((entry): entry is [string, Json] => entry[1] !== undefined);
  const wrong = fields.find(([name]) => !NAME.test(name));
  if (wrong) throw new TypeError(`Not the name of a field: ${JSON.stringify(wrong[0])}`);
  return Object.fromEntries(fields.map(([name, field]) => [name, marked(field)]));
}

const isList = (value: object): value is readonly Json[] => Array.isArray(value);

/**
 * Finds the reply in the output of a shell: `<nonce> <base64 of JSON> <nonce>`. Throws ExchangeError: the failure of the function, or
 * `badReply` if the frame is missing, incomplete or not a reply. Never returns an empty success for that.
 */
export function readReply(nonce: string, written: string): PowerShellReply {
  const answer = parsed(framed(nonce, written));
  const notes = { warnings: texts(answer.warnings), errors: texts(answer.errors), verbose: texts(answer.verbose) };
  if (isRecord(answer.failure)) {
    const words = [String(answer.failure.says), ...notes.warnings, ...notes.errors];
    throw new ExchangeError(codeOf(answer.failure.id), words.join('\n'));
  }
  if (!Array.isArray(answer.value)) throw new ExchangeError('badReply', 'The reply of PowerShell has no value.');
  return { value: answer.value, ...notes };
}

function framed(nonce: string, written: string): string {
  const begin = written.indexOf(`${nonce} `);
  const end = written.indexOf(` ${nonce}`, begin + nonce.length);
  if (begin < 0 || end < 0) throw new ExchangeError('badReply', `PowerShell did not answer.${excerpt(written)}`);
  return written.slice(begin + nonce.length + 1, end);
}

function parsed(data: string): Record<string, unknown> {
  try {
    const bytes = Buffer.from(data, 'base64');
    // Node decodes as much base64 as it can; here it must be all.
    if (bytes.toString('base64') !== data) throw new SyntaxError('not base64');
    const answer: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (isRecord(answer)) return answer;
  } catch {
    // Reported below, like any other problem of the reply.
  }
  throw new ExchangeError('badReply', `PowerShell’s reply can't be parsed.${excerpt(data)}`);
}

/** PowerShell's FullyQualifiedErrorId is `<id>,<command>`; functions use the port's codes as id. */
function codeOf(id: unknown): ExchangeFailure {
  const [first] = String(id).split(',');
  return EXCHANGE_FAILURES.find((code) => code === first) ?? 'unknown';
}

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The end of the output, for messages, or nothing. */
export function excerpt(written: string): string {
  const text = written.trim();
  if (text === '') return '';
  return ` It wrote: ${text.length > 500 ? `… ${text.slice(-500)}` : text}`;
}
