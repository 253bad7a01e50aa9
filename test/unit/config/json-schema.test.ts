import { expect, it } from 'vitest';
import { z } from 'zod';
import { configJsonSchema } from '../../../src/config/json-schema.ts';
import { catalogSchema } from '../../../src/verification/catalog.ts';

const text = (schema: unknown) => `${JSON.stringify(schema, null, 2)}\n`;

it('the JSON Schema of the configuration is current (to update: npx vitest run --project unit test/unit/config -u)', async () => {
  await expect(text(configJsonSchema())).toMatchFileSnapshot('../../../config/second-responder.schema.json');
});

it('the JSON Schema of the catalog is current (to update: the same)', async () => {
  const schema = {
    ...z.toJSONSchema(catalogSchema, { io: 'input' }),
    title: 'Second Responder: catalog of health sets',
  };
  await expect(text(schema)).toMatchFileSnapshot('../../../config/health-sets.schema.json');
});

it('an editor is offered body-limit, and accepts bodyLimit', () => {
  const { properties } = configJsonSchema() as { properties: { http: { properties: Record<string, object> } } };
  expect(properties.http.properties['body-limit']).toMatchObject({ type: 'string' });
  expect(properties.http.properties.bodyLimit).toHaveProperty('doNotSuggest', true);
});
