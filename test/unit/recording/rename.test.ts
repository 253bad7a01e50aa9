/** A recording with other names: nothing of the organisation's own is left, and nothing of Exchange's own is touched. */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { z } from 'zod';
import { createLab } from '../../../src/lab/lab.ts';
import { parseRecording, readRecording } from '../../../src/recording/file.ts';
import { type Recording, recordingSchema } from '../../../src/recording/recording.ts';
import { rename } from '../../../src/recording/rename.ts';
import { replaceNames, textsOf, UNCHANGED } from '../../../src/recording/texts.ts';

const AT = Date.UTC(2026, 10, 18, 5);
const answer = <T>(value: T, warnings: string[] = []) => ({ at: AT, ms: 1, value, warnings });

interface Site {
  servers: string[];
  sites: string[];
  dag: string;
  databases: string[];
  domain: string;
  witness: string;
}

const CONTOSO: Site = {
  servers: ['MBX1', 'mbx10', 'ex'],
  sites: ['Tokyo', '大阪'],
  dag: 'DAG-JP',
  databases: ['DB01', 'Mailbox Database 0612345678', '営業DB'],
  domain: 'contoso.co.jp',
  witness: 'fs01',
};

/** An organisation with these texts: each occurs in every place of free text. */
function saying(texts: readonly string[], site: Site = CONTOSO): Recording {
  const { servers, sites, dag, databases, domain, witness } = site;
  const siteOf = (index: number) => sites[index % sites.length]!;
  const copiesOn = (server: string) =>
    databases.map((database) => ({
      database,
      server,
      status: 'Mounted',
      copies: servers.length,
      copyQueueLength: 0,
      replayQueueLength: 0,
      activationSuspended: false,
      lagged: false,
      error: texts.join(' '),
    }));
  const row = (healthSet: string, name: string, targetResource: string) => ({
    ...{ healthSet, name, targetResource, alertValue: 'Healthy' as const, component: 'ImapProxy' },
    ...{ recurrenceSeconds: 60, timeoutSeconds: 30, isStale: false },
  });
  const monitor = { healthSet: 'IMAP.Protocol', name: 'ImapSelfTestMonitor', targetResource: 'MSExchangeImap4BE' };
  const run = { resultType: 'Failed' as const, startedAt: AT, endedAt: AT };
  return {
    format: 'second-responder recording',
    version: 1,
    recordedAt: AT,
    recordedBy: 'second-responder 0.0.0',
    renamed: false,
    organisation: answer({
      id: '7d3f0b52-6a1e-4c0b-9a35-5d1f0c6e2b41',
      servers: servers.map((server, index) => ({
        ...{ server, fqdn: `${server}.${domain}`, roles: ['mailbox' as const], version: '15.1', site: siteOf(index) },
        ...(index > 0 ? { dag, group: dag } : { group: `cas:${siteOf(index)}` }),
        organisation: '7d3f0b52-6a1e-4c0b-9a35-5d1f0c6e2b41',
      })),
    }),
    servers: servers.map((server) => ({
      server,
      serverHealth: answer(
        [
          row('IMAP', 'ImapCTPMonitor', 'MSExchangeImap4'),
          row('IMAP.Protocol', 'ImapSelfTestMonitor', 'MSExchangeImap4BE'),
          row('Exchange.Mail', 'MailFlowMonitor', ''),
          ...databases.map((database) => row('MailboxSpace', 'DatabaseSizeMonitor', database.toUpperCase())),
        ],
        [...texts],
      ),
      services: { at: AT, ms: 1, failure: { code: 'refused' as const, says: texts.join('\r\n') } },
      mailboxServer: answer({ server, activationBlocked: false, autoActivationPolicy: 'Unrestricted' as const }),
      copiesOn: answer(copiesOn(server)),
      protocolLog: {
        imap: answer({ enabled: true, location: `\\\\${server}\\${databases[0]}$\\Logging\\Imap4` }),
        pop: answer({ enabled: true, location: 'C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Logging\\Pop3' }),
      },
      recoveryActions: answer([
        {
          action: 'ForceReboot',
          resource: `${server}.${domain}`,
          requester: 'ImapSelfTestForceReboot',
          state: 'finished' as const,
          startedAt: AT,
        },
      ]),
      activity: answer([{ kind: 'seeding' as const, says: texts.join('; ') }]),
      probes: [
        {
          identity: 'IMAP.Protocol\\ImapSelfTestProbe',
          monitor,
          answer: answer({ ...run, error: texts.join(' | '), exception: texts.join('\n   at ') }),
        },
      ],
    })),
    groups: [
      {
        group: dag,
        availabilityGroup: answer({
          name: dag,
          members: servers
            .slice(1)
            .map((server, index) => ({ server, site: siteOf(index + 1), up: true, suspended: false })),
          witness: { server: `${witness}.${domain}`, up: true },
        }),
      },
    ],
    databases: databases.map((database) => ({
      database,
      copiesOf: answer(servers.flatMap(copiesOn).filter((copy) => copy.database === database)),
    })),
  };
}

