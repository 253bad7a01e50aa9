import { ExchangeError, type ExchangeFailure } from '../ports/exchange.ts';
import { bad, type Finding, wordsOf } from './check.ts';
import { Late } from './limits.ts';

/** The destination of a call, for the message about its failure. */
export interface Way {
  /** A session with Exchange, one with Windows on a server, or a command in a session with Exchange. */
  kind: 'endpoint' | 'windows' | 'command';
  /** Full name. */
  host: string;
  port: number;
  targets: 'jea' | 'winrm';
  /** Account of the call; absent if PowerShell did not report it. */
  account?: string | undefined;
  /** The machine that runs PowerShell. */
  machine?: string | undefined;
  /** `safety.mode` is observe: rights to change anything are not required. */
  observes: boolean;
  /** The organisation is a lab. */
  lab: boolean;
}

/** A failed call: its own message, and what to do about it. */
export function failed(error: unknown, way: Way, before = ''): Finding {
  const code = codeOf(error);
  const message = wordsOf(error).replace(`${way.host}: `, '');
  return bad(`${before}${code}: ${message}`, mendOf(code, message, way));
}

function codeOf(error: unknown): ExchangeFailure {
  if (error instanceof ExchangeError) return error.code;
  return error instanceof Late ? 'timedOut' : 'badReply';
}

function mendOf(code: ExchangeFailure, message: string, way: Way): string {
  if (way.lab && way.kind === 'command' && code === 'unreachable' && /^The lab at /.test(message)) return START_LAB;
  switch (code) {
    case 'unreachable':
      return unreachable(message, way);
    case 'accessDenied':
      if (NOT_LOGGED_ON.test(message)) return logOn(way);
      if (way.kind === 'windows') return rightOnServer(way);
      return way.kind === 'endpoint' ? `${rightInExchange(way)}\n${remoting(way)}` : rightInExchange(way);
    case 'sessionLimit':
      return sessionLimit(message, way);
    case 'timedOut':
      return 'It is slow or hangs. Check the server; --time-limit 3m allows more time.';
    case 'badReply':
      return 'PowerShell exited or its reply could not be parsed. Try again; if it persists, report it as a bug with this message.';
    case 'notFound':
    case 'refused':
    case 'unknown':
      return 'This is the server’s own message: try the same command by hand, under the same account.';
  }
}

/** A refused account or password, by the names and numbers of Windows or by its messages. */
const NOT_LOGGED_ON =
  /\bLogonFailure\b|\[13(2[6-9]|3[01])\]|\[19(07|09)\]|\[1793\]|0x800(90030[cd]|7052[ef]|70(53[0-3]|773|775|701))|user ?name or password|logon failure|account .{0,40}(disabled|locked|expired)|password .{0,40}expired/i;

function logOn({ account }: Way): string {
  const who = account ?? 'the daemon’s account';
  return `Windows refuses the logon of ${who}: the password is wrong or expired, or the account is locked, disabled or expired. Check the account in Active Directory; if exchange.credential-file is set, export the credential again.`;
}

const START_LAB = 'Start the lab, or set exchange.url to its address:\n  second-responder lab';

function unreachable(message: string, way: Way): string {
  if (/WSMan client library|WSMan is not supported/i.test(message)) {
    return 'This PowerShell has no remoting to Windows; see the PowerShell check above.';
  }
  if (/session configuration|InvalidResourceUri/i.test(message) && way.kind === 'windows') return rightOnServer(way);
  if (
    /TrustedHosts|different from Kerberos|IP address|CannotUseIPAddress|ServerNotTrusted|WorkgroupCannotUseKerberos/i.test(
      message,
    )
  ) {
    return `Kerberos requires the server’s own full name, such as ex1.contoso.com, not an address or a load balancer’s name, and a machine in the domain.`;
  }
  if (/Kerberos|0x800903(0|1|2)|SPN|TargetUnknown/i.test(message)) {
    return `There is no Kerberos ticket for it. Under the daemon’s account this must show one:\n  klist get HTTP/${way.host}`;
  }
  if (way.kind === 'command') {
    return `The server is down or starting, or its health manager is not running. On ${way.host}:\n  Get-Service MSExchangeHM, MSExchangeRPC`;
  }
  const there =
    way.kind === 'endpoint'
      ? 'the server listens, but its /PowerShell does not answer: check IIS there and its MSExchangePowerShellFrontEndAppPool'
      : 'the server listens, but opens no session: check its WinRM service';
  return [
    `Try it from ${way.machine ?? 'the machine that runs PowerShell'}:`,
    `  Test-NetConnection ${way.host} -Port ${way.port}`,
    `If False, the name is wrong, the network or a firewall blocks it, or the server is down. If True, ${there}.`,
  ].join('\n');
}

