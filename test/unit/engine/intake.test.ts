import { expect, test } from 'vitest';
import { createIntake } from '../../../src/engine/intake/intake.ts';
import { around } from '../../support/around.ts';
import { bench } from '../../support/engine.ts';
import { alertOf } from '../../support/stub.ts';

test('an alert is confirmed only after the store has it', async () => {
  const told: string[] = [];
  const { engine } = bench({
    aroundStore: (store) =>
      around(store, 'accept', (accept) => async (...args) => {
        await new Promise((done) => setImmediate(done));
        const accepted = await accept(...args);
        told.push('stored');
        return accepted;
      }),
  });
  await createIntake(engine)([alertOf()]);
  told.push('answered');
  expect(told).toEqual(['stored', 'answered']);
});
