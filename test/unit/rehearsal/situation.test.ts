import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import type { Entry } from '../../../src/incident/event.ts';
import { languageOf, loadPlaybooks } from '../../../src/playbooks/read.ts';
import { readFault, writeFault } from '../../../src/rehearsal/fault-text.ts';
import { situationOf } from '../../../src/rehearsal/past.ts';
import { play, type Situation, stage } from '../../../src/rehearsal/situation.ts';
import { STEPS } from '../../../src/steps/index.ts';
import { loadCatalog } from '../../../src/verification/catalog.ts';

const { config } = loadConfig({ env: {}, cwd: process.cwd() });
const catalog = loadCatalog(config.verification.catalog);
const shipped = loadPlaybooks(config.playbooks.directory, languageOf(config, STEPS, catalog));
const asking = shipped.map((playbook) => ({ ...playbook, mode: 'approve' as const }));

async function played(situation: Situation, playbooks = shipped) {
  const journal: Entry[] = [];
  const staged = stage(situation, {
    config,
    catalog,
    playbooks,
    onEntry: ({ parent }, entry) => void (parent || journal.push(entry)),
  });
  const incident = await play(staged, situation.people);
  const { rehearsal } = staged;
  const changes = rehearsal.lab.commands().filter(({ effect }) => effect === 'changed');
  return {
    outcome: incident?.finished?.outcome,
    commands: changes.map(({ server, command }) => `${server} ${command}`),
    woken: rehearsal.notices.some(({ kind }) => kind === 'escalation'),
    incident,
    journal,
    rehearsal,
  };
}

const on = (server: string, fault: string, more: object = {}): Situation => ({ faults: [{ fault, server, ...more }] });
const REBOOT = (server: string) => [
  `${server} Restart-Service`,
  `${server} Set-MailboxServer`,
  `${server} Restart-Computer`,
  `${server} Set-MailboxServer`,
];

