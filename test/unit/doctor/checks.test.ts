/** What each check finds, as an administrator reads it at three in the morning. */

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
      'ok playbooks: 4 playbooks: imap-ctp, imap-load, imap-protocol, imap-proxy',
    );
  });

  it('that can’t be read are told with their places', async () => {
    writeFileSync(join(folder, 'x.yaml'), 'name: x\nsteps: [{ restart-servce: a }]\n');
    const lines = told(await check(playbooks, { more: { playbooks: { directory: folder } } }));
    expect(lines.every((line) => /^(bad playbooks: .*x\.yaml|ok mode)/.test(line))).toBe(true);
    expect(lines.join('\n')).toMatch(
      /x\.yaml:2:\d+: steps\[0\].*there is no step "restart-servce" → did you mean "restart-service"\?/,
    );
  });

  it.each<[string, Site, RegExp]>([
    ['observe', { safety: { mode: 'observe' } }, /^ok mode: safety\.mode is observe: .*nothing is changed$/],
    ['nothing said, for a real organisation', { safety: {} }, /^ok mode: safety\.mode is observe/],
    [
      'approve',
      { safety: { mode: 'approve' } },
      /^ok mode: safety\.mode is approve: nothing is changed before a person has said yes$/,
    ],
    [
      'auto in a lab',
      { safety: { mode: 'auto' }, exchange: LAB },
      /^ok mode: safety\.mode is auto: .* the lab without asking$/,
    ],
    [
      'auto on a real organisation',
      { safety: { mode: 'auto' } },
      /^look mode: .*imap-protocol.* may restart services, move databases and reboot servers of yours without asking anybody → If that is not meant yet: safety\.mode: observe/,
    ],
  ])('the mode %s says what it means', async (_, site, expected) => {
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
    ['one that answers', health([]), [/^ok store: redis 7\.2 at r1:6379$/]],
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
      [/^ok/, /^bad store: Redis has 0 of the 1 .* → docs\/store\.md says more\.$/],
    ],
    [
      'one that is down',
      health([], { up: false, says: 'redis at r1:6379 does not answer: connect ECONNREFUSED' }),
      [/^bad store: .*ECONNREFUSED → See docs\/store\.md\.$/],
    ],
    [
      'a private one that hangs',
      health([], { up: false, kind: 'private redis', says: 'private redis at … does not answer: timeout' }),
      [/^bad store: .* → Stop the daemon and start it again/],
    ],
    [
      'none yet',
      { found: 'asleep', directory: '/data', kept: false, warnings: [] },
      [/^ok store: none yet in \/data: it is made at the first start$/],
    ],
    [
      'one that sleeps',
      { found: 'asleep', directory: '/data', kept: true, warnings: [] },
      [/^ok store: what was kept is in \/data; the daemon starts its Redis with it$/],
    ],
    [
      'no program',
      { found: 'no-program', directory: '/data' },
      [/^bad store: there is no redis-server .* → Install one .*store\.url, REDIS_URL\.$/],
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

  it('that is a lab’s may do without Redis', async () => {
    const found: StoreFacts = { found: 'no-program', directory: '/data' };
    expect(told(await check(store, { store: found, exchange: LAB }))[0]).toMatch(/^look store/);
  });

  it('whose address is wrong is told with who named it', async () => {
    const down = health([], { up: false, says: 'redis at r1:6379 does not answer: connect ECONNREFUSED' });
    const [line] = told(await check(store, { store: down, env: { REDIS_URL: 'redis://r1' } }));
    expect(line).toMatch(/→ Start it, or correct its address: it is named by REDIS_URL\. redis-cli -u/);
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
      /^look PowerShell: no Windows: from here Exchange can’t be reached by Kerberos remoting; 7\.4\.1 Core.* → Run the daemon on Windows, or .* by ssh: exchange\.executable/,
    ],
    [
      'on Linux, for a lab',
      { windows: false },
      { exchange: { kind: 'lab', url: 'http://l', through: 'powershell' } },
      /^ok PowerShell/,
    ],
    [
      'of an old age',
      { version: '4.0' },
      {},
      /^bad PowerShell: older than 5\.1; 4\.0.* → Install Windows Management Framework 5\.1/,
    ],
    ['of the next age', { version: '10.0' }, {}, /^ok PowerShell/],
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
      /→ Install PowerShell, or say in exchange\.executable/,
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
    ['all is there', {}, /^ok endpoint ex1\.contoso\.com: a session opened in 400 ms; every command is there$/],
    [
      'a look is missing',
      { endpoint: missing(['Get-ServerHealth'], []) },
      /^bad endpoint ex1\.contoso\.com: CONTOSO\\svc-responder has no right to Get-ServerHealth; .* → Give CONTOSO\\svc-responder its rights.*\n {2}deploy\/jea\/New-SecondResponderRole\.ps1 -Member 'CONTOSO\\svc-responder' -WhatIf$/,
    ],
    ['a change is missing', { endpoint: missing([], act) }, /^bad .* has no right to Set-MailboxServer/],
    [
      'a change is missing, and only looks are wanted',
      { endpoint: missing([], act), safety: { mode: 'observe' } },
      /^ok .*no right to Set-MailboxServer, which are not needed while safety\.mode is observe$/,
    ],
    [
      'a look is missing, and only looks are wanted',
      { endpoint: missing(['Get-PopSettings'], act), safety: { mode: 'observe' } },
      /^bad .* no right to Get-PopSettings; .* -ObserveOnly -WhatIf$/,
    ],
    [
      'a group managed account',
      { endpoint: missing(['Get-PopSettings'], []), shell: { ...SHELL, account: 'CONTOSO\\sr$' } },
      /→ CONTOSO\\sr\$ is no user to Exchange: .*New-SecondResponderAccount\.ps1.* -Member '<that group>' -WhatIf$/,
    ],
  ])('%s', async (_, site, expected) => {
    const [line] = told(await check(endpoints, site));
    expect(line).toMatch(new RegExp(expected.source, 's'));
  });

  it('one alone is worth a look', async () => {
    const lines = told(await check(endpoints, { exchange: { kind: 'powershell', endpoints: ['ex1.contoso.com'] } }));
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/^look endpoints: there is only one: .* → Name a second server in exchange\.endpoints\.$/);
  });

  it('that are one server twice are one', async () => {
    const both = ['ex1.contoso.com', 'http://ex1.contoso.com:81/PowerShell/'];
    const lines = told(await check(endpoints, { exchange: { kind: 'powershell', endpoints: both } }));
    expect(lines.at(-1)).toMatch(/^look endpoints: there is only one/);
  });

  const failures: [string, ExchangeError['code'], string, RegExp][] = [
    [
      'that is down',
      'unreachable',
      'ex1.contoso.com: The WinRM client cannot process the request',
      /^bad endpoint ex1\.contoso\.com: unreachable: The WinRM client cannot process the request → Try it from responder1:\n {2}Test-NetConnection ex1\.contoso\.com -Port 80\nFalse: its name, the network, a firewall, or the server is down\. True: .*IIS/,
    ],
    [
      'named by its address',
      'unreachable',
      'If the authentication scheme is different from Kerberos … TrustedHosts',
      /→ Kerberos needs the server’s own full name, such as ex1\.contoso\.com/,
    ],
    [
      'without a ticket',
      'unreachable',
      'The following error with errorcode 0x80090322 occurred while using Kerberos authentication',
      /→ Kerberos has no ticket for it.*\n {2}klist get HTTP\/ex1\.contoso\.com$/,
    ],
    [
      'from a PowerShell without remoting',
      'unreachable',
      'no supported WSMan client library was found',
      /→ This PowerShell has no remoting to Windows: the line PowerShell says/,
    ],
    [
      'that lets nobody in',
      'accessDenied',
      'Access is denied.',
      /→ Give CONTOSO\\svc-responder its rights.*New-SecondResponderRole\.ps1 -Member 'CONTOSO\\svc-responder' -WhatIf\n.*\n {2}Get-User 'CONTOSO\\svc-responder' \| Format-List RemotePowerShellEnabled$/,
    ],
    [
      'with no session left',
      'sessionLimit',
      'maximum number of connections allowed : 18',
      /→ Exchange gives an account 18 sessions at a time, unless its throttling policy says otherwise, and CONTOSO\\svc-responder has them all\. One that nobody closed ends after 15 minutes\.\n.*exchange\.sessions lower.*\n {2}deploy\/jea\/New-SecondResponderRole\.ps1 -Member 'CONTOSO\\svc-responder' -MaxConcurrency 30 -WhatIf$/,
    ],
    [
      'that refuses the password, in whatever language',
      'accessDenied',
      'Der Benutzername oder das Kennwort ist falsch. [LogonFailure]',
      /→ Windows does not log CONTOSO\\svc-responder on: its password is wrong or expired/,
    ],
    [
      'whose account is locked',
      'accessDenied',
      '(locked, in another language) [1909]',
      /→ Windows does not log CONTOSO\\svc-responder on/,
    ],
    [
      'that was asked too often',
      'sessionLimit',
      'Fail to create runspace because you have exceeded your budget to create runspace. Please wait for 2 seconds.',
      /→ CONTOSO\\svc-responder has asked for more than its throttling policy allows.*Get-ThrottlingPolicyAssociation 'CONTOSO\\svc-responder'$/,
    ],
    [
      'that too many accounts use',
      'sessionLimit',
      '(in another language) [-2144108117]',
      /→ As many accounts use remote sessions on ex1\.contoso\.com as it allows/,
    ],
    [
      'that fails in a way nobody knows',
      'unknown',
      'Das hat niemand je gehört. [-2144100000]',
      /unknown: Das hat niemand je gehört\. \[-2144100000\].*→ These are the server’s own words/,
    ],
    ['that hangs', 'timedOut', 'no answer', /→ .*--time-limit 3m/],
  ];
  it.each(failures)('one %s', async (_, code, says, expected) => {
    const [line] = told(await check(endpoints, { endpoint: new ExchangeError(code, says) }));
    expect(line).toMatch(new RegExp(expected.source, 's'));
  });

  it('tell the port that an address has', async () => {
    const both = ['https://ex1.contoso.com/PowerShell/', 'http://ex2.contoso.com:8008/PowerShell/'];
    const site = { exchange: { kind: 'powershell', endpoints: both }, endpoint: new ExchangeError('unreachable', 'x') };
    const lines = told(await check(endpoints, site));
    expect(lines[0]).toContain('Test-NetConnection ex1.contoso.com -Port 443');
    expect(lines[1]).toContain('Test-NetConnection ex2.contoso.com -Port 8008');
  });

  it('write no name into a command that could be more than a name', async () => {
    const shell = { ...SHELL, account: "CONTOSO\\o'brien; Remove-Item C:\\" };
    const [line] = told(await check(endpoints, { shell, endpoint: missing(['Get-PopSettings'], []) }));
    expect(line).toContain("-Member 'CONTOSO\\o''brien; Remove-Item C:\\' -WhatIf");
  });
});

