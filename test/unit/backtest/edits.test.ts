import { describe, expect, test } from 'vitest';
import type { Finding } from '../../../src/backtest/backtest.ts';
import type { Figures } from '../../../src/backtest/figures.ts';
import type { Mode, Playbook } from '../../../src/incident/plan.ts';
import type { Restriction } from '../../../src/incident/restrictions.ts';
import { backtestSettings, edited, findingOf, shipped, steps } from './support.ts';

const PROTOCOL = [
  'restart-service: MSExchangeIMAP4BE',
  'recheck',
  'fail-over-databases',
  'confirm-no-active-copies: { within: 15m }',
  'restart-server',
  'recheck',
  'escalate: Microsoft support',
];
const LOAD = [
  'restart-service: { name: [MSExchangeIMAP4BE, MSExchangeIMAP4], on: own-role }',
  'watch-health: { for: 20m, every: 10m }',
  'when: { role: mailbox }\n    steps:\n      - fail-over-databases\n      - confirm-no-active-copies: { within: 15m }',
  'restart-server',
  'watch-health: { for: 10m, every: 10m }',
  'escalate: Microsoft support',
];

/** The list with `remove` steps at an index replaced by others. */
const splice = (list: readonly string[], at: number, remove: number, ...add: string[]) =>
  list.toSpliced(at, remove, ...add);
const protocol = (...edit: [number, number, ...string[]]) => ({
  name: 'imap-protocol',
  edit: { steps: steps(splice(PROTOCOL, ...edit)) },
});
const load = (...edit: [number, number, ...string[]]) => ({
  name: 'imap-load',
  edit: { steps: steps(splice(LOAD, ...edit)) },
});

interface Edit {
  name: string;
  edit: Partial<Playbook>;
}

const NO_DIFFERENCE: [string, string, Edit][] = [
  ['the implied end is left out', 'protocol-escalated', protocol(6, 1)],
  ['the escalation names somebody else', 'protocol-escalated', protocol(6, 1, 'escalate: the IMAP team')],
  [
    'a step is added for servers that this one is not',
    'protocol-rebooted',
    protocol(1, 0, 'restart-service: MSExchangeIMAP4\n    when: { version: 2019 }'),
  ],
  ['a step that was skipped is gone', 'load-recovered', load(2, 1)],
  [
    'a condition is added that this server meets',
    'protocol-rebooted',
    protocol(4, 1, 'restart-server:\n    when: { dag: true }'),
  ],
  [
    'a time limit is raised that was not reached',
    'protocol-rebooted',
    protocol(4, 1, 'restart-server: { back-within: 2h }'),
  ],
  ['steps after the end of the recorded run change', 'protocol-restarted', protocol(2, 4)],
];

test.each(NO_DIFFERENCE)('no difference if %s', async (_, journal, { name, edit }) => {
  expect(await findingOf(journal, backtestSettings(edited(name, edit)))).toBeUndefined();
});

/** `figures`: recorded, at the least, at the most; only those that matter. */
interface Expected {
  is: `${Finding['certainty']} ${Finding['difference']}`;
  says: string;
  outcomes?: Finding['outcomes'];
  figures?: Partial<Record<keyof Figures, [number, number, number]>>;
  /** Minutes that the run takes longer. */
  later?: number;
}

