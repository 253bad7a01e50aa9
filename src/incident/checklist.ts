import type { Incident } from './incident.ts';

/** What a person must do by hand, by the `checklist` steps that were reached; each item once. */
export function checklistOf({ steps }: Incident): string[] {
  const items = steps.flatMap(({ end }) => (end?.result?.checklist as string[] | undefined) ?? []);
  return [...new Set(items)];
}
