import { expect, test } from 'vitest';
import { bench } from '../../support/engine.ts';

test('changes that a child incident leaves are reported, although its parent reports its own end', async () => {
  const b = bench();
  b.lab.post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' });
  b.lab.post({ fault: 'never-returns', server: 'mbx2' });
  const { finished } = await b.handle({ server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' });
  expect(finished?.outcome).toBe('escalated');
  const left = (await b.store.ledger()).map(({ debt }) => debt.says);
  expect(left).toEqual([expect.stringContaining('activation of databases on mbx2')]);
  for (const says of left) expect(b.notices.filter(({ text }) => text.includes(says))).toHaveLength(1);
});
