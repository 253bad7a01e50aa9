import { folded, WordFinder } from './words.ts';

/** Kinds of names; free text uses the first kind that knows a name. */
export const KINDS = ['server', 'database', 'dag', 'site', 'host', 'domain', 'label'] as const;
export type Kind = (typeof KINDS)[number];

/** Other identifiers, which occur in free text only. */
export type Placeholder = 'user' | 'HealthMailbox' | 'account' | 'ip' | 'guid' | 'sid' | 'dn' | 'organisation';

const STEMS: Record<Exclude<Kind, 'domain'>, string> = {
  server: 'srv',
  database: 'db',
  dag: 'dag',
  site: 'site',
  host: 'host',
  label: 'org',
};

/**
 * Assigns a neutral name to each name and address, always the same one. No neutral name contains an original name as a
 * word: if a server is already called srv2, that number is skipped.
 */
export class Pseudonyms {
  private readonly given = new Map<string, Map<string, { original: string; neutral: string }>>();
  private readonly taken: WordFinder;

  /** `originals`: every name to replace. */
  constructor(originals: Iterable<string>) {
    this.taken = new WordFinder(originals);
  }

  of(kind: Kind | Placeholder, original: string): string {
    const known = this.given.get(kind) ?? new Map<string, { original: string; neutral: string }>();
    this.given.set(kind, known);
    const key = folded(original);
    const found = known.get(key);
    if (found) return found.neutral;
    const neutral = this.fresh(kind, new Set([...known.values()].map((each) => each.neutral)));
    known.set(key, { original, neutral });
    return neutral;
  }

  /** The neutral name, if one was assigned. */
  find(kind: Kind, original: string): string | undefined {
    return this.given.get(kind)?.get(folded(original))?.neutral;
  }

  /** The mapping of names: the key to a renamed recording, which does not contain it. */
  list(): { kind: Kind; original: string; neutral: string }[] {
    return KINDS.flatMap((kind) => [...(this.given.get(kind)?.values() ?? [])].map((each) => ({ kind, ...each })));
  }

  private fresh(kind: Kind | Placeholder, used: ReadonlySet<string>): string {
    for (let number = used.size + 1; ; number++) {
      const free = candidates(kind, number).find((name) => !used.has(name) && this.taken.find(name).length === 0);
      if (free !== undefined) return free;
    }
  }
}

/** A single word without separators is free sooner or later, whatever the names of the organisation. */
function candidates(kind: Kind | Placeholder, number: number): string[] {
  if (kind === 'domain') return [number === 1 ? 'example.com' : `example${number}.com`, `domain${number}`];
  return [`${kind in STEMS ? STEMS[kind as keyof typeof STEMS] : kind}${number}`];
}
