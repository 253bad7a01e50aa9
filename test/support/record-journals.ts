import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Entry } from '../../src/incident/event.ts';
import { fold } from '../../src/incident/fold.ts';
import type { Incident } from '../../src/incident/incident.ts';
import { type IncidentView, view } from '../../src/incident/view.ts';
import type { Head } from '../../src/ports/journal.ts';
import { type Bench, type BenchOptions, bench, operationsOf } from './engine.ts';
import { journalOf } from './journal.ts';

export const JOURNALS = 'test/fixtures/journals';

/** A recorded journal, with what was shown of it when it was recorded. */
export interface RecordedJournal {
  says: string;
  head: Head;
  entries: Entry[];
  view: IncidentView;
}

interface Recording {
  name: string;
  says: string;
  faults: Record<string, unknown>[];
  alert: { server: string; healthSet: string; monitor: string };
  options?: BenchOptions;
  /** What a person does, and once what has come about. */
  person?: { when: (incident: Incident) => boolean; does: 'approve' | 'reject' | 'cancel' };
  /** The journal that is kept is the child's. */
  ofChild?: boolean;
}

const SELF_TEST = { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const CTP = { healthSet: 'IMAP', monitor: 'ImapCTPMonitor' };
const PROXY = { healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' };
const LOAD = { healthSet: 'IMAP', monitor: 'AverageCommandProcessingTimeGt60sMonitor' };
const WEDGED = [{ fault: 'imap-backend-wedged', server: 'mbx1' }];
const asked = (incident: Incident) => incident.held?.approval === true;
const drained = (incident: Incident) =>
  incident.steps.some(({ step, state }) => step.step === 'fail-over-databases' && state === 'done');

/** One of each procedure and each way in which it can end. */
const RECORDINGS: Recording[] = [
  {
    name: 'protocol-restarted',
    says: 'deep and self test: the first restart cures it',
    faults: [{ fault: 'imap-backend-hang', server: 'mbx1' }],
    alert: { server: 'mbx1', ...SELF_TEST },
  },
  {
    name: 'protocol-rebooted',
    says: 'deep and self test: drained, rebooted, recovered, activation allowed again',
    faults: WEDGED,
    alert: { server: 'mbx1', ...SELF_TEST },
  },
  {
    name: 'protocol-escalated',
    says: 'deep and self test: nothing cures it, the server stays drained',
    faults: [{ fault: 'unfixable', healthSet: 'IMAP.Protocol', server: 'ex1' }],
    alert: { server: 'ex1', ...SELF_TEST },
  },
  {
    name: 'protocol-only-copies',
    says: 'deep and self test: refused by a guard, for the databases have one copy only',
    faults: [{ fault: 'imap-backend-wedged', server: 'mbx9' }],
    alert: { server: 'mbx9', ...SELF_TEST },
  },
  {
    name: 'protocol-transient',
    says: 'deep and self test: it had passed',
    faults: [{ fault: 'transient', server: 'mbx1' }],
    alert: { server: 'mbx1', ...SELF_TEST },
  },
  {
    name: 'protocol-unseen',
    says: 'deep and self test: health could not be seen',
    faults: [
      ...WEDGED,
      { fault: 'no-object', probe: 'ImapSelfTestProbe' },
      { fault: 'no-object', probe: 'ImapDeepTestProbe' },
      { fault: 'stale-rows', server: 'mbx1' },
    ],
    alert: { server: 'mbx1', ...SELF_TEST },
  },
  {
    name: 'protocol-suppressed',
    says: 'deep and self test, observed only',
    faults: WEDGED,
    alert: { server: 'mbx1', ...SELF_TEST },
    options: { settings: { mode: 'observe' } },
  },
  {
    name: 'protocol-approved',
    says: 'deep and self test, approved by a person',
    faults: WEDGED,
    alert: { server: 'mbx1', ...SELF_TEST },
    options: { settings: { mode: 'approve' } },
    person: { when: asked, does: 'approve' },
  },
  {
    name: 'protocol-rejected',
    says: 'deep and self test, rejected by a person',
    faults: WEDGED,
    alert: { server: 'mbx1', ...SELF_TEST },
    options: { settings: { mode: 'approve' } },
    person: { when: asked, does: 'reject' },
  },
  {
    name: 'protocol-cancelled',
    says: 'deep and self test, cancelled when the server was drained',
    faults: WEDGED,
    alert: { server: 'mbx1', ...SELF_TEST },
    person: { when: drained, does: 'cancel' },
  },
  {
    name: 'proxy-rebooted',
    says: 'proxy test: the reboot cures it',
    faults: [{ fault: 'imap-proxy-wedged', server: 'cas1' }],
    alert: { server: 'cas1', ...PROXY },
  },
  {
    name: 'proxy-escalated',
    says: 'proxy test: nothing cures it',
    faults: [{ fault: 'unfixable', healthSet: 'IMAP.Proxy', server: 'cas2' }],
    alert: { server: 'cas2', ...PROXY },
  },
  {
    name: 'ctp-recovered',
    says: 'customer touch point: the mailbox server behind it is treated, the log put back',
    faults: [{ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' }],
    alert: { server: 'cas1', ...CTP },
  },
  {
    name: 'ctp-child',
    says: 'customer touch point: the incident of the mailbox server behind it',
    faults: [{ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' }],
    alert: { server: 'cas1', ...CTP },
    ofChild: true,
  },
  {
    name: 'load-recovered',
    says: 'load: restarted, and healthy for twenty minutes',
    faults: [{ fault: 'imap-slow', server: 'cas1' }],
    alert: { server: 'cas1', ...LOAD },
  },
  {
    name: 'load-relapsed',
    says: 'load: it comes back, drained and rebooted',
    faults: [{ fault: 'imap-slow-relapse', server: 'ex1' }],
    alert: { server: 'ex1', ...LOAD },
  },
];

export const RECORDED = RECORDINGS.map(({ name }) => name);

/** Writes the journals that are not there yet. One that is there is never written again: it is what users have. */
export async function recordJournals(): Promise<void> {
  mkdirSync(JOURNALS, { recursive: true });
  for (const recording of RECORDINGS) {
    const file = join(JOURNALS, `${recording.name}.json`);
    if (existsSync(file)) continue;
    writeFileSync(file, asText(await record(recording)));
  }
}

async function record({ says, faults, alert, options, person, ofChild }: Recording): Promise<RecordedJournal> {
  const b: Bench = bench(options);
  for (const fault of faults) b.lab.post(fault);
  const opened = await b.alert(alert);
  if (person) {
    const operations = operationsOf(b);
    await b.run(person.when);
    await operations[person.does](opened, { by: 'yuki', note: 'as agreed' });
  }
  await b.run();
  const child = (await b.incident(opened)).children[0];
  const id = ofChild && child !== undefined ? child : opened;
  const journal = await journalOf(b.store, id);
  if (!journal) throw new Error(`${says}: no journal of ${id}`);
  return { says, ...journal, view: view(fold(journal.entries)) };
}

/** An entry a line, so that a difference shows which. */
function asText({ says, head, entries, view: shown }: RecordedJournal): string {
  const lines = entries.map((entry) => `    ${JSON.stringify(entry)}`).join(',\n');
  return `{\n  "says": ${JSON.stringify(says)},\n  "head": ${JSON.stringify(head)},\n  "entries": [\n${lines}\n  ],\n  "view": ${JSON.stringify(shown)}\n}\n`;
}
