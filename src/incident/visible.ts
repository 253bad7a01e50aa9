/**
 * Characters that show nothing, or steer what shows others: controls (C0, DEL, C1), marks of direction, line separators, and
 * whatever else Unicode has displays ignore.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
/** They join what people write (Persian words, families of emoji), and do nothing to the letters of a name. */
const JOINER = /\u200c|\u200d|\ufe0e|\ufe0f/;

/** Text with its hidden characters written as escapes: ESC as `\x1b`, U+202E as `\u202e`. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (char, at: number) => {
    if (JOINER.test(char) && text.charCodeAt(at - 1) > 0x7f) return char;
    const code = char.codePointAt(0) ?? 0;
    if (code === 9) return ' ';
    if (code < 0x100) return `\\x${hex(code, 2)}`;
    return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 5)}}`;
  });
}

/**
 * JSON that can be printed anywhere: the same value, with every hidden character as an escape. JSON itself leaves DEL, C1 and
 * marks of direction as they are.
 */
export function visibleJson(value: unknown, indent?: number): string {
  // A line break that stands there is JSON's own.
  return (JSON.stringify(value, null, indent) ?? 'null').replace(HIDDEN, (char) =>
    char === '\n' ? char : [...Array(char.length).keys()].map((n) => `\\u${hex(char.charCodeAt(n), 4)}`).join(''),
  );
}

const hex = (code: number, digits: number) => code.toString(16).padStart(digits, '0');
