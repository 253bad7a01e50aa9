/** The OpenAPI description, generated from the routes and schemas of the API. */
import { z } from 'zod';
import { PROBLEM_TYPES, type ProblemType } from './problem.ts';
import type { Route } from './route.ts';
import { SCHEMAS, type SchemaName } from './schemas.ts';

export function describeApi(routes: readonly Route[], version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = openApiPath(route.path);
    paths[path] = { ...paths[path], [route.method]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Second Responder',
      version,
      description:
        'Receives alerts about Exchange health sets, verifies them, runs recovery playbooks and proves the recovery.',
    },
    paths,
    components: {
      schemas: Object.fromEntries(
        Object.entries(SCHEMAS).map(([name, schema]) => [name, jsonSchema(schema, 'output')]),
      ),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        basic: { type: 'http', scheme: 'basic', description: 'The token as password, for browsers.' },
        signature: {
          type: 'apiKey',
          in: 'header',
          name: 'X-Signature',
          description: 'sha256=<HMAC-SHA256 of `<X-Timestamp>.<body>` in hex>; posting alerts only.',
        },
      },
    },
  };
}

/** `/incidents/:id` → `/incidents/{id}`. */
export const openApiPath = (path: string) => path.replace(/:(\w+)/g, '{$1}');

function operation(route: Route): Record<string, unknown> {
  const responses: Record<string, { description: string; content: Record<string, unknown> }> = {};
  for (const { status, description, schema, type } of route.answers) {
    // Answers of one status differ in their type.
    const known = responses[status];
    const content = { [type ?? 'application/json']: { schema: schema ? reference(schema) : { type: 'string' } } };
    responses[status] = known
      ? { description: known.description, content: { ...known.content, ...content } }
      : { description, content };
  }
  for (const [status, types] of byStatus(problemsOfRoute(route))) {
    responses[status] ??= {
      description: types.map((type) => `${type}: ${PROBLEM_TYPES[type][1]}`).join('; '),
      content: { 'application/problem+json': { schema: reference('Problem') } },
    };
  }
  return {
    operationId: operationId(route),
    tags: [route.tag],
    summary: route.summary,
    ...(route.access === 'open' ? { security: [] } : { security: security(route) }),
    parameters: parameters(route),
    ...(route.body && {
      requestBody: {
        required: route.body.required,
        content: {
          'application/json': {
            schema: jsonSchema(route.body.schema, 'input'),
            ...(route.body.example !== undefined && { example: route.body.example }),
          },
        },
      },
    }),
    responses,
  };
}

/** Problems that every address can respond with, from the code before the routes. */
function problemsOfRoute({ problems, access }: Route): ProblemType[] {
  const guarded: ProblemType[] =
    access === 'open' ? [] : ['unauthenticated', 'forbidden', 'too-many-requests', 'store-unavailable'];
  return [...problems, ...guarded, 'foreign-host', 'foreign-origin', 'internal'];
}

function byStatus(types: readonly ProblemType[]): Map<number, ProblemType[]> {
  const found = new Map<number, ProblemType[]>();
  for (const type of types) found.set(PROBLEM_TYPES[type][0], [...(found.get(PROBLEM_TYPES[type][0]) ?? []), type]);
  return found;
}

function parameters(route: Route): unknown[] {
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(route.query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    schema: jsonSchema(schema as z.ZodType, 'input'),
  }));
  const inHeader = Object.entries(route.headers ?? {}).map(([name, description]) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  }));
  return [...inPath, ...inQuery, ...inHeader];
}

const security = (route: Route) => [
  { bearer: [] },
  { basic: [] },
  ...(route.access === 'sender' ? [{ signature: [] }] : []),
];

const reference = (name: SchemaName) => ({ $ref: `#/components/schemas/${name}` });

/** `get /api/v1/incidents/:id/journal` → `getIncidentsJournal`, `getIncidentsById` where the path ends in a parameter. */
function operationId({ method, path }: Route): string {
  const words = path
    .replace('/api/v1', '')
    .replace('.json', '')
    .split(/[/-]/)
    .filter(Boolean)
    .map((part, index, all) => {
      if (!part.startsWith(':')) return part;
      return index === all.length - 1 ? `by-${part.slice(1)}` : '';
    })
    .join('-')
    .split('-')
    .filter(Boolean);
  return [method, ...(words.length ? words : ['root'])]
    .map((word, index) => (index === 0 ? word : word[0]?.toUpperCase() + word.slice(1)))
    .join('');
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
