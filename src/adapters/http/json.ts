/** Parses untrusted JSON: limits the nesting before parsing, and reports the position of an error. */

/** Deeper than any sender requires, and shallow enough for recursive code. */
export const DEPTH_LIMIT = 32;

export type Json = { ok: true; value: unknown } | { ok: false; message: string };

export function parseJson(text: string): Json {
  const tooDeep = firstTooDeep(text);
  if (tooDeep !== undefined) {
    return { ok: false, message: `is nested more than ${DEPTH_LIMIT} deep at ${position(text, tooDeep)}` };
  }
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    const offset = firstError(text);
    if (offset >= text.length) return { ok: false, message: `ends too early, at ${position(text, offset)}` };
    return {
      ok: false,
      message: `is not JSON at ${position(text, offset)}: ${JSON.stringify(text.slice(offset, offset + 20))}`,
    };
  }
}

function firstTooDeep(text: string): number | undefined {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index);
    if (inString) {
      if (char === 0x5c) index++;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) inString = true;
    else if (char === 0x7b || char === 0x5b) {
      if (++depth > DEPTH_LIMIT) return index;
    } else if (char === 0x7d || char === 0x5d) depth--;
  }
  return undefined;
}

function position(text: string, offset: number): string {
  let line = 1;
  let begin = 0;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', begin)) {
    line += 1;
    begin = at + 1;
  }
  return `line ${line}, column ${offset - begin + 1}`;
}

const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const MARKS = '{}[],:';

/** Position after white space. */
function skipBlanks(text: string, offset: number): number {
  let at = offset;
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at++;
  return at;
}

/** End of a string; undefined if it is not one. By hand, because a regular expression overflows the stack at ten megabytes. */
function endOfString(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === 0x22) return at + 1;
    if (char < 0x20) return undefined;
    if (char === 0x5c) {
      const end = endOf(ESCAPE, text, at);
      if (end === undefined) return undefined;
      at = end - 1;
    }
  }
  return undefined;
}

function endOf(pattern: RegExp, text: string, start: number): number | undefined {
  pattern.lastIndex = start;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

interface Token {
  kind: 'mark' | 'string' | 'scalar';
  end: number;
}

function tokenAt(text: string, start: number): Token | undefined {
  const first = text.charAt(start);
  if (first !== '' && MARKS.includes(first)) return { kind: 'mark', end: start + 1 };
  const kind = first === '"' ? 'string' : 'scalar';
  const end = kind === 'string' ? endOfString(text, start) : endOf(SCALAR, text, start);
  return end === undefined ? undefined : { kind, end };
}

/**
 * Position where the text stops being JSON. Messages of JSON.parse do not always contain it and differ between versions of
 * Node. Only for text that is not JSON.
 */
function firstError(text: string): number {
  const open: ('{' | '[')[] = [];
  /** The token that may come next. */
  let expect: 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or close' | 'end' = 'value';
  let offset = 0;
  for (;;) {
    const start = skipBlanks(text, offset);
    const token = tokenAt(text, start);
    if (!token) return start;
    const mark = token.kind === 'mark' ? text.charAt(start) : undefined;
    const closes = mark === (open.at(-1) === '{' ? '}' : ']');
    if (expect === ':') {
      if (mark !== ':') return start;
      expect = 'value';
    } else if (expect === ', or close' && mark === ',') expect = open.at(-1) === '{' ? 'key' : 'value';
    else if (closes && open.length > 0 && (expect === ', or close' || expect.includes('or'))) {
      open.pop();
      expect = open.length === 0 ? 'end' : ', or close';
    } else if (expect.startsWith('key')) {
      if (token.kind !== 'string') return start;
      expect = ':';
    } else if (expect.startsWith('value')) {
      if (mark === '{' || mark === '[') {
        open.push(mark);
        expect = mark === '{' ? 'key or }' : 'value or ]';
      } else if (token.kind !== 'mark') expect = open.length === 0 ? 'end' : ', or close';
      else return start;
    } else return start;
    offset = token.end;
  }
}
