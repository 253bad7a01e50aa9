/** The findings of each check and their instructions, as an administrator reads them. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { durability } from '../../../src/adapters/redis/durability.ts';
import { askReadiness } from '../../../src/cli/daemon/doctor-daemon.ts';
import { daemon } from '../../../src/doctor/daemon.ts';
import { endpoints } from '../../../src/doctor/endpoints.ts';
import { machine } from '../../../src/doctor/machine.ts';
import { organisation } from '../../../src/doctor/organisation.ts';
import { playbooks } from '../../../src/doctor/playbooks.ts';
import { powershell } from '../../../src/doctor/powershell.ts';
import { servers } from '../../../src/doctor/servers.ts';
import { store } from '../../../src/doctor/store.ts';
import { ExchangeError } from '../../../src/ports/exchange.ts';
import type { StoreFacts } from '../../../src/ports/store.ts';
import { check, facts, NONE, NOW, row, SHELL, type Site, told } from './site.ts';

const folder = mkdtempSync(join(tmpdir(), 'doctor-'));
afterAll(() => rmSync(folder, { recursive: true }));

const REAL = { kind: 'powershell', endpoints: ['ex1.contoso.com', 'ex2.contoso.com'] };
const LAB = { kind: 'lab' };

describe('playbooks', () => {
  it('are counted and named', async () => {
    expect(told(await check(playbooks))[0]).toBe(
      'ok playbooks: 4 playbooks, proved: imap-ctp, imap-load, imap-protocol, imap-proxy',
    );
  });

  it.each([
    [
      'required',
      /^bad playbooks: p fails its proof \(1 problem\): wakes a person .* → The daemon refuses to start with it/,
    ],
    ['warn', /^look playbooks: p fails its proof .* → The daemon uses it anyway \(playbooks\.proof: warn\)/],
  ])('that fail their proof are named (playbooks.proof: %s)', async (proof, expected) => {
    const own = mkdtempSync(join(folder, 'unproved-'));
    const head = ['playbook: p', 'summary: s', 'handles: [IMAP\\ImapCTPMonitor]', 'steps:'];
    writeFileSync(join(own, 'p.yaml'), [...head, '  - restart-service: MSExchangeIMAP4BE'].join('\n'));
    expect(told(await check(playbooks, { more: { playbooks: { directory: own, proof } } }))[0]).toMatch(expected);
  });

  it('that can’t be read are reported with their positions', async () => {
    writeFileSync(join(folder, 'x.yaml'), 'name: x\nsteps: [{ restart-servce: a }]\n');
    const lines = told(await check(playbooks, { more: { playbooks: { directory: folder } } }));
    expect(lines.every((line) => /^(bad playbooks: .*x\.yaml|ok mode)/.test(line))).toBe(true);
    expect(lines.join('\n')).toMatch(
      /x\.yaml:2:\d+: steps\[0\].*there is no step "restart-servce" → did you mean "restart-service"\?/,
    );
  });

  it.each<[string, Site, RegExp]>([
    ['observe', { safety: { mode: 'observe' } }, /^ok mode: safety\.mode is observe: .*nothing is changed$/],
    ['none, on a real organisation', { safety: {} }, /^ok mode: safety\.mode is observe/],
    [
      'approve',
      { safety: { mode: 'approve' } },
      /^ok mode: safety\.mode is approve: nothing is changed until a person approves$/,
    ],
    [
      'auto in a lab',
      { safety: { mode: 'auto' }, exchange: LAB },
      /^ok mode: safety\.mode is auto: .* the lab without asking$/,
    ],
    [
      'auto on a real organisation',
      { safety: { mode: 'auto' } },
      /^look mode: .*imap-protocol.* may restart services, move databases and reboot servers without asking → If this is too early, start with safety\.mode: observe/,
    ],
  ])('the mode %s is explained', async (_, site, expected) => {
    expect(told(await check(playbooks, site))[1]).toMatch(expected);
  });
});

describe('store', () => {
  const health = (warnings: string[], more = {}): StoreFacts => ({
    found: 'answer',
    health: { up: true, kind: 'redis', says: 'redis 7.2 at r1:6379', warnings, ...more },
  });
  const warned = (info: Record<string, string>, fsync?: string) =>
    health(durability({ kind: 'redis', info: new Map(Object.entries(info)), fsync }));

  it.each<[string, StoreFacts, RegExp[]]>([
    ['one that responds', health([]), [/^ok store: redis 7\.2 at r1:6379$/]],
    [
      'snapshots only',
      warned({ aof_enabled: '0' }),
      [/^ok/, /^look store: Redis keeps snapshots only.* 202\. → Type `redis-cli CONFIG SET appendonly yes`/],
    ],
    [
      'once a second',
      warned({}, 'everysec'),
      [/^ok/, /^look store: .*last second of alerts\. → Type `redis-cli CONFIG SET appendfsync always`/],
    ],
    [
      'a disk that is full',
      warned({ aof_last_write_status: 'err' }),
      [/^ok/, /^bad store: .*no alerts until it can\. → Check with `df`/],
    ],
    [
      'memory that is nearly full',
      warned({ used_memory: '95', maxmemory: '100' }),
      [/^ok/, /^look store: Redis uses 95 %.* → Type `redis-cli CONFIG SET maxmemory`/],
    ],
    [
      'a replica',
      health([
        'This Redis is a replica: nothing can be written to it. Set `store.url` to the master that `redis-cli INFO replication` names.',
      ]),
      [/^ok/, /^bad store: .*nothing can be written to it\. → Set `store\.url`/],
    ],
    [
      'too few replicas',
      health([
        'Redis has 0 of the 1 replicas that store.wait-replicas requires: no alerts are accepted and no commands are sent until it has them.',
      ]),
      [/^ok/, /^bad store: Redis has 0 of the 1 .* → See docs\/store\.md\.$/],
    ],
    [
      'one that is down',
      health([], { up: false, says: 'redis at r1:6379 does not answer: connect ECONNREFUSED' }),
      [/^bad store: .*ECONNREFUSED → See docs\/store\.md\.$/],
    ],
    [
      'a private one that does not respond',
      health([], { up: false, kind: 'private redis', says: 'private redis at … does not answer: timeout' }),
      [/^bad store: .* → Stop the daemon and start it again/],
    ],
    [
      'none yet',
      { found: 'asleep', directory: '/data', kept: false, warnings: [] },
      [/^ok store: none yet in \/data: created at the first start$/],
    ],
    [
      'a private one that is not running',
      { found: 'asleep', directory: '/data', kept: true, warnings: [] },
      [/^ok store: data is in \/data; the daemon starts its Redis with it$/],
    ],
    [
      'no program',
      { found: 'no-program', directory: '/data' },
      [/^bad store: no redis-server or valkey-server is installed .* → Install one .*store\.url \(REDIS_URL\)\.$/],
    ],
    [
      'a folder of another user',
      { found: 'unusable', says: 'EACCES: permission denied' },
      [/^bad store: .* can’t hold the data: EACCES.* → .*run doctor as the daemon’s user/],
    ],
  ])('%s', async (_, found, expected) => {
    const lines = told(await check(store, { store: found }));
    expect(lines).toEqual(expected.map((one) => expect.stringMatching(one)));
  });

  it('of a lab does not require Redis', async () => {
    const found: StoreFacts = { found: 'no-program', directory: '/data' };
    expect(told(await check(store, { store: found, exchange: LAB }))[0]).toMatch(/^look store/);
  });

  it('with a wrong address is reported with the source of the address', async () => {
    const down = health([], { up: false, says: 'redis at r1:6379 does not answer: connect ECONNREFUSED' });
    const [line] = told(await check(store, { store: down, env: { REDIS_URL: 'redis://r1' } }));
    expect(line).toMatch(/→ Start it, or fix its address, which comes from REDIS_URL\. redis-cli -u/);
    const [other] = told(await check(store, { store: new Error('Redis URL "redis://…": it must name one host.') }));
    expect(other).toMatch(/^bad store: Redis URL/);
  });
});

describe('PowerShell', () => {
  it.each<[string, Partial<typeof SHELL>, Site, RegExp]>([
    [
      'on this machine',
      {},
      {},
      /^ok PowerShell: 5\.1\.20348\.1 Desktop, by node-powershell, as CONTOSO\\svc-responder, whose rights are checked below$/,
    ],
    ['on another one', { machine: 'jump1' }, {}, /^ok PowerShell: 5\.1\.20348\.1 Desktop on jump1, by/],
    [
      'on Linux',
      { windows: false, edition: 'Core', version: '7.4.1' },
      {},
      /^look PowerShell: not Windows: Kerberos remoting to Exchange is not available from here; 7\.4\.1 Core.* → Run the daemon on Windows, or .* over ssh: set exchange\.executable/,
    ],
    [
      'on Linux, for a lab',
      { windows: false },
      { exchange: { kind: 'lab', url: 'http://l', through: 'powershell' } },
      /^ok PowerShell/,
    ],
    [
      'of an old version',
      { version: '4.0' },
      {},
      /^bad PowerShell: older than 5\.1; 4\.0.* → Install Windows Management Framework 5\.1/,
    ],
    ['of a later version', { version: '10.0' }, {}, /^ok PowerShell/],
    [
      'with a credential of another account',
      { credentialTrouble: 'Key not valid for use in specified state.' },
      { exchange: { ...REAL, 'credential-file': 'C:\\cred.xml' } },
      /^bad PowerShell: exchange\.credential-file can’t be read: Key not valid for use in specified state; .* → .*\n {2}Get-Credential \| Export-Clixml -LiteralPath 'C:\\cred\.xml'$/,
    ],
  ])('%s', async (_, shell, site, expected) => {
    const [line] = told(await check(powershell, { shell: { ...SHELL, ...shell }, ...site }));
    expect(line).toMatch(expected);
  });

  it.each([
    [
      "PowerShell did not start. pwsh can't be started: spawn pwsh ENOENT",
      /→ Install PowerShell, or set exchange\.executable/,
    ],
    [
      "PowerShell did not start. The specified module 'C:\\x\\SecondResponder.psm1' was not loaded",
      /→ Its modules could not be loaded from deploy\/powershell/,
    ],
    [
      "PowerShell did not start. The term 'C:\\x\\SecondResponder.Reads.ps1' is not recognized as a name of a cmdlet",
      /→ Its modules could not be loaded from deploy\/powershell/,
    ],
    [
      'PowerShell did not start. PowerShell was not ready within 30000 ms.',
      /→ Try it by hand, .*\n {2}powershell\.exe -NoProfile -NonInteractive -Command \$PSVersionTable$/,
    ],
  ])('%s', async (says, expected) => {
    expect(told(await check(powershell, { shell: new ExchangeError('unreachable', says) }))[0]).toMatch(expected);
  });
});

describe('endpoints', () => {
  const missing = (looks: string[], changes: string[]) => ({ openedAfter: 412.4, missing: { looks, changes } });
  const act = ['Set-MailboxServer'];

  it.each<[string, Site, RegExp]>([
    [
      'every command is available',
      {},
      /^ok endpoint ex1\.contoso\.com: a session opened in 400 ms; every command is available$/,
    ],
    [
      'a read command is missing',
      { endpoint: missing(['Get-ServerHealth'], []) },
      /^bad endpoint ex1\.contoso\.com: CONTOSO\\svc-responder has no right to Get-ServerHealth; .* → Give CONTOSO\\svc-responder its rights.*\n {2}deploy\/jea\/New-SecondResponderRole\.ps1 -Member 'CONTOSO\\svc-responder' -WhatIf$/,
    ],
    [
      'a command that changes something is missing',
      { endpoint: missing([], act) },
      /^bad .* has no right to Set-MailboxServer/,
    ],
    [
      'a change is missing, but only read commands are required',
      { endpoint: missing([], act), safety: { mode: 'observe' } },
      /^ok .*no right to Set-MailboxServer, not needed while safety\.mode is observe$/,
    ],
    [
      'a read command is missing, and only read commands are required',
      { endpoint: missing(['Get-PopSettings'], act), safety: { mode: 'observe' } },
      /^bad .* no right to Get-PopSettings; .* -ObserveOnly -WhatIf$/,
    ],
    [
      'a group managed account',
      { endpoint: missing(['Get-PopSettings'], []), shell: { ...SHELL, account: 'CONTOSO\\sr$' } },
      /→ CONTOSO\\sr\$ is not an Exchange user: .*New-SecondResponderAccount\.ps1.* -Member '<that group>' -WhatIf$/,
    ],
  ])('%s', async (_, site, expected) => {
    const [line] = told(await check(endpoints, site));
    expect(line).toMatch(new RegExp(expected.source, 's'));
  });

  it('a single endpoint is to review', async () => {
    const lines = told(await check(endpoints, { exchange: { kind: 'powershell', endpoints: ['ex1.contoso.com'] } }));
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/^look endpoints: there is only one: .* → Add a second server to exchange\.endpoints\.$/);
  });

  it('two endpoints on the same server count as one', async () => {
    const both = ['ex1.contoso.com', 'http://ex1.contoso.com:81/PowerShell/'];
    const lines = told(await check(endpoints, { exchange: { kind: 'powershell', endpoints: both } }));
    expect(lines.at(-1)).toMatch(/^look endpoints: there is only one/);
  });

  const failures: [string, ExchangeError['code'], string, RegExp][] = [
    [
      'that is down',
      'unreachable',
      'ex1.contoso.com: The WinRM client cannot process the request',
      /^bad endpoint ex1\.contoso\.com: unreachable: The WinRM client cannot process the request → Try it from responder1:\n {2}Test-NetConnection ex1\.contoso\.com -Port 80\nIf False, the name is wrong, the network or a firewall blocks it, or the server is down\. If True, .*IIS/,
    ],
    [
      'named by its address',
      'unreachable',
      'If the authentication scheme is different from Kerberos … TrustedHosts',
      /→ Kerberos requires the server’s own full name, such as ex1\.contoso\.com/,
    ],
    [
      'without a ticket',
      'unreachable',
      'The following error with errorcode 0x80090322 occurred while using Kerberos authentication',
      /→ There is no Kerberos ticket for it.*\n {2}klist get HTTP\/ex1\.contoso\.com$/,
    ],
    [
      'from a PowerShell without remoting',
      'unreachable',
      'no supported WSMan client library was found',
      /→ This PowerShell has no remoting to Windows; see the PowerShell check above/,
    ],
    [
      'that denies access',
      'accessDenied',
      'Access is denied.',
      /→ Give CONTOSO\\svc-responder its rights.*New-SecondResponderRole\.ps1 -Member 'CONTOSO\\svc-responder' -WhatIf\n.*\n {2}Get-User 'CONTOSO\\svc-responder' \| Format-List RemotePowerShellEnabled$/,
    ],
    [
      'with no session left',
      'sessionLimit',
      'maximum number of connections allowed : 18',
      /→ Exchange allows an account 18 sessions at a time unless its throttling policy says otherwise, and CONTOSO\\svc-responder uses them all\. An abandoned session ends after 15 minutes\.\n.*lower exchange\.sessions.*\n {2}deploy\/jea\/New-SecondResponderRole\.ps1 -Member 'CONTOSO\\svc-responder' -MaxConcurrency 30 -WhatIf$/,
    ],
    [
      'that refuses the password, in any language',
      'accessDenied',
      'Der Benutzername oder das Kennwort ist falsch. [LogonFailure]',
      /→ Windows refuses the logon of CONTOSO\\svc-responder: the password is wrong or expired/,
    ],
    [
      'whose account is locked',
      'accessDenied',
      '(locked, in another language) [1909]',
      /→ Windows refuses the logon of CONTOSO\\svc-responder/,
    ],
    [
      'that throttles the account',
      'sessionLimit',
      'Fail to create runspace because you have exceeded your budget to create runspace. Please wait for 2 seconds.',
      /→ CONTOSO\\svc-responder exceeded the rate that its throttling policy allows.*Get-ThrottlingPolicyAssociation 'CONTOSO\\svc-responder'$/,
    ],
    [
      'that too many accounts use',
      'sessionLimit',
      '(in another language) [-2144108117]',
      /→ The limit of accounts with remote sessions on ex1\.contoso\.com is reached/,
    ],
    [
      'that fails with an unknown error',
      'unknown',
      'Ein unbekannter Fehler. [-2144100000]',
      /unknown: Ein unbekannter Fehler\. \[-2144100000\].*→ This is the server’s own message/,
    ],
    ['that does not respond', 'timedOut', 'no answer', /→ .*--time-limit 3m/],
  ];
  it.each(failures)('one %s', async (_, code, says, expected) => {
    const [line] = told(await check(endpoints, { endpoint: new ExchangeError(code, says) }));
    expect(line).toMatch(new RegExp(expected.source, 's'));
  });

  it('are reported with the port of their address', async () => {
    const both = ['https://ex1.contoso.com/PowerShell/', 'http://ex2.contoso.com:8008/PowerShell/'];
    const site = { exchange: { kind: 'powershell', endpoints: both }, endpoint: new ExchangeError('unreachable', 'x') };
    const lines = told(await check(endpoints, site));
    expect(lines[0]).toContain('Test-NetConnection ex1.contoso.com -Port 443');
    expect(lines[1]).toContain('Test-NetConnection ex2.contoso.com -Port 8008');
  });

  it('quote names in the commands that they suggest', async () => {
    const shell = { ...SHELL, account: "CONTOSO\\o'brien; Remove-Item C:\\" };
    const [line] = told(await check(endpoints, { shell, endpoint: missing(['Get-PopSettings'], []) }));
    expect(line).toContain("-Member 'CONTOSO\\o''brien; Remove-Item C:\\' -WhatIf");
  });
});

describe('organisation', () => {
  const cas = { roles: ['client-access' as const], dag: undefined as never };
  it.each([
    [
      'groups, and a server without one',
      [
        facts('mbx1'),
        facts('mbx2'),
        facts('cas1', cas),
        facts('mbx9', { roles: ['mailbox'], dag: undefined as never }),
      ],
      'ok organisation: 4 servers in 2 groups: cas:Tokyo (1), dag1 (2); in no group: mbx9',
    ],
    [
      'one server alone',
      [facts('mbx9', { roles: ['mailbox'], dag: undefined as never })],
      'ok organisation: 1 server in no group: mbx9',
    ],
    [
      'nothing',
      [],
      'bad organisation: no Mailbox or Client Access server found → Run Get-ExchangeServer under the same account and check what it returns.',
    ],
  ])('%s', async (_, all, expected) => {
    expect(told(await check(organisation, { servers: all }))).toEqual([expected]);
  });

  it('servers and groups of restrictions that do not exist are named', async () => {
    const restrictions = [
      { servers: ['MBX1.contoso.com', 'mbx8'], mode: 'approve' },
      { groups: ['DAG1', 'cas:Tokio'], mode: 'observe' },
    ];
    const site = { servers: [facts('mbx1'), facts('cas1', cas)], more: { playbooks: { restrictions } } };
    expect(told(await check(organisation, site)).slice(1)).toEqual([
      'look restrictions: playbooks.restrictions[0] names the server "mbx8", which does not exist: nothing is restricted there → Did you mean "mbx1"?',
      'look restrictions: playbooks.restrictions[1] names the group "cas:Tokio", which does not exist: nothing is restricted there → Did you mean "cas:Tokyo"?',
    ]);
  });

  it('of a lab with an invalid file is reported with the problem', async () => {
    const site = { exchange: LAB, opened: new Error('The organisation file cannot be used\n  /servers: x') };
    expect(told(await check(organisation, site))).toEqual([
      'bad organisation: The organisation file cannot be used /servers: x → Fix it in the section lab of the configuration, or in the file named there.',
    ]);
  });
});

describe('servers', () => {
  const one = (site: Site) => check(servers, { servers: [facts('mbx1')], ...site });
  const lacks = (looks: string[], changes: string[]) => ({ openedAfter: 300, missing: { looks, changes } });

  it('all ok', async () => {
    expect(told(await one({}))).toEqual([
      'ok server mbx1: Windows by jea in 300 ms; clock 0.1 s off; Get-ServerHealth gives 1 row, none stale; the newest 20 s old',
    ]);
  });

  const JEA =
    /Install-SecondResponderEndpoint\.ps1 -Account 'CONTOSO\\svc-responder' -ComputerName mbx1\.contoso\.com -WhatIf/
      .source;
  const winrm = { exchange: { ...REAL, targets: 'winrm' } };
  it.each<[string, Site, RegExp]>([
    [
      'one that is down',
      { target: new ExchangeError('unreachable', 'no'), rows: new ExchangeError('unreachable', 'RPC') },
      /^bad server mbx1: Windows unreachable: no; Get-ServerHealth unreachable: RPC → Try it from responder1:\n {2}Test-NetConnection mbx1\.contoso\.com -Port 5985\nIf False, .*WinRM service\.$/,
    ],
    [
      'by TLS',
      { target: new ExchangeError('unreachable', 'no'), exchange: { ...REAL, 'target-ssl': true } },
      /-Port 5986/,
    ],
    [
      'no such endpoint there',
      {
        target: new ExchangeError(
          'unreachable',
          'Cannot find the SecondResponder session configuration in the WSMan: drive',
        ),
      },
      new RegExp(`→ Give CONTOSO.*access to the endpoint SecondResponder.*${JEA}\nOr do without`),
    ],
    [
      'no right there',
      { target: new ExchangeError('accessDenied', 'Access is denied.') },
      new RegExp(
        `^bad server mbx1: Windows accessDenied: Access is denied; .* → Give CONTOSO.*access to the endpoint SecondResponder.*${JEA}\nOr do without that endpoint: set exchange\\.targets: winrm and make CONTOSO\\\\svc-responder a local administrator of mbx1\\.contoso\\.com\\.$`,
      ),
    ],
    [
      'no right there, by winrm',
      { ...winrm, target: new ExchangeError('accessDenied', 'Access is denied.') },
      new RegExp(
        `→ Make CONTOSO\\\\svc-responder a local administrator of mbx1\\.contoso\\.com; or, with fewer rights, set exchange\\.targets: jea and run\n.*${JEA}$`,
      ),
    ],
    [
      'no shell left there',
      { target: new ExchangeError('sessionLimit', 'MaxShells') },
      /→ The limit of WinRM shells per user on mbx1\.contoso\.com is reached.*winrm get winrm\/config\/winrs$/,
    ],
    [
      'no health manager',
      { rows: new ExchangeError('unreachable', 'RPC server is unavailable') },
      /^bad server mbx1: Get-ServerHealth unreachable: RPC server is unavailable; Windows by jea.* → .*On mbx1\.contoso\.com:\n {2}Get-Service MSExchangeHM, MSExchangeRPC$/,
    ],
    [
      'an endpoint that only reads',
      { target: lacks([], ['Restart-TargetComputer']) },
      new RegExp(`^bad server mbx1: it does not offer Restart-TargetComputer; .* → .*-ObserveOnly.*${JEA}$`),
    ],
    [
      'an endpoint that only reads, when only read commands are required',
      { target: lacks([], ['Restart-TargetComputer']), safety: { mode: 'observe' } },
      /^ok .*it offers read commands only/,
    ],
    [
      'an endpoint of an older version',
      { target: lacks(['Get-TargetComponent'], []), safety: { mode: 'observe' } },
      /^bad .*does not offer Get-TargetComponent; .* → .*older than this daemon/,
    ],
    [
      'modules of an older version',
      { ...winrm, target: lacks(['Get-TargetComponent'], []) },
      /→ .*exchange\.modules has the same version/,
    ],
    [
      'a clock that is off',
      { target: { openedAfter: 1, missing: NONE, clock: { ahead: 5_000, within: 5 } } },
      /^look server mbx1: its clock is 5\.0 s ahead of this machine’s; .* → .*times.*\n {2}w32tm \/query \/status\n {2}w32tm \/query \/status \/computer:mbx1\.contoso\.com/,
    ],
    [
      'a clock that is far off',
      { target: { openedAfter: 1, missing: NONE, clock: { ahead: -45_000, within: 5 } } },
      /^bad server mbx1: its clock is 45 s behind this machine’s/,
    ],
    [
      'a shell whose clock is off',
      {
        shell: { ...SHELL, ahead: -45_000 },
        target: { openedAfter: 1, missing: NONE, clock: { ahead: 45_000, within: 5 } },
      },
      /^ok .*clock 0\.0 s off/,
    ],
    [
      'a round trip longer than the difference between the clocks',
      { target: { openedAfter: 1, missing: NONE, clock: { ahead: 40_000, within: 39_000 } } },
      /^ok .*clock 40 s off/,
    ],
    ['no rows', { rows: [] }, /^bad server mbx1: Get-ServerHealth gives no rows; .*Restart-Service MSExchangeHM$/],
    [
      'no right to rows',
      { endpoint: lacks(['Get-ServerHealth'], []) },
      /^ok server mbx1: Windows by jea in 300 ms; .*Get-ServerHealth is not available; see the endpoints above$/,
    ],
  ])('%s', async (_, site, expected) => {
    const [line] = told(await one(site));
    expect(line).toMatch(new RegExp(expected.source, 's'));
  });

  it('only the named servers are checked, and an unknown one is bad', async () => {
    const lines = told(
      await check(servers, {
        servers: [facts('mbx1'), facts('mbx2')],
        asked: { servers: ['MBX2.contoso.com', 'mxb1', 'zz'] },
      }),
    );
    expect(lines[0]).toMatch(/^ok server mbx2/);
    expect(lines.slice(1)).toEqual([
      'bad server mxb1: is not in the organisation → Did you mean "mbx1"?',
      'bad server zz: is not in the organisation → The organisation has mbx1, mbx2.',
    ]);
  });

  const HOUR = 3_600_000;
  const read = (unspecified: string, utcOffset: number, at: number, more = {}): Site => ({
    exchange: { ...REAL, 'unspecified-times': unspecified },
    shell: { ...SHELL, utcOffset },
    rows: [row({ lastExecution: at, ...more }), row({ name: 'old', lastExecution: at - 20 * HOUR })],
  });
  it.each<[string, Site, RegExp]>([
    [
      'local times read as UTC, in Tokyo',
      read('utc', 9 * HOUR, NOW - 20_000 + 9 * HOUR),
      /^bad server mbx1: the newest timestamp is 9 h in the future: times are in local time but are read as UTC; .* → Add this to the configuration:\n {2}exchange: \{ unspecified-times: local \}$/,
    ],
    [
      'local times read as UTC, in Toronto',
      read('utc', -5 * HOUR, NOW - 20_000 - 5 * HOUR),
      /^bad .*5 h in the past: times are in local time/,
    ],
    [
      'UTC read as local time, in Kolkata',
      read('local', 5.5 * HOUR, NOW - 20_000 - 5.5 * HOUR),
      /^bad .*5 h 30 min in the past: times are in UTC but are read as local time; .* → .*unspecified-times: utc \}$/,
    ],
    ['local times read as local time', read('local', 9 * HOUR, NOW - 20_000), /^ok /],
    [
      'a monitor that runs every hour, most of an hour ago',
      read('utc', 0, NOW - 0.9 * HOUR, { recurrenceSeconds: 3_600 }),
      /^ok .*54 min old/,
    ],
    [
      'another time zone than PowerShell’s',
      read('utc', 0, NOW - 20_000 + 9 * HOUR),
      /^bad .*another time zone than that of responder1.* → Set responder1 to the time zone of the servers, and set exchange\.unspecified-times: local\.$/,
    ],
    ['times without an explanation', read('utc', 9 * HOUR, NOW + 20 * 60_000), /^look .*20 min in the future/],
    [
      'a clock that explains it',
      {
        ...read('utc', 0, NOW + 10 * 60_000),
        target: { openedAfter: 1, missing: NONE, clock: { ahead: 600_000, within: 5 } },
      },
      /^bad server mbx1: its clock is 10 min ahead of this machine’s; .*the newest 0\.0 s old/,
    ],
  ])('%s', async (_, site, expected) => {
    const [line] = told(await one(site));
    expect(line).toMatch(new RegExp(expected.source, 's'));
  });

  it('rows without a recurrence say nothing about clocks', async () => {
    const old = row({ recurrenceSeconds: 0, lastExecution: NOW - 99 * HOUR });
    expect(told(await one({ rows: [old] }))[0]).toMatch(/gives 1 row, none stale$/);
    expect(told(await one({ rows: [old, row({})] }))[0]).toMatch(/; the newest 20 s old$/);
    expect(told(await one({ rows: [{ ...old, lastExecution: NOW + HOUR }, row({})] }))[0]).toMatch(
      /; the newest 20 s old$/,
    );
  });

  it.each([
    [1, 20, /^ok .*gives 20 rows, 1 stale; the newest 20 s old/],
    [3, 20, /^look .*gives 20 rows, 3 stale; .* → The health manager is not evaluating its monitors/],
    // Their times say nothing about time zones, because they were not evaluated since.
    [20, 20, /^look server mbx1: Get-ServerHealth gives 20 rows, 20 stale; Windows[^;]*; clock[^;]* → /],
  ])('%i of %i rows stale', async (stale, all, expected) => {
    const rows = Array.from({ length: all }, (_, at) =>
      row({ name: `m${at}`, isStale: at < stale, ...(at < stale && { lastExecution: NOW - 9 * HOUR }) }),
    );
    expect(told(await one({ rows, shell: { ...SHELL, utcOffset: -9 * HOUR } }))[0]).toMatch(expected);
  });
});

describe('this machine', () => {
  const all = { servers: [facts('ex1'), facts('ex2'), facts('mbx1')] };
  it.each<[string, Site, RegExp]>([
    ['is not an Exchange server', all, /^ok this machine: responder1 is not an Exchange server$/],
    [
      'is an Exchange server',
      { ...all, hostname: 'MBX1' },
      /^look this machine: MBX1 is itself an Exchange server: the daemon restarts services on it but never reboots it or moves databases off it, .* are escalated → Run the daemon on a machine that is not an Exchange server\.$/,
    ],
    [
      'is an Exchange server and an endpoint',
      { ...all, hostname: 'ex1' },
      /^look this machine: ex1 is itself an Exchange server and an endpoint for sessions: /,
    ],
    [
      'is not an Exchange server, and safety.self names others',
      { ...all, safety: { self: ['mbx1'] } },
      /^ok this machine: responder1 is not an Exchange server; also never rebooted or drained: mbx1$/,
    ],
    [
      'is not an Exchange server, and the only endpoint is never rebooted',
      { ...all, exchange: { kind: 'powershell', endpoints: ['ex1.contoso.com'] } },
      /also never rebooted or drained: ex1$/,
    ],
    [
      'starts PowerShell on an Exchange server',
      { ...all, shell: { ...SHELL, machine: 'EX2' } },
      /^bad this machine: PowerShell runs on ex2, an Exchange server that the daemon may reboot; .* → Add this to the configuration:\n {2}safety: \{ self: \[ex2\] \}$/,
    ],
    [
      'starts PowerShell on an Exchange server in safety.self',
      { ...all, shell: { ...SHELL, machine: 'EX2' }, safety: { self: ['ex2'] } },
      /^ok .*also never rebooted or drained: ex2$/,
    ],
  ])('%s', async (_, site, expected) => {
    const [line] = told(await check(machine, site));
    expect(line).toMatch(new RegExp(expected.source, 's'));
  });
});

describe('daemon', () => {
  const part = (name: 'store' | 'exchange', fine: boolean) => ({ part: name, ok: fine, says: `${name} says` });
  it.each<[string, Site, RegExp]>([
    ['not running', {}, /^ok daemon: not running at http:\/\/127\.0\.0\.1:8080$/],
    ['on any free port', { address: undefined }, /^ok daemon: http\.port is 0 \(any free port\): not checked$/],
    [
      'ready',
      {
        daemon: { answers: 'daemon', readiness: { ready: true, parts: [part('store', true), part('exchange', true)] } },
      },
      /^ok daemon: ready at .*: store: store says; exchange: exchange says$/,
    ],
    [
      'not ready',
      {
        daemon: {
          answers: 'daemon',
          readiness: { ready: false, parts: [part('store', true), part('exchange', false)] },
        },
      },
      /^bad daemon: not ready at [^;]*: exchange: exchange says → If the checks above are ok/,
    ],
    [
      'something else',
      { daemon: { answers: 'something', says: '/readyz returned 404' } },
      /^bad daemon: unexpected response from .*404.* → .*set http\.port to another port\.$/,
    ],
    [
      'with an untrusted certificate',
      { daemon: { answers: 'untrusted', says: 'SELF_SIGNED_CERT_IN_CHAIN' } },
      /^look daemon: cannot connect to .*SELF_SIGNED.* → Set NODE_EXTRA_CA_CERTS/,
    ],
  ])('%s', async (_, site, expected) => {
    expect(told(await check(daemon, site))).toEqual([expect.stringMatching(expected)]);
  });

  it.each<[string, number, string, string]>([
    ['a daemon', 200, '{"ready":true,"parts":[]}', 'daemon'],
    ['a daemon that is not ready', 503, '{"ready":false,"parts":[{"part":"store","ok":false,"says":"x"}]}', 'daemon'],
    ['another program', 404, 'Not found', 'something'],
    ['another program that returns JSON', 200, '{"ready":true,"parts":[{}]}', 'something'],
  ])('is asked over HTTP: %s', async (_, status, body, answers) => {
    const server = createServer((_request, response) => void response.writeHead(status).end(body));
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { signal } = new AbortController();
    expect(await askReadiness(url, signal)).toMatchObject({ answers });
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    expect(await askReadiness(url, signal)).toEqual({ answers: 'nobody' });
  });
});
