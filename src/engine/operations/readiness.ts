import { ExchangeError } from '../../ports/exchange.ts';
import type { Readiness } from '../../ports/operations.ts';
import type { Engine } from '../parts.ts';

/** The opened organisation or store: what it is, and what is wrong with it. */
interface Opened {
  says: string;
  trouble?(): string | undefined;
}

/** Whether the daemon can accept alerts and act on them now. `unproved`: playbooks that failed their proof. */
export async function readinessOf(
  engine: Engine,
  opened: Opened,
  kept: Pick<Opened, 'trouble'>,
  unproved: readonly string[],
): Promise<Readiness> {
  const { store, wakeups, exchange, watch } = engine;
  const [health, queue, organisation] = await Promise.all([
    store.health(),
    Promise.all([wakeups.refusal(), wakeups.counts()]).then(
      ([refusal]) => ({ ok: refusal === undefined, says: refusal ? `refuses: ${refusal}` : 'answers' }),
      (error: unknown) => ({ ok: false, says: String(error) }),
    ),
    exchange.organisation({ timeLimit: 5_000 }).then(
      ({ value }) => ({
        ok: true,
        says: sentences([`${value.servers.length} servers (${opened.says})`, opened.trouble?.()], '. '),
      }),
      (error: unknown) => ({
        ok: false,
        says: error instanceof ExchangeError ? `${error.code}: ${error.message}` : String(error),
      }),
    ),
  ]);
  const playbooks = engine.playbooks().length;
  const parts: Readiness['parts'] = [
    {
      part: 'store',
      ok: health.up && watch.says === undefined,
      says: sentences([watch.says, health.says, ...health.warnings, kept.trouble?.()]),
    },
    { part: 'queue', ...queue },
    { part: 'exchange', ...organisation },
    {
      part: 'playbooks',
      ok: playbooks > 0,
      says: sentences(
        [`${playbooks} playbooks`, unproved.length > 0 ? `not proved: ${unproved.join(', ')}` : undefined],
        '; ',
      ),
    },
  ];
  return { ready: parts.every((part) => part.ok), parts };
}

const sentences = (says: (string | undefined)[], between = ' ') => says.filter(Boolean).join(between);
