/** Text in cells of a fixed width: measuring, cutting, wrapping. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: the colours that `paint` writes
const COLOUR = /\u001b\[[\d;]*m/g;
const ZERO_WIDTH = /\p{Mn}|\p{Me}|\u200d|[\ufe0e\ufe0f]/u;
/** Kana, ideographs, Hangul, their full-width forms and emoji fill two cells. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;

/** Cells on the terminal. */
export function widthOf(text: string): number {
  let width = 0;
  for (const char of text.replace(COLOUR, '')) width += cellsOf(char);
  return width;
}

const cellsOf = (char: string) => (char < '\u0300' ? 1 : ZERO_WIDTH.test(char) ? 0 : WIDE.test(char) ? 2 : 1);

export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** Shortens text without colours to `width` cells, with an ellipsis. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let cells = 0;
  for (const char of text) {
    cells += cellsOf(char);
    if (cells > width - 1) break;
    kept += char;
  }
  return `${kept}…`;
}

/** Lines of at most `width` cells. Breaks between words, and anywhere in text without spaces: Japanese, long names. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  let filled = 0;
  for (const word of text.split(' ').flatMap((word) => pieces(word, width))) {
    const space = line === '' || word.joined ? '' : ' ';
    const longer = filled + space.length + word.cells;
    if (longer <= width || line === '') {
      line += space + word.text;
      filled = longer;
      continue;
    }
    lines.push(line);
    line = word.text;
    filled = word.cells;
  }
  return [...lines, line];
}

interface Piece {
  text: string;
  cells: number;
  joined: boolean;
}

/** A word that fits stays whole; else it is cut into characters that hold together as far as there is room. */
function pieces(word: string, width: number): Piece[] {
  const cells = widthOf(word);
  if (cells <= width && !WIDE.test(word)) return [{ text: word, cells, joined: false }];
  return [...word].map((text, index) => ({ text, cells: cellsOf(text), joined: index > 0 }));
}