describe('organisation', () => {
  const cas = { roles: ['client-access' as const], dag: undefined as never };
  it.each([
    [
      'groups, and who is in none',
      [
        facts('mbx1'),
        facts('mbx2'),
        facts('cas1', cas),
        facts('mbx9', { roles: ['mailbox'], dag: undefined as never }),
      ],
      'ok organisation: 4 servers in 2 groups: cas:Tokyo (1), dag1 (2); in none: mbx9',
    ],
    [
      'one server alone',
      [facts('mbx9', { roles: ['mailbox'], dag: undefined as never })],
      'ok organisation: 1 server in no group: mbx9',
    ],
    [
      'nothing',
      [],
      'bad organisation: no server that holds mailboxes or lets clients in → Look with Get-ExchangeServer, as the same account, what it sees.',
    ],
  ])('%s', async (_, all, expected) => {
    expect(told(await check(organisation, { servers: all }))).toEqual([expected]);
  });

  it('of a lab that can’t be built says which words to correct', async () => {
    const site = { exchange: LAB, opened: new Error('The organisation file cannot be used\n  /servers: x') };
    expect(told(await check(organisation, site))).toEqual([
      'bad organisation: The organisation file cannot be used /servers: x → Correct it in the section lab of the configuration, or in the file that it names.',
    ]);
  });
});

