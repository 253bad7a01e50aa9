import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { PowerShellHost } from '../../src/adapters/powershell/host.ts';
import { EXCHANGE_FAILURES, type ExchangeFailure } from '../../src/ports.ts';

/** What Windows and Exchange say when something fails, and what the port calls it. */
const engines = inject('engines');

it.runIf(engines.length === 0)('failures are not told apart where there is no PowerShell', ({ skip }) => skip());

const TRANSPORT = 'System.Management.Automation.Remoting.PSRemotingTransportException';
const connecting = (words: string) =>
  `Connecting to remote server ex1.contoso.com failed with the following error message : ${words}`;

describe.each(engines)('the failures on $name', ({ executable }) => {
  let host: PowerShellHost;
  beforeAll(() => {
    host = new PowerShellHost({ modules: [join(process.cwd(), 'test/powershell/Failures.psm1')], executable });
  });
  afterAll(() => host.close());

  const opening: [ExchangeFailure, string, string, string?][] = [
    [
      'accessDenied',
      connecting('Access is denied. For more information, see the about_Remote_Troubleshooting Help topic.'),
      'AccessDenied,PSSessionOpenFailed',
      TRANSPORT,
    ],
    [
      'accessDenied',
      connecting(
        'WinRM cannot process the request. The following error with errorcode 0x8009030e occurred while using Kerberos authentication',
      ),
      '-2144108387,PSSessionOpenFailed',
      TRANSPORT,
    ],
    [
      'sessionLimit',
      'This user is allowed a maximum of 18 concurrent shells, which has been exceeded. Close existing shells or raise the quota.',
      '-2144108060,PSSessionOpenFailed',
      TRANSPORT,
    ],
    [
      'sessionLimit',
      'The WS-Management service cannot process the request. This user is allowed a maximum number of 5 concurrent shells, which has been exceeded.',
      'x',
      TRANSPORT,
    ],
    [
      'sessionLimit',
      'Fail to create a runspace because you have exceeded the maximum number of connections allowed : 18 for the policy party : MaxConcurrency.',
      'x',
      TRANSPORT,
    ],
    [
      'unreachable',
      connecting('The WinRM client cannot process the request because the server name cannot be resolved.'),
      'CannotConnect,PSSessionOpenFailed',
      TRANSPORT,
    ],
    [
      'unreachable',
      connecting('WinRM cannot complete the operation. Verify that the specified computer name is valid.'),
      'WinRMOperationTimeout,PSSessionOpenFailed',
      TRANSPORT,
    ],
    ['unreachable', 'Something that nobody has heard of', 'x'],
  ];
  it.each(opening)('%s, while a session is opened: %s', async (code, text, id, type) => {
    expect((await host.invoke('Get-CodeOf', { text, id, type, opening: true })).value).toEqual([code]);
  });

  const working: [ExchangeFailure, string, string, string?][] = [
    [
      'accessDenied',
      "The term 'Set-MailboxServer' is not recognized as the name of a cmdlet, function, script file, or operable program.",
      'CommandNotFoundException',
      'System.Management.Automation.CommandNotFoundException',
    ],
    [
      'accessDenied',
      "A parameter cannot be found that matches parameter name 'DomainController'.",
      'NamedParameterNotFound,Set-MailboxServer',
    ],
    ['accessDenied', 'Access is denied.', 'x', 'System.UnauthorizedAccessException'],
    [
      'notFound',
      "The operation couldn't be performed because object 'MBX7' couldn't be found on 'dc1.contoso.com'.",
      '[Server=EX1]',
    ],
    ['unreachable', 'The RPC server is unavailable. (Exception from HRESULT: 0x800706BA)', 'x'],
    ['unreachable', 'Active Directory server dc1.contoso.com is not available. Error message: no', 'x'],
    [
      'unreachable',
      'The I/O operation has been aborted because of either a thread exit or an application request.',
      'JobFailure',
      TRANSPORT,
    ],
    ['timedOut', 'The request timed out.', 'x', 'System.TimeoutException'],
    [
      'sessionLimit',
      'Processing data from remote server failed: the maximum number of active requests',
      'x',
      TRANSPORT,
    ],
    ['refused', 'This operation can only be performed by a member of the group.', 'x'],
    ['refused', '', 'x'],
  ];
  it.each(working)('%s, of a command: %s', async (code, text, id, type) => {
    expect((await host.invoke('Get-CodeOf', { text, id, type })).value).toEqual([code]);
  });

  it.each(EXCHANGE_FAILURES)('%s, said by a function of ours, is what it says, whatever its words', async (code) => {
    const text = 'Access is denied, the object was not found, and it timed out';
    expect((await host.invoke('Get-CodeOf', { text, id: `${code},Get-TargetService` })).value).toEqual([code]);
  });

  it.each([
    ['could not be started after it was stopped', 'CouldNotStartService', 'badReply'],
    ['was not seen to stop', 'StopServiceFailed', 'badReply'],
    ['was not seen to run', 'StartServiceFailed', 'badReply'],
    ['could not be stopped', 'CouldNotStopService', 'CouldNotStopService'],
    ['has others that depend on it', 'ServiceHasDependentServices', 'ServiceHasDependentServices'],
  ])('a service that %s: whether something happened is told apart from a refusal', async (_, id, told) => {
    const says = expect.stringContaining('the words of Windows');
    expect((await host.invoke('Restart-Failing', { id })).value).toEqual([{ id: told, says, logged: [] }]);
  });
});