/** What one text becomes. */
function cleaned(text: string, site: Site = CONTOSO): string {
  return rename(saying([text], site)).recording.servers[0]!.serverHealth!.warnings![0]!;
}

describe('in free text', () => {
  test.each([
    ['servers, in any case', 'mbx1 and MBX10; EX.', 'srv1 and srv2; srv3.'],
    ['no part of a word', 'Exchange expected mbx100 and amex', 'Exchange expected mbx100 and amex'],
    [
      'names next to punctuation',
      '(mbx1) mbx1_20261118.log \\\\MBX1\\share$',
      '(srv1) srv1_20261118.log \\\\srv1\\share$',
    ],
    ['names in a script without spaces', 'サーバーMBX1の営業DBが', 'サーバーsrv1のdb3が'],
    ['databases with spaces, also across a line break', 'Mailbox  Database\r\n0612345678 is', 'db2 is'],
    ['a database with its server', 'DB01\\MBX1', 'db1\\srv1'],
    ['a database with spaces with its server', 'Mailbox Database 0612345678\\MBX1', 'db2\\srv1'],
    ['sites, groups, witnesses', 'tokyo 大阪 dag-jp FS01', 'site1 site2 dag1 host1'],
    ['full names', 'mbx1.contoso.co.jp:993, FS01.CONTOSO.CO.JP', 'srv1.example.com:993, host1.example.com'],
    ['unknown hosts in a known domain', 'dc7.contoso.co.jp', 'host2.example.com'],
    ['a share of an unknown host', 'on \\\\nas9\\backup now', 'on \\\\host2\\backup now'],
    ['the domain and its short name', 'contoso.co.jp, Contoso', 'example.com, org1'],
    ['addresses of people', 'to taro.yamada@contoso.co.jp', 'to user1@example.com'],
    [
      'addresses in other domains, and those domains elsewhere',
      'a@fabrikam.com and b@fabrikam.com by mx.fabrikam.com',
      'user1@example2.com and user2@example2.com by host2.example2.com',
    ],
    [
      'monitoring mailboxes',
      'HealthMailbox3c6dcf5e3b5a4a0e8b0f4e1b9c7c3b0e@contoso.co.jp HealthMailbox3c6dcf5e3b5a4a0e8b0f4e1b9c7c3b0e',
      'HealthMailbox1@example.com HealthMailbox1',
    ],
    [
      'accounts',
      'CONTOSO\\taro and FABRIKAM\\svc-x$ and again contoso\\TARO',
      'account1 and account2 and again account1',
    ],
    ['an account of a server', 'MBX1\\Administrator', 'account1'],
    ["accounts of Windows' own", 'NT AUTHORITY\\SYSTEM, BUILTIN\\Users', 'NT AUTHORITY\\SYSTEM, BUILTIN\\Users'],
    [
      "Exchange's probes",
      'IMAP\\ImapCTPProbe IMAP.Protocol\\ImapSelfTestProbe',
      'IMAP\\ImapCTPProbe IMAP.Protocol\\ImapSelfTestProbe',
    ],
    ['IPv4', '10.20.1.11:1993 from 10.20.1.11, not 10.20.1.110', 'ip1:1993 from ip1, not ip2'],
    ['IPv6', '[fe80::1c2d:3e4f%12]:25 2001:db8:0:1::5: refused', '[ip1]:25 ip2: refused'],
    [
      'values that are the same everywhere',
      '127.0.0.1:993 [::1]:143 at 10:11:12',
      '127.0.0.1:993 [::1]:143 at 10:11:12',
    ],
    ['identifiers', '{3F2504E0-4F89-11D3-9A0C-0305E82C3301} 3f2504e0-4f89-11d3-9a0c-0305e82c3301', '{guid1} guid1'],
    ['SIDs', 'S-1-5-21-1004336348-1177238915-682003330-512.', 'sid1.'],
    ['names in the directory', 'CN=Yamada Taro,OU=Sales,DC=contoso,DC=co,DC=jp', 'dn1'],
    [
      'old names in the directory',
      '"/o=Contoso/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=taro"',
      '"dn1"',
    ],
    [
      'paths',
      'C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Logging\\Imap4',
      'C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Logging\\Imap4',
    ],
    [
      'stacks',
      'at Microsoft.Exchange.Monitoring.Imap.DoWork() System::String',
      'at Microsoft.Exchange.Monitoring.Imap.DoWork() System::String',
    ],
  ])('%s', (_, text, becomes) => {
    expect(cleaned(text)).toBe(becomes);
  });

  it('a server named like something of Exchange does not change Exchange’s names', () => {
    const site = { ...CONTOSO, servers: ['imap', 'mail', 'exchange'], databases: ['pop'] };
    expect(
      cleaned('imap: IMAP.Protocol failed, MSExchangeIMAP4BE; the mail of Microsoft Exchange on exchange', site),
    ).toBe('srv1: IMAP.Protocol failed, MSExchangeIMAP4BE; the srv2 of Microsoft Exchange on srv3');
    const { recording } = rename(saying(['imap'], site));
    const rows = recording.servers[0]!.serverHealth!.value!.map((row) => [row.healthSet, row.name, row.targetResource]);
    expect(rows).toEqual([
      ['IMAP', 'ImapCTPMonitor', 'MSExchangeImap4'],
      ['IMAP.Protocol', 'ImapSelfTestMonitor', 'MSExchangeImap4BE'],
      ['Exchange.Mail', 'MailFlowMonitor', ''],
      ['MailboxSpace', 'DatabaseSizeMonitor', 'db1'],
    ]);
    expect(recording.servers[0]!.protocolLog!.pop.value!.location).toBe(
      'C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Logging\\Pop3',
    );
  });

  it('a neutral name never equals an original one', () => {
    const site = {
      ...CONTOSO,
      servers: ['srv2', 'srv1', 'db1'],
      databases: ['example', 'guid'],
      domain: 'example.com',
    };
    const { names, recording } = rename(saying(['3f2504e0-4f89-11d3-9a0c-0305e82c3301 guid'], site));
    const neutral = names.map((each) => each.neutral);
    for (const { original } of names) expect(neutral).not.toContain(original);
    expect(recording.servers[0]!.serverHealth!.warnings).toEqual([expect.stringMatching(/^guid1 db\d$/)]);
  });
});

