import { describe, expect, test } from 'vitest';
import type { Slept, StepFinished, StepStarted, Undone } from '../../../src/incident/event.ts';
import { EXCHANGE_FAILURES, ExchangeError, type ExchangeFailure, NotSent } from '../../../src/ports/exchange.ts';
import { NotCopied } from '../../../src/ports/journal.ts';
import { around } from '../../support/around.ts';
import { bench, Killed } from '../../support/engine.ts';
import { journalOf } from '../../support/journal.ts';

/** What happens to one sending: before or after it arrives. */
type Trouble = ExchangeFailure | 'kill switch' | 'dies' | `${ExchangeFailure | 'dies'} after it took effect`;

interface Case {
  /** One for each sending, in order; those after go through. */
  sendings?: Trouble[];
  /** Number of polls that fail. */
  polls?: number;
  notCopied?: boolean;
}

/** The journal from the start of setting (or lifting) the block to its end, and how often it was set. */
async function lived(user: 'step' | 'undo', { sendings = [], polls = 0, notCopied = false }: Case) {
  const [left, blocks] = [[...sendings], user === 'step'];
  let failingPolls = 0;
  let away = notCopied;
  const isItsStart = (last: { type: string; data: unknown } | undefined) => {
    if (user === 'undo') return last?.type === 'undoStarted';
    return last?.type === 'stepStarted' && (last.data as StepStarted).intent?.command === 'Set-MailboxServer';
  };
  const b = bench({
    aroundStore: (store) =>
      around(store, 'confirm', (confirm) => async (id, head, token) => {
        const entries = (await journalOf(store, id))?.entries;
        if (!away || !isItsStart(entries?.at(-1))) return confirm(id, head, token);
        away = false;
        throw new NotCopied('no replica has it');
      }),
    aroundExchange: (exchange) =>
      around(
        around(exchange, 'mailboxServer', (read) => async (...args) => {
          if (failingPolls === 0) return read(...args);
          failingPolls -= 1;
          throw new ExchangeError('unreachable', 'no answer');
        }),
        'setActivationBlocked',
        (set) =>
          async (...args) => {
            if (args[1] !== blocks) return set(...args);
            failingPolls = polls;
            const trouble = left.shift();
            const arrives = trouble === undefined || trouble.endsWith('after it took effect');
            const answer = arrives ? await set(...args) : undefined;
            const what = trouble?.replace(' after it took effect', '');
            if (what === 'dies') throw new Killed();
            if (what === 'kill switch') throw new NotSent('the kill switch is on');
            if (what !== undefined) throw new ExchangeError(what as ExchangeFailure, 'so it says');
            return answer as NonNullable<typeof answer>;
          },
      ),
  });
  b.lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
  const { id } = await b.handle({ server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' });
  const entries = (await journalOf(b.store, id))?.entries ?? [];
  const from = entries.findIndex(isItsStart);
  const words: string[] = [];
  for (const { type, data } of entries.slice(from + 1)) {
    if (type === 'slept') words.push((data as Slept).for);
    else if (type === 'held') words.push('not sent');
    else if (type === 'stepFinished') words.push(endOf((data as StepFinished).state));
    else if (type === 'undone') words.push(endOf((data as Undone).state));
    if (['stepFinished', 'undone'].includes(type) || words.at(-1) === 'not sent') break;
  }
  const sent = b.changes().filter((change) => change === `mbx1 Set-MailboxServer ${blocks}`).length;
  return { words: words.filter((word, n) => word !== words[n - 1]), sent };
}

const endOf = (state: string) => ({ done: 'seen', putBack: 'seen', notSent: 'not sent' })[state] ?? state;

const REFUSALS: readonly ExchangeFailure[] = ['refused', 'accessDenied', 'notFound'];
const UNKNOWN = EXCHANGE_FAILURES.filter((code) => !REFUSALS.includes(code));

const cases: [string, Case, words: string[], sent: number][] = [
  ['goes through', {}, ['seen'], 1],
  ...REFUSALS.map((code): (typeof cases)[number] => [`is answered ${code}`, { sendings: [code] }, ['failed'], 0]),
  ...UNKNOWN.map((code): (typeof cases)[number] => [
    `is answered ${code} and did not arrive: it is sent again once it can't arrive any more`,
    { sendings: [code] },
    ['health', 'seen'],
    1,
  ]),
  ...UNKNOWN.map((code): (typeof cases)[number] => [
    `is answered ${code} and took effect: it is not sent again`,
    { sendings: [`${code} after it took effect`] },
    ['seen'],
    1,
  ]),
  ['never arrives', { sendings: Array<Trouble>(9).fill('timedOut') }, ['health', 'failed'], 0],
  ['is stopped by the kill switch', { sendings: ['kill switch'] }, ['not sent'], 1],
  ['waits for the replicas', { notCopied: true }, ['answer', 'seen'], 1],
  ['is not sent because its worker dies', { sendings: ['dies'] }, ['seen'], 1],
  ['is sent, and its worker dies', { sendings: ['dies after it took effect'] }, ['seen'], 1],
  ['may have been sent, and is then refused', { sendings: ['dies', 'refused', 'refused'] }, ['late', 'failed'], 0],
  [
    'may have been sent, and is then stopped by the kill switch',
    { sendings: ['dies', 'kill switch', 'kill switch'] },
    ['late', 'not sent'],
    1,
  ],
  ['is sent, and its effect is not visible for a while', { polls: 3 }, ['answer', 'seen'], 1],
];

describe.each(['step', 'undo'] as const)('the command of a %s', (user) => {
  test.each(cases)('%s', async (_, trouble, words, sent) => {
    expect(await lived(user, trouble)).toEqual({ words, sent });
  });
});
