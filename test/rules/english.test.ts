import { expect, test } from 'vitest';
import { commentsOf, filesUnder, read, stringsOf } from './tree.ts';

/**
 * Words that read as translated. The common technical word is better: fix (not mend), again (not anew), notify or
 * report (not tell), outstanding undo (not debt), verify, poll or inspect (not look at).
 */
const WORST = [
  'anew',
  'whoever',
  'mend(s|ed|ing)?',
  'tellings?',
  'spokesman',
  'told',
  'tells? of',
  'what is owed',
  'debts?',
  'owes?',
  'comes? to (its|an) end',
  'so many',
  'in vain',
  'in hand',
  'laid down',
  'let go',
  'looked at',
  'has it that',
  'its affair',
  'seldom',
  'waist',
  'the world',
];

/** Only in prose: strings in the source use some of them as names. */
const WORST_IN_PROSE = [
  ...WORST,
  'sick',
  'ill',
  'speaks?',
  'troubles?',
  'look(s|ing)? at',
  'the far (side|end)',
  'goes by',
  'for ever',
  'likewise',
];

const among = (words: string[]) => new RegExp(`\\b(${words.join('|')})\\b`, 'i');
const [worst, worstInProse] = [among(WORST), among(WORST_IN_PROSE)];

const linesOf = (file: string, lines: string[], words = worst) =>
  lines.flatMap((line) => (words.test(line) ? [`${file}: ${line.trim()}`] : []));

/** Prose without the names in backticks. */
const withoutNames = (text: string) => text.replace(/`[^`]*`/g, '');

/** The lines of a page without code: neither examples nor names in backticks. */
function proseOf(page: string): string[] {
  return page
    .replace(/^```[\s\S]*?^```/gm, '')
    .split('\n')
    .filter((line) => !line.startsWith('    '))
    .map(withoutNames);
}

test('messages, help and logs are in plain English', () => {
  expect(filesUnder('src', '.ts').flatMap((file) => linesOf(file, stringsOf(read(file))))).toEqual([]);
});

test('comments are in plain English, except for the troubles and the world of the lab', () => {
  const sources = filesUnder('src', '.ts').filter((file) => !file.startsWith('src/lab/'));
  expect(sources.flatMap((file) => linesOf(file, commentsOf(read(file)).map(withoutNames), worstInProse))).toEqual([]);
});

test('every page of the documentation is in plain English', () => {
  const pages = [
    ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'bench/README.md', 'deploy/README.md'],
    ...filesUnder('docs', '.md'),
  ];
  expect(pages.flatMap((file) => linesOf(file, proseOf(read(file)), worstInProse))).toEqual([]);
});

test('the configuration, its schemas and the playbooks are in plain English', () => {
  expect(filesUnder('config').flatMap((file) => linesOf(file, read(file).split('\n'), worstInProse))).toEqual([]);
});

test('the worst words are found', () => {
  expect(linesOf('x', ['It is made anew.', 'It is created again.'])).toEqual(['x: It is made anew.']);
  expect(commentsOf("/** It is\n * made */ const x = 'a // b'; // anew")).toEqual(['/** It is made */', '// anew']);
  expect(proseOf('A `debt` here\n```\na debt\n```\n    a debt\n- a debt')).toEqual(['A  here', '', '- a debt']);
});
