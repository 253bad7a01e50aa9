import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { safety } from '../../src/config/sections/safety.ts';
import { filesUnder, read as readFile } from '../rules/tree.ts';
import { hostileValues } from './hostile.ts';
import { type Attempt, type Outcome, session } from './jea/endpoint.ts';
import { type Shell, shell } from './jea/shell.ts';
import { type Given, type Run, type Site, site } from './jea/site.ts';

/**
 * The rights of the daemon. The scripts of deploy/jea run with stand-ins for what Windows, Exchange and the directory do; what they install is then
 * loaded by PowerShell's own JEA, with the real module in it.
 */
const engines = inject('engines');

it.runIf(engines.length === 0)('the rights are not tried where there is no PowerShell', ({ skip }) => skip());

const read = (file: string) => readFileSync(join('deploy', file), 'utf8');
const target = read('powershell/SecondResponder.Target.psm1');
const capability = read('jea/SecondResponder.psrc');
const observing = read('jea/SecondResponder.Observe.psrc');

const code = (text: string) => text.replace(/<#[\s\S]*?#>/g, '').replace(/^\s*#.*$/gm, '');
const namesIn = (text: string, pattern: RegExp) => [...code(text).matchAll(pattern)].map(([, name = '']) => name);
const quoted = (text: string) => namesIn(text, /'([A-Z][a-z]+-[A-Z]\w+)'/g).sort();

const exported = namesIn(target.slice(target.indexOf('Export-ModuleMember')), /(\w+-\w+)/g)
  .filter((name) => name !== 'Export-ModuleMember')
  .sort();
const looks = exported.filter((name) => name.startsWith('Get-'));
const services = safety.parse({}).services;

/** What every JEA session has. */
const GIVEN = [
  'Clear-Host',
  'Exit-PSSession',
  'Get-Command',
  'Get-FormatData',
  'Get-Help',
  'Measure-Object',
  'Out-Default',
  'Select-Object',
];

describe('the lists', () => {
  it('what the module exports is what the role capability shows and the manifest names; to observe, only what looks', () => {
    expect(exported).toHaveLength(8);
    expect(quoted(capability)).toEqual(exported);
    expect(quoted(read('jea/SecondResponder.psd1'))).toEqual(exported);
    expect(quoted(observing)).toEqual(looks);
  });

  it('a function that changes something is shown with all its parameters, and no other', () => {
    for (const name of exported.filter((name) => !looks.includes(name))) {
      const body = target.slice(target.indexOf(`function ${name} {`));
      const has = namesIn(body.slice(0, body.indexOf('$mutex')), /\] \$(\w+),?$/gm);
      const shown = capability.slice(capability.indexOf(`'${name}'`)).split('\n        }\n')[0] ?? '';
      expect([name, namesIn(shown, /\bName +=\s'(\w+)' *\}?$/gm)]).toEqual([name, has]);
    }
  });

  it('the services that may be restarted are those of safety.services: in the role capability, and as the installer has them', () => {
    const list = services.map((name) => `'${name}'`).join(', ');
    expect(capability).toContain(`ValidateSet = ${list}\n`);
    expect(read('jea/Install-SecondResponderEndpoint.ps1')).toContain(`$Services = @(${list}),`);
  });

  it('there are no patterns in them', () => {
    for (const text of [capability, observing, read('jea/SecondResponder.pssc'), read('jea/SecondResponder.psd1')]) {
      expect(code(text)).not.toMatch(/'[^']*[*?[][^']*'/);
      expect(code(text)).not.toContain('ValidatePattern');
    }
  });

  it('the module does not use what JEA has put something narrower in the place of', () => {
    const narrowed = new RegExp(`(?<![\\w\\\\-])(?:${GIVEN.join('|')})(?![\\w-])`, 'i');
    expect(code(target)).not.toMatch(narrowed);
    expect('$x | Select-Object -First 1').toMatch(narrowed);
    expect('$x | Microsoft.PowerShell.Utility\\Select-Object -First 1').not.toMatch(narrowed);
  });

  it('the roles have the cmdlets of Exchange that the daemon calls, and no other', () => {
    const daemon = code(filesUnder('deploy/powershell', '.ps1').map(readFile).join('\n'));
    const script = read('jea/New-SecondResponderRole.ps1');
    const lists = script.slice(script.indexOf('$Looks = @('), script.indexOf('$Common ='));
    const allowed = [...new Set(namesIn(lists, /'((?:Get|Set|Invoke)-\w+)'/g))];
    const called = namesIn(daemon, /Get-FromExchange \$Connection ([A-Z]\w+-\w+)/g);
    const changed = namesIn(daemon, /\b(Set-(?:MailboxServer|ImapSettings|PopSettings)|Get-MailboxServer)\b/g);
    // Get and Set of these are put together there.
    const protocols = namesIn(daemon, /"\$Verb-(\w+)"/g).flatMap((noun) => [`Get-${noun}`, `Set-${noun}`]);
    expect([...new Set([...called, ...changed, ...protocols])].sort()).toEqual(allowed.sort());
  });

  it('the manifest has the version of the daemon', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(read('jea/SecondResponder.psd1')).toContain(`ModuleVersion     = '${version}'`);
  });

  it('what stands in for Windows here has the functions, with the parameters, of what it stands in for', () => {
    const stub = readFileSync('test/powershell/jea/Windows.psm1', 'utf8');
    const signatures = (text: string) => namesIn(text, /^function ([\w-]+ \{(?:\n {4}param\(.*\))?)/gm).sort();
    expect(signatures(stub)).toEqual(signatures(read('jea/SecondResponder.Windows.psm1')));
  });
});

const LOOKS = [
  'Get-ExchangeServer',
  'Get-DatabaseAvailabilityGroup',
  'Get-ServerHealth',
  'Invoke-MonitoringProbe',
  'Get-MailboxDatabaseCopyStatus',
  'Get-MailboxDatabase',
  'Get-MailboxServer',
  'Get-ImapSettings',
  'Get-PopSettings',
  'Get-ServerComponentState',
];

