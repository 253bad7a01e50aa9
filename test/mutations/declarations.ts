import { resolve } from 'node:path';
import { parseAst } from 'vitest/node';
import { filesUnder, read } from '../rules/tree.ts';

/** A function, method, property or constant of src/, wherever it stands. */
export interface Declaration {
  file: string;
  /** Names from the outermost to its own: `Worker.run`. */
  path: string;
  start: number;
  text: string;
  /** What stands between the braces of a function. */
  body?: Piece;
}

/** A part of a file, by its offsets. */
export interface Piece {
  start: number;
  end: number;
}

interface Node extends Piece {
  type: string;
  name?: string;
  id?: Node;
  key?: Node;
  init?: Node;
  value?: Node;
  body?: Node;
}

const isNode = (value: unknown): value is Node => typeof (value as Node | null)?.type === 'string';

const all = filesUnder('src', '.ts').flatMap(declarationsIn);

/** Everything with this name, or whose path ends in it. */
export function declarationsOf(name: string): Declaration[] {
  return all.filter(({ path }) => path === name || path.endsWith(`.${name}`));
}

function declarationsIn(file: string): Declaration[] {
  const source = read(file);
  const found: Declaration[] = [];
  function walk(node: Node, outer: string[]): void {
    const { name } = node.id ?? node.key ?? {};
    const path = name === undefined ? outer : [...outer, name];
    if (name !== undefined) {
      const braces = [node, node.init, node.value]
        .map((part) => part?.body)
        .find((body) => body?.type === 'BlockStatement');
      const body = braces && { start: braces.start + 1, end: braces.end - 1 };
      const text = source.slice(node.start, node.end);
      found.push({ file: resolve(file), path: path.join('.'), start: node.start, text, ...(body && { body }) });
    }
    for (const child of Object.values(node).flat()) if (isNode(child)) walk(child, path);
  }
  walk(parseAst(source, { lang: 'ts' }) as unknown as Node, []);
  return found;
}

/** Where a piece of code stands in a declaration, however either is broken into lines. */
export function placesOf(code: string, { start, text }: Declaration): Piece[] {
  const offsets = [...text.matchAll(/\S/g)].map(({ index }) => start + index);
  const [dense, wanted] = [text.replace(/\s/g, ''), code.replace(/\s/g, '')];
  const places: Piece[] = [];
  for (let at = dense.indexOf(wanted); at >= 0; at = dense.indexOf(wanted, at + 1)) {
    places.push({ start: offsets[at]!, end: offsets[at + wanted.length - 1]! + 1 });
  }
  return places;
}
