import { InvalidArgumentError } from 'commander';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { scomAlert } from '../../../src/cli/commands/alert.ts';
import { localTime } from '../../../src/cli/output/time.ts';
import { port, since, speed, wholeNumber } from '../../../src/cli/values.ts';
import { configSchema } from '../../../src/config/config.ts';
import { commandLine } from '../../../src/incident/command-line.ts';
import { span } from '../../../src/lib/span.ts';
import { atOnce } from '../../../src/sources/index.ts';
import { scom } from '../../../src/sources/scom.ts';

describe('PowerShell, as an administrator would type it', () => {
  test.each([
    ['Restart-Computer', 'mbx1', { ComputerName: 'mbx1' }, 'Restart-Computer -ComputerName mbx1'],
    [
      'Set-MailboxServer',
      'mbx1',
      { DatabaseCopyActivationDisabledAndMoveNow: true, Identity: 'mbx1.contoso.com' },
      'Set-MailboxServer -Identity mbx1.contoso.com -DatabaseCopyActivationDisabledAndMoveNow $true',
    ],
    [
      'Restart-Service',
      'mbx1',
      { Name: 'MSExchangeIMAP4BE' },
      'Invoke-Command -ComputerName mbx1 { Restart-Service -Name MSExchangeIMAP4BE }',
    ],
    [
      'Invoke-TargetScript',
      'mbx1',
      { Name: 'clear.ps1', Sha256: 'a', Parameters: { Days: 3, Text: '$(x)', Force: true } },
      'Invoke-Command -ComputerName mbx1 { & "$env:ProgramFiles\\SecondResponder\\Scripts\\clear.ps1" -Days 3 -Text \'$(x)\' -Force:$true }',
    ],
    ['Get-Thing', '', { Count: 3, Names: ['a', 'b c'] }, "Get-Thing -Count 3 -Names a,'b c'"],
    ['Get-Thing', '', { Name: "x'; Remove-Item ’" }, "Get-Thing -Name 'x''; Remove-Item ’’'"],
    ['Get-Thing', '', { Name: '-Force' }, "Get-Thing -Name '-Force'"],
    ['Get-Thing', '', { Name: '$env:X' }, "Get-Thing -Name '$env:X'"],
  ])('%s on %j %j', (command, server, parameters, line) => {
    expect(commandLine(command, server, parameters)).toBe(line);
  });
});

describe('times', () => {
  const zone = process.env.TZ;
  beforeAll(() => {
    process.env.TZ = 'Asia/Kolkata';
  });
  afterAll(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });
  it('are local, with the offset', () => {
    expect(localTime(Date.parse('2024-11-23T10:11:12.345Z'))).toBe('2024-11-23 15:41:12 +05:30');
  });

  test.each([
    [0, '0 s'],
    [421, '0.4 s'],
    [8_640, '8.6 s'],
    [59_600, '1 min'],
    [1_434_000, '23 min 54 s'],
    [3_600_000, '1 h'],
    [7_261_000, '2 h 1 min'],
    [180_000_000, '2 d 2 h'],
  ])('%i ms is %j', (ms, says) => expect(span(ms)).toBe(says));
});

describe('what options may hold', () => {
  it('reads how long ago', () => {
    const before = Date.now();
    const ago = before - Date.parse(since('2h'));
    expect([ago <= 7_200_000, ago >= 7_200_000 - (Date.now() - before)]).toEqual([true, true]);
    expect(since('2025-01-31T12:00:00+09:00')).toBe('2025-01-31T03:00:00.000Z');
  });

  test.each([
    [since, 'yesterday'],
    [since, '12'],
    [since, '2025-99-99'],
    [wholeNumber, '1.5'],
    [wholeNumber, '-1'],
    [port, '65536'],
    [port, '-1'],
    [speed, '0'],
    [speed, 'fast'],
    [speed, '1e9'],
  ])('%o refuses %j', (read, text) => expect(() => read(text)).toThrow(InvalidArgumentError));
});

describe('the alert that SCOM would post', () => {
  const facts = { id: '{7B1D}', server: 'mbx1.contoso.com', healthSet: 'IMAP.Protocol' };
  const { alerts: settings } = configSchema.parse({});
  const read = (body: unknown) => atOnce(scom.parse(body, { now: 1, settings }));

  it('is read as the server, health set, monitor and target that were meant', () => {
    const posted = scomAlert({ ...facts, monitor: 'ImapSelfTestMonitor', targetResource: 'MSExchangeImap4BE' });
    expect(read(posted).alerts).toMatchObject([
      {
        server: 'mbx1',
        healthSet: 'IMAP.Protocol',
        monitor: 'ImapSelfTestMonitor',
        targetResource: 'MSExchangeImap4BE',
        status: 'firing',
        senderId: '7B1D',
      },
    ]);
  });

  it('resolves', () => expect(read(scomAlert({ ...facts, resolved: true })).alerts[0]?.status).toBe('resolved'));
});
