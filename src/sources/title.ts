/** Reads health set and monitor from titles and descriptions. */
import type { Alert } from '../incident/alert.ts';
import { BoundedPattern } from '../lib/pattern.ts';
import { isHealthSet, LIMITS, name } from './fields.ts';
import { AT_A_TIME, present } from './source.ts';

/** Maximum number of lines read of a text, each cut like a title. */
const LINES = 20;
const STOPPED = 'alerts.scom.title-pattern took too long and was stopped; the title was ignored';

/** One per pattern, in practice the configured one, because each remembers that it took too long. */
const patterns = new Map<string, BoundedPattern>();

function patternOf(source: string): BoundedPattern {
  const pattern = patterns.get(source) ?? new BoundedPattern(source);
  patterns.set(source, pattern);
  return pattern;
}

/** The alerts with the hints in their texts. Text without any is fine: Exchange decides. */
export function* readTitles(alerts: readonly Alert[], source: string): Generator<undefined, Alert[], undefined> {
  const pattern = patternOf(source);
  const read: Alert[] = [];
  for (let from = 0; from < alerts.length; from += AT_A_TIME) {
    if (from > 0) yield;
    read.push(...readSome(alerts.slice(from, from + AT_A_TIME), pattern));
  }
  return read;
}

function readSome(alerts: readonly Alert[], pattern: BoundedPattern): Alert[] {
  const lines = alerts.map(linesOf);
  const { groups, stoppedAt = Number.POSITIVE_INFINITY } = pattern.search(lines.flat());
  let at = 0;
  return alerts.map((alert, index) => {
    const end = at + (lines[index]?.length ?? 0);
    const found = groups.slice(at, end).find((one) => isHealthSet(one?.healthSet?.trim() ?? ''));
    at = end;
    if (found) {
      const [healthSet, monitor, targetResource] = [found.healthSet, found.monitor, found.targetResource].map(usable);
      return { ...alert, ...present({ healthSet, monitor, targetResource }) } as Alert;
    }
    return end > stoppedAt ? { ...alert, notes: [...(alert.notes ?? []), STOPPED] } : alert;
  });
}

function linesOf({ title = '', description = '' }: Alert): string[] {
  return [title, description].flatMap((text) =>
    text
      .split('\n', LINES)
      .map((line) => line.slice(0, LIMITS.title).trim())
      .filter((line) => line !== ''),
  );
}

const hintName = name();

const usable = (hint: string | undefined) => {
  const read = hintName.safeParse(hint);
  return read.success ? read.data : undefined;
};
