import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encoded, type Json, readReply } from '../../src/adapters/powershell/wire.ts';

const NONCE = 'ab'.repeat(16);
const reply = (answer: unknown) => Buffer.from(JSON.stringify(answer)).toString('base64');
const framed = (data: string) => `\n${NONCE} ${data} ${NONCE}\n`;
const empty = { warnings: [], errors: [], verbose: [] };
const bad = expect.objectContaining({ name: 'ExchangeError', code: 'badReply' });

describe('a request', () => {
  it('is base64 and nothing else, whatever is in it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const data = encoded({ function: 'Get-Echo', arguments: { value: [fc.stringify(value)] } });
        expect(data).toMatch(/^[A-Za-z0-9+/]+={0,2}$/);
      }),
    );
  });

  it('marks every text, so that none is taken for a date, and leaves out what is undefined', () => {
    const given = { at: '2025-01-02T03:04:05Z', list: ['', { deep: 'x' }], n: 1, no: undefined, nil: null };
    const sent = JSON.parse(Buffer.from(encoded({ function: 'Get-Echo', arguments: given }), 'base64').toString());
    const marked = { at: '=2025-01-02T03:04:05Z', list: ['=', { deep: '=x' }], n: 1, nil: null };
    expect(sent).toEqual({ function: '=Get-Echo', arguments: marked });
  });

  it.each<[string, string, Record<string, Json>]>([
    ['a name with a space', 'Get-Echo x', {}],
    ['a name with a line end', 'Get-Echo\n', {}],
    ['a name in Japanese', '取得', {}],
    ['a parameter with a dash before it', 'Get-Echo', { '-value': 1 }],
    ['a field without a name', 'Get-Echo', { value: { '': 1 } }],
    ['no number', 'Get-Echo', { value: [Number.POSITIVE_INFINITY] }],
  ])('does not take %s', (_, name, given) => {
    expect(() => encoded({ function: name, arguments: given })).toThrow(TypeError);
  });
});

describe('a reply', () => {
  const whole = reply({ value: [1], ...empty });

  it.each([
    ['by itself', framed(whole)],
    ['with Windows line ends', `\r\n${NONCE} ${whole} ${NONCE}\r\n`],
    ['cut free of what surrounds it', `${NONCE} ${whole} ${NONCE}`],
    ['behind garbage without a line end, and before more', `{"value":${framed(whole)}garbage`],
    [
      'behind a frame of another nonce',
      `\n${'cd'.repeat(16)} ${reply({ value: [2] })} ${'cd'.repeat(16)}${framed(whole)}`,
    ],
  ])('is found %s', (_, written) => {
    expect(readReply(NONCE, written)).toEqual({ value: [1], ...empty });
  });

  it.each([
    ['nothing at all', ''],
    ['an answer without a frame', whole],
    ['an answer of another nonce', framed(whole).replaceAll('ab', 'cd')],
    ['a frame that was not closed', `\n${NONCE} ${whole}\n`],
    ['a frame that was not opened', `\n${whole} ${NONCE}\n`],
    ['an empty frame', framed('')],
    ['half of the data', framed(whole.slice(0, 20))],
    ['data with something in the middle', framed(`${whole.slice(0, 8)}\n${whole.slice(8)}`)],
    ['no JSON', framed(Buffer.from('{"value":[').toString('base64'))],
    ['no UTF-8', framed(Buffer.from([0x22, 0xff, 0x22]).toString('base64'))],
    ['JSON that is no record', framed(reply([1]))],
    ['nothing', framed(reply(null))],
    ['a record without a value', framed(reply(empty))],
    ['a value that is no list', framed(reply({ value: 'x', ...empty }))],
  ])('%s is a bad one', (_, written) => {
    expect(() => readReply(NONCE, written)).toThrow(bad);
  });

  it('of garbage is always a bad one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (before, inside) => {
        expect(() => readReply(NONCE, `${before}\n${NONCE} ${inside} ${NONCE}`)).toThrow(bad);
      }),
    );
  });

  it.each([
    ['notFound,Get-Thing', 'notFound'],
    ['sessionLimit', 'sessionLimit'],
    ['CommandNotFoundException', 'unknown'],
    [undefined, 'unknown'],
  ])('with the failure %s is %s', (id, code) => {
    const failure = { ...empty, value: null, warnings: ['slow'], failure: { id, says: 'no' } };
    expect(() => readReply(NONCE, framed(reply(failure)))).toThrow(
      expect.objectContaining({ code, message: 'no\nslow' }),
    );
  });

  it('that is bad shows only the end of what was written', () => {
    expect(() => readReply(NONCE, `begin${'x'.repeat(10_000)}end`)).toThrow(/^.{0,80}… x{400,}end$/);
  });
});
