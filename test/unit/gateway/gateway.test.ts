import { expect, test } from 'vitest';
import { type CallReport, gateway } from '../../../src/gateway/gateway.ts';
import { type Change, ExchangeError, NotSent } from '../../../src/ports/exchange.ts';
import { reply, stubExchange } from '../../support/stub.ts';

const SETTINGS = { mode: 'auto' as const, services: ['MSExchangeIMAP4'], self: [], callTimeLimit: 1_000 };
const CHANGE: Change = { notAfter: Number.POSITIVE_INFINITY, caller: 'test', scope: [] };
const ON = { on: true, scope: {}, by: 'yuki', reason: '', since: 0 };

/** What is reported of one restart, by what became of it. */
const CASES: [says: string, restart: () => Promise<unknown>, on: boolean, result: CallReport['result']][] = [
  ['took effect', async () => reply({ effect: 'changed' }), false, 'ok'],
  ['had taken effect before', async () => reply({ effect: 'already' }), false, 'already'],
  ['was refused', () => Promise.reject(new ExchangeError('refused', 'no')), false, 'refused'],
  ['was stopped by the kill switch', async () => reply({ effect: 'changed' }), true, 'notSent'],
];

test.each(CASES)('a command that %s is counted as such', async (_says, restart, on, result) => {
  const reports: CallReport[] = [];
  const exchange = gateway(
    stubExchange({ restartService: restart as never }),
    SETTINGS,
    async () => (on ? [ON] : []),
    (report) => void reports.push(report),
  );
  const sent = exchange.restartService('cas1', 'MSExchangeIMAP4', { startedAt: 1 }, CHANGE);
  await sent.catch((error) => expect(error instanceof ExchangeError || error instanceof NotSent).toBe(true));
  expect(reports.map(({ call, result: counted }) => [call, counted])).toEqual([['restartService', result]]);
});

test('a service that is not on the allow-list is not restarted, whoever asks', async () => {
  const sent: string[] = [];
  const restartService = (async (_server: string, name: string) => sent.push(name)) as never;
  const exchange = gateway(
    stubExchange({ restartService }),
    SETTINGS,
    async () => [],
    () => {},
  );
  const refused = exchange.restartService('cas1', 'Spooler', { startedAt: 1 }, CHANGE);
  await expect(refused).rejects.toMatchObject({ code: 'refused' });
  expect(sent).toEqual([]);
});

test('a script runs only with the content that it has now in the folder of scripts, whoever asks', async () => {
  const sent: string[] = [];
  const runScript = (async (_server: string, { name }: { name: string }) => sent.push(name)) as never;
  const scripts = (name: string) => (name === 'clear.ps1' ? 'now' : undefined);
  const exchange = gateway(
    stubExchange({ runScript }),
    { ...SETTINGS, scripts },
    async () => [],
    () => {},
  );
  const run = (name: string, sha256: string) => {
    const order = { name, sha256, parameters: {}, timeLimit: 1, repeat: false };
    return exchange.runScript('cas1', order, { run: 'r' }, CHANGE);
  };
  await expect(run('clear.ps1', 'before')).rejects.toMatchObject({ code: 'refused' });
  await expect(run('other.ps1', 'now')).rejects.toMatchObject({ code: 'refused' });
  expect(sent).toEqual([]);
  await run('clear.ps1', 'now');
  expect(sent).toEqual(['clear.ps1']);
});

test('a machine that the daemon depends on is neither rebooted nor drained, whoever asks', async () => {
  const sent: string[] = [];
  const change = (async (server: string) => sent.push(server)) as never;
  const own = { ...SETTINGS, self: ['mbx1'] };
  const exchange = gateway(
    stubExchange({ restartServer: change, setActivationBlocked: change }),
    own,
    async () => [],
    () => {},
  );
  const fence = { bootedAt: 1, activationBlocked: false };
  await expect(exchange.restartServer('MBX1.contoso.com', fence, CHANGE)).rejects.toMatchObject({ code: 'refused' });
  await expect(exchange.setActivationBlocked('mbx1', true, fence, CHANGE)).rejects.toMatchObject({ code: 'refused' });
  await exchange.setActivationBlocked('mbx1', false, fence, CHANGE);
  expect(sent).toEqual(['mbx1']);
});

test('a kill switch that cannot be read counts as on', async () => {
  const sent: string[] = [];
  const restartService = (async (server: string) => sent.push(server)) as never;
  const away = () => Promise.reject(new Error('the store is away'));
  const exchange = gateway(stubExchange({ restartService }), SETTINGS, away, () => {});
  await expect(exchange.restartService('cas1', 'MSExchangeIMAP4', { startedAt: 1 }, CHANGE)).rejects.toThrow(NotSent);
  expect(sent).toEqual([]);
});
