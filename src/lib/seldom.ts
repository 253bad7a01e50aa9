/** Real milliseconds in which a sentence is told once, however often it is said. */
const QUIET_MS = 60_000;
/** More different sentences than a trouble has; beyond it the count starts anew. */
const MOST = 500;

/** A store that is away is found to be away many times a second: each sentence once a minute, and how often it was said. */
export function seldom(tell: (says: string) => void, now: () => number = Date.now): (says: string) => void {
  const told = new Map<string, { at: number; unsaid: number }>();
  return (says) => {
    const before = told.get(says);
    if (before && now() - before.at < QUIET_MS) {
      before.unsaid++;
      return;
    }
    if (told.size >= MOST) told.clear();
    told.set(says, { at: now(), unsaid: 0 });
    tell(before && before.unsaid > 0 ? `${says} (and ${before.unsaid} times since it was last reported)` : says);
  };
}
