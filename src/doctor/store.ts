import type { StoreFacts } from '../ports/store.ts';
import { bad, type Check, type Finding, lineOf, look, ok, wordsOf } from './check.ts';
import type { Context } from './context.ts';

/** Where alerts are kept. A line for the store, and one for each thing about how safe it keeps them. */
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
        ? `what was kept is in ${found.directory}; the daemon starts its Redis with it`
        : `none yet in ${found.directory}: it is made at the first start`;
      return [ok(says), ...found.warnings.map(warningOf)];
    }
    case 'no-program': {
      const says = 'there is no redis-server or valkey-server, and no Redis is named: nothing would outlive the daemon';
      const mend =
        'Install one (apt-get install redis-server, dnf install valkey, Memurai on Windows), or name one: store.url, REDIS_URL.';
      return [real ? bad(says, mend) : look(says, mend)];
    }
    case 'unusable': {
      const mend =
        'Let this user write there, run doctor as the daemon’s user, or set store.directory to another folder.';
      return [bad(`${config.store.directory} can’t hold the data: ${found.says}`, mend)];
    }
  }
}

/** Nothing is taken or written as it is now. */
const STANDS_STILL = /: (nothing can be written|it accepts no alerts|no alerts are accepted)/;

/** The store's own sentences: what it means, and then what to type. */
function warningOf(warning: string): Finding {
  const at = warning.search(/(Type|Set|Check) [`w]/);
  const [found, mend] =
    at > 0 ? [warning.slice(0, at).trim(), warning.slice(at)] : [warning, 'docs/store.md says more.'];
  return STANDS_STILL.test(warning) ? bad(found, mend) : look(found, mend);
}

function whereNamed(origins: ReadonlyMap<string, string>, url: string | undefined): string {
  if (url === undefined) return 'See docs/store.md.';
  const origin = origins.get('store.url') ?? 'file';
  const by = origin.startsWith('environment ') ? origin.slice('environment '.length) : 'store.url in the configuration';
  return `Start it, or correct its address: it is named by ${by}. redis-cli -u <address> PING must answer PONG.`;
}
