import { createContext, Script } from 'node:vm';

/** Real milliseconds that an expression may take for the texts of one call. */
const TAKES_AT_MOST = 250;
/** Real milliseconds for which it is not used after it took longer: it gets a small part of the time at most. */
const RESTS = 5_000;

type Groups = Record<string, string | undefined>;

/** What is found in each text, in order: the groups by name and by number; undefined where nothing is. */
export interface Found {
  groups: (Groups | undefined)[];
  /** The expression was stopped, or rests because it was: the texts from here on were not looked at. */
  stoppedAt?: number;
}

/** One for all: it holds nothing between two searches. */
const context = createContext({ job: undefined });
const search = new Script(
  'for (job.at = 0; job.at < job.texts.length; job.at++) job.found[job.at] = job.pattern.exec(job.texts[job.at])',
);

/**
 * A regular expression of the configuration, for short texts from outside. Some take longer than anyone lives
 * (`(a+)+$` on forty letters), and nothing else runs meanwhile: such a search is stopped.
 */
export class BoundedPattern {
  readonly #pattern: RegExp;
  #restsUntil = 0;

  constructor(source: string) {
    this.#pattern = new RegExp(source, 'i');
  }

  search(texts: readonly string[], again = true): Found {
    if (performance.now() < this.#restsUntil) return { groups: [], stoppedAt: 0 };
    const found: (RegExpExecArray | null)[] = [];
    const job = { at: 0, texts, found, pattern: this.#pattern };
    context.job = job;
    const began = process.cpuUsage();
    try {
      search.runInContext(context, { timeout: TAKES_AT_MOST });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      // A busy machine is not the expression's fault: where nothing was computed, it is tried once more.
      if (again && process.cpuUsage(began).user < (TAKES_AT_MOST / 2) * 1_000) return this.search(texts, false);
      this.#restsUntil = performance.now() + RESTS;
      return { groups: found.map(groupsOf), stoppedAt: job.at };
    } finally {
      context.job = undefined;
    }
    return { groups: found.map(groupsOf) };
  }
}

const groupsOf = (match: RegExpExecArray | null): Groups | undefined =>
  match === null ? undefined : { ...match.groups, ...Object.fromEntries(match.map((text, n) => [String(n), text])) };
