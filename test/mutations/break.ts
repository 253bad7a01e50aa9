import { filesUnder, read } from '../rules/tree.ts';
import { declarationsOf, placesOf } from './declarations.ts';
import type { Mutation } from './table.ts';

/** The file that it breaks, and its source when broken. Throws unless the code is in src exactly once. */
export function breakIt({ in: name, from, to = '' }: Mutation): { file: string; source: string } {
  const places = declarationsOf(name).flatMap((one) =>
    (from === undefined ? [one.body ?? []].flat() : placesOf(from, one)).map((place) => ({ file: one.file, ...place })),
  );
  const [place] = places;
  if (!place || places.length > 1)
    throw new Error(`src has \`${from ?? '{'}\` ${places.length} times in "${name}", not once`);
  const source = read(place.file);
  return { file: place.file, source: source.slice(0, place.start) + to + source.slice(place.end) };
}

const files = filesUnder('test', '.test.ts');

/** Throws when there are none. */
export function testsOf({ says, tests }: Mutation): string[] {
  const found = files.filter((file) => tests.some((name) => file.endsWith(`/${name}.test.ts`)));
  if (found.length === 0) throw new Error(`No test file named ${tests.join(' or ')}, for "${says}"`);
  return found;
}
