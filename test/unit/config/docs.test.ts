import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { documentedRows } from './rows.ts';

const lines = readFileSync('docs/configuration.md', 'utf8').split('\n');
const written = lines.filter((line) => line.startsWith('| `'));

it('docs/configuration.md has a row for each key, with its default and meaning, and no others', () => {
  expect(written).toEqual(documentedRows().map(({ line }) => line));
});

it('each key has a description', () => {
  expect(documentedRows().filter(({ line }) => /\|\s*\|$/.test(line))).toEqual([]);
});
