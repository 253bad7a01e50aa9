/** Text for a terminal: escaping, measuring, aligning. */

import { visible } from '../../incident/visible.ts';
import { cut, pad, widthOf } from '../../lib/cells.ts';

export { cut, pad, widthOf, wrap } from '../../lib/cells.ts';

/** External text with visible control characters: ESC becomes `\x1b`, a line break `⏎`. */
export function plain(text: string): string {
  return visible(inOneLine(text));
}

/** The same for text that keeps its line breaks. */
export const plainLines = (text: string): string => text.split('\n').map(visible).join('\n');

/** Line breaks, with the white space around them, as one mark. */
function inOneLine(text: string): string {
  const lines = text.split('\n');
  if (lines.length === 1) return text;
  const last = lines.length - 1;
  return lines
    .map((line, at) => (at === 0 ? line.trimEnd() : at === last ? line.trimStart() : line.trim()))
    .filter((line, at) => line !== '' || at === 0 || at === last)
    .join(' ⏎ ');
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
