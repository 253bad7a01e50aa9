/** The project as text: what the rules read. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** Not written by us, or not to be shipped. */
const ELSEWHERE = new Set(['node_modules', 'dist', 'data', 'coverage', '.git']);

/** Every file under a folder, as `src/incident/next.ts`, in order. */
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

/** What is left of a comment: its line breaks, so that the lines keep their numbers. */
const gone = (comment: string) => comment.replace(/[^\n]/g, '');

/** A source without its comments; strings stay. */
function withoutComments(source: string): string {
  return source.replace(TOKEN, (token) => (token.startsWith('/') ? gone(token) : token));
}

/** A source without comments and without what its strings say. */
export function codeOf(source: string): string {
  return source.replace(TOKEN, (token) => (token.startsWith('/') ? gone(token) : token[0] === '`' ? token : "''"));
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

/** What a source imports or exports from: other sources by their path, everything else by its name. */
export function importsOf(file: string, source = read(file)): string[] {
  const code = withoutComments(source);
  return IMPORTS.flatMap((form) => [...code.matchAll(form)].map(([, target = '']) => target)).map((target) =>
    target.startsWith('.') ? normalize(join(dirname(file), target)) : target,
  );
}

/** The fenced examples of a page: ```json scom is of the kind `json`, for `scom`. */
export function examplesOf(page: string): { kind: string; for: string; text: string }[] {
  return [...page.matchAll(/^```(\w+)(?: ([\w-]+))?\n(.*?)^```/gms)].map(([, kind = '', what = '', text = '']) => ({
    kind,
    for: what,
    text,
  }));
}

/** The first column of every row of a page's tables whose cell is `in code`, in a chapter or in all. */
export function rowsOf(page: string, chapter?: string): string[][] {
  const text = chapter === undefined ? page : (page.split(/^## /m).find((part) => part.startsWith(chapter)) ?? '');
  return [...text.matchAll(/^\| (.*) \|$/gm)]
    .map(([, row = '']) => row.split(/(?<!\\) \| /).map((cell) => cell.trim()))
    .filter(([first]) => first?.startsWith('`'));
}

/** What stands in backticks. */
export function coded(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}
