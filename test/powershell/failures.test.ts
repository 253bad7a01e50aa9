import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { PowerShellHost } from '../../src/adapters/powershell/host.ts';
import { EXCHANGE_FAILURES, type ExchangeFailure } from '../../src/ports/exchange.ts';

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
    // Exchange's own names for what went wrong, whatever the language of the words.
    [
      'accessDenied',
      '[ClientAccessServer=EX1,BackEndServer=ex1.contoso.com,RequestId=1,TimeStamp=1] [AuthZRequestId=2][FailureCategory=AuthZ-CmdletAccessDeniedException] Der Benutzer "CONTOSO\\svc" ist keiner Verwaltungsrolle zugewiesen.',
      'PSSessionOpenFailed',
      TRANSPORT,
    ],
    [
      'accessDenied',
      'The user "contoso.com/Users/svc" isn\'t assigned to any management roles.',
      'PSSessionOpenFailed',
      TRANSPORT,
    ],
    [
      'sessionLimit',
      '[AuthZRequestId=2][FailureCategory=AuthZ-AuthorizationException] Fail to create runspace because you have exceeded your budget to create runspace. Please wait for 2 seconds. Policy: CN=GlobalThrottlingPolicy_1',
      'PSSessionOpenFailed',
      TRANSPORT,
    ],
    [
      'sessionLimit',
      '[FailureCategory=AuthZ-AuthorizationException] (in another language) : 18 : policy party : MaxConcurrency',
      'PSSessionOpenFailed',
      TRANSPORT,
    ],
    [
      'accessDenied',
      '[FailureCategory=AuthZ-AuthorizationException] (in another language, about rights)',
      'PSSessionOpenFailed',
      TRANSPORT,
    ],
    [
      'sessionLimit',
      'The WS-Management service cannot process the request. The user load quota of 1000 requests per 2 seconds has been exceeded. Send future requests at a slower rate or raise the quota for this user.',
      'x',
      TRANSPORT,
    ],
    // Numbers of WinRM and Windows, whose words come in the language of the daemon's machine.
    [
      'sessionLimit',
      'Der WS-Verwaltungsdienst kann die Anforderung nicht verarbeiten.',
      '-2144108121,PSSessionOpenFailed',
      TRANSPORT,
    ],
    ['sessionLimit', 'WS-Management サービスは要求を処理できません。', '-2144108120,PSSessionOpenFailed', TRANSPORT],
    ['sessionLimit', '(too many users, in another language)', '-2144108117,PSSessionOpenFailed', TRANSPORT],
    ['sessionLimit', '(too many users of the endpoint)', '-2144108059,PSSessionOpenFailed', TRANSPORT],
    [
      'sessionLimit',
      'The server exceeded the maximum number of users concurrently performing remote operations on the same system. Retry later.',
      'x',
      TRANSPORT,
    ],
    [
      'accessDenied',
      connecting('Der Benutzername oder das Kennwort ist falsch.'),
      'LogonFailure,PSSessionOpenFailed',
      TRANSPORT,
    ],
    ['accessDenied', connecting('The user name or password is incorrect.'), 'x', TRANSPORT],
    ['accessDenied', '(locked, in another language)', '1909,PSSessionOpenFailed', TRANSPORT],
    ['accessDenied', '(some words) 0x8007052e (more words)', 'x', TRANSPORT],
    ['accessDenied', '(some words) 0x8009030C (more words)', 'x', TRANSPORT],
    ['unreachable', '(some words) 0x80090322 (more words)', 'x', TRANSPORT],
    ['unreachable', '(no such computer)', 'ComputerNotFound,PSSessionOpenFailed', TRANSPORT],
    ['unreachable', '(nothing listens)', '-2144108526,PSSessionOpenFailed', TRANSPORT],
    // Nobody knows what it is: not called anything else.
    ['unknown', 'Something that nobody has heard of', 'x'],
    ['unknown', 'Something that nobody has heard of', 'PSSessionOpenFailed', TRANSPORT],
    [
      'unknown',
      "[FailureCategory=AuthZ-TypeInitializationException] The type initializer for 'Nested' threw an exception.",
      'PSSessionOpenFailed',
      TRANSPORT,
    ],
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
    [
      'refused',
      'This operation can only be performed by a member of the group.',
      '[Server=EX1,RequestId=1,TimeStamp=1] [FailureCategory=Cmdlet-TaskInvalidOperationException] 1A2B3C4D,Microsoft.Exchange.Management.SetMailboxServer',
    ],
    [
      'notFound',
      '(in another language)',
      '[Server=EX1,RequestId=1,TimeStamp=1] [FailureCategory=Cmdlet-ManagementObjectNotFoundException] 1A2B3C4D,Microsoft.Exchange.Management.GetMailboxServer',
    ],
    [
      'unreachable',
      '(in another language)',
      '[Server=EX1,RequestId=1,TimeStamp=1] [FailureCategory=Cmdlet-ADTransientException] 1A2B3C4D,Microsoft.Exchange.Management.GetMailboxServer',
    ],
    [
      'sessionLimit',
      '(in another language)',
      '[Server=EX1,RequestId=1,TimeStamp=1] [FailureCategory=Cmdlet-OverBudgetException] 1A2B3C4D,Microsoft.Exchange.Management.GetMailboxServer',
    ],
    ['unreachable', '[FailureCategory=WSMan-InvalidShellID] (the session is gone)', 'x', TRANSPORT],
    ['accessDenied', '(in another language)', 'x', 'System.UnauthorizedAccessException'],
    ['timedOut', '(in another language)', 'x', 'System.TimeoutException'],
    ['unreachable', '(RPC, in another language: 0x800706BA)', 'x'],
    ['refused', '(in another language)', 'x', 'System.InvalidOperationException'],
    // It may have taken effect.
    ['unknown', 'This operation can only be performed by a member of the group.', 'x'],
    ['unknown', '', 'x'],
  ];
  it.each(working)('%s, of a command: %s', async (code, text, id, type) => {
    expect((await host.invoke('Get-CodeOf', { text, id, type })).value).toEqual([code]);
  });

  it.each([
    ['ResourceBusy', 'unknown'],
    ['PermissionDenied', 'accessDenied'],
    ['AuthenticationError', 'accessDenied'],
    ['LimitsExceeded', 'sessionLimit'],
    ['QuotaExceeded', 'sessionLimit'],
    ['ConnectionError', 'unreachable'],
    ['OperationTimeout', 'timedOut'],
    ['ObjectNotFound', 'notFound'],
    ['InvalidArgument', 'refused'],
  ])('a failure of the category %s that says nothing else is %s', async (category, code) => {
    expect((await host.invoke('Get-CodeOf', { text: '(unreadable)', id: 'x', category })).value).toEqual([code]);
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
