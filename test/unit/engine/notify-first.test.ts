import { expect, test } from 'vitest';
import { bench } from '../../support/engine.ts';

test('the end is recorded after people were notified; an incident stays open while nobody could be', async () => {
  const b = bench();
  const wasOver: boolean[] = [];
  b.engine.notify = async ({ incident }) => {
    wasOver.push((await b.incident(incident)).finished !== undefined);
    if (wasOver.length === 1) throw new Error('the receiver is away');
  };
  b.lab.post({ fault: 'unfixable', healthSet: 'IMAP.Protocol', server: 'ex1' });
  const { finished } = await b.handle({ server: 'ex1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' });
  expect(finished?.outcome).toBe('escalated');
  expect(wasOver).toEqual([false, false]);
});
