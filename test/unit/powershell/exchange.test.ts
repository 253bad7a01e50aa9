import { describe, expect, it } from 'vitest';
import { powerShellExchange } from '../../../src/adapters/powershell/exchange.ts';
import type { Json, PowerShellReply } from '../../../src/adapters/powershell/host.ts';
import { ExchangeError } from '../../../src/ports/exchange.ts';

/** A PowerShell that answers what a test says, and remembers what it was asked. */
type Given = { [parameter: string]: Json | undefined };
interface Asked {
  name: string;
  connection: Record<string, Json>;
  given: Given;
  timeLimit: number | undefined;
}

const ORGANISATION = [
  { server: 'mbx1', fqdn: 'mbx1.contoso.com', roles: ['mailbox'], version: '15.0', site: 'Tokyo', dag: 'dag1' },
  { server: 'cas1', fqdn: 'cas1.contoso.com', roles: ['client-access'], version: '15.0', site: 'Tokyo' },
];

function port(answers: Record<string, unknown[] | (() => unknown[])>) {
  const asked: Asked[] = [];
  const all: typeof answers = { 'Get-Organisation': ORGANISATION, ...answers };
  const exchange = powerShellExchange({
    host: {
      async invoke(name, { Connection, ...given } = {}, limits = {}): Promise<PowerShellReply> {
        asked.push({ name, connection: Connection as Record<string, Json>, given, timeLimit: limits.timeLimit });
        const answer = all[name] ?? [];
        const value = typeof answer === 'function' ? answer() : answer;
        return { value, warnings: ['by the way'], errors: [], verbose: [] };
      },
    },
    endpoints: ['ex1.contoso.com'],
    targets: 'jea',
    ssl: false,
    unspecifiedTimes: 'utc',
    organisation: () => 'contoso.com',
  });
  return { exchange, asked, names: () => asked.map(({ name }) => name) };
}

const order = { notAfter: 1_000.7, caller: 'incident-1 step 3', scope: [] };
const mailbox = { server: 'mbx1', activationBlocked: false, autoActivationPolicy: 'Unrestricted' };

describe('the Exchange port by PowerShell', () => {
  it('asks about a server by its short name, whatever form it comes in, and goes there by its full name', async () => {
    const { exchange, asked } = port({ 'Get-MailboxServerState': [mailbox] });
    await exchange.mailboxServer('MBX1.contoso.com');
    expect(asked[1]).toMatchObject({
      name: 'Get-MailboxServerState',
      given: { Server: 'mbx1' },
      connection: { target: 'mbx1.contoso.com', configuration: 'SecondResponder', endpoints: ['ex1.contoso.com'] },
    });
  });

  it('sends nothing about a server that the organisation does not have', async () => {
    const { exchange, names } = port({});
    await expect(exchange.bootTime('mbx7')).rejects.toMatchObject({ code: 'notFound' });
    await expect(exchange.mailboxServer('cas1')).rejects.toMatchObject({ code: 'notFound' });
    await expect(exchange.availabilityGroup('dag7')).rejects.toMatchObject({ code: 'notFound' });
    await expect(exchange.copiesOf('*')).rejects.toMatchObject({ code: 'notFound' });
    expect(new Set(names())).toEqual(new Set(['Get-Organisation']));
  });

  it('reads the names once, and goes on with those it has when they cannot be read any more', async () => {
    let away = false;
    const { exchange, names } = port({
      'Get-Organisation': () => {
        if (away) throw new ExchangeError('unreachable', 'nobody answers');
        return ORGANISATION;
      },
      'Get-BootTime': [{ bootedAt: 1, uptimeSeconds: 2 }],
    });
    await exchange.bootTime('mbx1');
    await exchange.bootTime('cas1');
    expect(names()).toEqual(['Get-Organisation', 'Get-BootTime', 'Get-BootTime']);
    away = true;
    await expect(exchange.organisation()).rejects.toMatchObject({ code: 'unreachable' });
    await expect(exchange.bootTime('mbx1')).resolves.toBeDefined();
  });

  it('groups servers as it is known of them, and adds where members of a group stand', async () => {
    const members = [{ server: 'mbx1', up: true, suspended: false }];
    const { exchange } = port({ 'Get-AvailabilityGroup': [{ name: 'dag1', members }] });
    const { value } = await exchange.organisation();
    expect(value.servers.map(({ server, group }) => [server, group])).toEqual([
      ['mbx1', 'dag1'],
      ['cas1', 'cas:Tokyo'],
    ]);
    expect((await exchange.availabilityGroup('DAG1')).value.members).toEqual([{ ...members[0], site: 'Tokyo' }]);
  });

  it('looks where a change was written, as other domain controllers may not have it yet', async () => {
    const { exchange, asked } = port({
      'Get-MailboxServerState': [mailbox],
      'Set-ActivationBlock': [{ effect: 'changed', domainController: 'dc2.contoso.com' }],
    });
    await exchange.mailboxServer('mbx1');
    const done = await exchange.setActivationBlocked('mbx1', true, { activationBlocked: false }, order);
    expect(done.value).toEqual({ effect: 'changed' });
    await exchange.mailboxServer('mbx1');
    await exchange.protocolLog('cas1', 'imap').catch(() => {});
    expect(asked.slice(1).map(({ connection }) => connection.domainController)).toEqual([
      '',
      '',
      'dc2.contoso.com',
      '',
    ]);
  });

  it('sends with a change who asks, what was seen, and until when', async () => {
    const { exchange, asked } = port({
      'Restart-FencedService': [{ effect: 'changed' }],
      'Restart-FencedServer': [{ effect: 'already', says: 'It has been booted.' }],
    });
    await exchange.restartService('mbx1', 'MSExchangeIMAP4BE', { startedAt: null }, order);
    const rebooted = await exchange.restartServer('mbx1', { bootedAt: 77 }, order, { timeLimit: 30_000 });
    expect(rebooted).toEqual({ value: { effect: 'already', says: 'It has been booted.' }, warnings: ['by the way'] });
    expect(asked[1]?.given).toEqual({ Name: 'MSExchangeIMAP4BE', StartedAt: -1, NotAfter: 1000 });
    expect(asked[2]).toMatchObject({
      given: { BootedAt: 77, NotAfter: 1000 },
      connection: { caller: 'incident-1 step 3', timeLimit: 28_000 },
      timeLimit: 30_000,
    });
  });

  it.each<[string, unknown[]]>([
    ['nothing', []],
    ['a row without its fields', [{ name: 'MSExchangeIMAP4BE' }]],
    ['a text', ['Running']],
    ['a state that there is not', [{ name: 'MSExchangeIMAP4BE', status: 'Fine', startType: 'Automatic' }]],
  ])('takes %s for a bad reply, never for a service that is well', async (_, rows) => {
    const { exchange } = port({ 'Get-ServiceState': rows });
    await expect(exchange.service('mbx1', 'MSExchangeIMAP4BE')).rejects.toMatchObject({ code: 'badReply' });
  });

  it('takes no object for no answer of a probe, with the warning', async () => {
    const { exchange } = port({ 'Invoke-Probe': [] });
    const reply = await exchange.invokeProbe('mbx1', 'IMAP.Protocol\\ImapSelfTestProbe');
    expect(reply).toEqual({ warnings: ['by the way'] });
  });
});
