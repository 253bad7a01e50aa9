import type { Instant } from '../incident/alert.ts';

export interface Clock {
  /** The organisation's time. */
  now(): Instant;
  /** Organisation milliseconds in one real millisecond: 1, or `lab.speed`. */
  readonly speed: number;
  /** Id of the organisation; changes when a lab is reset. */
  readonly epoch: string;
}