const DIFFERENCES: [string, string, Edit, Expected][] = [
  [
    'a wait before a verification',
    'protocol-rebooted',
    protocol(1, 0, 'wait: 5m'),
    { is: 'assumed timing', says: 'waits 5 min longer, at step 2 (Wait 5m)', later: 5, outcomes: ['recovered'] },
  ],
  [
    'a message in addition',
    'protocol-rebooted',
    protocol(0, 0, 'notify: hi'),
    {
      is: 'known other-steps',
      says: 'does step 1 (Notify: hi) in addition',
      later: 0,
      figures: { reboots: [1, 1, 1] },
    },
  ],
  [
    'a verification that the record does not have',
    'protocol-rebooted',
    protocol(2, 0, 'recheck'),
    {
      is: 'unknown other-steps',
      says: 'verifies health at step 3 (Recheck health), which the recorded run did not',
      outcomes: ['recovered', 'escalated'],
      figures: { reboots: [1, 0, 1], woken: [0, 0, 1], serviceRestarts: [1, 1, 1] },
    },
  ],
  [
    'a restart omitted that did not help',
    'protocol-rebooted',
    protocol(0, 1),
    {
      is: 'assumed other-steps',
      says: 'omits step 1 (Restart-Service MSExchangeIMAP4BE), which did not help',
      figures: { serviceRestarts: [1, 0, 0], reboots: [1, 1, 1] },
    },
  ],
  [
    'a restart omitted that helped',
    'protocol-restarted',
    protocol(0, 1),
    {
      is: 'unknown other-steps',
      says: 'omits step 1 (Restart-Service MSExchangeIMAP4BE) (recorded: MSExchangeIMAP4BE on mbx1 was restarted)',
      figures: { serviceRestarts: [1, 0, 0], reboots: [0, 0, 1], woken: [0, 0, 1] },
    },
  ],
  [
    'a verification omitted that found the server healthy',
    'protocol-restarted',
    protocol(1, 1),
    {
      is: 'unknown other-steps',
      says: 'omits step 2 (Recheck health), which found the server healthy, and goes on with step 2 (Set-MailboxServer',
      figures: { reboots: [0, 0, 1] },
    },
  ],
  [
    'a verification omitted that found the server unhealthy',
    'protocol-rebooted',
    protocol(1, 1),
    { is: 'assumed other-steps', says: 'which found the server unhealthy', figures: { reboots: [1, 1, 1] } },
  ],
  [
    'fewer checks, when all were unhealthy',
    'protocol-rebooted',
    protocol(1, 1, 'recheck: { attempts: 1 }'),
    { is: 'assumed timing', says: 'checks at other times at step 2', later: -40 / 60 },
  ],
  [
    'more checks, when all were unhealthy',
    'protocol-rebooted',
    protocol(1, 1, 'recheck: { attempts: 5 }'),
    { is: 'unknown other-steps', says: 'checks 2 more times at step 2', figures: { reboots: [1, 0, 1] } },
  ],
  [
    'the reboot and its preparation omitted',
    'protocol-rebooted',
    protocol(2, 3),
    { is: 'unknown other-steps', says: 'omits step 3 (Set-MailboxServer', figures: { reboots: [1, 0, 0] } },
  ],
  [
    'a second reboot where the recorded run escalated',
    'protocol-escalated',
    protocol(6, 0, 'restart-server', 'recheck'),
    {
      is: 'unknown other-steps',
      says: 'does step 7 (Restart-Computer), which the recorded run did not',
      figures: { reboots: [1, 1, 2], woken: [1, 0, 1] },
    },
  ],
  [
    'a shorter time limit than the restart took',
    'protocol-rebooted',
    protocol(4, 1, 'restart-server: { back-within: 1m }'),
    {
      is: 'known earlier-end',
      says: 'gives up at step 5 (Restart-Computer) after 1 min, although it was done 6 min later',
      outcomes: ['escalated'],
      figures: { reboots: [1, 1, 1], woken: [0, 1, 1] },
    },
  ],
  [
    'an escalation before the reboot',
    'protocol-rebooted',
    protocol(2, 0, 'escalate: a person\n    when: { version: 2013 }'),
    {
      is: 'known earlier-end',
      says: 'escalates at step 3 (Escalate to a person)',
      outcomes: ['escalated'],
      figures: { reboots: [1, 0, 0], woken: [0, 1, 1] },
    },
  ],
  [
    'another service',
    'protocol-rebooted',
    protocol(0, 1, 'restart-service: MSExchangeIMAP4'),
    {
      is: 'unknown other-steps',
      says: 'does step 1 (Restart-Service MSExchangeIMAP4) in place of step 1 (Restart-Service MSExchangeIMAP4BE)',
      figures: { reboots: [1, 0, 1] },
    },
  ],
  [
    'a condition that this server does not meet, on the step that helped',
    'protocol-rebooted',
    protocol(4, 1, 'restart-server:\n    when: { version: 2019 }'),
    { is: 'unknown other-steps', says: 'omits step 5 (Restart-Computer)', figures: { reboots: [1, 0, 0] } },
  ],
  [
    'a watch that ends before the problem came back',
    'load-relapsed',
    load(1, 1, 'watch-health: { for: 10m, every: 10m }'),
    {
      is: 'known earlier-end',
      says: 'calls the server healthy after 10 min at step 3',
      outcomes: ['recovered'],
      figures: { reboots: [1, 0, 0] },
    },
  ],
  [
    'a shorter watch of a server that stayed healthy',
    'load-recovered',
    load(1, 1, 'watch-health: { for: 10m, every: 10m }'),
    { is: 'assumed timing', says: 'watches 10 min less at step 2', later: -10, outcomes: ['recovered'] },
  ],
  [
    'a longer watch of a server that stayed healthy',
    'load-recovered',
    load(1, 1, 'watch-health: { for: 40m, every: 10m }'),
    {
      is: 'unknown other-steps',
      says: 'watches 20 min longer at step 2',
      outcomes: ['recovered', 'escalated'],
      figures: { reboots: [0, 0, 1], woken: [0, 0, 1] },
    },
  ],
  [
    'its monitor is not handled any more',
    'protocol-rebooted',
    { name: 'imap-protocol', edit: { handles: [{ healthSet: 'IMAP', monitor: 'Other' }] } },
    {
      is: 'known not-handled',
      says: 'is not handled by imap-protocol any more: No playbook handles IMAP.Protocol',
      outcomes: ['escalated'],
      figures: { reboots: [1, 0, 0], serviceRestarts: [1, 0, 0], woken: [0, 1, 1] },
    },
  ],
];