describe('a situation that is played', () => {
  it.each<[says: string, situation: Situation, outcome: string, commands: string[], woken: boolean]>([
    [
      'a service that hangs is restarted',
      on('mbx1', 'imap-backend-hang'),
      'recovered',
      ['mbx1 Restart-Service'],
      false,
    ],
    ['a wedged server is drained and rebooted', on('mbx1', 'imap-backend-wedged'), 'recovered', REBOOT('mbx1'), false],
    [
      'a server with single copies is not',
      on('mbx9', 'imap-backend-wedged'),
      'escalated',
      ['mbx9 Restart-Service'],
      true,
    ],
    ['a trouble that has passed changes nothing', on('mbx2', 'transient'), 'transient', [], false],
    [
      'an alert about a healthy health set changes nothing',
      { faults: [], alert: { server: 'cas1', healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' } },
      'transient',
      [],
      false,
    ],
    [
      'a disturbance beside the fault counts too',
      { faults: [...on('cas1', 'imap-proxy-hang').faults, { fault: 'refuse', command: 'Restart-Service' }] },
      'escalated',
      [],
      true,
    ],
  ])('%s', async (_, situation, outcome, commands, woken) => {
    expect(await played(situation)).toMatchObject({ outcome, commands, woken });
  });

  it.each<[says: string, people: Situation['people'], outcome: string, commands: string[]]>([
    ['somebody approves', 'approve', 'recovered', ['mbx1 Restart-Service']],
    ['somebody rejects', 'reject', 'escalated', []],
    ['nobody answers', undefined, 'escalated', []],
  ])('in approve mode, %s', async (_, people, outcome, commands) => {
    const situation = { ...on('mbx1', 'imap-backend-hang'), ...(people && { people }) };
    expect(await played(situation, asking)).toMatchObject({ outcome, commands });
  });

  it.each<[says: string, situation: Situation, message: RegExp]>([
    [
      'an unknown server in the alert',
      { ...on('mbx1', 'imap-backend-hang'), alert: { server: 'mbx77' } },
      /no server mbx77.*mbx1/,
    ],
    [
      'a monitor that is healthy',
      { ...on('mbx1', 'imap-backend-hang'), alert: { healthSet: 'OWA' } },
      /Unhealthy: IMAP/,
    ],
    ['nothing that is wrong', { faults: [] }, /no alert would be raised/],
    ['an unknown fault', on('mbx1', 'imap-backend-hung'), /imap-backend-hang/],
  ])('%s is refused in words', async (_, situation, message) => {
    await expect(played(situation)).rejects.toThrow(message);
  });
});

describe('a past incident', () => {
  const CASES: [says: string, situation: Situation][] = [
    ['cured by a restart of the service', on('mbx1', 'imap-backend-hang')],
    ['cured by a reboot', on('mbx2', 'imap-backend-wedged')],
    ['cured by moving the databases', on('mbx1', 'imap-store-stuck')],
    ['cured by nothing', on('ex1', 'unfixable', { healthSet: 'IMAP.Protocol' })],
    ['stopped by a single copy', on('mbx9', 'imap-backend-wedged')],
    ['of a client access server', on('cas1', 'imap-proxy-wedged')],
    ['that had passed when it was verified', on('mbx3', 'transient')],
  ];

  it.each(CASES)('%s goes the same way when it is played again', async (_, situation) => {
    const first = await played(situation);
    const { situation: again } = situationOf(first.journal, first.rehearsal.lab.organisation());
    const { outcome, commands } = await played(again);
    expect({ outcome, commands }).toEqual({ outcome: first.outcome, commands: first.commands });
  });

  it('of a server that this organisation does not have is played on one of the same kind', async () => {
    const { journal, rehearsal } = await played(on('cas1', 'imap-proxy-hang'));
    const renamed = JSON.parse(JSON.stringify(journal).replaceAll('cas1', 'front7'));
    const { situation, says } = situationOf(renamed, rehearsal.lab.organisation());
    expect(situation.alert?.server).toBe('cas1');
    expect(says).toContain('It happened on front7; it is played on cas1, which is of the same kind.');
  });

  it('that was never verified cannot be played', async () => {
    const { journal, rehearsal } = await played(on('cas1', 'imap-proxy-hang'));
    expect(() => situationOf(journal.slice(0, 1), rehearsal.lab.organisation())).toThrow(/never verified/);
  });
});

describe('a fault in one line', () => {
  it.each<[text: string, fault: Record<string, unknown>]>([
    ['imap-backend-hang', { fault: 'imap-backend-hang' }],
    ['refuse command=Restart-Service times=2', { fault: 'refuse', command: 'Restart-Service', times: 2 }],
    [
      'unhealthy  healthSet=OWA cure=restart-service:W3SVC onset=true',
      { fault: 'unhealthy', healthSet: 'OWA', cure: 'restart-service:W3SVC', onset: true },
    ],
    ['{"fault":"transient","for":"3m"}', { fault: 'transient', for: '3m' }],
  ])('%s', (text, fault) => {
    expect(readFault(text)).toEqual(fault);
    expect(readFault(writeFault(fault))).toEqual(fault);
  });

  it.each<[says: string, fault: Record<string, unknown>, text: string]>([
    ['plain options', { server: 'mbx1', fault: 'refuse', times: 2 }, 'refuse server=mbx1 times=2'],
    ['text with spaces', { fault: 'x', says: 'a b' }, '{"fault":"x","says":"a b"}'],
    ['text that would read back as a number', { fault: 'x', name: '15' }, '{"fault":"x","name":"15"}'],
    ['keys with values', { fault: 'x', cure: { by: 'none' } }, '{"fault":"x","cure":{"by":"none"}}'],
  ])('%s are written so that they read back as the same', (_, fault, text) => {
    expect(writeFault(fault)).toBe(text);
    expect(readFault(text)).toEqual(fault);
  });

  it.each([
    ['transient for', /"for" is not an option.*transient name=value/],
    ['{"fault":', /not valid JSON/],
  ])('%s is refused', (text, message) => {
    expect(() => readFault(text)).toThrow(message);
  });
});
