/**
 * Characters that are invisible or affect how others are shown: controls (C0, DEL, C1), direction marks, line
 * separators, and whatever else Unicode tells displays to ignore.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
/** Joiners are legitimate in text (Persian words, emoji families), and harmless after non-ASCII characters. */
const JOINER = /\u200c|\u200d|\ufe0e|\ufe0f/;

/** Text with hidden characters written as escapes: ESC as `\x1b`, U+202E as `\u202e`. */
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
 * JSON that is safe to print: the same value, with every hidden character escaped. JSON.stringify leaves DEL, C1 and
 * direction marks as they are.
 */
export function visibleJson(value: unknown, indent?: number): string {
  // A literal line break is part of the JSON layout.
  return (JSON.stringify(value, null, indent) ?? 'null').replace(HIDDEN, (char) =>
    char === '\n' ? char : [...Array(char.length).keys()].map((n) => `\\u${hex(char.charCodeAt(n), 4)}`).join(''),
  );
}

const hex = (code: number, digits: number) => code.toString(16).padStart(digits, '0');
