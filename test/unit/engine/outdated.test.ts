import { expect, test } from 'vitest';
import { around } from '../../support/around.ts';
import { bench, Killed } from '../../support/engine.ts';

const MINUTE = 60_000;

/** A worker that dies after it has recorded a reboot and before it sends it; then no worker runs for a while. */
async function awayFor(minutes: number) {
  let dead = false;
  const b = bench({
    aroundExchange: (exchange) =>
      around(exchange, 'restartServer', (restartServer) => async (...args) => {
        if (dead) return restartServer(...args);
        dead = true;
        b.lab.clock.advance(minutes * MINUTE);
        throw new Killed();
      }),
  });
  b.lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
  const { finished } = await b.handle({ server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' });
  const reboot = b.entries.filter(
    ({ type, data }) => type === 'stepStarted' && 'intent' in data && data.intent?.command === 'Restart-Computer',
  );
  return { outcome: finished?.outcome, decided: reboot.length, changes: b.changes() };
}

const CHANGES = [
  'mbx1 Restart-Service MSExchangeIMAP4BE',
  'mbx1 Set-MailboxServer true',
  'mbx1 Restart-Computer',
  'mbx1 Set-MailboxServer false',
];

test.each([
  { minutes: 3, decided: 1, says: 'is sent as decided' },
  { minutes: 50, decided: 2, says: 'is decided again, by the guards too, and its deadline starts again' },
])('a reboot that was decided $minutes min ago and not sent $says', async ({ minutes, decided }) => {
  expect(await awayFor(minutes)).toEqual({ outcome: 'recovered', decided, changes: CHANGES });
});
