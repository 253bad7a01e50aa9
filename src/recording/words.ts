/** Finds names in text of any language. */

/** Scripts without spaces between words, or with suffixes attached: a Latin name can occur anywhere in them. */
const UNSPACED = ['Han', 'Hira', 'Kana', 'Hang', 'Bopo', 'Thai', 'Laoo', 'Khmr', 'Mymr'].map(
  (one) => `\\p{scx=${one}}`,
);

/** A word character in scripts that separate words; a character class for expressions with the flag `v`. */
export const LETTER = `[[\\p{L}\\p{N}\\p{M}]--[${UNSPACED.join('')}]]`;

const letter = new RegExp(`^${LETTER}$`, 'v');
const known = new Map<string, boolean>();

export function isLetter(character: string | undefined): boolean {
  if (character === undefined) return false;
  const is = known.get(character) ?? letter.test(character);
  known.set(character, is);
  return is;
}

/** The form in which names are compared. */
export function folded(name: string): string {
  return name.normalize('NFC').toLowerCase().replace(/\s+/g, ' ').trim();
}

export interface Place {
  from: number;
  to: number;
}

/** Finds names as words, ignoring case, the kind of white space and the form of accents; the longest match wins. */
export class WordFinder {
  /** Names by first character. */
  private readonly names = new Map<string, string[]>();

  constructor(names: Iterable<string>) {
    for (const name of names) {
      for (const form of new Set([name.normalize('NFC'), name.normalize('NFD')])) {
        const written = lower(form.trim().replace(/\s+/g, ' '));
        if (written === '') continue;
        const others = this.names.get(written[0]!) ?? [];
        this.names.set(written[0]!, others);
        if (!others.includes(written)) others.push(written);
      }
    }
    for (const others of this.names.values()) others.sort((a, b) => b.length - a.length);
  }

  find(text: string): Place[] {
    const found: Place[] = [];
    if (this.names.size === 0) return found;
    const written = lower(text);
    for (let from = 0; from < written.length; ) {
      const to = this.endOf(written, from);
      if (to === undefined) {
        from++;
      } else {
        found.push({ from, to });
        from = to;
      }
    }
    return found;
  }

  /** Whether the text contains a name and is longer than it. */
  isPartOf(text: string): boolean {
    return this.find(text).some(({ from, to }) => to - from < text.length);
  }

  /** The end of the name that begins at this position. */
  private endOf(text: string, from: number): number | undefined {
    const candidates = this.names.get(text[from]!);
    if (!candidates || (isLetter(characterAt(text, from)) && isLetter(characterBefore(text, from)))) return undefined;
    for (const name of candidates) {
      const to = matchAt(text, from, name);
      if (to === undefined) continue;
      if (!(isLetter(characterBefore(text, to)) && isLetter(characterAt(text, to)))) return to;
    }
    return undefined;
  }
}

/** A space in the name matches any white space in the text, such as a line break. */
function matchAt(text: string, from: number, name: string): number | undefined {
  let at = from;
  for (const character of name) {
    if (character === ' ') {
      const before = at;
      while (/\s/.test(text[at] ?? '')) at++;
      if (at === before) return undefined;
    } else if (text.startsWith(character, at)) {
      at += character.length;
    } else {
      return undefined;
    }
  }
  return at;
}

/** Lower case without changing the position of any character. */
function lower(text: string): string {
  const whole = text.toLowerCase();
  if (whole.length === text.length) return whole;
  return [...text].map((one) => (one.toLowerCase().length === one.length ? one.toLowerCase() : one)).join('');
}

function characterAt(text: string, at: number): string | undefined {
  const code = text.codePointAt(at);
  return code === undefined ? undefined : String.fromCodePoint(code);
}

export function characterBefore(text: string, at: number): string | undefined {
  if (at <= 0) return undefined;
  const isPair = at > 1 && /[\udc00-\udfff]/.test(text[at - 1]!) && /[\ud800-\udbff]/.test(text[at - 2]!);
  return isPair ? text.slice(at - 2, at) : text[at - 1];
}
