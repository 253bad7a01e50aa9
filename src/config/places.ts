import { isObject } from './data.ts';
import type { Locate, Path, Place } from './problems.ts';

/**
 * Places of values that are checked after the configuration was read, such as options of steps. Plain data, because a
 * configuration can be copied.
 */
export type Places = Record<string, Place>;

const nameOf = (path: Path, at?: 'key') => JSON.stringify(at ? [path, at] : path);

/** The places of a value and of everything in it. */
export function placesOf(value: unknown, path: Path, locate: Locate): Places {
  const inside = isObject(value) || Array.isArray(value) ? Object.entries(value) : [];
  const children = inside.map(([key, child]) =>
    placesOf(child, [...path, Array.isArray(value) ? Number(key) : key], locate),
  );
  return Object.assign({ [nameOf(path)]: locate(path), [nameOf(path, 'key')]: locate(path, 'key') }, ...children);
}

/** Finds a place among them, or that of the nearest enclosing value. */
export function locateIn(places: Places): Locate {
  return function locate(path: Path, at?: 'key'): Place {
    const place = places[nameOf(path, at)] ?? places[nameOf(path)];
    if (place) return place;
    return path.length > 0 ? locate(path.slice(0, -1)) : { file: 'the configuration', line: 0, column: 0, path: '' };
  };
}