describe('an edit and what it means for a recorded incident', () => {
  test.each(DIFFERENCES)('%s', async (_, journal, { name, edit }, expected) => {
    const finding = await findingOf(journal, backtestSettings(edited(name, edit)));
    if (!finding) throw new Error('nothing differs');
    const { difference, certainty, recorded, least, most, outcomes, says } = finding;
    expect(`${certainty} ${difference}`).toBe(expected.is);
    expect(says.join('\n')).toContain(expected.says);
    if (expected.outcomes) expect([...outcomes].sort()).toEqual([...expected.outcomes].sort());
    for (const [kind, figures] of Object.entries(expected.figures ?? {})) {
      const of = (from: Figures) => from[kind as keyof Figures];
      expect({ kind, figures: [of(recorded.figures), of(least), of(most)] }).toEqual({ kind, figures });
    }
    if (expected.later !== undefined) {
      const later = (figures: Figures) => (figures.time - recorded.figures.time) / 60_000;
      expect([later(least), later(most)]).toEqual([expected.later, expected.later]);
    }
  });
});

const MODES: [string, string, Mode, Mode, Expected | undefined][] = [
  [
    'auto → observe: nothing is sent',
    'protocol-rebooted',
    'observe',
    'auto',
    {
      is: 'known mode',
      says: 'only reports what it would do',
      outcomes: ['suppressed'],
      figures: { reboots: [1, 0, 0], serviceRestarts: [1, 0, 0], woken: [0, 0, 0] },
    },
  ],
  [
    'auto → approve: a person is asked',
    'protocol-rebooted',
    'approve',
    'auto',
    {
      is: 'unknown mode',
      says: 'asks a person for approval',
      outcomes: ['recovered', 'escalated'],
      figures: { approvals: [0, 1, 1], reboots: [1, 0, 1] },
    },
  ],
  ['auto, although safety.mode asked then and asks now', 'protocol-approved', 'approve', 'approve', undefined],
];

describe('another mode', () => {
  test.each(MODES)('%s', async (_, journal, mode, limit, expected) => {
    const finding = await findingOf(journal, backtestSettings(edited('imap-protocol', { mode }), limit));
    if (!expected || !finding) return expect(finding).toBe(expected);
    expect(`${finding.certainty} ${finding.difference}`).toBe(expected.is);
    expect(finding.says.join('\n')).toContain(expected.says);
    expect([...finding.outcomes].sort()).toEqual([...(expected.outcomes ?? [])].sort());
    for (const [kind, figures] of Object.entries(expected.figures ?? {})) {
      const name = kind as keyof Figures;
      expect({ kind, figures: [finding.recorded.figures[name], finding.least[name], finding.most[name]] }).toEqual({
        kind,
        figures,
      });
    }
  });
});

test('the shipped playbooks are the ones that the edits begin with', () => {
  const ofShipped = (name: string) => shipped().find((playbook) => playbook.name === name)?.steps;
  expect([steps(PROTOCOL), steps(LOAD)]).toEqual([ofShipped('imap-protocol'), ofShipped('imap-load')]);
});

test.each<[what: string, restriction: Omit<Restriction, 'key'>, expected: string | undefined]>([
  ['approve for its group', { groups: ['dag1'], mode: 'approve' }, 'unknown mode'],
  ['observe for its server', { servers: ['mbx1'], mode: 'observe' }, 'known mode'],
  ['observe for another group', { groups: ['dag2'], mode: 'observe' }, undefined],
])('a new restriction is like another mode: %s', async (_what, restriction, expected) => {
  const restrictions = [{ key: 'playbooks.restrictions[0]', ...restriction }];
  const finding = await findingOf('protocol-rebooted', { ...backtestSettings(shipped()), restrictions });
  expect(finding && `${finding.certainty} ${finding.difference}`).toBe(expected);
});