/** Exchange with some of its built-in roles: which holds what is made up, as it differs between versions. */
function organisation(): Organisation {
  const entry = (Name: string, ...Parameters: string[]) => ({
    Name,
    Parameters: [...Parameters, 'Confirm', 'ErrorAction', 'WhatIf'],
  });
  const role = (Name: string, ...Entries: Entry[]) => ({ Name, Parent: '', Entries });
  const protocol = ['DomainController', 'LoginType', 'ProtocolLogEnabled', 'Server', 'X509CertificateName'];
  const switchOver = [
    'Identity',
    'DatabaseCopyActivationDisabledAndMoveNow',
    'DomainController',
    'MaximumActiveDatabases',
  ];
  const others = (count: number) => Array.from({ length: count }, (_, n) => entry(`Set-Something${n}`, 'Identity'));
  return {
    roles: [
      role('View-Only Configuration', ...LOOKS.map((name) => entry(name, 'Identity')), ...others(3)),
      role(
        'Monitoring',
        entry('Get-ServerHealth', 'Identity'),
        entry('Invoke-MonitoringProbe', 'Identity'),
        entry('Remove-ServerMonitoringOverride'),
      ),
      // Fewer entries, and without the parameter that it takes.
      role(
        'Databases',
        entry('Set-MailboxServer', 'Identity', 'MaximumActiveDatabases'),
        entry('Dismount-Database', 'DatabaseCopyActivationDisabledAndMoveNow', 'DomainController'),
      ),
      role('Database Copies', entry('Set-MailboxServer', ...switchOver), ...others(4)),
      role(
        'Organization Client Access',
        entry('Set-ImapSettings', ...protocol),
        entry('Set-PopSettings', ...protocol),
        ...others(9),
      ),
      role('POP3 and IMAP4 Protocols', entry('Set-ImapSettings', ...protocol), entry('Set-PopSettings', ...protocol)),
      role('MyBaseOptions', entry('Get-ServerHealth', 'Identity')),
    ],
    scopes: [],
    assignments: [],
    groups: [{ Name: 'Organization Management', Members: ['Administrator'] }],
    policies: [],
    principals: [
      { Name: 'svc-responder', kind: 'user', remote: false, policy: '' },
      { Name: 'Second Responder Daemon', kind: 'Universal, SecurityEnabled', policy: '' },
      { Name: 'A global group', kind: 'Global, SecurityEnabled', policy: '' },
      { Name: 'SecondResponder$', kind: 'gmsa', policy: '' },
    ],
    servers: ['EX1', 'EX2'],
  };
}

const ACCOUNT = 'CONTOSO\\SecondResponder$';
const fine = { errors: [], warnings: [], whatIf: [] };
const LATE = 4102444800000;

/** What was done to what, without the folders' names. */
const done = (run: Run | undefined) =>
  (run?.rows[0]?.Changes as string[] | undefined)?.map((change) => change.replace(/: .*[\\/]/, ': ')) ?? run;

