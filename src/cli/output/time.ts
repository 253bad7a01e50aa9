/** Times for people: local, with the offset. */
import type { Instant } from '../../incident/alert.ts';

const two = (value: number) => String(Math.abs(value)).padStart(2, '0');

/** `2024-11-23` */
export function day(at: Instant): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** `19:11:12` */
export function timeOfDay(at: Instant): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `+09:00` */
export function offset(at: Instant): string {
  const minutes = -new Date(at).getTimezoneOffset();
  return `${minutes < 0 ? '-' : '+'}${two(Math.trunc(minutes / 60))}:${two(minutes % 60)}`;
}

/** `2024-11-23 19:11:12 +09:00` */
export function localTime(at: Instant): string {
  return `${day(at)} ${timeOfDay(at)} ${offset(at)}`;
}

/** The two largest useful units: `23 min 54 s`, `3 d 2 h`, `0.4 s`. */
export function span(ms: number): string {
  if (ms < 10_000) return `${(Math.round(ms / 100) / 10).toString()} s`;
  const seconds = Math.round(ms / 1000);
  const units = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = units.findIndex(([amount]) => amount > 0);
  return units
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ');
}
