import { expect, test } from 'vitest';
import { fits } from '../../../src/incident/restrictions.ts';

test.each([
  ['imap-ctp', 'imap-ctp', true],
  ['imap-ctp', 'imap-ctp-2', false],
  ['imap-*', 'imap-ctp', true],
  ['imap-*', 'pop-ctp', false],
  ['*-ctp', 'imap-ctp', true],
  ['*-ctp', 'imap-ctp-2', false],
  ['*', 'anything', true],
  ['imap-*-proxy', 'imap-back-proxy', true],
  ['imap-*-proxy', 'imap-proxy', false],
  ['ab*ba', 'aba', false],
  ['*a*b*', 'xaybz', true],
  ['*a*b*', 'xbyaz', false],
  ['a.c', 'abc', false],
])('%s fits %s: %s', (pattern, name, expected) => {
  expect(fits(pattern, name)).toBe(expected);
});
