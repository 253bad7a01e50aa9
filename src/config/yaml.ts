/** YAML files as data with the position of each value. */
import { readFileSync } from 'node:fs';
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
} from 'yaml';
import { withoutPath } from '../lib/shown.ts';
import { excerptOf } from './excerpt.ts';
import { ConfigError, type Locate, type Path, type Place, type Problem } from './problems.ts';
import { writePath } from './spelling.ts';

/** One document of a file. */
export interface Source {
  file: string;
  data: unknown;
  /** Finds the position of a path of `data`, or of the nearest enclosing node that the file contains. */
  locate: Locate;
  /** The comment before an element of a list, or at the end of its line; '' if there is none. */
  commentOf(path: Path): string;
}

export interface YamlOptions {
  /** Converts a key of the file to the spelling that paths use. */
  normalise?: (key: string) => string;
  /**
   * Set for a file that may contain secrets: whether the text of the value at a path may be shown. An excerpt of such a
   * file is one key with its value or with `…`, never a whole line.
   */
  shows?: (path: Path, text: string) => boolean;
}

/** The most aliases of one anchor in a document; more is an expansion attack, not a configuration. */
const MOST_ALIASES = 100;

/** Reads a file with one document. Throws ConfigError. */
export function readYaml(file: string, options?: YamlOptions): Source {
  return parseYaml(readText(file), file, options);
}

export function parseYaml(text: string, file: string, options?: YamlOptions): Source {
  const [first, second] = parseYamlDocuments(text, file, options);
  if (second) {
    const message = 'contains several documents (separated by ---); only one is allowed';
    throw new ConfigError([{ ...second.locate([]), path: '', message }]);
  }
  const empty = { file, data: null, locate: () => ({ file, line: 1, column: 1, path: '' }), commentOf: () => '' };
  return first ?? empty;
}

/** Parses text with one or more documents, separated by `---`. Throws ConfigError with every syntax error. */
export function parseYamlDocuments(text: string, file: string, options: YamlOptions = {}): Source[] {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    stringKeys: true,
  });
  const documents = Array.isArray(parsed) ? parsed : [];
  const written: Written = { file, text, lines, ...options };
  const problems = documents.flatMap((document) =>
    [...document.errors, ...document.warnings].map((error) => syntaxProblem(error, written)),
  );
  // One mistake, such as a tab, makes the parser complain about the same line several times.
  const [...first] = new Map(problems.toReversed().map((one) => [one.line, one])).values();
  if (first.length > 0) throw new ConfigError(first.reverse());
  return documents
    .filter((document) => document.contents !== null)
    .map((document) => ({
      file,
      data: toData(document, file),
      locate: locator(document, written),
      commentOf: (path: Path) => commentOf(document, path),
    }));
}

/** A file, and how to find places in it. */
interface Written extends YamlOptions {
  file: string;
  text: string;
  lines: LineCounter;
}

/** The place of the text between two offsets, or its part on the first line. */
function placeOf({ file, text, lines }: Written, start: number, end: number): Omit<Place, 'path'> {
  const { line, col } = lines.linePos(start);
  const begin = start - (col - 1);
  const [whole = ''] = /^.*/.exec(text.slice(begin)) ?? [];
  // A value of several lines is underlined without the comment behind its first one.
  const first = begin + whole.length < end ? whole.replace(/(^|\s+)#.*$/, '') : whole;
  const last = Math.max(col, Math.min(end - begin, first.trimEnd().length));
  return { file, line, column: col, endColumn: last + 1, excerpt: excerptOf(whole, col - 1, last) };
}

/** Throws ConfigError when the file cannot be read. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([{ file, line: 0, column: 0, path: '', message: whyUnreadable(error) }]);
  }
}

export function whyUnreadable(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  const known: Record<string, string> = {
    ENOENT: 'no such file or folder',
    EACCES: 'cannot be read: permission denied',
    EISDIR: 'is a folder, not a file',
    ENOTDIR: 'is not a folder',
  };
  return known[code ?? ''] ?? `cannot be read: ${withoutPath(error)}`;
}

function syntaxProblem(error: { pos: [number, number]; message: string; code: string }, written: Written): Problem {
  const [start, end] = error.pos;
  const [word = ''] = /^[\w.-]*/.exec(written.text.slice(start)) ?? [];
  const place = placeOf(written, start, Math.max(end, start + word.length));
  const message =
    error.code === 'DUPLICATE_KEY' ? 'this key occurs twice' : `not valid YAML: ${unquoted(error.message)}`;
  return { ...(written.shows ? withoutText(place) : place), path: '', message };
}

const withoutText = ({ file, line, column }: Omit<Place, 'path'>) => ({ file, line, column });

