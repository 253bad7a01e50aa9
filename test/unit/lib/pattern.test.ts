/** Patterns on text from outside. Input is so large that what is not in proportion to it would practically never end. */
import { expect, it, vi } from 'vitest';
import { plain, wrap } from '../../../src/cli/output/text.ts';
import { widthOf } from '../../../src/lib/cells.ts';
import { BoundedPattern } from '../../../src/lib/pattern.ts';
import { MAIL } from '../../../src/recording/free-text.ts';
import { atOnce, SOURCES } from '../../../src/sources/index.ts';
import { SETTINGS } from '../http/fake.ts';

const MANY = 500_000;
const ENDLESS = '^(?<healthSet>(a+)+)$';
const scom = SOURCES.find(({ name }) => name === 'scom')!;
const read = (titlePattern: string, alerts: object[]) =>
  atOnce(
    scom.parse(
      alerts.map((alert, n) => ({ Id: `${n}`, NetbiosComputerName: 'mbx1', ...alert })),
      { now: 1, settings: { ...SETTINGS, scom: { titlePattern } } },
    ),
  ).alerts;

it('a pattern that would never end is stopped, paused, and reports where', () => {
  const pattern = new BoundedPattern(ENDLESS);
  const found = pattern.search(['aaa', `${'a'.repeat(60)}!`, 'a']);
  expect(found).toEqual({ groups: [{ healthSet: 'aaa', 0: 'aaa', 1: 'aaa', 2: 'aaa' }], stoppedAt: 1 });
  expect(pattern.search(['aaa'])).toEqual({ groups: [], stoppedAt: 0 });
});

it('a title that such a pattern cannot read does not lose the alert, and the alert says so', () => {
  const bad = { Name: `${'a'.repeat(60)}!` };
  const alerts = read(ENDLESS, [{ Name: 'aa' }, bad, { Name: 'aa' }, ...Array(500).fill(bad)]);
  expect(alerts).toHaveLength(503);
  expect(alerts.map(({ healthSet }) => healthSet).slice(0, 3)).toEqual(['aa', undefined, undefined]);
  expect(alerts[0]?.notes).toBeUndefined();
  for (const { notes } of alerts.slice(1)) expect(notes).toEqual([expect.stringContaining('took too long')]);
});

it.each([
  ['line breaks', '\n'],
  ['titles that do not end', 'IMAP health set unhealthy ('],
  ['lines that do not end', 'IMAP health set unhealthy (\n'],
  ['blanks', ' '],
  ['one word', 'a'],
])('the shipped pattern reads megabytes of %s', (_, piece) => {
  const Description = piece.repeat(Math.ceil(MANY / piece.length));
  const alerts = read(SETTINGS.scom.titlePattern, Array(200).fill({ Name: 'x', Description }));
  expect(alerts.map(({ notes }) => notes)).toEqual(Array(200).fill(undefined));
});

it.each([
  ['blanks', ' '],
  ['line breaks', '\n'],
  ['blanks and line breaks', ' \n'],
  ['words', 'ab '],
  ['one word', 'a'],
  ['Japanese', '障'],
])('megabytes of %s are shown in lines', (_, piece) => {
  const lines = wrap(plain(piece.repeat(MANY / piece.length)), 80);
  expect(lines.filter((line) => widthOf(line) > 80)).toEqual([]);
});

it('an address is searched for in megabytes of a word', () => {
  expect([...'a'.repeat(MANY).matchAll(MAIL)]).toEqual([]);
  expect([...`${'a'.repeat(MANY)}@contoso.com`.matchAll(MAIL)].map(([, domain]) => domain)).toEqual(['contoso.com']);
});

it('is retried if the machine was too busy to compute, and then stopped', () => {
  const usage = vi.spyOn(process, 'cpuUsage').mockReturnValue({ user: 0, system: 0 });
  const pattern = new BoundedPattern('(a+)+$');
  expect(pattern.search([`${'a'.repeat(40)}!`])).toEqual({ groups: [], stoppedAt: 0 });
  // Two tries, each measured from its start.
  expect(usage).toHaveBeenCalledTimes(3);
  usage.mockRestore();
});
