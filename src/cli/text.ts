/** Text on a terminal: made harmless, measured, aligned. */

/** Escape sequences, invisible characters and those that turn the direction of writing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Text from outside with everything that could steer a terminal made visible: ESC becomes `\x1b`, a line break `⏎`. */
export function plain(text: string): string {
  return text.replace(/\s*\r?\n\s*/g, ' ⏎ ').replace(UNSAFE, (char) => {
    const code = char.charCodeAt(0);
    return code === 9 ? ' ' : code < 256 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
  });
}

const hex = (code: number, digits: number) => code.toString(16).padStart(digits, '0');

// biome-ignore lint/suspicious/noControlCharactersInRegex: the colours that `paint` writes
const COLOUR = /\u001b\[[\d;]*m/g;
const ZERO_WIDTH = /\p{Mn}|\p{Me}|\u200d|[\ufe0e\ufe0f]/u;
/** Kana, ideographs, Hangul, their full-width forms and emoji fill two cells. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;

/** Cells on the terminal. */
export function widthOf(text: string): number {
  let width = 0;
  for (const char of text.replace(COLOUR, '')) width += ZERO_WIDTH.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
  return width;
}

export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** At most `width` cells; what had to go is an ellipsis. Of text without colours. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  for (const char of text) {
    if (widthOf(kept) + widthOf(char) > width - 1) break;
    kept += char;
  }
  return `${kept}…`;
}

/** Lines of at most `width` cells. Breaks between words, and anywhere in what has none: Japanese, long names. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((word) => pieces(word, width))) {
    const longer = line === '' || word.joined ? line + word.text : `${line} ${word.text}`;
    if (widthOf(longer) <= width || line === '') {
      line = longer;
      continue;
    }
    lines.push(line);
    line = word.text;
  }
  return [...lines, line];
}

/** A word that fits stays whole; else it is cut into characters that hold together as far as there is room. */
function pieces(word: string, width: number): { text: string; joined: boolean }[] {
  if (widthOf(word) <= width && !WIDE.test(word)) return [{ text: word, joined: false }];
  return [...word].map((text, index) => ({ text, joined: index > 0 }));
}

/** Columns two spaces apart. The last one is cut at `columns`, where there is such a limit. */
export function table(rows: string[][], columns = Number.POSITIVE_INFINITY): string {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, column) =>
    Math.max(...rows.map((row) => (column === row.length - 1 ? 0 : widthOf(row[column] ?? '')))),
  );
  return rows
    .map((row) => {
      const before = row.slice(0, -1).map((cell, column) => `${pad(cell, widths[column] ?? 0)}  `);
      const room = Math.max(20, columns - widthOf(before.join('')));
      return (before.join('') + cut(row.at(-1) ?? '', room)).trimEnd();
    })
    .map((line) => `${line}\n`)
    .join('');
}