function toData(document: Document, file: string): unknown {
  try {
    const data: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
    // Code that walks the data would never end in an alias that contains itself.
    if (holdsItself(data)) throw new Error('an alias is inside its own anchor');
    return data;
  } catch (error) {
    throw new ConfigError([
      { file, line: 1, column: 1, path: '', message: `not valid YAML: ${unquoted((error as Error).message)}` },
    ]);
  }
}

/**
 * A secret that begins with *, !, ] or | has a meaning in YAML, and the parser's message quotes it after a colon or a
 * backslash. The quoted part is dropped; the problem still has its position.
 */
const unquoted = (message: string) => message.replace(/(: | \\).*$/s, '');

function holdsItself(data: unknown, around: readonly object[] = []): boolean {
  if (typeof data !== 'object' || data === null) return false;
  if (around.includes(data)) return true;
  return Object.values(data).some((inner) => holdsItself(inner, [...around, data]));
}

function locator(document: Document, written: Written): Locate {
  const { normalise = (key) => key } = written;
  return (path: Path, at?: 'key') => {
    let node = document.contents as Node | null;
    let [start, end] = [node?.range?.[0] ?? 0, node?.range?.[1] ?? 0];
    let subject: Child | undefined;
    const spelled: (string | number)[] = [];
    for (const [depth, segment] of path.entries()) {
      const inside: Node | undefined = isAlias(node) ? node.resolve(document) : (node ?? undefined);
      const child = childOf(inside, segment, normalise);
      spelled.push(child?.key ?? segment);
      if (!child) {
        spelled.push(...path.slice(depth + 1));
        // What is missing has no text: its place is the start of what should contain it.
        end = start + 1;
        break;
      }
      const wantsKey = at === 'key' && depth === path.length - 1;
      [start, end] = (wantsKey ? (child.keyAt ?? rangeOf(child.value)) : (rangeOf(child.value) ?? child.keyAt)) ?? [
        start,
        end,
      ];
      node = child.value;
      subject = child;
    }
    const place = placeOf(written, start, end);
    return { ...(written.shows ? concealed(place, subject, path, at) : place), path: writePath(spelled) };
  };

  /** The place in a file that may contain secrets, with an excerpt of nothing but the key and a value that is none. */
  function concealed(place: Omit<Place, 'path'>, subject: Child | undefined, path: Path, at?: 'key') {
    const { key } = subject ?? {};
    if (!subject || (key !== undefined && !isKey(key))) return withoutText(place);
    const before = key === undefined ? '- ' : `${key}: `;
    const range = rangeOf(subject.value);
    const [text = ''] = range ? (/^.*/.exec(written.text.slice(...range)) ?? []) : [];
    const open = written.shows?.(path, text) === true;
    const value = open ? text.trimEnd() : '…';
    const excerpt =
      at === 'key' && key !== undefined
        ? excerptOf(before + value, 0, key.length)
        : excerptOf(before + value, before.length, before.length + value.length);
    return { ...withoutText(place), ...((open || at === 'key') && { endColumn: place.endColumn }), excerpt };
  }
}

/** Whether the text can be a key. Anything else may be a misplaced secret and is not shown. */
export const isKey = (text: string): boolean => /^[A-Za-z_-]{1,40}$/.test(text);

/** The offsets of a value without what follows it. */
function rangeOf(node: Node | null): [number, number] | undefined {
  return node?.range ? [node.range[0], node.range[1]] : undefined;
}

/** The parser gives a comment before the first element of a list to the list, and one at the end of a line to the last value. */
function commentOf(document: Document, path: Path): string {
  const node = document.getIn(path, true);
  const list = document.getIn(path.slice(0, -1), true);
  const before = isNode(node) ? node.commentBefore : undefined;
  const first = path.at(-1) === 0 && isSeq(list) ? list.commentBefore : undefined;
  const ends = isMap(node) ? node.items.map(({ value }) => (isNode(value) ? value.comment : undefined)) : [];
  const after = isNode(node) ? node.comment : undefined;
  return [first, before, ...ends, after].filter(Boolean).join('\n\n');
}

interface Child {
  key?: string;
  keyAt?: [number, number] | undefined;
  value: Node | null;
}

function childOf(
  node: Node | undefined,
  segment: string | number,
  normalise: (key: string) => string,
): Child | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(segment)];
    return isNode(item) ? { value: item } : undefined;
  }
  if (!isMap(node)) return undefined;
  const written = (key: unknown) => String(isScalar(key) ? key.value : key);
  const pair =
    node.items.find(({ key }) => written(key) === segment) ??
    node.items.find(({ key }) => normalise(written(key)) === segment);
  if (!pair) return undefined;
  const keyAt = rangeOf(isNode(pair.key) ? pair.key : null);
  return { key: written(pair.key), keyAt, value: isNode(pair.value) ? pair.value : null };
}
