/**
 * At most `limit` characters of a text: of a longer one its beginning, never half of a character, and the mark of the cut.
 * `mark` is given how many characters are missing.
 */
export function cut(text: string, limit: number, mark: (missing: number) => string = () => '…'): string {
  if (text.length <= limit) return text;
  const room = limit - mark(text.length).length;
  const last = text.charCodeAt(room - 1);
  const end = last >= 0xd800 && last <= 0xdbff ? room - 1 : room;
  return text.slice(0, end) + mark(text.length - end);
}