describe('the Exchange 2016 organisation of the fixture, renamed', () => {
  const real = readRecording('test/fixtures/recordings/exchange-2016.json');
  const { recording } = rename(real);

  it('contains none of its names and addresses', () => {
    const text = JSON.stringify(z.encode(recordingSchema, recording));
    const own = [
      'TOK-EX01',
      'TOK-EX02',
      'OSA-EX01',
      'FS01',
      'Tokyo-HQ',
      '大阪',
      'JP-DAG01',
      'DB01',
      'DB.03_VIP',
      '営業',
    ];
    const more = ['0612345678', 'fabrikam', 'svc-exmon', '10.20.1.11', 'S-1-5', '3c6dcf5e', '7d3f0b52'];
    expect([...own, ...more].filter((name) => text.toLowerCase().includes(name.toLowerCase()))).toEqual([]);
  });

  it('still describes the problems there', () => {
    expect(recording.servers[0]!.probes![1]!.answer.value).toMatchObject({
      error: 'Connection to ip1:1993 was closed by the server before a response to CAPABILITY was received.',
      exception: expect.stringMatching(
        /^System\.ApplicationException: Connection closed, HealthMailbox1@example\S+ on srv1\r\n/,
      ),
    });
    expect(recording.databases[2]!.copiesOf.value![2]!.error).toBe(
      'The required log file 15021 for db3 is missing on srv1.example.com. If you removed the log file, please replace it. ' +
        'Reseed the copy db3\\srv3.',
    );
    expect(recording.servers[2]!.recoveryActions!.failure!.says).toContain('on srv3, account account1 (sid1)');
    expect(recording.servers[0]!.protocolLog!.imap.value!.location).toBe('D:\\Exchange Logs\\org1\\Imap4');
  });

  it('works as a lab like the original', () => {
    const lab = createLab({ speed: 1, virtual: true, recording });
    expect(lab.faults().filter(({ fault }) => fault === 'unhealthy')).toMatchObject([
      { server: 'srv1', body: { healthSet: 'IMAP.Protocol', cure: 'restart-service:MSExchangeIMAP4BE' } },
    ]);
    expect(lab.organisation().databases.map(({ name, activeOn }) => [name, activeOn])).toEqual([
      ['db1', 'srv1'],
      ['db2', 'srv2'],
      ['db3', 'srv1'],
      ['db4', 'srv2'],
    ]);
  });
});