/** Access to remote PowerShell. */
function remoting({ account }: Way): string {
  if (account?.endsWith('$')) return 'That group also needs access to remote PowerShell (docs/exchange.md).';
  return `This also grants access to remote PowerShell, which you can check with:\n  Get-User ${quoted(account ?? '<account>')} | Format-List RemotePowerShellEnabled`;
}

/** The right to run the Exchange commands that the daemon uses. */
export function rightInExchange({ account, observes }: Pick<Way, 'account' | 'observes'>): string {
  const group = account?.endsWith('$')
    ? `${account} is not an Exchange user: it gets its rights from a group, which New-SecondResponderAccount.ps1 creates. `
    : '';
  const member = account?.endsWith('$') ? '<that group>' : (account ?? '<the daemon’s account>');
  return [
    `${group}Give ${account?.endsWith('$') ? 'that group' : (account ?? 'the daemon’s account')} its rights, in the Exchange Management Shell as a member of Organization Management, first with -WhatIf:`,
    `  deploy/jea/New-SecondResponderRole.ps1 -Member ${quoted(member)}${observes ? ' -ObserveOnly' : ''} -WhatIf`,
  ].join('\n');
}

/** Access to Windows remoting on a server. */
function rightOnServer({ account, host, targets, observes }: Way): string {
  const who = account ?? 'the daemon’s account';
  const install = `  deploy/jea/Install-SecondResponderEndpoint.ps1 -Account ${quoted(who)} -ComputerName ${host}${observes ? ' -ObserveOnly' : ''} -WhatIf`;
  if (targets === 'jea') {
    return [
      `Give ${who} access to the endpoint SecondResponder on ${host}, as an administrator of it, first with -WhatIf:`,
      install,
      `Or do without that endpoint: set exchange.targets: winrm and make ${who} a local administrator of ${host}.`,
    ].join('\n');
  }
  return [
    `Make ${who} a local administrator of ${host}; or, with fewer rights, set exchange.targets: jea and run`,
    install,
  ].join('\n');
}

function sessionLimit(message: string, { kind, host, account }: Way): string {
  const who = account ?? 'this account';
  if (/maximum number of users|too many users|\[-21441081(17|59)\]/i.test(message)) {
    return `The limit of accounts with remote sessions on ${host} is reached. List them and the limit:\n  Get-WSManInstance -ComputerName ${host} -ResourceURI shell -Enumerate\n  winrm get winrm/config/winrs`;
  }
  if (/budget|load quota|slower rate|MaxRunspaces|MaxCmdlets|MaxDestructiveCmdlets/i.test(message)) {
    return `${who} exceeded the rate that its throttling policy allows. Wait and try again; look for other scripts under that account, lower exchange.sessions, or give the account its own policy:\n  Get-ThrottlingPolicyAssociation ${quoted(who)}`;
  }
  if (kind === 'windows') {
    return `The limit of WinRM shells per user on ${host} is reached. List them and the limit:\n  Get-WSManInstance -ComputerName ${host} -ResourceURI shell -Enumerate\n  winrm get winrm/config/winrs`;
  }
  return [
    `Exchange allows an account 18 sessions at a time unless its throttling policy says otherwise, and ${who} uses them all. An abandoned session ends after 15 minutes.`,
    `Look for other scripts and daemons under that account, lower exchange.sessions, or raise the limit:`,
    `  deploy/jea/New-SecondResponderRole.ps1 -Member ${quoted(who)} -MaxConcurrency 30 -WhatIf`,
  ].join('\n');
}

/** A PowerShell string literal. */
export const quoted = (text: string) => `'${text.replace(/['‘’‚‛]/g, '$&$&')}'`;
