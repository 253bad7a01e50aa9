import { describe, expect, test } from 'vitest';
import type { Alert } from '../../../src/incident/alert.ts';
import { asKept, keep, roomFor, shorten } from '../../../src/incident/kept-alerts.ts';

const MINUTE = 60_000;

function alertOf(n: number, over: Partial<Alert> = {}): Alert {
  return {
    id: `a${n}`,
    source: 'generic',
    senderId: `${n}`,
    status: 'firing',
    server: 'mbx1',
    serverAsSent: 'mbx1',
    healthSet: 'IMAP.Protocol',
    raisedAt: 0,
    receivedAt: 0,
    ...over,
  };
}

const many = (count: number, over: Partial<Alert> = {}) => Array.from({ length: count }, (_, n) => alertOf(n, over));
const idsOf = (alerts: Alert[]) => alerts.map(({ id }) => id);

test('of many alerts the first and the latest are kept, whether they arrive separately or together', () => {
  const alerts = many(3_000);
  const expected = idsOf([...alerts.slice(0, 50), ...alerts.slice(-10)]);
  expect(idsOf(keep([], alerts))).toEqual(expected);
  expect(idsOf(alerts.reduce((kept, alert) => keep(kept, [alert]), [] as Alert[]))).toEqual(expected);
});

test('the latest alert of each kind is kept: of each problem, status and maintenance state', () => {
  const [store, resolved, maintained] = [
    alertOf(9_001, { healthSet: 'Store' }),
    alertOf(9_002, { status: 'resolved' }),
    alertOf(9_003, { inMaintenance: true }),
  ];
  const before = [...many(60), store, resolved, maintained];
  expect(idsOf(keep(before, many(100)))).toEqual(expect.arrayContaining(idsOf([store, resolved, maintained])));
});

describe('whether one more alert is kept or counted', () => {
  const own = { server: 'mbx1', family: 'IMAP' };
  const cases: { says: string; before: Alert[]; count?: number; alert: Alert; is: ReturnType<typeof roomFor> }[] = [
    { says: 'among the first', before: many(49), alert: alertOf(1), is: 'kept' },
    {
      says: 'another firing one after fifty',
      before: many(50),
      alert: alertOf(1, { receivedAt: MINUTE }),
      is: 'counted',
    },
    {
      says: 'another firing one, five minutes after the last',
      before: many(50),
      alert: alertOf(1, { receivedAt: 5 * MINUTE }),
      is: 'kept',
    },
    { says: 'the first "resolved"', before: many(50), alert: alertOf(1, { status: 'resolved' }), is: 'kept' },
    {
      says: 'the first "resolved" after very many',
      before: many(50),
      count: 5_000,
      alert: alertOf(1, { status: 'resolved' }),
      is: 'kept',
    },
    {
      says: 'maintenance again after it was over',
      before: [...many(50), alertOf(1, { inMaintenance: true }), alertOf(2, { inMaintenance: false })],
      alert: alertOf(3, { inMaintenance: true }),
      is: 'kept',
    },
    {
      says: 'the first about another problem',
      before: many(50),
      alert: alertOf(1, { healthSet: 'Store' }),
      is: 'kept',
    },
    {
      says: 'the second about another problem',
      before: [...many(50), alertOf(1, { healthSet: 'Store' })],
      alert: alertOf(2, { healthSet: 'Store' }),
      is: 'counted',
    },
    {
      says: 'the first about another problem, after very many about others',
      before: many(50),
      count: 200,
      alert: alertOf(1, { healthSet: 'Store' }),
      is: 'elsewhere',
    },
  ];
  test.each(cases)('$says: $is', ({ before, count = before.length, alert, is }) => {
    expect(roomFor(alert, { ...own, alerts: before, alertCount: count })).toBe(is);
  });
});

test('the first ten alerts keep their whole text, later ones its beginning', () => {
  const alert = alertOf(1, { description: 'x'.repeat(16_000) });
  expect(asKept(alert, 9)).toEqual(alert);
  const short = asKept(alert, 10).description ?? '';
  expect(short).toMatch(/^x+… \(\d+ more characters\)$/);
  expect(short.length).toBeLessThanOrEqual(1_000);
});

test.each([
  ['a text that is short', 40, 'a text that is short'],
  ['x'.repeat(50), 40, `${'x'.repeat(18)}… (32 more characters)`],
  [`${'x'.repeat(17)}😀${'y'.repeat(40)}`, 40, `${'x'.repeat(17)}… (42 more characters)`],
])('%s, cut after %s characters, never in the middle of one', (text, limit, cut) => {
  expect(shorten(text, limit)).toBe(cut);
});
