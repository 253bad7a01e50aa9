/** The account in the directory, with replacements for the directory's commands. */
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Shell, shell } from './shell.ts';
import { type Run, type Site, site } from './site.ts';

const engines = inject('engines');

it.runIf(engines.length === 0)('the account is not tested without PowerShell', ({ skip }) => skip());

describe.each(engines)('deploy/jea on $name', (engine) => {
  let at: Site;
  let one: Shell;
  beforeAll(() => {
    one = shell(engine);
  });
  afterEach(() => at.end());
  afterAll(() => one.end());

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

    it('is created once with its group, for these hosts only and with AES, and installed; -WhatIf changes nothing', async () => {
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

    it('is updated when the hosts change, and another host installs it', async () => {
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
      const [fixed] = await at.account(given);
      expect(rows(fixed)['account SecondResponder$']).toBe('use only AES for Kerberos');
    });

    it('is not created without a root key, for all computers, or with an invalid host, name or group', async () => {
      at = site(one);
      at.directory(start({ rootKeys: [] }));
      const [none, rehearsal] = await at.account(given, { ...given, WhatIf: true });
      expect([none?.errors, none?.rows]).toEqual([[expect.stringContaining('This script never creates one')], []]);
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
        'includes all computers',
        'no computer or group',
        'no computer or group',
        'Name',
        'Name',
        'exists but is not a universal',
      ];
      expect(wrong.slice(0, -1).map(({ errors }) => errors)).toEqual(
        says.map((text) => [expect.stringContaining(text)]),
      );
      expect(wrong.at(-1)?.errors).toEqual([expect.stringContaining('Run as administrator')]);
      expect(at.calls().map(({ command }) => command)).not.toContain('Install-ADServiceAccount');
    });

    it('is removed from the group, the host and the directory', async () => {
      at = site(one);
      at.directory(start());
      await at.account(given);
      at.calls();
      const [rehearsal] = await at.account({ Remove: true, WhatIf: true });
      expect([at.calls(), rehearsal?.errors]).toEqual([[], []]);
      const [removed, again] = await at.account({ Remove: true }, { Remove: true });
      expect([removed?.errors, rows(removed), again?.rows]).toEqual([[], rows(rehearsal), []]);
      expect(at.calls().map(({ command }) => command)).toEqual([
        'Remove-ADGroupMember',
        'Remove-ADGroup',
        'Uninstall-ADServiceAccount',
        'Remove-ADServiceAccount',
      ]);
    });
  });
});