describe.each(engines)('deploy/jea on $name', (engine) => {
  let at: Site;
  let one: Shell;
  beforeAll(() => {
    one = shell(engine);
  });
  afterEach(() => at.end());
  afterAll(() => one.end());

  describe('the installer', () => {
    it('with -WhatIf says everything and changes nothing; then does it; then finds nothing to do', async () => {
      at = site(one);
      const [rehearsal] = await at.install({ Account: ACCOUNT, WhatIf: true });
      expect([at.calls(), at.files(at.on('EX1'))]).toEqual([[], []]);
      const [made, again] = await at.install({ Account: ACCOUNT }, { Account: ACCOUNT });

      const wanted = [
        'create, writable for administrators only: SecondResponder',
        'write: SecondResponder.psrc',
        'write: SecondResponder.psd1',
        'write: SecondResponder.pssc',
        'write: SecondResponder.Target.psm1',
        'create, for administrators only: SecondResponderTranscripts',
        'add source SecondResponder: Application log',
        'register: endpoint SecondResponder',
      ];
      expect([done(rehearsal), rehearsal?.whatIf.length, rehearsal?.rows[0]?.State]).toEqual([
        wanted,
        wanted.length,
        'would be installed',
      ]);
      expect([done(made), made?.rows[0]?.State, made?.rows[0]?.RestartWinRM, made?.errors]).toEqual([
        wanted,
        'installed',
        'due',
        [],
      ]);
      expect(again).toMatchObject({
        ...fine,
        rows: [{ State: 'unchanged', Changes: [], RestartWinRM: '', Account: ACCOUNT }],
      });

      const calls = at.calls();
      expect(calls.map(({ command }) => command)).toEqual([
        'Set-Acl',
        'Set-Acl',
        'New-EventLog',
        'Register-PSSessionConfiguration',
      ]);
      expect(calls.map(({ parameters: { Sddl } }) => Sddl).slice(0, 2)).toEqual([
        'O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)',
        'O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)',
      ]);
      expect(at.files(at.module())).toEqual([
        'RoleCapabilities/SecondResponder.psrc',
        'SecondResponder.Target.psm1',
        'SecondResponder.psd1',
        'SecondResponder.pssc',
      ]);
      const written = (name: string) => readFileSync(join(at.module(), name), 'utf8');
      expect(written('RoleCapabilities/SecondResponder.psrc')).toBe(capability);
      expect(written('SecondResponder.Target.psm1')).toBe(target);
      expect(written('SecondResponder.pssc')).toContain(`'${ACCOUNT}' = @{ RoleCapabilities = 'SecondResponder' }`);
      expect(written('SecondResponder.pssc')).not.toContain('%');
    });

    it('restarts WinRM only when it is told, and says what is due otherwise', async () => {
      at = site(one);
      const restarts = () => at.calls().filter(({ command }) => command === 'Restart-WinRM').length;
      const [silent] = await at.install({ Account: ACCOUNT });
      expect([silent?.warnings.length, restarts()]).toEqual([1, 0]);
      expect(silent?.warnings[0]).toContain('ends every remote PowerShell session with it');
      const other = { Account: "CONTOSO\\the daemon's", RestartWinRM: true };
      const [rehearsal] = await at.install({ ...other, WhatIf: true });
      expect([rehearsal?.whatIf.at(-1), restarts()]).toEqual([
        expect.stringContaining('restart, which ends every remote'),
        0,
      ]);
      const [told, again] = await at.install(other, other);
      expect([told?.rows[0]?.RestartWinRM, told?.warnings, again?.rows[0]?.RestartWinRM, restarts()]).toEqual([
        'done',
        [],
        '',
        1,
      ]);
      const [remote] = await at.install({ parameters: { Account: ACCOUNT, RestartWinRM: true }, remoteSession: true });
      expect([remote?.errors, restarts()]).toEqual([[expect.stringContaining('WinRM would stay stopped')], 0]);
    });

    it('brings up to date what has changed, and registers anew only what must be', async () => {
      at = site(one);
      await at.install({ Account: ACCOUNT });
      at.calls();
      const Services = ['MSExchangeTransport', 'MSExchangeIMAP4'];
      const [others, another] = await at.install(
        { Account: ACCOUNT, Services },
        { Account: "CONTOSO\\the daemon's", Services },
      );
      expect(done(others)).toEqual(['write: SecondResponder.psrc']);
      expect(others?.rows[0]?.RestartWinRM).toBe('');
      const psrc = readFileSync(join(at.module(), 'RoleCapabilities', 'SecondResponder.psrc'), 'utf8');
      expect(psrc).toContain("ValidateSet = 'MSExchangeTransport', 'MSExchangeIMAP4'\n");
      const again = [
        'write: SecondResponder.pssc',
        'unregister, to register it anew: endpoint SecondResponder',
        'register: endpoint SecondResponder',
      ];
      expect(done(another)).toEqual(again);
      expect(at.calls().map(({ command }) => command)).toEqual([
        'Unregister-PSSessionConfiguration',
        'Register-PSSessionConfiguration',
      ]);

      // A new version, and a file that somebody has changed by hand.
      writeFileSync(join(at.root, 'deploy', 'powershell', 'SecondResponder.Target.psm1'), `${target}# newer\n`);
      writeFileSync(
        join(at.module(), 'RoleCapabilities', 'SecondResponder.psrc'),
        psrc.replace('MSExchangeTransport', 'Spooler'),
      );
      const [newer] = await at.install({ Account: "CONTOSO\\the daemon's", Services });
      expect(done(newer)).toEqual(['write: SecondResponder.psrc', 'write: SecondResponder.Target.psm1']);
    });

    it('to observe, there is no role capability but the one that looks, and back again', async () => {
      at = site(one);
      const runs = await at.install(
        { Account: ACCOUNT },
        { Account: ACCOUNT, ObserveOnly: true },
        { Account: ACCOUNT, ObserveOnly: true },
      );
      expect(runs.map((run) => [run.errors, run.rows[0]?.Services])).toEqual([
        [[], services.join(', ')],
        [[], 'none: it looks only'],
        [[], 'none: it looks only'],
      ]);
      expect(done(runs[2])).toEqual([]);
      expect(at.files(join(at.module(), 'RoleCapabilities'))).toEqual(['SecondResponder.Observe.psrc']);
      expect(readFileSync(join(at.module(), 'SecondResponder.pssc'), 'utf8')).toContain(
        "RoleCapabilities = 'SecondResponder.Observe'",
      );
      await at.install({ Account: ACCOUNT });
      expect(at.files(join(at.module(), 'RoleCapabilities'))).toEqual(['SecondResponder.psrc']);
    });

    const refused: [string, Given, string][] = [
      ['an unelevated process', { parameters: {}, state: { elevated: false } }, 'Run as administrator'],
      ['PowerShell 7', { parameters: {}, state: { windowsPowerShell: false } }, 'Windows PowerShell 5.1'],
      ['an account that is not there', { parameters: { Account: 'CONTOSO\\nobody' } }, 'Write it as DOMAIN\\name'],
      ['everyone', { parameters: { Account: 'Everyone' } }, 'Everyone is everyone.'],
      [
        'all who have an account',
        { parameters: { Account: 'NT AUTHORITY\\Authenticated Users' } },
        'everyone who has an account',
      ],
      ['all users of the domain', { parameters: { Account: 'CONTOSO\\Domain Users' } }, 'all users of the domain'],
      [
        'all computers of the domain',
        { parameters: { Account: 'CONTOSO\\Domain Computers' } },
        'all computers of the domain',
      ],
      [
        'a pattern of services',
        { parameters: { Services: ['MSExchangeIMAP4', 'MSExchange*'] } },
        'Patterns are not taken',
      ],
      [
        'a display name',
        { parameters: { Services: ['Microsoft Exchange IMAP4'] } },
        'Give the name and not the display name',
      ],
      ['a way out of the quotes', { parameters: { Services: ["x'; calc; 'y"] } }, 'This is no name of a service'],
      ['no name at all', { parameters: { Services: ['MSExchangeIMAP4,'] } }, 'This is no name of a service: ""'],
      [
        'a service that the server has not',
        { parameters: { Services: ['MSExchangeIMAP4', 'MSExchangeFoo'] } },
        'has no service MSExchangeFoo',
      ],
      [
        'a server without these services',
        { parameters: {}, state: { services: ['Spooler'] } },
        'Is it an Exchange server?',
      ],
      ['a domain controller', { parameters: {}, state: { productType: 2 } }, '-AllowDomainController'],
      ['a path from nowhere', { parameters: { Transcripts: 'Transcripts' } }, 'must be a whole path'],
    ];
    it('refuses what would be wrong, and says what to do', async () => {
      at = site(one);
      const runs = await at.install(
        ...refused.map(([, given]) => ({ ...given, parameters: { Account: ACCOUNT, ...given.parameters } })),
        { parameters: { Account: ACCOUNT, AllowDomainController: true, WhatIf: true }, state: { productType: 2 } },
        // In 2013 a server has the front end or the back end.
        { parameters: { Account: ACCOUNT, WhatIf: true }, state: { services: ['MSExchangeIMAP4'] } },
      );
      const allowed = runs.splice(refused.length);
      expect(runs.map(({ errors }, n) => [refused[n]?.[0], errors])).toEqual(
        refused.map(([what, , says]) => [what, [expect.stringContaining(says)]]),
      );
      expect(allowed.map(({ errors }) => errors)).toEqual([[], []]);
      expect([at.calls(), at.files(at.on('EX1'))]).toEqual([[], []]);
    });

    it('nobody but administrators can write where it installs; what others could have written is made anew', async () => {
      at = site(one);
      await at.install({ Account: ACCOUNT });
      at.calls();
      const all = ['RoleCapabilities/SecondResponder.psrc', 'SecondResponder.Target.psm1'];
      const users = 'O:BAD:(A;OICI;FA;;;BA)(A;OICI;0x1301bf;;;BU)';
      for (const [path, sddl] of [
        [at.module(), users],
        // Of the file itself, and of somebody who owns it.
        [join(at.module(), 'SecondResponder.Target.psm1'), users],
        [join(at.module(), 'RoleCapabilities'), 'O:S-1-5-21-9-9-9-1001D:(A;OICI;FA;;;BA)'],
        [at.on('EX1', 'ProgramData', 'SecondResponderTranscripts'), 'O:S-1-5-21-9-9-9-1001D:(A;OICI;FA;;;BA)'],
      ] as const) {
        at.grant(path, sddl);
        const [rehearsal] = await at.install({ Account: ACCOUNT, WhatIf: true });
        expect([path, at.calls(), rehearsal?.rows[0]?.State]).toEqual([path, [], 'would be installed']);
        const [mended, again] = await at.install({ Account: ACCOUNT }, { Account: ACCOUNT });
        expect([path, done(mended)]).toEqual([path, done(rehearsal)]);
        expect(done(mended)?.[0 as never]).toMatch(/could write to it/);
        expect(done(again)).toEqual([]);
        expect(at.calls().map(({ command }) => command)).toEqual(['Set-Acl']);
        expect(at.files(at.module())).toEqual(expect.arrayContaining(all));
      }

      writeFileSync(join(at.module(), 'RoleCapabilities', 'mine.psrc'), '@{}');
      const [foreign] = await at.install({ Account: ACCOUNT });
      expect(foreign?.errors).toEqual([expect.stringMatching(/did not put there: .*mine\.psrc\. Look at it/)]);
    });

    it('refuses where others may write above it, or another endpoint has its name', async () => {
      at = site(one);
      at.grant(join(at.module(), '..'), 'O:BAD:(A;OICI;FA;;;BA)(A;OICI;0x1301bf;;;BU)');
      mkdirSync(join(at.module(), '..'), { recursive: true });
      const [above] = await at.install({ Account: ACCOUNT });
      expect(above?.errors).toEqual([expect.stringContaining('can be written to by S-1-5-32-545')]);
      at.end();

      at = site(one);
      mkdirSync(at.on('EX1', 'SessionConfig'), { recursive: true });
      writeFileSync(at.on('EX1', 'SessionConfig', 'SecondResponder_of-somebody-else.pssc'), '@{}');
      const runs = await at.install({ Account: ACCOUNT }, { Uninstall: true });
      for (const { errors } of runs) expect(errors).toEqual([expect.stringContaining('that this script did not make')]);
      expect(at.calls()).toEqual([]);
    });

    it('does the same on other servers, one after another; one that is away stops no other', async () => {
      at = site(one);
      const given = { Account: ACCOUNT, ComputerName: ['ex1', 'gone', 'ex2'] };
      const state = { away: ['gone'] };
      const [rehearsal] = await at.install({ parameters: { ...given, WhatIf: true }, state });
      expect(rehearsal?.rows.map(({ Server, State }) => [Server, State])).toEqual([
        ['ex1', 'would be installed'],
        ['ex2', 'would be installed'],
      ]);
      expect([at.calls(), at.files(at.on('ex1')), rehearsal?.whatIf.length]).toEqual([[], [], 16]);
      const [made, again] = await at.install(
        { parameters: { ...given, RestartWinRM: true }, state },
        { ...given, ComputerName: ['ex1', 'ex2'], Services: ['MSExchangeTransport'], ObserveOnly: true },
      );
      expect(made?.errors.join('\n')).toMatch(
        /gone: Connecting to remote server gone failed\.\n?.*Not done on gone\./s,
      );
      expect(made?.rows.map(({ Server, State, RestartWinRM }) => [Server, State, RestartWinRM])).toEqual([
        ['ex1', 'installed', 'done'],
        ['ex2', 'installed', 'done'],
      ]);
      const restarted = at.calls().filter(({ command }) => command === 'Restart-WinRM');
      // From here, by the service control manager of there: never by the session itself.
      expect(restarted.map(({ server, parameters }) => [server, parameters.ComputerName])).toEqual([
        ['EX1', 'ex1'],
        ['EX1', 'ex2'],
      ]);
      expect(again?.warnings).toHaveLength(2);
      expect(again?.rows.map(({ Services }) => Services)).toEqual(['none: it looks only', 'none: it looks only']);
      expect(at.files(at.module('ex2'))).toContain('RoleCapabilities/SecondResponder.Observe.psrc');
      expect(existsSync(at.module('EX1'))).toBe(false);
    });

    it('takes it all away again, and leaves the transcripts', async () => {
      at = site(one);
      await at.install({ Account: ACCOUNT });
      const transcript = at.on('EX1', 'ProgramData', 'SecondResponderTranscripts', 'one.txt');
      writeFileSync(transcript, 'a record');
      at.calls();
      const [rehearsal] = await at.install({ Uninstall: true, WhatIf: true });
      expect([at.calls(), rehearsal?.rows[0]?.State, existsSync(at.module())]).toEqual([
        [],
        'would be uninstalled',
        true,
      ]);
      const [gone, again] = await at.install({ Uninstall: true }, { Uninstall: true });
      expect([done(gone), gone?.rows[0]?.RestartWinRM]).toEqual([done(rehearsal), 'due']);
      expect(at.calls().map(({ command }) => command)).toEqual([
        'Unregister-PSSessionConfiguration',
        'Remove-EventLog',
      ]);
      expect(again).toMatchObject({ ...fine, rows: [{ State: 'unchanged', Changes: [] }] });
      expect(at.files(at.on('EX1'))).toEqual([transcript.slice(at.on('EX1').length + 1)]);
    });
  });

  // Over remoting each session starts a PowerShell of its own.
  const slow = { timeout: 180_000 };
  const transports = process.platform === 'win32' ? (['local'] as const) : (['local', 'remote'] as const);
  describe.each(transports)('the endpoint, loaded by PowerShell itself (%s)', (how) => {
    const restart = (Name: string, more: object = {}): Attempt => ({
      command: 'Restart-TargetService',
      text: { Name, Caller: 'inc-1 step 1' },
      values: { StartedAt: -1, NotAfter: LATE, ErrorAction: 'Stop', ...more },
    });
    const unknown = 'CommandNotFoundException';
    const notInTheSet = 'ParameterArgumentValidationError,Restart-TargetService';
    const noLanguage = 'ScriptsNotAllowed';

    it('lets in what is listed, and nothing else', slow, async () => {
      at = site(one);
      const stray = join(at.root, 'stray');
      await at.install({ Account: ACCOUNT });
      // What it is tried with, and what is to come of it: rows, or the name of an error.
      const table: [Attempt, RegExp | string][] = [
        [{ command: 'Get-TargetClock', values: { ErrorAction: 'Stop' } }, /^\{"now":\d+\}$/],
        [{ command: 'Get-TargetBoot' }, /"uptimeSeconds":100/],
        [{ command: 'Get-TargetService', text: { Name: 'Spooler' } }, /"name":"Spooler"/],
        [restart('MSExchangeIMAP4'), /^\{"effect":"changed"\}$/],
        [restart('msexchangepop3be'), /^\{"effect":"changed"\}$/],
        // The function's own word: it was reached.
        [
          { command: 'Restart-TargetComputer', text: { Caller: 'x' }, values: { BootedAt: LATE, NotAfter: LATE } },
          'refused',
        ],

        [restart('Spooler'), notInTheSet],
        [restart('MSExchangeTransport'), notInTheSet],
        [restart('MSExchange*'), notInTheSet],
        [restart('MSExchangeIMAP4,Spooler'), notInTheSet],
        [restart('MSExchangeIMAP4 '), notInTheSet],
        [restart('MSExchangeIMAP4', { Force: true }), 'NamedParameterNotFound,Restart-TargetService'],
        [restart('MSExchangeIMAP4', { Services: 'Spooler' }), 'NamedParameterNotFound,Restart-TargetService'],
        [{ command: 'Select-Object', text: { ExpandProperty: 'x' } }, 'NamedParameterNotFound,Select-Object'],

        // What the functions use themselves is there, and not for others; nor by another name of it.
        [{ command: 'Restart-Service', text: { Name: 'Spooler' } }, unknown],
        [{ command: 'WindowsCommands\\Restart-Service', text: { Name: 'Spooler' } }, unknown],
        [{ command: 'Restart-Computer' }, unknown],
        [{ command: 'Microsoft.PowerShell.Management\\Restart-Computer' }, unknown],
        [{ command: 'Stop-Target', text: { Code: 'x', Says: 'x' } }, unknown],
        [{ command: 'SecondResponder\\Write-TargetEvent' }, unknown],
        [{ command: 'Get-CimInstance', text: { ClassName: 'Win32_OperatingSystem' } }, unknown],
        [{ command: 'Get-Content', text: { Path: '/etc/passwd' } }, unknown],
        [{ command: 'Microsoft.PowerShell.Management\\Get-Content', text: { Path: '/etc/passwd' } }, unknown],
        [{ command: 'Set-Content', text: { Path: stray, Value: 'x' } }, unknown],
        [{ command: 'Invoke-Expression', text: { Command: `[IO.File]::WriteAllText("${stray}", "x")` } }, unknown],
        [{ command: 'Invoke-Command', text: { ScriptBlock: '1' } }, unknown],
        [{ command: 'Import-Module', text: { Name: 'Microsoft.PowerShell.Utility' } }, unknown],
        [{ command: 'New-Module' }, unknown],
        [{ command: 'Start-Process', text: { FilePath: 'touch', ArgumentList: stray } }, unknown],
        [{ command: 'Get-Variable' }, unknown],
        [{ command: 'Set-Variable', text: { Name: 'x', Value: 'y' } }, unknown],
        [{ command: 'Set-Alias', text: { Name: 'x', Value: 'y' } }, unknown],
        [{ command: 'Get-Target*' }, unknown],
        [{ command: '*' }, unknown],
        [{ command: 'touch' }, unknown],
        [{ command: '/bin/sh' }, unknown],
        [{ command: './run.ps1' }, unknown],
        [{ command: '' }, /^$/],

        ...[
          'Get-TargetClock',
          'Get-TargetClock | Out-Default',
          'Get-TargetClock; Get-TargetClock',
          '& Get-TargetClock',
          '. Get-TargetClock',
          '& { 1 }',
          '{ 1 }',
          '$x = 1',
          '$PID',
          '$env:PATH',
          '1 + 1',
          '"text"',
          'Get-Target*',
          'Get-TargetService -Name $(1)',
          'Get-TargetService -Name "x$PID"',
          'Get-TargetService -Name (Get-TargetClock)',
          `Get-TargetClock > ${stray}`,
          `[IO.File]::WriteAllText("${stray}", "x")`,
          'Invoke-Expression 1',
          'Get-Content /etc/passwd',
          'function Get-TargetClock { 1 }',
          '$ExecutionContext.SessionState.LanguageMode = "FullLanguage"',
          'Restart-TargetService -Name Spooler -StartedAt -1 -NotAfter 4102444800000 -Caller x',
          'Restart-TargetService @args',
          'using module x',
          'foreach ($one in 1) { $one }',
        ].map((script): [Attempt, string] => [{ script }, noLanguage]),
        [{ command: 'Get-Command' }, [...GIVEN, ...exported].sort().join(' ')],
      ];
      const { roles, answers, changes } = await session(
        engine,
        one,
        at,
        how,
        table.map(([attempt]) => attempt),
      );
      const wrong = table.filter(([attempt, wanted], n) => !isSo(attempt, wanted, answers[n]));
      expect(wrong.map(([attempt]) => [attempt, answers[table.findIndex(([each]) => each === attempt)]])).toEqual([]);
      expect(changes).toEqual(['Restart-Service MSExchangeIMAP4', 'Restart-Service MSExchangePOP3BE']);
      expect(existsSync(stray)).toBe(false);
      if (how === 'local') expect(roles).toEqual([ACCOUNT]);
    });

    it('takes any name for a name, and runs nothing of it', slow, async () => {
      at = site(one);
      await at.install({ Account: ACCOUNT });
      const canary = join(at.root, 'canary');
      const values = hostileValues(canary);
      const attempts = values.flatMap(([, value]): Attempt[] => [
        restart(value),
        { command: 'Get-TargetService', text: { Name: value } },
        { command: value },
        { script: `Restart-TargetService -Name '${value}' -StartedAt -1 -NotAfter ${LATE} -Caller x` },
      ]);
      const { answers, changes } = await session(engine, one, at, how, attempts);
      const came = values.map(([what], n) => [
        what,
        answers.slice(4 * n, 4 * n + 4).map(({ id, rows }) => id.split(',')[0] || rows.length),
      ]);
      for (const [what, [restarted, looked, called, script]] of came as [string, (string | number)[]][]) {
        expect([what, restarted]).toEqual([what, 'ParameterArgumentValidationError']);
        // Nothing: all services. Spaces: a name that there is not.
        expect([what, looked]).toEqual([what, what === 'nothing' ? 4 + 1 : 'notFound']);
        expect([what, called, script]).toEqual([what, what === 'nothing' ? 'RuntimeException' : unknown, noLanguage]);
      }
      expect(changes).toEqual([]);
      expect(existsSync(canary)).toBe(false);
    });

    it('has the services that the installer was given, and to observe none of what changes', slow, async () => {
      at = site(one);
      await at.install({ Account: "CONTOSO\\the daemon's", Services: ['MSExchangeTransport'] });
      const first = await session(engine, one, at, how, [restart('MSExchangeTransport'), restart('MSExchangeIMAP4')]);
      expect(first.answers.map(({ rows, id }) => rows[0] ?? id)).toEqual(['{"effect":"changed"}', notInTheSet]);
      if (how === 'local') expect(first.roles).toEqual(["CONTOSO\\the daemon's"]);

      // Windows PowerShell reads it as what it is by its mark.
      await at.install({ Account: 'CONTOSO\\Überwacher' });
      expect(readFileSync(join(at.module(), 'SecondResponder.pssc')).subarray(0, 3).toString('hex')).toBe('efbbbf');
      const named = await session(engine, one, at, how, [{ command: 'Get-TargetClock' }]);
      expect([named.answers[0]?.id, named.roles]).toEqual(['', how === 'local' ? ['CONTOSO\\Überwacher'] : []]);

      await at.install({ Account: ACCOUNT, ObserveOnly: true });
      const observing = await session(engine, one, at, how, [
        { command: 'Get-Command' },
        { command: 'Get-TargetClock' },
        restart('MSExchangeIMAP4'),
        { command: 'Restart-TargetComputer', text: { Caller: 'x' }, values: { BootedAt: LATE, NotAfter: LATE } },
      ]);
      expect(observing.answers[0]?.rows).toEqual([...GIVEN, ...looks].sort());
      expect(observing.answers.slice(1).map(({ id }) => id)).toEqual(['', unknown, unknown]);
      expect(observing.changes).toEqual(first.changes);
    });
  });

  describe('the roles of Exchange', () => {
    const svc = 'CONTOSO\\svc-responder';
    const rows = (run: Run | undefined) =>
      Object.fromEntries(run?.rows.map(({ What, Done }) => [What, Done]) ?? [['errors', run?.errors]]);
    const commands = () => at.calls().map(({ command }) => command);
    /** What a group's roles let it do: cmdlets, with their parameters where something is changed, and for which servers. */
    const rights = (group: string) => {
      const now = at.exchangeNow() as Organisation;
      return now.assignments
        .filter(({ Group }) => Group === group)
        .flatMap(({ Role, Scope }) =>
          (now.roles.find(({ Name }) => Name === Role)?.Entries ?? []).map(({ Name, Parameters }) =>
            Name.startsWith('Set-') ? `${Name} ${Parameters.join(' ')} ${Scope ?? ''}`.trim() : Name,
          ),
        )
        .sort();
    };
    const acts = (scope = '') =>
      [
        'Set-ImapSettings Confirm DomainController ErrorAction ProtocolLogEnabled Server WhatIf',
        'Set-MailboxServer Confirm DatabaseCopyActivationDisabledAndMoveNow DomainController ErrorAction Identity WhatIf',
        'Set-PopSettings Confirm DomainController ErrorAction ProtocolLogEnabled Server WhatIf',
      ].map((right) => `${right} ${scope}`.trim());

    it('hold what the daemon uses and nothing else; with -WhatIf nothing is called; made once', async () => {
      at = site(one);
      at.exchange(organisation());
      const [rehearsal] = await at.role({ Member: [svc], WhatIf: true });
      expect([at.calls(), at.exchangeNow()]).toEqual([[], organisation()]);
      const [made, again] = await at.role({ Member: [svc] }, { Member: [svc] });
      expect([made?.errors, made?.warnings]).toEqual([[], []]);
      expect(Object.keys(rows(made))).toEqual(Object.keys(rows(rehearsal)));
      expect(rehearsal?.whatIf.length).toBe(Object.values(rows(rehearsal)).join('; ').split('; ').length);

      const asked = ['Get-ServerHealth', 'Invoke-MonitoringProbe'];
      expect(rights('Second Responder')).toEqual([...LOOKS, ...acts()].sort());
      // The parent is the role with the fewest entries that has the cmdlet with these parameters.
      const now = at.exchangeNow() as Organisation;
      const parents = Object.fromEntries(
        now.roles.filter(({ Parent }) => Parent).map(({ Name, Parent }) => [Name, Parent]),
      );
      expect(parents).toEqual({
        'Second Responder look - View-Only Configuration': 'View-Only Configuration',
        'Second Responder look - Monitoring': 'Monitoring',
        'Second Responder act - Database Copies': 'Database Copies',
        'Second Responder act - POP3 and IMAP4 Protocols': 'POP3 and IMAP4 Protocols',
      });
      const monitoring = now.roles.find(({ Name }) => Name === 'Second Responder look - Monitoring');
      expect(monitoring?.Entries.map(({ Name }) => Name).sort()).toEqual(asked);
      expect(now.roles.filter(({ Parent }) => !Parent)).toEqual(organisation().roles);
      expect(now.groups).toContainEqual({ Name: 'Second Responder', Members: ['svc-responder'] });
      expect(now.principals.find(({ Name }) => Name === 'svc-responder')?.remote).toBe(true);

      expect([...new Set(Object.values(rows(again)))]).toEqual(['']);
      expect(made?.said[0]).toContain('Get-ManagementRoleEntry "Second Responder*\\*"');
    });

    it('act for the servers that are named, and for others when others are named', async () => {
      at = site(one);
      at.exchange(organisation());
      const runs = await at.role(
        { Member: [svc], ServerScope: ['ex2.contoso.com', 'ex1'] },
        { Member: [svc], ServerScope: ['EX1', 'EX2'] },
      );
      const [scope] = (at.exchangeNow() as Organisation).scopes;
      expect(scope).toEqual({
        Name: expect.stringMatching(/^Second Responder servers [0-9a-f]{8}$/),
        Servers: ['EX1', 'EX2'],
      });
      expect(rights('Second Responder')).toEqual([...LOOKS, ...acts(scope?.Name)].sort());
      expect([...new Set(Object.values(rows(runs[1])))]).toEqual(['']);

      await at.role({ Member: [svc], ServerScope: ['ex1'] });
      const scopes = (at.exchangeNow() as Organisation).scopes;
      expect(scopes.map(({ Servers }) => Servers)).toEqual([['EX1']]);
      expect(rights('Second Responder')).toEqual([...LOOKS, ...acts(scopes[0]?.Name)].sort());
      await at.role({ Member: [svc] });
      expect([(at.exchangeNow() as Organisation).scopes, rights('Second Responder')]).toEqual([
        [],
        [...LOOKS, ...acts()].sort(),
      ]);
    });

    it('to observe, nothing anywhere changes anything; and who observes does not act any more', async () => {
      at = site(one);
      at.exchange(organisation());
      const [made, again] = await at.role({ Member: [svc], ObserveOnly: true }, { Member: [svc], ObserveOnly: true });
      const changing = (names: string[]) =>
        names.filter((name) => !name.startsWith('Get-') && name !== 'Invoke-MonitoringProbe');
      const now = at.exchangeNow() as Organisation;
      expect([made?.errors, rights('Second Responder (observe)')]).toEqual([[], [...LOOKS].sort()]);
      expect(
        now.roles.filter(({ Parent }) => Parent).flatMap(({ Entries }) => changing(Entries.map(({ Name }) => Name))),
      ).toEqual([]);
      expect([now.groups.map(({ Name }) => Name), [...new Set(Object.values(rows(again)))]]).toEqual([
        ['Organization Management', 'Second Responder (observe)'],
        [''],
      ]);

      await at.role({ Member: [svc] });
      expect(rights('Second Responder')).toEqual([...LOOKS, ...acts()].sort());
      at.calls();
      const [down] = await at.role({ Member: [svc], ObserveOnly: true });
      expect([rows(down)['group Second Responder'], commands()]).toEqual([
        `remove member ${svc}`,
        ['Remove-RoleGroupMember'],
      ]);
    });

    it('are put right where somebody has widened or narrowed them', async () => {
      at = site(one);
      at.exchange(organisation());
      await at.role({ Member: [svc] });
      const now = at.exchangeNow() as Organisation;
      for (const { Name, Entries } of now.roles) {
        if (Name === 'Second Responder look - Monitoring')
          Entries.splice(0, 1, { Name: 'Remove-ServerMonitoringOverride', Parameters: [] });
        if (Name === 'Second Responder act - Database Copies') Entries[0]?.Parameters.push('MaximumActiveDatabases');
      }
      now.assignments.push({
        Name: 'too far',
        Role: 'Second Responder act - Database Copies',
        Group: 'Second Responder',
        Scope: 'elsewhere',
      });
      at.exchange(now);
      at.calls();
      await at.role({ Member: [svc] });
      expect(commands()).toEqual([
        'Remove-ManagementRoleEntry',
        'Add-ManagementRoleEntry',
        'Set-ManagementRoleEntry',
        'Remove-ManagementRoleAssignment',
      ]);
      expect(rights('Second Responder')).toEqual([...LOOKS, ...acts()].sort());
    });

    it('let a user in over remote PowerShell, in so many sessions; a group is left to its owner', async () => {
      at = site(one);
      at.exchange(organisation());
      const [user, again, fewer] = await at.role(
        { Member: [svc], MaxConcurrency: 6 },
        { Member: [svc], MaxConcurrency: 6 },
        { Member: [svc], MaxConcurrency: 4 },
      );
      expect(rows(user)[`user ${svc}`]).toBe(
        'let in over remote PowerShell; bind to the throttling policy "Second Responder"',
      );
      expect([
        rows(user)['throttling policy Second Responder'],
        rows(again)['throttling policy Second Responder'],
      ]).toEqual(['create, with 6 sessions', '']);
      expect(rows(fewer)['throttling policy Second Responder']).toBe('set to 4 sessions');
      const [group] = await at.role({ Member: ['Second Responder Daemon'] });
      expect(group?.warnings).toEqual([
        'The role group "Second Responder" has other members too, which are left there: svc-responder',
        expect.stringContaining('Second Responder Daemon is a group'),
      ]);
      const members = (at.exchangeNow() as Organisation).groups.find(
        ({ Name }) => Name === 'Second Responder',
      )?.Members;
      expect(members).toEqual(['svc-responder', 'Second Responder Daemon']);
    });

    it('go again without a trace, both groups of them', async () => {
      at = site(one);
      at.exchange(organisation());
      await at.role(
        { Member: [svc], ServerScope: ['ex1'], MaxConcurrency: 6 },
        { Member: ['Second Responder Daemon'], ObserveOnly: true },
      );
      const full = at.exchangeNow();
      at.calls();
      const [rehearsal] = await at.role({ Remove: true, WhatIf: true });
      expect([at.calls(), at.exchangeNow(), rehearsal?.errors]).toEqual([[], full, []]);
      const [gone, again] = await at.role({ Remove: true }, { Remove: true });
      expect([rows(gone), gone?.errors, again?.rows]).toEqual([rows(rehearsal), [], []]);
      const before = organisation();
      for (const user of before.principals) if (user.Name === 'svc-responder') user.remote = true;
      expect(at.exchangeNow()).toEqual(before);
    });

    it('are not made by halves: what is wrong is said before anything is changed', async () => {
      at = site(one);
      const poor = organisation();
      for (const { Entries } of poor.roles) {
        for (const entry of Entries)
          entry.Parameters = entry.Parameters.filter((name) => name !== 'DatabaseCopyActivationDisabledAndMoveNow');
        const at = Entries.findIndex(({ Name }) => Name === 'Get-PopSettings');
        if (at >= 0) Entries.splice(at, 1);
      }
      at.exchange(organisation());
      const runs = await at.role(
        { Member: ['CONTOSO\\SecondResponder$'] },
        { Member: [svc, 'nobody'] },
        { Member: ['A global group'] },
        { Member: [svc], ServerScope: ['ex1', 'ex99'] },
        { Member: [svc], ParentRole: { 'Set-ImapSettings': 'Monitoring' } },
      );
      expect(runs.map(({ errors }) => errors)).toEqual([
        [expect.stringContaining('A group managed service account is neither: put it into a universal security group')],
        [expect.stringContaining('no user and no group "nobody"')],
        [expect.stringContaining('is not a universal security group (Global, SecurityEnabled)')],
        [expect.stringContaining('There is no Exchange server "ex99"')],
        [
          expect.stringContaining(
            'No built-in role has: Set-ImapSettings -Server -ProtocolLogEnabled -DomainController',
          ),
        ],
      ]);
      at.exchange(poor);
      const [old] = await at.role({ Member: [svc] });
      expect(old?.errors).toEqual([
        expect.stringMatching(
          /No built-in role has: Get-PopSettings; Set-MailboxServer -Identity -DatabaseCopyActivationDisabledAndMoveNow .*-ParentRole/,
        ),
      ]);
      const [named] = await at.role({
        Member: [svc],
        ObserveOnly: true,
        ParentRole: { 'Get-PopSettings': 'POP3 and IMAP4 Protocols' },
      });
      expect(named?.errors).toHaveLength(1);
      expect(at.calls()).toEqual([]);
    });
  });

  describe('the account', () => {
    const given = { HostName: ['ex1'] };
    const rows = (run: Run | undefined) => Object.fromEntries(run?.rows.map(({ What, Done }) => [What, Done]) ?? []);
    const start = (more: object = {}) => ({
      rootKeys: ['2020-01-01T00:00:00'],
      computers: [{ Name: 'EX1' }, { Name: 'HOST2' }],
      groups: [
        { Name: 'Responder Hosts', Scope: 'Global', SID: 'S-1-5-21-1-2-3-1500', Members: [] },
        { Name: 'Domain Computers', Scope: 'Global', SID: 'S-1-5-21-1-2-3-515', Members: [] },
      ],
      accounts: [],
      unfetchable: false,
      ...more,
    });

    it('is made with its group, for these hosts only, with AES, and installed; with -WhatIf nothing; once', async () => {
      at = site(one);
      at.directory(start());
      const [rehearsal] = await at.account({ ...given, WhatIf: true });
      expect([at.calls(), rehearsal?.errors, rehearsal?.whatIf.length]).toEqual([[], [], 4]);
      const [made, again] = await at.account(given, given);
      expect([made?.errors, made?.warnings]).toEqual([[], []]);
      expect(at.calls().map(({ command, parameters }) => [command, parameters])).toEqual([
        [
          'New-ADGroup',
          {
            Name: 'Second Responder Daemon',
            SamAccountName: 'Second Responder Daemon',
            GroupScope: 'Universal',
            GroupCategory: 'Security',
          },
        ],
        [
          'New-ADServiceAccount',
          {
            Name: 'SecondResponder',
            SamAccountName: 'SecondResponder$',
            DNSHostName: 'secondresponder.contoso.com',
            PrincipalsAllowedToRetrieveManagedPassword: ['CN=EX1,DC=contoso,DC=com'],
            KerberosEncryptionType: ['AES128', 'AES256'],
          },
        ],
        ['Set-ADServiceAccount', { Identity: 'SecondResponder$', KerberosEncryptionType: ['AES128', 'AES256'] }],
        [
          'Add-ADGroupMember',
          {
            Identity: 'CN=Second Responder Daemon,DC=contoso,DC=com',
            Members: ['CN=SecondResponder,DC=contoso,DC=com'],
          },
        ],
        ['Install-ADServiceAccount', { Identity: 'SecondResponder$' }],
      ]);
      expect([...new Set(Object.values(rows(again)))]).toEqual(['']);
      expect(made?.said.join('\n')).toContain("-Account 'CONTOSO\\Second Responder Daemon'");
    });

    it('follows when the hosts change, and is left to another host to install', async () => {
      at = site(one);
      at.directory(start());
      await at.account(given);
      at.calls();
      const [moved] = await at.account({ HostName: ['Responder Hosts'] });
      expect(rows(moved)['account SecondResponder$']).toBe('let only Responder Hosts fetch the password');
      expect(moved?.warnings).toEqual([expect.stringContaining('Now run this on each host of the daemon, elevated')]);
      expect(at.calls().map(({ command }) => command)).toEqual(['Set-ADServiceAccount']);

      const older = { Name: 'SecondResponder', SamAccountName: 'SecondResponder$', Installed: ['EX1'], Types: 'None' };
      at.directory(start({ accounts: [{ ...older, Allowed: ['CN=EX1,DC=contoso,DC=com'] }] }));
      const [mended] = await at.account(given);
      expect(rows(mended)['account SecondResponder$']).toBe('AES for Kerberos, and nothing older');
    });

    it('is not made without a root key, which it never makes; nor for everybody, nor for nobody', async () => {
      at = site(one);
      at.directory(start({ rootKeys: [] }));
      const [none, rehearsal] = await at.account(given, { ...given, WhatIf: true });
      expect([none?.errors, none?.rows]).toEqual([[expect.stringContaining('This script never makes one')], []]);
      expect([rehearsal?.warnings, rehearsal?.whatIf.length]).toEqual([none?.errors, 4]);
      at.directory(start({ rootKeys: ['2099-01-01T00:00:00'] }));
      const [early] = await at.account(given);
      expect(early?.errors).toEqual([expect.stringMatching(/can be used from .*2099/)]);
      at.directory(start());
      const wrong = await at.account(
        { HostName: ['Domain Computers'] },
        { HostName: ['nowhere'] },
        { HostName: ["x' -or Name -like '*"] },
        { ...given, Name: "a' -or '1" },
        { ...given, Name: 'SecondResponder2' },
        { ...given, Group: 'Responder Hosts' },
        { parameters: given, state: { elevated: false } },
      );
      const says = [
        'is everybody',
        'no computer and no group',
        'no computer and no group',
        'Name',
        'Name',
        'is there and not a universal',
      ];
      expect(wrong.slice(0, -1).map(({ errors }) => errors)).toEqual(
        says.map((text) => [expect.stringContaining(text)]),
      );
      expect(wrong.at(-1)?.errors).toEqual([expect.stringContaining('Run as administrator')]);
      expect(at.calls().map(({ command }) => command)).not.toContain('Install-ADServiceAccount');
    });

    it('goes again: from the group, the host and the directory', async () => {
      at = site(one);
      at.directory(start());
      await at.account(given);
      at.calls();
      const [rehearsal] = await at.account({ Remove: true, WhatIf: true });
      expect([at.calls(), rehearsal?.errors]).toEqual([[], []]);
      const [gone, again] = await at.account({ Remove: true }, { Remove: true });
      expect([gone?.errors, rows(gone), again?.rows]).toEqual([[], rows(rehearsal), []]);
      expect(at.calls().map(({ command }) => command)).toEqual([
        'Remove-ADGroupMember',
        'Remove-ADGroup',
        'Uninstall-ADServiceAccount',
        'Remove-ADServiceAccount',
      ]);
    });
  });
});

interface Entry {
  Name: string;
  Parameters: string[];
}

interface Organisation {
  roles: { Name: string; Parent: string; Entries: Entry[] }[];
  scopes: { Name: string; Servers: string[] }[];
  assignments: { Name: string; Role: string; Group: string; Scope?: string }[];
  groups: { Name: string; Members: string[] }[];
  policies: unknown[];
  principals: { Name: string; kind: string; remote?: boolean; policy: string }[];
  servers: string[];
}

/** Whether that came of it: rows of this form (which may be none), or this error. */
function isSo(attempt: Attempt, wanted: RegExp | string, answer: Outcome | undefined): boolean {
  if (!answer) return false;
  if (wanted instanceof RegExp) return wanted.test(answer.rows.join(' ')) && (answer.id === '' || wanted.test(''));
  if ('command' in attempt && attempt.command === 'Get-Command') return answer.rows.join(' ') === wanted;
  return answer.id === wanted && answer.rows.length === 0;
}
