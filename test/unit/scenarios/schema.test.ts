import { expect, it } from 'vitest';
import { FAULTS } from '../../../src/lab/behaviour/faults/index.ts';
import { scenarioJsonSchema } from '../../../src/scenarios/schema.ts';

it('the JSON Schema of scenarios is current (to update: npm run schemas)', async () => {
  await expect(`${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(
    '../../../config/scenario.schema.json',
  );
});

it('an editor is offered every fault, with its options', () => {
  const { properties } = scenarioJsonSchema() as {
    properties: { faults: { items: { oneOf: { properties: Record<string, { const?: string }> }[] } } };
  };
  const { oneOf } = properties.faults.items;
  expect(oneOf.map((one) => one.properties.fault?.const)).toEqual(FAULTS.map(({ name }) => name));
  expect(oneOf.find((one) => one.properties.fault?.const === 'busy')?.properties).toHaveProperty('with');
});
