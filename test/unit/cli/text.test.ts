import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { createTerminal } from '../../../src/cli/output/terminal.ts';
import { cut, pad, plain, table, wrap } from '../../../src/cli/output/text.ts';
import { widthOf } from '../../../src/lib/cells.ts';

describe('text from outside can not steer the terminal', () => {
  test.each([
    ['a colour', 'a\u001b[31mred', 'a\\x1b[31mred'],
    ['a title of the window', '\u001b]0;x\u0007', '\\x1b]0;x\\x07'],
    ['a one-byte control sequence', '\u009b2J', '\\x9b2J'],
    ['a line break', 'one\r\n  two', 'one ⏎ two'],
    ['a carriage return', 'ok\rno', 'ok\\x0dno'],
    ['a tab', 'a\tb', 'a b'],
    ['a turn of the direction of writing', 'abc\u202edcba', 'abc\\u202edcba'],
    ['an isolate of direction', 'a\u2066b\u2069', 'a\\u2066b\\u2069'],
    ['what shows nothing', 'mb\u00adx\u034f1\ufff9', 'mb\\xadx\\u034f1\\ufff9'],
    ['a tag beyond the first plane', 'x\u{e0041}', 'x\\u{e0041}'],
    ['a joiner in a name of ASCII', 'mbx1\u200d', 'mbx1\\u200d'],
    ['a joiner in a family, which is no attack', '👩\u200d👧', '👩\u200d👧'],
    ['a joiner in Persian, which is none either', 'می\u200cخواهم', 'می\u200cخواهم'],
    ['Japanese, which is no attack', '障害 ﾃｽﾄ', '障害 ﾃｽﾄ'],
  ])('%s', (_, sent, shown) => expect(plain(sent)).toBe(shown));

  it('whatever is sent, no control character is left', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !/\p{Cc}/u.test(plain(text))));
  });
});

test.each([
  ['abc', 3],
  ['障害', 4],
  ['ﾃｽﾄ', 3],
  ['ｱ障a', 4],
  ['e\u0301', 1],
  ['🔥', 2],
  ['ＡＢ', 4],
  ['✓ ✗ │ …', 7],
  ['\u001b[32mgood\u001b[39m', 4],
])('%j fills %i cells', (text, cells) => expect(widthOf(text)).toBe(cells));

describe('columns', () => {
  it('stand below each other, also with Japanese in them', () => {
    const rows = table([
      ['障害', 'x', 'last'],
      ['ab', 'longer', 'z'],
    ]);
    expect(rows).toBe('障害  x       last\nab    longer  z\n');
  });

  it('are cut where they would wrap, the last one only', () => {
    expect(table([['ab', 'x'.repeat(100)]], 30)).toBe(`ab  ${'x'.repeat(25)}…\n`);
    expect(table([['ab', 'x'.repeat(100)]])).toBe(`ab  ${'x'.repeat(100)}\n`);
  });

  it('end without blanks', () => expect(table([['a', '']])).toBe('a\n'));
});

test.each([
  ['障害です', 5, '障害…'],
  ['abc', 3, 'abc'],
  ['abcd', 3, 'ab…'],
])('cut %j at %i', (text, width, expected) => expect(cut(text, width)).toBe(expected));

test('pad fills up to a width, and never cuts', () => {
  expect([pad('障', 4), pad('long', 2)]).toEqual(['障  ', 'long']);
});

describe('wrapping', () => {
  test.each([
    ['between words', 'one two three', 8, ['one two', 'three']],
    ['inside what has no blanks', 'abcdefgh', 3, ['abc', 'def', 'gh']],
    ['anywhere in Japanese', '日本語の障害', 6, ['日本語', 'の障害']],
    ['nothing', '', 10, ['']],
  ])('%s', (_, text, width, lines) => expect(wrap(text, width)).toEqual(lines));

  it('never makes a line too wide, and loses nothing but blanks', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'B', ' ', '障', '-', 'e') });
    fc.assert(
      fc.property(text, fc.integer({ min: 2, max: 20 }), (words, width) => {
        const lines = wrap(words, width);
        expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(width);
        expect(lines.join('').replaceAll(' ', '')).toBe(words.replaceAll(' ', ''));
      }),
    );
  });
});

describe('colours', () => {
  const stream = (isTTY: boolean) => Object.assign(Object.create(null), { isTTY, columns: 120, write: () => true });
  test.each([
    ['on a terminal', true, {}, '\u001b[32mx\u001b[39m'],
    ['not in a file', false, {}, 'x'],
    ['not with NO_COLOR', true, { NO_COLOR: '1' }, 'x'],
    ['not on a dumb terminal', true, { TERM: 'dumb' }, 'x'],
  ])('%s', (_, isTTY, env, shown) => expect(createTerminal(stream(isTTY), env).paint('good', 'x')).toBe(shown));

  it('lines are at most a hundred cells', () => expect(createTerminal(stream(true), {}).columns).toBe(100));
});
