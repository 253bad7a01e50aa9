import { createContext, Script } from 'node:vm';

/** Maximum time of an expression for the texts of one call (real milliseconds). */
const LONGEST_SEARCH = 250;
/**
 * Real milliseconds for which it is not used after it took too long, so that it can take only a small share of the
 * time.
 */
const PAUSE = 5_000;

type Groups = Record<string, string | undefined>;

/** The match in each text, in order: its groups by name and by number; undefined if there is none. */
export interface Found {
  groups: (Groups | undefined)[];
  /** Set if the expression was stopped, or is paused because it was: texts from here on were not searched. */
  stoppedAt?: number;
}

/** Shared by all patterns: it keeps nothing between two searches. */
const context = createContext({ job: undefined });
const search = new Script(
  'for (job.at = 0; job.at < job.texts.length; job.at++) job.found[job.at] = job.pattern.exec(job.texts[job.at])',
);

/**
 * A configured regular expression for short external texts. Some expressions practically never end (`(a+)+$` on forty
 * letters) and block the process: such a search is stopped.
 */
export class BoundedPattern {
  readonly #pattern: RegExp;
  #pausedUntil = 0;

  constructor(source: string) {
    this.#pattern = new RegExp(source, 'i');
  }

  search(texts: readonly string[], again = true): Found {
    if (performance.now() < this.#pausedUntil) return { groups: [], stoppedAt: 0 };
    const found: (RegExpExecArray | null)[] = [];
    const job = { at: 0, texts, found, pattern: this.#pattern };
    context.job = job;
    const began = process.cpuUsage();
    try {
      search.runInContext(context, { timeout: LONGEST_SEARCH });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      // On a busy machine it may have had no time to run: if it used little CPU, try once more.
      if (again && process.cpuUsage(began).user < (LONGEST_SEARCH / 2) * 1_000) return this.search(texts, false);
      this.#pausedUntil = performance.now() + PAUSE;
      return { groups: found.map(groupsOf), stoppedAt: job.at };
    } finally {
      context.job = undefined;
    }
    return { groups: found.map(groupsOf) };
  }
}

const groupsOf = (match: RegExpExecArray | null): Groups | undefined =>
  match === null ? undefined : { ...match.groups, ...Object.fromEntries(match.map((text, n) => [String(n), text])) };
