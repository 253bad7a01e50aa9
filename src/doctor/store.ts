import type { StoreFacts } from '../ports/store.ts';
import { bad, type Check, type Finding, lineOf, look, ok, wordsOf } from './check.ts';
import type { Context } from './context.ts';

/** The store: one line for its health and one for each durability warning. */
export const store: Check = {
  name: 'store',
  async run(context) {
    const { config, loaded, signal } = context;
    try {
      return findingsOf(await context.store(), context).map((finding) => lineOf('store', finding));
    } catch (error) {
      signal.throwIfAborted();
      return [lineOf('store', bad(wordsOf(error), whereNamed(loaded.origins, config.store.url)))];
    }
  },
};

function findingsOf(found: StoreFacts, { config, loaded, real }: Context): Finding[] {
  const { url } = config.store;
  switch (found.found) {
    case 'answer': {
      const { up, kind, says, warnings } = found.health;
      if (up) return [ok(says), ...warnings.map(warningOf)];
      const own = kind === 'private redis' ? 'Stop the daemon and start it again; its log says more.' : undefined;
      return [bad(says, own ?? whereNamed(loaded.origins, url))];
    }
    case 'asleep': {
      const says = found.kept
        ? `data is in ${found.directory}; the daemon starts its Redis with it`
        : `none yet in ${found.directory}: created at the first start`;
      return [ok(says), ...found.warnings.map(warningOf)];
    }
    case 'no-program': {
      const says =
        'no redis-server or valkey-server is installed and store.url is not set: a restart of the daemon would lose all data';
      const advice =
        'Install one (apt-get install redis-server, dnf install valkey, Memurai on Windows), or set store.url (REDIS_URL).';
      return [real ? bad(says, advice) : look(says, advice)];
    }
    case 'unusable': {
      const advice =
        'Give this user write access to it, run doctor as the daemon’s user, or set store.directory to another folder.';
      return [bad(`${config.store.directory} can’t hold the data: ${found.says}`, advice)];
    }
  }
}

/** Warnings of a store that accepts no alerts or writes. */
const NO_WRITES = /: (nothing can be written|it accepts no alerts|no alerts are accepted)/;

/** Splits a warning of the store into what it means and what to do. */
function warningOf(warning: string): Finding {
  const at = warning.search(/(Type|Set|Check) [`w]/);
  const [found, advice] = at > 0 ? [warning.slice(0, at).trim(), warning.slice(at)] : [warning, 'See docs/store.md.'];
  return NO_WRITES.test(warning) ? bad(found, advice) : look(found, advice);
}

function whereNamed(origins: ReadonlyMap<string, string>, url: string | undefined): string {
  if (url === undefined) return 'See docs/store.md.';
  const origin = origins.get('store.url') ?? 'file';
  const by = origin.startsWith('environment ') ? origin.slice('environment '.length) : 'store.url in the configuration';
  return `Start it, or fix its address, which comes from ${by}. redis-cli -u <address> PING must answer PONG.`;
}
