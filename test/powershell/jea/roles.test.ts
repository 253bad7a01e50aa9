/** The account's roles in Exchange, with replacements for Exchange's commands. */
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Shell, shell } from './shell.ts';
import { type Run, type Site, site } from './site.ts';

const engines = inject('engines');

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

/** Exchange with some of its built-in roles; their entries are invented, because they differ between versions. */
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
      // Fewer entries, but without the required parameter.
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

it.runIf(engines.length === 0)('the roles are not tested without PowerShell', ({ skip }) => skip());

describe.each(engines)('deploy/jea on $name', (engine) => {
  let at: Site;
  let one: Shell;
  beforeAll(() => {
    one = shell(engine);
  });
  afterEach(() => at.end());
  afterAll(() => one.end());

  describe('the roles of Exchange', () => {
    const svc = 'CONTOSO\\svc-responder';
    const rows = (run: Run | undefined) =>
      Object.fromEntries(run?.rows.map(({ What, Done }) => [What, Done]) ?? [['errors', run?.errors]]);
    const commands = () => at.calls().map(({ command }) => command);
    /** The cmdlets that a group's roles allow; those that change something with parameters and scope. */
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

    it('are created once with only the cmdlets that the daemon uses; -WhatIf changes nothing', async () => {
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

    it('are limited to the named servers, and follow when the names change', async () => {
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

    it('with -ObserveOnly allow no change, and members leave the acting group', async () => {
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

    it('are corrected if someone has changed their entries', async () => {
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

    it('allow a user remote PowerShell with a number of sessions, and leave groups to their owners', async () => {
      at = site(one);
      at.exchange(organisation());
      const [user, again, fewer] = await at.role(
        { Member: [svc], MaxConcurrency: 6 },
        { Member: [svc], MaxConcurrency: 6 },
        { Member: [svc], MaxConcurrency: 4 },
      );
      expect(rows(user)[`user ${svc}`]).toBe(
        'allow remote PowerShell; bind to the throttling policy "Second Responder"',
      );
      expect([
        rows(user)['throttling policy Second Responder'],
        rows(again)['throttling policy Second Responder'],
      ]).toEqual(['create, with 6 sessions', '']);
      expect(rows(fewer)['throttling policy Second Responder']).toBe('set to 4 sessions');
      const [group] = await at.role({ Member: ['Second Responder Daemon'] });
      expect(group?.warnings).toEqual([
        'The role group "Second Responder" has other members, which are kept: svc-responder',
        expect.stringContaining('Second Responder Daemon is a group'),
      ]);
      const members = (at.exchangeNow() as Organisation).groups.find(
        ({ Name }) => Name === 'Second Responder',
      )?.Members;
      expect(members).toEqual(['svc-responder', 'Second Responder Daemon']);
    });

    it('are removed without a trace, with both groups', async () => {
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
      const [removed, again] = await at.role({ Remove: true }, { Remove: true });
      expect([rows(removed), removed?.errors, again?.rows]).toEqual([rows(rehearsal), [], []]);
      const before = organisation();
      for (const user of before.principals) if (user.Name === 'svc-responder') user.remote = true;
      expect(at.exchangeNow()).toEqual(before);
    });

    it('are not created partially: problems are reported before the first change', async () => {
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
        [expect.stringContaining('A group managed service account is neither: add it to a universal security group')],
        [expect.stringContaining('no user or group "nobody"')],
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
