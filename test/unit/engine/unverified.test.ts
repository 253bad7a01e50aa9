import { describe, expect, test } from 'vitest';
import type { Alert } from '../../../src/incident/alert.ts';
import { bench } from '../../support/engine.ts';
import { MINUTE } from '../../support/stub.ts';

const FIP_FS = 'FIP-FS Scan Process failed initialization';

describe('an incident that could not be verified is never declared over', () => {
  const CASES: { says: string; rows?: object[]; alert: Partial<Alert>; because: string }[] = [
    {
      says: 'a title without a health set',
      alert: { title: FIP_FS },
      because: `The alert "${FIP_FS}" names no health set, so the report was not verified. Everything that was verified on mbx1 is healthy`,
    },
    {
      says: 'a health set that the server does not have',
      alert: { healthSet: 'IMAP.Proxy', title: 'IMAP.Proxy' },
      because: 'The alert "IMAP.Proxy" names IMAP.Proxy, of which mbx1 has no monitor',
    },
    {
      says: 'a monitor that the server does not have',
      alert: { healthSet: 'IMAP', monitor: 'NoSuchMonitor', title: 't' },
      because: 'The alert "t" names the monitor IMAP\\NoSuchMonitor, which mbx1 does not have',
    },
    {
      says: 'a target resource that the server does not have',
      alert: { healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor', targetResource: 'Another', title: 't' },
      because:
        'The alert "t" names the target resource Another, which IMAP.Protocol\\ImapSelfTestMonitor does not have',
    },
    {
      says: 'a health set whose monitors are all disabled',
      rows: [{ healthSet: 'IMAP.Protocol', value: 'Disabled' }],
      alert: { healthSet: 'IMAP.Protocol', title: 't' },
      because: 'The alert "t" names IMAP.Protocol, of which every monitor on mbx1 is switched off',
    },
    {
      says: 'a family whose monitors are all disabled',
      rows: [
        { healthSet: 'IMAP.Protocol', value: 'Disabled' },
        { healthSet: 'IMAP', value: 'Disabled' },
      ],
      alert: { healthSet: 'IMAP.Protocol' },
      because: 'every monitor of IMAP on mbx1 is switched off',
    },
    {
      says: 'an unknown health set',
      alert: { healthSet: 'NoSuchSet' },
      because: 'no monitor of NoSuchSet has a row on mbx1',
    },
  ];
  test.each(CASES)(
    '$says: a person is notified once, and nothing is changed',
    async ({ rows = [], alert, because }) => {
      const b = bench();
      for (const row of rows) b.lab.post({ fault: 'row', server: 'mbx1', ...row });
      const { finished } = await b.handle({ server: 'mbx1', ...alert });
      expect(finished).toMatchObject({ outcome: 'escalated', reason: expect.stringContaining(because) });
      expect(b.changes()).toEqual([]);
      expect(b.notices).toMatchObject([{ kind: 'escalation', text: expect.stringContaining(because) }]);
    },
  );

  test('a monitor that an alert named and that was verified healthy is over', async () => {
    const b = bench();
    const { finished } = await b.handle({ server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' });
    expect([finished?.outcome, b.notices]).toEqual(['transient', []]);
  });

  test('a monitor that was unhealthy and has recovered is assumed to be the reported one, and the reason says so', async () => {
    const b = bench();
    b.lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
    const { finished } = await b.handle({ server: 'mbx1', title: FIP_FS });
    expect(finished).toMatchObject({
      outcome: 'recovered',
      reason: expect.stringContaining(`The alert "${FIP_FS}" names no health set, so the report was not verified`),
    });
  });
});

describe('people are not notified again about the same report', () => {
  test('the same report, raised again: it is verified again, and ends as a duplicate of the first', async () => {
    const b = bench();
    const first = await b.handle({ server: 'mbx1', title: FIP_FS });
    for (const senderId of ['b', 'c']) {
      b.lab.clock.advance(20 * MINUTE);
      const again = await b.handle({ server: 'mbx1', title: FIP_FS, senderId });
      expect(again.finished).toMatchObject({
        outcome: 'suppressed',
        reason: expect.stringContaining(`Incident ${first.id} reports it (the same report on the same server)`),
      });
    }
    expect(b.notices).toHaveLength(1);
  });

  test('another report, or the same about another server, is news', async () => {
    const b = bench();
    await b.handle({ server: 'mbx1', title: FIP_FS });
    await b.handle({ server: 'mbx1', title: 'EEMS applied mitigation M1.1' });
    await b.handle({ server: 'mbx9', title: FIP_FS });
    expect(b.notices.map(({ subject }) => subject)).toEqual([
      'mbx1: an alert reports something that could not be verified',
      'mbx1: an alert reports something that could not be verified',
      'mbx9: an alert reports something that could not be verified',
    ]);
  });

  test('a storm of such reports leads to one message', async () => {
    const b = bench({ settings: { commonCause: { share: 0.2, servers: 5, within: 10 * MINUTE } } });
    const servers = ['mbx1', 'mbx2', 'mbx3', 'mbx9', 'cas1', 'cas2', 'ex1', 'ex2'];
    for (const server of servers) await b.alert({ server, title: FIP_FS });
    await b.run();
    expect(b.notices).toHaveLength(1);
    expect(b.notices[0]?.subject).toBe('Alerts that name no health set, on 8 servers: a common cause');
    const ends = await Promise.all((await b.store.list({ limit: 100 })).ids.map((id) => b.incident(id)));
    const outcomes = ends.map(({ finished }) => finished?.outcome).sort();
    expect(outcomes).toEqual(['escalated', ...Array(servers.length - 1).fill('suppressed')]);
  });
});
