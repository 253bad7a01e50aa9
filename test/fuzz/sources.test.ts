/** What monitoring systems post. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { decodeBody } from '../../src/adapters/http/body.ts';
import { DEPTH_LIMIT, parseJson } from '../../src/adapters/http/json.ts';
import { HttpProblem } from '../../src/adapters/http/problem.ts';
import { loadConfig } from '../../src/config/load.ts';
import { atOnce, SOURCES } from '../../src/sources/index.ts';
import { parseTime } from '../../src/sources/time.ts';
import { failsOnlyWith, fuzz, mutated, spliced, text, value } from './fuzz.ts';

const { config } = loadConfig({ env: {}, cwd: process.cwd() });
const env = { now: Date.UTC(2026, 4, 12), settings: config.alerts };

for (const source of SOURCES) {
  const bodies = fc.oneof(mutated(source.example, [source.example, source.example]), value);
  const take = (body: unknown) => {
    const { alerts, refused, refusedElements } = atOnce(source.parse(body, env));
    expect(alerts.length + refusedElements).toBeGreaterThan(0);
    expect(refused.length > 0).toBe(refusedElements > 0);
    for (const alert of alerts) {
      expect(alert.id).toMatch(/^[0-9a-f]{32}$/);
      expect(alert.server).toMatch(/^[a-z0-9][a-z0-9_-]*$/);
      expect(Number.isFinite(new Date(alert.raisedAt).getTime())).toBe(true);
      expect((alert.title ?? '').length).toBeLessThanOrEqual(1_000);
      expect(JSON.parse(JSON.stringify(alert))).toEqual(alert);
    }
  };
  fuzz('sources', `${source.name} is accepted, or refused with a named error`, bodies, take, 1 / SOURCES.length);
}

const TIMES = [
  ...['2024-11-23T10:11:12.345Z', '2024-11-23 10:11:12+09:00', '/Date(1732356672000+0900)/', '11/23/2024 10:11:12 PM'],
  ...['2024/11/23 10:11:12', '23.11.2024 10:11:12', '0001-01-01T00:00:00Z', '/Date(9999999999999999)/'],
];
fuzz(
  'times',
  'an instant, none, or unreadable',
  fc.oneof(spliced(...TIMES), fc.constantFrom(...TIMES), text),
  (given) => {
    const parsed = parseTime(given);
    if (typeof parsed === 'number') expect(new Date(parsed).toISOString()).not.toBe('');
    else expect([undefined, 'unreadable']).toContain(parsed);
  },
);

const JSONS = [JSON.stringify(SOURCES.map(({ example }) => example)), '[{"a":[1,-2.5e3,"\\u00fc\\n",true,null]}]'];
const depth = fc.tuple(fc.nat(80), fc.constantFrom('[', '{"a":', '[[{"b":')).map(([times, open]) => {
  const closed =
    open === '[' ? `${'['.repeat(times)}${']'.repeat(times)}` : `${'{"a":'.repeat(times)}1${'}'.repeat(times)}`;
  return times % 2 === 0 ? closed : open.repeat(times);
});
fuzz(
  'json',
  'read as JSON.parse reads it, or told where it ends',
  fc.oneof(spliced(...JSONS), depth, text),
  (given) => {
    const read = parseJson(given);
    let right: { value: unknown } | undefined;
    try {
      right = { value: JSON.parse(given) };
    } catch {
      right = undefined;
    }
    if (read.ok) {
      expect([read.value]).toEqual([right?.value]);
      expect(depthOf(read.value)).toBeLessThanOrEqual(DEPTH_LIMIT);
    } else if (right) expect(read.message).toContain(`more than ${DEPTH_LIMIT} deep`);
    else expect(read.message).toMatch(/at line \d+, column \d+/);
  },
);

function depthOf(given: unknown): number {
  if (typeof given !== 'object' || given === null) return 0;
  return 1 + Math.max(0, ...Object.values(given).map(depthOf));
}

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.tuple(spliced(...JSONS), fc.uint8Array({ maxLength: 5 }), fc.nat()).map(([good, put, at]) => {
    const whole = Buffer.from(good);
    const from = at % (whole.length + 1);
    return Buffer.concat([whole.subarray(0, from), put, whole.subarray(from)]);
  }),
);
fuzz('bodies', 'any bytes are a value or a problem', bytes, (given) => {
  failsOnlyWith(HttpProblem, () => decodeBody(Buffer.from(given)));
});
