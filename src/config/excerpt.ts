import { visible } from '../incident/visible.ts';
import { widthOf } from '../lib/cells.ts';

/** Characters of a long line that are shown, and how many of them precede the part that is wrong. */
const MOST = 110;
const BEFORE = 40;

/** A line, and below it the part from `start` to `end` (offsets in the line) underlined: `^^^^`. */
export function excerptOf(line: string, start: number, end: number): string {
  // The mark at the start of some files of Windows is no part of the text.
  if (line.startsWith('\ufeff')) return excerptOf(line.slice(1), Math.max(0, start - 1), Math.max(0, end - 1));
  const first = line.length > MOST ? whole(line, Math.max(0, start - BEFORE)) : 0;
  const last = whole(line, Math.min(line.length, first + MOST));
  const before = (first > 0 ? '…' : '') + visible(line.slice(first, start));
  const wrong = visible(line.slice(start, Math.min(end, last)));
  const after = visible(line.slice(Math.max(start, Math.min(end, last)), last)) + (last < line.length ? '…' : '');
  const mark = '^'.repeat(Math.max(1, widthOf(wrong)));
  return `${(before + wrong + after).trimEnd()}\n${' '.repeat(widthOf(before))}${mark}`;
}

/** An offset that does not divide a character of two code units. */
function whole(line: string, at: number): number {
  const code = line.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}
