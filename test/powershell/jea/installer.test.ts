/** The installer of the JEA endpoint, with replacements for Windows. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { ACCOUNT, capability, done, services, target } from './delivered.ts';
import { type Shell, shell } from './shell.ts';
import { type Given, type Site, site } from './site.ts';

const engines = inject('engines');

const fine = { errors: [], warnings: [], whatIf: [] };

it.runIf(engines.length === 0)('the installer is not tested without PowerShell', ({ skip }) => skip());

describe.each(engines)('deploy/jea on $name', (engine) => {
  let at: Site;
  let one: Shell;
  beforeAll(() => {
    one = shell(engine);
  });
  afterEach(() => at.end());
  afterAll(() => one.end());

  describe('the installer', () => {
    it('prints all changes with -WhatIf, then makes them, then finds nothing to do', async () => {
      at = site(one);
      const [rehearsal] = await at.install({ Account: ACCOUNT, WhatIf: true });
      expect([at.calls(), at.files(at.on('EX1'))]).toEqual([[], []]);
      const [made, again] = await at.install({ Account: ACCOUNT }, { Account: ACCOUNT });

      const wanted = [
        'create, writable by administrators only: SecondResponder',
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

    it('restarts WinRM only if requested, and otherwise reports that it is due', async () => {
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

    it('updates what has changed, and registers the endpoint again only if necessary', async () => {
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
        'unregister, to register it again: endpoint SecondResponder',
        'register: endpoint SecondResponder',
      ];
      expect(done(another)).toEqual(again);
      expect(at.calls().map(({ command }) => command)).toEqual([
        'Unregister-PSSessionConfiguration',
        'Register-PSSessionConfiguration',
      ]);

      // A new version, and a file that was changed by hand.
      writeFileSync(join(at.root, 'deploy', 'powershell', 'SecondResponder.Target.psm1'), `${target}# newer\n`);
      writeFileSync(
        join(at.module(), 'RoleCapabilities', 'SecondResponder.psrc'),
        psrc.replace('MSExchangeTransport', 'Spooler'),
      );
      const [newer] = await at.install({ Account: "CONTOSO\\the daemon's", Services });
      expect(done(newer)).toEqual(['write: SecondResponder.psrc', 'write: SecondResponder.Target.psm1']);
    });

    it('switches between the role capabilities with and without -ObserveOnly', async () => {
      at = site(one);
      const runs = await at.install(
        { Account: ACCOUNT },
        { Account: ACCOUNT, ObserveOnly: true },
        { Account: ACCOUNT, ObserveOnly: true },
      );
      expect(runs.map((run) => [run.errors, run.rows[0]?.Services])).toEqual([
        [[], services.join(', ')],
        [[], 'none: observe only'],
        [[], 'none: observe only'],
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
      ['an account that does not exist', { parameters: { Account: 'CONTOSO\\nobody' } }, 'Write it as DOMAIN\\name'],
      ['everyone', { parameters: { Account: 'Everyone' } }, 'Everyone is everyone.'],
      [
        'everyone with an account',
        { parameters: { Account: 'NT AUTHORITY\\Authenticated Users' } },
        'everyone with an account',
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
        'Patterns are not allowed',
      ],
      [
        'a display name',
        { parameters: { Services: ['Microsoft Exchange IMAP4'] } },
        'Give the name, not the display name',
      ],
      ['an escape from the quotes', { parameters: { Services: ["x'; calc; 'y"] } }, 'is not a service name'],
      ['an empty name', { parameters: { Services: ['MSExchangeIMAP4,'] } }, '"" is not a service name'],
      [
        'a service that the server does not have',
        { parameters: { Services: ['MSExchangeIMAP4', 'MSExchangeFoo'] } },
        'has no service MSExchangeFoo',
      ],
      [
        'a server without these services',
        { parameters: {}, state: { services: ['Spooler'] } },
        'Is it an Exchange server?',
      ],
      ['a script with its folder', { parameters: { Scripts: ['..\\clear-cache.ps1'] } }, 'is not the name of a script'],
      ['a pattern of scripts', { parameters: { Scripts: ['*.ps1'] } }, 'is not the name of a script'],
      ['a domain controller', { parameters: {}, state: { productType: 2 } }, '-AllowDomainController'],
      ['a relative path', { parameters: { Transcripts: 'Transcripts' } }, 'must be an absolute path'],
    ];
    it('refuses invalid parameters and says what to do', async () => {
      at = site(one);
      const runs = await at.install(
        ...refused.map(([, given]) => ({ ...given, parameters: { Account: ACCOUNT, ...given.parameters } })),
        { parameters: { Account: ACCOUNT, AllowDomainController: true, WhatIf: true }, state: { productType: 2 } },
        // In Exchange 2013, a server has the front end or the back end.
        { parameters: { Account: ACCOUNT, WhatIf: true }, state: { services: ['MSExchangeIMAP4'] } },
      );
      const allowed = runs.splice(refused.length);
      expect(runs.map(({ errors }, n) => [refused[n]?.[0], errors])).toEqual(
        refused.map(([what, , says]) => [what, [expect.stringContaining(says)]]),
      );
      expect(allowed.map(({ errors }) => errors)).toEqual([[], []]);
      expect([at.calls(), at.files(at.on('EX1'))]).toEqual([[], []]);
    });

    it('only administrators can write to its folders; files that others could have written are replaced', async () => {
      at = site(one);
      await at.install({ Account: ACCOUNT });
      at.calls();
      const all = ['RoleCapabilities/SecondResponder.psrc', 'SecondResponder.Target.psm1'];
      const users = 'O:BAD:(A;OICI;FA;;;BA)(A;OICI;0x1301bf;;;BU)';
      for (const [path, sddl] of [
        [at.module(), users],
        // Rights on the file itself, and another owner.
        [join(at.module(), 'SecondResponder.Target.psm1'), users],
        [join(at.module(), 'RoleCapabilities'), 'O:S-1-5-21-9-9-9-1001D:(A;OICI;FA;;;BA)'],
        [at.on('EX1', 'ProgramData', 'SecondResponderTranscripts'), 'O:S-1-5-21-9-9-9-1001D:(A;OICI;FA;;;BA)'],
      ] as const) {
        at.grant(path, sddl);
        const [rehearsal] = await at.install({ Account: ACCOUNT, WhatIf: true });
        expect([path, at.calls(), rehearsal?.rows[0]?.State]).toEqual([path, [], 'would be installed']);
        const [fixed, again] = await at.install({ Account: ACCOUNT }, { Account: ACCOUNT });
        expect([path, done(fixed)]).toEqual([path, done(rehearsal)]);
        expect(done(fixed)?.[0 as never]).toMatch(/could write to it/);
        expect(done(again)).toEqual([]);
        expect(at.calls().map(({ command }) => command)).toEqual(['Set-Acl']);
        expect(at.files(at.module())).toEqual(expect.arrayContaining(all));
      }

      writeFileSync(join(at.module(), 'RoleCapabilities', 'mine.psrc'), '@{}');
      const [foreign] = await at.install({ Account: ACCOUNT });
      expect(foreign?.errors).toEqual([
        expect.stringMatching(/did not create these files: .*mine\.psrc\. Check and delete them/),
      ]);
    });

    it('refuses if others can write to the parent folder, or another endpoint has its name', async () => {
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
      for (const { errors } of runs)
        expect(errors).toEqual([expect.stringContaining('that this script did not create')]);
      expect(at.calls()).toEqual([]);
    });

    it('installs on other servers one after another, and continues if one is down', async () => {
      at = site(one);
      const given = { Account: ACCOUNT, ComputerName: ['ex1', 'gone', 'ex2'] };
      const state = { down: ['gone'] };
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
      expect(made?.errors.join('\n')).toMatch(/gone: Connecting to remote server gone failed\.\n?.*Failed on gone\./s);
      expect(made?.rows.map(({ Server, State, RestartWinRM }) => [Server, State, RestartWinRM])).toEqual([
        ['ex1', 'installed', 'done'],
        ['ex2', 'installed', 'done'],
      ]);
      const restarted = at.calls().filter(({ command }) => command === 'Restart-WinRM');
      // From this machine, with the server's service control manager, never in the session itself.
      expect(restarted.map(({ server, parameters }) => [server, parameters.ComputerName])).toEqual([
        ['EX1', 'ex1'],
        ['EX1', 'ex2'],
      ]);
      expect(again?.warnings).toHaveLength(2);
      expect(again?.rows.map(({ Services }) => Services)).toEqual(['none: observe only', 'none: observe only']);
      expect(at.files(at.module('ex2'))).toContain('RoleCapabilities/SecondResponder.Observe.psrc');
      expect(existsSync(at.module('EX1'))).toBe(false);
    });

    it('uninstalls everything and keeps the transcripts', async () => {
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
      const [removed, again] = await at.install({ Uninstall: true }, { Uninstall: true });
      expect([done(removed), removed?.rows[0]?.RestartWinRM]).toEqual([done(rehearsal), 'due']);
      expect(at.calls().map(({ command }) => command)).toEqual([
        'Unregister-PSSessionConfiguration',
        'Remove-EventLog',
      ]);
      expect(again).toMatchObject({ ...fine, rows: [{ State: 'unchanged', Changes: [] }] });
      expect(at.files(at.on('EX1'))).toEqual([transcript.slice(at.on('EX1').length + 1)]);
    });
  });
});
