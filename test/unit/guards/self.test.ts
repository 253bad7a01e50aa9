import { describe, expect, test } from 'vitest';
import { self } from '../../../src/guards/self.ts';
import { changeTo, context } from './context.ts';

describe('the daemon’s own machine', () => {
  const SELVES = [
    { action: 'restart-server', answer: 'refuse' },
    { action: 'fail-over-databases', answer: 'refuse' },
    { action: 'restart-service', answer: 'allow' },
    { action: 'setting', answer: 'allow' },
  ] as const;
  test.each(SELVES)('$action there: $answer', ({ action, answer }) => {
    const there = { change: changeTo(action), settings: { self: ['mbx1'] } };
    expect(self.judge(context(there))).toMatchObject({ answer });
  });

  test('another machine is not affected', () => {
    expect(self.judge(context({ change: changeTo('restart-server') }))).toEqual({ answer: 'allow' });
  });
});
