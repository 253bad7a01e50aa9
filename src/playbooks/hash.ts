import { createHash } from 'node:crypto';

/** The first 12 hex digits of the SHA-256 of the canonical JSON of a playbook's content. */
export function hashOf(meaning: unknown): string {
  return createHash('sha256').update(canonicalJson(meaning)).digest('hex').slice(0, 12);
}

/** JSON with sorted keys, so that equal content gives equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
