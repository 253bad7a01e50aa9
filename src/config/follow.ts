import { whyUnreadable } from './yaml.ts';

export interface Follow {
  /** The current content of the files; throws when they cannot be read. */
  read(): string;
  /** Puts new content into use; throws an error with the reason to keep the old content. */
  accept(text: string): void;
  /** Called once for each new reason why the old content is kept. */
  trouble(why: string): void;
  /** The content in use. */
  known: string;
}

/** Real milliseconds between two reads. */
const EVERY = 2_000;

/**
 * Puts changed files into use. The files are read each time, because no cheaper check notices every way to replace one:
 * renames, swapped links, clocks that are set back. New content is used once two reads in a row return it, so that a
 * half-written file never is. Returns a function that stops following.
 */
export function follow({ read, accept, trouble, known }: Follow, everyMs = EVERY): () => void {
  let inUse = known;
  let seen = known;
  let reported = '';
  function complain(why: string): void {
    if (why !== reported) trouble(why);
    reported = why;
  }
  function check(): void {
    let text: string;
    try {
      text = read();
    } catch (error) {
      complain(whyUnreadable(error));
      return;
    }
    const before = seen;
    seen = text;
    if (text === inUse) reported = '';
    if (text === inUse || text !== before) return;
    try {
      accept(text);
      inUse = text;
      reported = '';
    } catch (error) {
      complain((error as Error).message);
    }
  }
  const timer = setInterval(check, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
