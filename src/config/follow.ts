import { whyUnreadable } from './yaml.ts';

export interface Follow {
  /** What the files hold now; throws when they cannot be read. */
  look(): string;
  /** Takes what is new into use; throws, with what is wrong with it, to keep the old. */
  accept(text: string): void;
  /** Told once for each new reason why the old is kept. */
  trouble(why: string): void;
  /** What is in use. */
  known: string;
}

/** Real milliseconds between two looks. */
const EVERY = 2_000;

/**
 * Takes into use what files come to hold. They are read each time, because nothing less notices every way of replacing one:
 * renames, links that are swapped, clocks that are set back. New contents are believed once two looks in a row have seen
 * them, so that nothing half written is. Returns what ends it.
 */
export function follow({ look, accept, trouble, known }: Follow, everyMs = EVERY): () => void {
  let inUse = known;
  let seen = known;
  let told = '';
  function complain(why: string): void {
    if (why !== told) trouble(why);
    told = why;
  }
  function again(): void {
    let text: string;
    try {
      text = look();
    } catch (error) {
      complain(whyUnreadable(error));
      return;
    }
    const before = seen;
    seen = text;
    if (text === inUse) told = '';
    if (text === inUse || text !== before) return;
    try {
      accept(text);
      inUse = text;
      told = '';
    } catch (error) {
      complain((error as Error).message);
    }
  }
  const timer = setInterval(again, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
