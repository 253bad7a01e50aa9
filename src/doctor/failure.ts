import { ExchangeError, type ExchangeFailure } from '../ports/exchange.ts';
import { bad, type Finding, wordsOf } from './check.ts';
import { Late } from './limits.ts';

/** Where a call was to go, for the words about its failure. */
export interface Way {
  /** A session with Exchange, one with Windows on a server, or a command in a session with Exchange. */
  kind: 'endpoint' | 'windows' | 'command';
  /** The full name. */
  host: string;
  port: number;
  targets: 'jea' | 'winrm';
  /** As whom; unknown where PowerShell did not say. */
  account?: string | undefined;
  /** Where PowerShell runs. */
  machine?: string | undefined;
  /** Only looks are wanted: `safety.mode` is observe. */
  observes: boolean;
  /** A lab stands in for Exchange. */
  lab: boolean;
}

/** A call that failed: in its own words, and what to do about it. */
export function failed(error: unknown, way: Way, before = ''): Finding {
  const code = codeOf(error);
  const said = wordsOf(error).replace(`${way.host}: `, '');
  return bad(`${before}${code}: ${said}`, mendOf(code, said, way));
}

function codeOf(error: unknown): ExchangeFailure {
  if (error instanceof ExchangeError) return error.code;
  return error instanceof Late ? 'timedOut' : 'badReply';
}

function mendOf(code: ExchangeFailure, said: string, way: Way): string {
  if (way.lab && way.kind === 'command' && code === 'unreachable' && /^The lab at /.test(said)) return START_LAB;
  switch (code) {
    case 'unreachable':
      return unreachable(said, way);
    case 'accessDenied':
      if (NOT_LOGGED_ON.test(said)) return logOn(way);
      if (way.kind === 'windows') return rightOnServer(way);
      return way.kind === 'endpoint' ? `${rightInExchange(way)}\n${remoting(way)}` : rightInExchange(way);
    case 'sessionLimit':
      return sessionLimit(said, way);
    case 'timedOut':
      return 'It is slow, or it hangs. Look at the server; with --time-limit 3m it is given more time.';
    case 'badReply':
      return 'PowerShell ended, or said what can’t be read. Try again; if it stays so, these words are for a bug report.';
    case 'notFound':
    case 'refused':
    case 'unknown':
      return 'These are the server’s own words: try the same by hand, as the same account.';
  }
}

/** The account or its password was refused, by the names and numbers of Windows or by its words. */
const NOT_LOGGED_ON =
  /\bLogonFailure\b|\[13(2[6-9]|3[01])\]|\[19(07|09)\]|\[1793\]|0x800(90030[cd]|7052[ef]|70(53[0-3]|773|775|701))|user ?name or password|logon failure|account .{0,40}(disabled|locked|expired)|password .{0,40}expired/i;

function logOn({ account }: Way): string {
  const who = account ?? 'the daemon’s account';
  return `Windows does not log ${who} on: its password is wrong or expired, or it is locked, disabled or expired. Check it in Active Directory; where exchange.credentialFile is set, export the credential again.`;
}

const START_LAB = 'Start it, or correct exchange.url:\n  second-responder lab';

function unreachable(said: string, way: Way): string {
  if (/WSMan client library|WSMan is not supported/i.test(said)) {
    return 'This PowerShell has no remoting to Windows: the line PowerShell says what to do.';
  }
  if (/session configuration|InvalidResourceUri/i.test(said) && way.kind === 'windows') return rightOnServer(way);
  if (
    /TrustedHosts|different from Kerberos|IP address|CannotUseIPAddress|ServerNotTrusted|WorkgroupCannotUseKerberos/i.test(
      said,
    )
  ) {
    return `Kerberos needs the server’s own full name, such as ex1.contoso.com, and a machine of the domain: no address, and no load balancer’s name.`;
  }
  if (/Kerberos|0x800903(0|1|2)|SPN|TargetUnknown/i.test(said)) {
    return `Kerberos has no ticket for it. As the daemon’s account this must show one:\n  klist get HTTP/${way.host}`;
  }
  if (way.kind === 'command') {
    return `The server is down or starting, or its health manager does not run. On ${way.host}:\n  Get-Service MSExchangeHM, MSExchangeRPC`;
  }
  const there =
    way.kind === 'endpoint'
      ? 'the server listens, and its /PowerShell does not answer: look at IIS there, at MSExchangePowerShellFrontEndAppPool'
      : 'the server listens, and does not let a session begin: look at its service WinRM';
  return [
    `Try it from ${way.machine ?? 'the machine PowerShell runs on'}:`,
    `  Test-NetConnection ${way.host} -Port ${way.port}`,
    `False: its name, the network, a firewall, or the server is down. True: ${there}.`,
  ].join('\n');
}

