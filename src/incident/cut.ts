/**
 * A text of at most `limit` characters. A longer one is cut, never within a character, and marked; `mark` receives the
 * number of missing characters.
 */
export function cut(text: string, limit: number, mark: (missing: number) => string = () => '…'): string {
  if (text.length <= limit) return text;
  const room = limit - mark(text.length).length;
  const last = text.charCodeAt(room - 1);
  const end = last >= 0xd800 && last <= 0xdbff ? room - 1 : room;
  return text.slice(0, end) + mark(text.length - end);
}
