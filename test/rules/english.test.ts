import { expect, test } from 'vitest';
import { filesUnder, read, stringsOf } from './tree.ts';

/**
 * Words that read as translated, in what users see. The common technical word
 * is better: fix (not mend), again (not anew), notify or report (not tell), verify, poll or inspect (not look at).
 */
const WORST = [
  'anew',
  'whoever',
  'mend(s|ed|ing)?',
  'tellings?',
  'spokesman',
  '(is|are|was|were|be|been) told',
  'could not be told',
  'tells? of',
  'told of',
  'what is owed',
  'comes? to (its|an) end',
  'so many times',
  'in vain',
  'laid down',
  'looked at',
  'waist',
  'the world',
];
const worst = new RegExp(`\\b(${WORST.join('|')})\\b`, 'i');

const linesOf = (file: string, lines: string[]) =>
  lines.flatMap((line) => (worst.test(line) ? [`${file}: ${line.trim()}`] : []));

test('messages, help and logs are in plain English', () => {
  expect(filesUnder('src', '.ts').flatMap((file) => linesOf(file, stringsOf(read(file))))).toEqual([]);
});

test('the README and the configuration are in plain English', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', ...filesUnder('config', '.yaml')];
  expect(pages.flatMap((file) => linesOf(file, read(file).split('\n')))).toEqual([]);
});

test('the worst words are found', () => {
  expect(linesOf('x', ['It is made anew.', 'It is created again.'])).toEqual(['x: It is made anew.']);
});
