import { describe, expect, test } from 'vitest';
import { dependency } from '../../../src/guards/dependency.ts';
import type { Incident } from '../../../src/incident/incident.ts';
import type { HealthRow } from '../../../src/ports/exchange.ts';
import { reply, row } from '../../support/stub.ts';
import { context } from './context.ts';

const selfTest = { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const sick = (healthSet: string, more: Partial<HealthRow> = {}) =>
  row(healthSet, `${healthSet}Monitor`, { alertValue: 'Unhealthy', ...more });

interface Case {
  says: string;
  rows?: HealthRow[];
  open?: { incident: string; family: string }[];
  incident?: Partial<Incident>;
  is: object;
}

const CASES: Case[] = [
  { says: 'all is well', is: { answer: 'allow' } },
  {
    says: 'the directory is sick there',
    rows: [sick('AD')],
    is: {
      answer: 'wait',
      reason: 'dependency-unhealthy',
      says: 'AD is unhealthy on mbx1 (ADMonitor), and IMAP depends on it',
    },
  },
  { says: 'the store is sick there', rows: [sick('Store')], is: { reason: 'dependency-unhealthy' } },
  { says: 'a stale row is no sight of it', rows: [sick('AD', { isStale: true })], is: { answer: 'allow' } },
  { says: 'degraded is not unhealthy', rows: [sick('AD', { alertValue: 'Degraded' })], is: { answer: 'allow' } },
  { says: 'what it does not depend on', rows: [sick('OAB')], is: { answer: 'allow' } },
  { says: 'its own family', rows: [sick('IMAP.Protocol')], is: { answer: 'allow' } },
  {
    says: 'an incident about the store is open',
    open: [{ incident: 'j', family: 'Store' }],
    is: {
      answer: 'wait',
      reason: 'more-basic-incident',
      says: 'Incident j about Store is open on mbx1: it is more basic, and comes first',
    },
  },
  {
    says: 'an incident of a lower layer is open',
    open: [{ incident: 'j', family: 'DiskSpace' }],
    is: { reason: 'more-basic-incident' },
  },
  { says: 'an incident of the same layer is open', open: [{ incident: 'j', family: 'POP' }], is: { answer: 'allow' } },
  {
    says: 'an incident of a family that nobody knows',
    open: [{ incident: 'j', family: 'Own' }],
    is: { answer: 'allow' },
  },
  { says: 'it is itself the one', open: [{ incident: 'i', family: 'Store' }], is: { answer: 'allow' } },
  {
    says: 'its parent, and its child',
    open: [
      { incident: 'p', family: 'Store' },
      { incident: 'c', family: 'Store' },
    ],
    incident: { parent: { incident: 'p', n: 1 }, children: ['c'] },
    is: { answer: 'allow' },
  },
  {
    says: 'once we have acted, the more basic one waits for us, not we for it',
    open: [{ incident: 'j', family: 'Store' }],
    rows: [sick('Store')],
    incident: { changed: true },
    is: { answer: 'allow' },
  },
  {
    says: 'once we have acted, a dependency that nobody sees to is waited for all the same',
    rows: [sick('AD')],
    incident: { changed: true },
    is: { reason: 'dependency-unhealthy' },
  },
];

describe('what the health set stands on', () => {
  test.each(CASES)('$says', async ({ rows = [], open = [], incident = {}, is }) => {
    const answer = await dependency.judge(
      context({
        incident,
        run: { handles: [selfTest] },
        store: { openOn: async () => open },
        exchange: { serverHealth: async () => reply(rows) },
      }),
    );
    expect(answer).toMatchObject(is);
  });
});
