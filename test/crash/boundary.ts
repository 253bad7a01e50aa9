/** Something that a daemon is about to write or to do, seen on its way out. */
export interface Boundary {
  of: 'append' | 'command';
  /** The same for whoever tries the same thing again. */
  key: string;
}

/** What is done to the daemon there: before it takes effect, or after it has and before the daemon knows. */
export interface Strike {
  when: 'before' | 'after';
  /** `drop`: neither the request nor its answer goes any further. */
  strike(): Promise<'pass' | 'drop'>;
}

/** Asked at each boundary; undefined lets it pass. */
export type AtBoundary = (boundary: Boundary) => Strike | undefined;
