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
