import { type Config, configSchema } from './config.ts';
import { getIn, setIn } from './data.ts';
import { leavesOf } from './shape.ts';
import { kebab, writePath } from './spelling.ts';

/** Keys that a running daemon reloads; all others need a restart. */
const LIVE = ['http.tokens', 'log.level', 'notify', 'playbooks', 'safety'];

export interface Reload {
  /** The configuration in force from now on. */
  config: Config;
  /** Keys that differ and are in force now: `safety.mode`. */
  changed: string[];
  /** Keys that differ and are in force after the next start. */
  waiting: string[];
}

/** The current configuration with those changes of the next one that need no restart. */
export function reloaded(current: Config, next: Config): Reload {
  const config = structuredClone(current);
  const differing = leavesOf(configSchema)
    .map(({ path }) => path)
    .filter((path) => JSON.stringify(getIn(current, path)) !== JSON.stringify(getIn(next, path)));
  // Whether the API requires tokens at all is decided at start.
  const opens = (current.http.tokens.length === 0) !== (next.http.tokens.length === 0);
  const isLive = (name: string) =>
    LIVE.some((key) => name === key || name.startsWith(`${key}.`)) && !(opens && name === 'http.tokens');
  const [changed, waiting]: [string[], string[]] = [[], []];
  for (const path of differing) {
    const name = writePath(path, kebab);
    const live = isLive(name);
    (live ? changed : waiting).push(name);
    if (live) setIn(config, path, getIn(next, path));
  }
  config.playbooks.places = next.playbooks.places;
  return { config, changed, waiting };
}
