/** Reading JSON from strangers: the nesting is bounded before it is parsed, and an error says where it is. */

/** Deeper than anything a sender needs, and shallow enough for everything that walks the values later. */
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
  const before = text.slice(0, offset).split('\n');
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

const TOKEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in its strings
  /[ \t\r\n]*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/y;

/**
 * Where the text stops being JSON. JSON.parse knows, but its messages give the place only sometimes and differ between
 * versions of Node. Called only for text that is not JSON.
 */
function firstError(text: string): number {
  const open: ('{' | '[')[] = [];
  /** What may come next. */
  let expect: 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or close' | 'end' = 'value';
  let offset = 0;
  for (;;) {
    TOKEN.lastIndex = offset;
    const token = TOKEN.exec(text);
    const start = offset + (/^[ \t\r\n]*/.exec(text.slice(offset))?.[0].length ?? 0);
    if (!token) return start;
    const [, mark, string, scalar] = token;
    const closes = mark === (open.at(-1) === '{' ? '}' : ']');
    if (expect === ':') {
      if (mark !== ':') return start;
      expect = 'value';
    } else if (expect === ', or close' && mark === ',') expect = open.at(-1) === '{' ? 'key' : 'value';
    else if (closes && open.length > 0 && (expect === ', or close' || expect.includes('or'))) {
      open.pop();
      expect = open.length === 0 ? 'end' : ', or close';
    } else if (expect.startsWith('key')) {
      if (string === undefined) return start;
      expect = ':';
    } else if (expect.startsWith('value')) {
      if (mark === '{' || mark === '[') {
        open.push(mark);
        expect = mark === '{' ? 'key or }' : 'value or ]';
      } else if (string !== undefined || scalar !== undefined) expect = open.length === 0 ? 'end' : ', or close';
      else return start;
    } else return start;
    offset = TOKEN.lastIndex;
  }
}