/** The right to come in at all. */
function remoting({ account }: Way): string {
  if (account?.endsWith('$')) return 'By which it must be let in over remote PowerShell too (docs/exchange.md).';
  return `That lets a user in over remote PowerShell too, which this shows:\n  Get-User ${quoted(account ?? '<account>')} | Format-List RemotePowerShellEnabled`;
}

/** The right to the commands of Exchange that are used. */
export function rightInExchange({ account, observes }: Pick<Way, 'account' | 'observes'>): string {
  const group = account?.endsWith('$')
    ? `${account} is no user to Exchange: it gets its rights by a group, which New-SecondResponderAccount.ps1 makes. `
    : '';
  const member = account?.endsWith('$') ? '<that group>' : (account ?? '<the daemon’s account>');
  return [
    `${group}Give ${account?.endsWith('$') ? 'that group' : (account ?? 'the daemon’s account')} its rights, in the Exchange Management Shell, as a member of Organization Management; then without -WhatIf:`,
    `  deploy/jea/New-SecondResponderRole.ps1 -Member ${quoted(member)}${observes ? ' -ObserveOnly' : ''} -WhatIf`,
  ].join('\n');
}

/** The right to come in by Windows remoting. */
function rightOnServer({ account, host, targets, observes }: Way): string {
  const who = account ?? 'the daemon’s account';
  const install = `  deploy/jea/Install-SecondResponderEndpoint.ps1 -Account ${quoted(who)} -ComputerName ${host}${observes ? ' -ObserveOnly' : ''} -WhatIf`;
  if (targets === 'jea') {
    return [
      `Offer ${who} the endpoint SecondResponder there, as an administrator of ${host}; then without -WhatIf:`,
      install,
      `Or without that endpoint: exchange.targets: winrm, with ${who} as a local administrator of ${host}.`,
    ].join('\n');
  }
  return [`Make ${who} a local administrator of ${host}; or, with less right, exchange.targets: jea and`, install].join(
    '\n',
  );
}

function sessionLimit(said: string, { kind, host, account }: Way): string {
  const who = account ?? 'this account';
  if (/maximum number of users|too many users|\[-21441081(17|59)\]/i.test(said)) {
    return `As many accounts use remote sessions on ${host} as it allows. Who they are, and how many there may be:\n  Get-WSManInstance -ComputerName ${host} -ResourceURI shell -Enumerate\n  winrm get winrm/config/winrs`;
  }
  if (/budget|load quota|slower rate|MaxRunspaces|MaxCmdlets|MaxDestructiveCmdlets/i.test(said)) {
    return `${who} has asked for more than its throttling policy allows in so much time. Wait and try again; look for other scripts under that account, set exchange.sessions lower, or give it a policy of its own:\n  Get-ThrottlingPolicyAssociation ${quoted(who)}`;
  }
  if (kind === 'windows') {
    return `WinRM on ${host} gives a user no more shells. Who holds them, and how many there may be:\n  Get-WSManInstance -ComputerName ${host} -ResourceURI shell -Enumerate\n  winrm get winrm/config/winrs`;
  }
  return [
    `Exchange gives an account 18 sessions at a time, unless its throttling policy says otherwise, and ${who} has them all. One that nobody closed ends after 15 minutes.`,
    `Look for other scripts and daemons under that account, set exchange.sessions lower, or allow more:`,
    `  deploy/jea/New-SecondResponderRole.ps1 -Member ${quoted(who)} -MaxConcurrency 30 -WhatIf`,
  ].join('\n');
}

/** As PowerShell reads a text. */
export const quoted = (text: string) => `'${text.replace(/['‘’‚‛]/g, '$&$&')}'`;
