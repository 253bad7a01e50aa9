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
  { says: 'everything is healthy', is: { answer: 'allow' } },
  {
    says: 'the directory is unhealthy',
    rows: [sick('AD')],
    is: {
      answer: 'wait',
      reason: 'dependency-unhealthy',
      says: 'AD is unhealthy on mbx1 (ADMonitor), and IMAP depends on it',
    },
  },
  { says: 'the store is unhealthy', rows: [sick('Store')], is: { reason: 'dependency-unhealthy' } },
  { says: 'a stale row does not count', rows: [sick('AD', { isStale: true })], is: { answer: 'allow' } },
  { says: 'degraded is not unhealthy', rows: [sick('AD', { alertValue: 'Degraded' })], is: { answer: 'allow' } },
  { says: 'something that it does not depend on', rows: [sick('OAB')], is: { answer: 'allow' } },
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
    says: 'an incident of an unknown family',
    open: [{ incident: 'j', family: 'Own' }],
    is: { answer: 'allow' },
  },
  { says: 'it is the incident itself', open: [{ incident: 'i', family: 'Store' }], is: { answer: 'allow' } },
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
    says: 'after a change of ours, the more basic incident waits for us',
    open: [{ incident: 'j', family: 'Store' }],
    rows: [sick('Store')],
    incident: { changed: true },
    is: { answer: 'allow' },
  },
  {
    says: 'after a change of ours, an unhealthy dependency without an incident is still waited for',
    rows: [sick('AD')],
    incident: { changed: true },
    is: { reason: 'dependency-unhealthy' },
  },
];

describe('the dependencies of the health set', () => {
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
