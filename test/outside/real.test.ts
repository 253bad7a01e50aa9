import { join } from 'node:path';
import { expect, test } from 'vitest';
import { get, post, Site, until } from '../support/processes.ts';

/** A real organisation that can't be reached: alerts are kept all the same, nothing is claimed, and a person is told. */
test('a daemon of a real organisation starts while Exchange is away, observes, and says what to do next', async () => {
  const site = await Site.open();
  const daemon = await site.daemon({
    SECOND_RESPONDER_EXCHANGE_KIND: 'powershell',
    SECOND_RESPONDER_EXCHANGE_ENDPOINTS: '["ex1.example.com","ex2.example.com"]',
    SECOND_RESPONDER_EXCHANGE_EXECUTABLE: join(site.directory, 'no-such-powershell'),
    SECOND_RESPONDER_VERIFICATION_LOOKS: '0',
    SECOND_RESPONDER_LOG_FORMAT: 'human',
  });
  await until(
    async () => daemon.output(),
    (output) => output.includes('second-responder doctor'),
    20_000,
  );
  expect(daemon.output()).toContain('safety.mode is observe: nothing is changed');
  expect(daemon.output()).not.toContain('/lab/v1');

  const alert = { id: 'alert-1', server: 'mbx1', healthSet: 'IMAP.Protocol' };
  expect((await post(`${daemon.url}/api/v1/alerts/generic`, alert)).status).toBe(202);
  const ready = await get<{ ready: boolean; parts: { part: string; says: string }[] }>(`${daemon.url}/readyz`);
  expect(ready).toMatchObject({ ready: false });
  expect(ready.parts.find(({ part }) => part === 'exchange')?.says).toMatch(/unreachable: .*no-such-powershell/);

  const incidents = async () =>
    (await get<{ incidents: { state: string; outcome?: string; reason?: string }[] }>(`${daemon.url}/api/v1/incidents`))
      .incidents;
  const [incident] = await until(incidents, ([one]) => one?.state === 'finished', 60_000);
  expect(incident).toMatchObject({ outcome: 'escalated', reason: expect.stringContaining('could not be') });
  expect((await fetch(`${daemon.url}/lab/v1/organisation`)).status).toBe(404);
  await site.close();
});