// ---------------------------------------------------------------------------------------------------------- properties

const NASTY = [
  'mail',
  'imap',
  'exchange',
  'ex',
  'pop',
  'IMAP4',
  'srv1',
  'db2',
  'site1',
  'example',
  'guid1',
  'ip',
  'a',
  '7',
];
const letters = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,8}(-[A-Za-z0-9]{1,4})?$/);
const hostNames = fc.oneof({ weight: 3, arbitrary: letters }, { weight: 1, arbitrary: fc.constantFrom(...NASTY) });
const anyNames = fc.oneof(
  hostNames,
  fc.stringMatching(/^[A-Z]{2}[A-Za-z0-9]{1,4}[ ._][A-Za-z0-9]{2,6}$/),
  fc.constantFrom('営業DB', '東京', '大阪本社', 'データベース１', 'Größe', 'Büro-1'),
);
const different = (names: fc.Arbitrary<string>, most: number) =>
  fc.uniqueArray(names, { minLength: 2, maxLength: most, selector: (name) => name.toLowerCase() });

/** Texts that contain names of the organisation in all the forms of real ones. */
const WRAPPED: ((name: string) => string)[] = [
  (name) => name,
  (name) => name.toUpperCase(),
  (name) => `on ${name}.`,
  (name) => `[${name}]:"${name}"`,
  (name) => `\\\\${name}\\c$\\logs`,
  (name) => `サーバー${name}は`,
  (name) => `${name}_log (${name}), ${name}\\${name}`,
  (name) => `C:\\Data\\${name}\\x.log`,
  (name) => `IMAP.Protocol\\ImapSelfTestProbe\\${name}`,
];
const octet = fc.nat(255);
const ip4 = fc.tuple(fc.integer({ min: 1, max: 126 }), octet, octet, octet).map((parts) => parts.join('.'));
const ip6 = fc.ipV6().filter((text) => text !== '::' && text !== '::1');
const sid = fc.tuple(fc.nat(), fc.nat(), fc.nat()).map(([a, b, c]) => `S-1-5-21-${a}-${b}-${c}-500`);

const organisations = fc
  .record({
    servers: different(hostNames, 4),
    sites: different(anyNames, 3),
    dag: hostNames,
    databases: different(anyNames, 4),
    domain: fc.tuple(letters, fc.constantFrom('com', 'co.jp', 'local', 'corp.example')).map((parts) => parts.join('.')),
    witness: hostNames,
    user: fc.stringMatching(/^[a-z]{3,8}(\.[a-z]{3,8})?$/),
    addresses: fc.record({ ip4, ip6, sid, guid: fc.uuid() }),
    wrappers: fc.infiniteStream(fc.constantFrom(...WRAPPED)),
  })
  .map(({ user, addresses, wrappers, ...site }) => {
    const { servers, sites, dag, databases, domain, witness } = site;
    const names = [...servers, ...sites.slice(0, servers.length), dag, ...databases, witness];
    const netbios = domain.split('.')[0]!;
    const phrases = [
      ...names.map((name) => wrappers.next().value!(name)),
      ...servers.map((server) => `_Mbx:${server}.${domain} failed`),
      `mail to ${user}@${domain}, HealthMailbox${addresses.guid.replaceAll('-', '')}@${domain}`,
      `${netbios.toUpperCase()}\\${user} (${addresses.sid}) from ${addresses.ip4}:143 and [${addresses.ip6}] {${addresses.guid}}`,
    ];
    const secrets = [`${user}@${domain}`, `${netbios}\\${user}`, ...Object.values(addresses), domain, netbios];
    return { site, names: [...names, ...secrets], recording: saying(phrases, site) };
  });