describe('servers', () => {
  const one = (site: Site) => check(servers, { servers: [facts('mbx1')], ...site });
  const lacks = (looks: string[], changes: string[]) => ({ openedAfter: 300, missing: { looks, changes } });

  it('all is well', async () => {
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
      /^bad server mbx1: Windows unreachable: no; Get-ServerHealth unreachable: RPC → Try it from responder1:\n {2}Test-NetConnection mbx1\.contoso\.com -Port 5985\nFalse: .*service WinRM\.$/,
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
      new RegExp(`→ Offer CONTOSO.*${JEA}\nOr without`),
    ],
    [
      'no right there',
      { target: new ExchangeError('accessDenied', 'Access is denied.') },
      new RegExp(
        `^bad server mbx1: Windows accessDenied: Access is denied; .* → Offer CONTOSO.*${JEA}\nOr without that endpoint: exchange\\.targets: winrm, with CONTOSO\\\\svc-responder as a local administrator of mbx1\\.contoso\\.com\\.$`,
      ),
    ],
    [
      'no right there, by winrm',
      { ...winrm, target: new ExchangeError('accessDenied', 'Access is denied.') },
      new RegExp(
        `→ Make CONTOSO\\\\svc-responder a local administrator of mbx1\\.contoso\\.com; or, with less right, exchange\\.targets: jea and\n.*${JEA}$`,
      ),
    ],
    [
      'no shell left there',
      { target: new ExchangeError('sessionLimit', 'MaxShells') },
      /→ WinRM on mbx1\.contoso\.com gives a user no more shells.*winrm get winrm\/config\/winrs$/,
    ],
    [
      'no health manager',
      { rows: new ExchangeError('unreachable', 'RPC server is unavailable') },
      /^bad server mbx1: Get-ServerHealth unreachable: RPC server is unavailable; Windows by jea.* → .*On mbx1\.contoso\.com:\n {2}Get-Service MSExchangeHM, MSExchangeRPC$/,
    ],
    [
      'an endpoint that only looks',
      { target: lacks([], ['Restart-TargetComputer']) },
      new RegExp(`^bad server mbx1: it does not offer Restart-TargetComputer; .* → .*-ObserveOnly.*${JEA}$`),
    ],
    [
      'an endpoint that only looks, where only looks are wanted',
      { target: lacks([], ['Restart-TargetComputer']), safety: { mode: 'observe' } },
      /^ok .*it offers looks only/,
    ],
    [
      'an endpoint of an older version',
      { target: lacks(['Get-TargetComponent'], []), safety: { mode: 'observe' } },
      /^bad .*does not offer Get-TargetComponent; .* → .*older than this daemon/,
    ],
    [
      'modules of an older version',
      { ...winrm, target: lacks(['Get-TargetComponent'], []) },
      /→ .*exchange\.modules is of the same version/,
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
      'a way that is slower than clocks differ',
      { target: { openedAfter: 1, missing: NONE, clock: { ahead: 40_000, within: 39_000 } } },
      /^ok .*clock 40 s off/,
    ],
    ['no rows', { rows: [] }, /^bad server mbx1: Get-ServerHealth gives no rows; .*Restart-Service MSExchangeHM$/],
    [
      'no right to rows',
      { endpoint: lacks(['Get-ServerHealth'], []) },
      /^ok server mbx1: Windows by jea in 300 ms; .*Get-ServerHealth is not there, as the endpoints’ lines say$/,
    ],
  ])('%s', async (_, site, expected) => {
    const [line] = told(await one(site));
    expect(line).toMatch(new RegExp(expected.source, 's'));
  });

  it('only those that are named are looked at, and one that there is not is red', async () => {
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
      /^bad server mbx1: the newest is said to have been evaluated 9 h from now: times come as local time, and are read as UTC; .* → In the configuration:\n {2}exchange: \{ unspecified-times: local \}$/,
    ],
    [
      'local times read as UTC, in Toronto',
      read('utc', -5 * HOUR, NOW - 20_000 - 5 * HOUR),
      /^bad .*5 h ago: times come as local time/,
    ],
    [
      'UTC read as local time, in Kolkata',
      read('local', 5.5 * HOUR, NOW - 20_000 - 5.5 * HOUR),
      /^bad .*5 h 30 min ago: times come as UTC, and are read as local time; .* → .*unspecified-times: utc \}$/,
    ],
    ['local times read as they are', read('local', 9 * HOUR, NOW - 20_000), /^ok /],
    [
      'a monitor that runs each hour, a while ago',
      read('utc', 0, NOW - 0.9 * HOUR, { recurrenceSeconds: 3_600 }),
      /^ok .*54 min old/,
    ],
    [
      'another time zone than PowerShell’s',
      read('utc', 0, NOW - 20_000 + 9 * HOUR),
      /^bad .*another time zone than that of responder1.* → Give responder1 the time zone of the servers, and set exchange\.unspecified-times: local\.$/,
    ],
    ['times that nothing explains', read('utc', 9 * HOUR, NOW + 20 * 60_000), /^look .*20 min from now/],
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

  it('a row that no clock drives says nothing of clocks', async () => {
    const old = row({ recurrenceSeconds: 0, lastExecution: NOW - 99 * HOUR });
    expect(told(await one({ rows: [old] }))[0]).toMatch(/gives 1 row, none stale$/);
    expect(told(await one({ rows: [old, row({})] }))[0]).toMatch(/; the newest 20 s old$/);
    expect(told(await one({ rows: [{ ...old, lastExecution: NOW + HOUR }, row({})] }))[0]).toMatch(
      /; the newest 20 s old$/,
    );
  });

  it.each([
    [1, 20, /^ok .*gives 20 rows, 1 stale; the newest 20 s old/],
    [3, 20, /^look .*gives 20 rows, 3 stale; .* → Its health manager does not evaluate them/],
    // Their times say nothing of time zones: nobody has evaluated them since.
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
    ['is none of them', all, /^ok this machine: responder1 is no Exchange server$/],
    [
      'is one of them',
      { ...all, hostname: 'MBX1' },
      /^look this machine: MBX1 is an Exchange server itself: the daemon never reboots it and moves no databases off it, .* services on it are restarted → Run the daemon on a machine that is no Exchange server\.$/,
    ],
    [
      'is one of them, and an endpoint',
      { ...all, hostname: 'ex1' },
      /^look this machine: ex1 is an Exchange server itself and an endpoint for sessions: /,
    ],
    [
      'is none, and others are kept too',
      { ...all, safety: { self: ['mbx1'] } },
      /^ok this machine: responder1 is no Exchange server; never rebooted nor drained besides: mbx1$/,
    ],
    [
      'is none, and the only endpoint is kept',
      { ...all, exchange: { kind: 'powershell', endpoints: ['ex1.contoso.com'] } },
      /besides: ex1$/,
    ],
    [
      'lets PowerShell run on one of them',
      { ...all, shell: { ...SHELL, machine: 'EX2' } },
      /^bad this machine: PowerShell runs on ex2, which is an Exchange server that the daemon may reboot under itself; .* → In the configuration:\n {2}safety: \{ self: \[ex2\] \}$/,
    ],
    [
      'lets PowerShell run on one of them that is kept',
      { ...all, shell: { ...SHELL, machine: 'EX2' }, safety: { self: ['ex2'] } },
      /^ok .*besides: ex2$/,
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
    ['anywhere', { address: undefined }, /^ok daemon: takes any free port: not looked for$/],
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
      /^bad daemon: not ready at [^;]*: exchange: exchange says → If the lines above are fine/,
    ],
    [
      'something else',
      { daemon: { answers: 'something', says: 'it answers /readyz with 404' } },
      /^bad daemon: .*404 → .*set http\.port to another one\.$/,
    ],
    [
      'of a certificate that nobody here trusts',
      { daemon: { answers: 'untrusted', says: 'SELF_SIGNED_CERT_IN_CHAIN' } },
      /^look daemon: .*SELF_SIGNED.* → NODE_EXTRA_CA_CERTS/,
    ],
  ])('%s', async (_, site, expected) => {
    expect(told(await check(daemon, site))).toEqual([expect.stringMatching(expected)]);
  });

  it.each<[string, number, string, string]>([
    ['a daemon', 200, '{"ready":true,"parts":[]}', 'daemon'],
    ['a daemon that is not ready', 503, '{"ready":false,"parts":[{"part":"store","ok":false,"says":"x"}]}', 'daemon'],
    ['another program', 404, 'Not found', 'something'],
    ['another program that speaks JSON', 200, '{"ready":true,"parts":[{}]}', 'something'],
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
