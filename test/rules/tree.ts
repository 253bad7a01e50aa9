/** Reads the files of the project as text, for the rules. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** Generated or third-party folders. */
const ELSEWHERE = new Set(['node_modules', 'dist', 'data', 'coverage', '.git']);

/** All files under a folder, sorted, such as `src/incident/next.ts`. */
export function filesUnder(folder: string, ending = ''): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !ELSEWHERE.has(entry.name))
    .flatMap((entry) => {
      const path = normalize(join(folder, entry.name));
      return entry.isDirectory() ? filesUnder(path, ending) : entry.isFile() ? [path] : [];
    })
    .filter((path) => path.endsWith(ending))
    .sort();
}

export function read(file: string): string {
  return readFileSync(file, 'utf8');
}

const TOKEN = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

/** Keeps only the line breaks of a comment, so that line numbers stay the same. */
const gone = (comment: string) => comment.replace(/[^\n]/g, '');

/** A source without its comments; strings stay. */
function withoutComments(source: string): string {
  return source.replace(TOKEN, (token) => (token.startsWith('/') ? gone(token) : token));
}

/** A source without comments and without the contents of its strings. */
export function codeOf(source: string): string {
  return source.replace(TOKEN, (token) => (token.startsWith('/') ? gone(token) : token[0] === '`' ? token : "''"));
}

/** The comments of a source, each on one line. */
export function commentsOf(source: string): string[] {
  return (source.match(TOKEN) ?? [])
    .filter((token) => token.startsWith('/'))
    .map((token) => token.replace(/\s*\n[\s*]*/g, ' '));
}

/** The sentences of a source's strings, without the code inside templates. */
export function stringsOf(source: string): string[] {
  return (source.match(TOKEN) ?? [])
    .filter((token) => !token.startsWith('/') && token.includes(' ') && !token.includes('\n'))
    .map((token) => token.replace(/\$\{[^}]*(\}|$)/g, '…'));
}

const IMPORTS = [
  /^\s*(?:import|export)\b[^'";]*?\bfrom\s+'([^']+)'/gm,
  /^\s*import\s+'([^']+)'/gm,
  /\bimport\(\s*'([^']+)'/g,
];

/** The imports and re-exports of a source: other sources by path, everything else by name. */
export function importsOf(file: string, source = read(file)): string[] {
  const code = withoutComments(source);
  return IMPORTS.flatMap((form) => [...code.matchAll(form)].map(([, target = '']) => target)).map((target) =>
    target.startsWith('.') ? normalize(join(dirname(file), target)) : target,
  );
}

/** The fenced examples of a page: ```json scom has the kind `json` and is for `scom`. */
export function examplesOf(page: string): { kind: string; for: string; text: string }[] {
  return [...page.matchAll(/^```(\w+)(?: ([\w-]+))?\n(.*?)^```/gms)].map(([, kind = '', what = '', text = '']) => ({
    kind,
    for: what,
    text,
  }));
}

/** The table rows of a page, or of one chapter, whose first cell is `in code`. */
export function rowsOf(page: string, chapter?: string): string[][] {
  const text = chapter === undefined ? page : (page.split(/^## /m).find((part) => part.startsWith(chapter)) ?? '');
  return [...text.matchAll(/^\| (.*) \|$/gm)]
    .map(([, row = '']) => row.split(/(?<!\\) \| /).map((cell) => cell.trim()))
    .filter(([first]) => first?.startsWith('`'));
}

/** The texts in backticks. */
export function coded(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}