/** Every text of a recording that an organisation can have named itself. Exchange's own words are taken out. */
function ownTexts(recording: Recording): string[] {
  const found: string[] = [];
  const note = (text: string) => {
    found.push(text);
    return text;
  };
  const own = { organisation: note, server: note, fqdn: note, site: note, dag: note, database: note, witness: note };
  replaceNames(recording, {
    ...UNCHANGED,
    ...own,
    group: (name) => note(name.replace(/^cas:/, '')),
    text: (_, words) => note(words),
  });
  const theirs = /IMAP\.Protocol|Exchange\.Mail|Microsoft[. \\]Exchange( Server)?|Exchange Server/gi;
  return found.map((text) => text.replace(theirs, '¤'));
}

/** Independent of the tested code: Latin names have ends, names in other scripts can be anywhere. */
function asWord(name: string): RegExp {
  const literal = name.replace(/[^\p{L}\p{N}\s]/gu, (sign) => `\\u{${sign.codePointAt(0)!.toString(16)}}`);
  const word = '[0-9A-Za-z\\u{c0}-\\u{24f}]';
  const before = /^[0-9A-Za-z]/.test(name) ? `(?<!${word})` : '';
  const after = /[0-9A-Za-z]$/.test(name) ? `(?!${word})` : '';
  return new RegExp(`${before}${literal}${after}`, 'iu');
}

describe('of any organisation', { timeout: 60_000 }, () => {
  it('no name and no address remains as a word', () => {
    fc.assert(
      fc.property(organisations, ({ names, recording }) => {
        const texts = ownTexts(rename(recording).recording);
        const words = names.map(asWord);
        expect(words.filter((word) => !ownTexts(recording).some((text) => word.test(text)))).toEqual([]);
        const left = texts.flatMap((text) =>
          words.filter((word) => word.test(text)).map((word) => [word.source, text]),
        );
        expect(left).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it('the recording can be read again, and is the same each time', () => {
    fc.assert(
      fc.property(organisations, ({ recording }) => {
        const { recording: renamed } = rename(recording);
        const written = JSON.stringify(z.encode(recordingSchema, renamed));
        expect(parseRecording(written, 'x.json')).toEqual(renamed);
        expect(rename(recording).recording).toEqual(renamed);
      }),
      { numRuns: 30 },
    );
  });

  it('the structure is kept: equal names stay equal, different ones different', () => {
    fc.assert(
      fc.property(organisations, ({ recording }) => {
        expect(shapeOf(rename(recording).recording)).toEqual(shapeOf(recording));
      }),
      { numRuns: 50 },
    );
  });

  it('Exchange’s own names are kept', () => {
    fc.assert(
      fc.property(organisations, ({ recording }) => {
        const blank = { organisation: nothing, server: nothing, fqdn: nothing, site: nothing, dag: nothing };
        const rest = { group: nothing, database: nothing, witness: nothing, text: nothing };
        const theirs = (of: Recording) => ({ ...replaceNames(of, { ...blank, ...rest }), renamed: true });
        expect(theirs(rename(recording).recording)).toEqual(theirs(recording));
      }),
      { numRuns: 50 },
    );
  });

  it('free text is found in every place that contains some', () => {
    const kinds = [...textsOf(saying(['x'])).keys()];
    expect(kinds).toHaveLength(8);
  });
});

const nothing = () => '';

/** Each name as the number of its first appearance among those of its kind. */
function shapeOf(recording: Recording): unknown {
  const seen = new Map<string, string[]>();
  const numbered = (kind: string) => (name: string) => {
    const names = seen.get(kind) ?? [];
    seen.set(kind, names);
    if (!names.includes(name.toLowerCase())) names.push(name.toLowerCase());
    return `${kind}${names.indexOf(name.toLowerCase())}`;
  };
  return {
    ...replaceNames(recording, {
      organisation: numbered('organisation'),
      server: numbered('server'),
      fqdn: numbered('fqdn'),
      site: numbered('site'),
      dag: numbered('dag'),
      group: numbered('group'),
      database: numbered('database'),
      witness: numbered('witness'),
      text: nothing,
    }),
    renamed: false,
  };
}
