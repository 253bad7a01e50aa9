import { expect } from 'vitest';
import { atOnce, SOURCES } from '../../../src/sources/index.ts';
import { NOW, SETTINGS } from '../http/fake.ts';

export const source = (name: string) => SOURCES.find((each) => each.name === name)!;

export const parse = (name: string, body: unknown) =>
  atOnce(source(name).parse(body, { now: NOW, settings: SETTINGS }));

/** The one alert of a body of which nothing is refused. */
export const one = (name: string, body: unknown) => {
  const { alerts, refused } = parse(name, body);
  expect(refused).toEqual([]);
  expect(alerts).toHaveLength(1);
  return alerts[0]!;
};
