import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { atOnce, SOURCES } from '../../../src/sources/index.ts';
import { parseTime } from '../../../src/sources/time.ts';
import { NOW, SETTINGS } from '../http/fake.ts';
import { one, parse, source } from './parse.ts';

const RAISED = Date.UTC(2024, 10, 23, 10, 11, 12);

describe('times', () => {
  it.each([
    ['2024-11-23T10:11:12Z', RAISED],
    ['2024-11-23T10:11:12', RAISED],
    ['2024-11-23 10:11:12Z', RAISED],
    ['2024-11-23 10:11:12', RAISED],
    ['2024-11-23t10:11:12z', RAISED],
    ['2024-11-23T19:11:12+09:00', RAISED],
    ['2024-11-23T19:11:12+0900', RAISED],
    ['2024-11-23T05:11:12.0000000-05:00', RAISED],
    ['2024-11-23T10:11:12.3456789Z', RAISED + 345],
    ['2024-11-23T10:11', RAISED - 12_000],
    ['2024-11-23', Date.UTC(2024, 10, 23)],
    [`/Date(${RAISED})/`, RAISED],
    [`/Date(${RAISED}+0900)/`, RAISED],
    [`\\/Date(${RAISED})\\/`, RAISED],
    ['/Date(-1000)/', -1000],
    ['11/23/2024 10:11:12', RAISED],
    ['11/23/2024 10:11:12 AM', RAISED],
    ['11/23/2024 10:11:12 PM', RAISED + 12 * 3_600_000],
    ['11/23/2024 12:11:12 AM', RAISED - 10 * 3_600_000],
    ['23/11/2024 10:11:12', RAISED],
    ['2024/11/23 10:11:12', RAISED],
    ['23.11.2024 10:11:12', RAISED],
    ['  2024-11-23T10:11:12Z ', RAISED],
    ['0001-01-01T00:00:00Z', undefined],
    ['/Date(-62135596800000)/', undefined],
    ['', 'unreadable'],
    ['now', 'unreadable'],
    ['2024-02-30T00:00:00Z', 'unreadable'],
    ['2024-11-23T24:11:12Z', 'unreadable'],
    ['13/13/2024 10:11:12', 'unreadable'],
    ['/Date(9999999999999999)/', 'unreadable'],
    ['1732356672', 'unreadable'],
    ['Sat, 23 Nov 2024 10:11:12 GMT', 'unreadable'],
  ])('%s', (text, wanted) => {
    expect(parseTime(text)).toBe(wanted);
  });
});

describe('SCOM', () => {
  const alert = {
    Id: '{7B1D6C8E-1F1C-4C5F-9A55-3F0D6F2F6C11}',
    Name: 'IMAP.Protocol health set unhealthy (ImapSelfTestMonitor/MSExchangeImap4BE) - The self test fails',
    Description: 'details',
    Severity: 2,
    ResolutionState: 0,
    NetbiosComputerName: 'MBX1',
    PrincipalName: 'mbx1.contoso.com',
    TimeRaised: '2024-11-23T10:11:12Z',
    RepeatCount: 3,
    CustomField1: 'ignored',
  };

  it('becomes an alert', () => {
    expect(one('scom', alert)).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      source: 'scom',
      senderId: '7B1D6C8E-1F1C-4C5F-9A55-3F0D6F2F6C11',
      status: 'firing',
      server: 'mbx1',
      serverAsSent: 'MBX1',
      healthSet: 'IMAP.Protocol',
      monitor: 'ImapSelfTestMonitor',
      targetResource: 'MSExchangeImap4BE',
      raisedAt: RAISED,
      receivedAt: NOW,
      repeatCount: 3,
      severity: 'Error',
      title: alert.Name,
      description: 'details',
    });
  });

  it('is the same alert in any case, with or without braces, from the command channel or from PowerShell', () => {
    const variants = [
      Object.fromEntries(Object.entries(alert).map(([key, value]) => [key.toLowerCase(), value])),
      Object.fromEntries(Object.entries(alert).map(([key, value]) => [key.toUpperCase(), value])),
      { ...alert, Id: alert.Id.slice(1, -1).toLowerCase() },
      { ...alert, Id: { value: alert.Id, Guid: alert.Id } },
      { ...alert, Severity: 'Error', ResolutionState: '0', RepeatCount: '3' },
      { ...alert, Severity: { value: 2, Value: 'Error' }, ResolutionState: { Value: 0 } },
      { ...alert, TimeRaised: { value: `/Date(${RAISED})/`, DisplayHint: 2, DateTime: 'Saturday' } },
      { ...alert, TimeRaised: '11/23/2024 10:11:12' },
    ];
    const ids = variants.map((variant) => one('scom', variant).id);
    expect(new Set(ids)).toEqual(new Set([one('scom', alert).id]));
  });

  it('differs by id, by time raised and by status, and by nothing else', () => {
    const id = (changes: object) => one('scom', { ...alert, ...changes }).id;
    const same = id({});
    expect([
      id({ Id: 'other' }),
      id({ TimeRaised: '2024-11-23T10:11:13Z' }),
      id({ ResolutionState: 255 }),
    ]).not.toContain(same);
    expect([id({ RepeatCount: 9 }), id({ Name: 'x' }), id({ ResolutionState: 249 })]).toEqual([same, same, same]);
  });

  it.each([
    [0, 'firing'],
    [undefined, 'firing'],
    [null, 'firing'],
    [240, 'firing'],
    [249, 'firing'],
    ['New', 'firing'],
    ['Auto-remediation running', 'firing'],
    [254, 'resolved'],
    [255, 'resolved'],
    ['254', 'resolved'],
    ['255', 'resolved'],
    ['Closed', 'resolved'],
    ['resolved', 'resolved'],
    [{ value: 255 }, 'resolved'],
  ])('resolution state %j is %s', (state, status) => {
    expect(one('scom', { ...alert, ResolutionState: state }).status).toBe(status);
  });

  it.each([
    [{ NetbiosComputerName: 'MBX1' }, 'mbx1'],
    [{ NetbiosComputerName: null, PrincipalName: 'mbx2.contoso.com' }, 'mbx2'],
    [{ NetbiosComputerName: '', PrincipalName: '', MonitoringObjectPath: 'MBX3.contoso.com' }, 'mbx3'],
    [
      { NetbiosComputerName: undefined, PrincipalName: undefined, MonitoringObjectPath: 'mbx4.contoso.com;IMAP' },
      'mbx4',
    ],
    [{ NetbiosComputerName: 'not a name', PrincipalName: 'CONTOSO\\MBX1$', MonitoringObjectPath: 'mbx5' }, 'mbx5'],
  ])('the server of %j is %s', (names, server) => {
    expect(one('scom', { ...alert, PrincipalName: undefined, ...names }).server).toBe(server);
  });

  it.each([
    [
      'OWA.Protocol.Dep health set unhealthy (OwaIMInitializationFailedMonitor/OWA.Protocol.Dep) - Owa',
      'OWA.Protocol.Dep',
      'OwaIMInitializationFailedMonitor',
      'OWA.Protocol.Dep',
    ],
    ['IMAP Health Set Unhealthy (ImapCTPMonitor) - text', 'IMAP', 'ImapCTPMonitor', undefined],
    ['IMAP health set maintenance unhealthy (ImapCTPMonitor/x) - text', 'IMAP', 'ImapCTPMonitor', 'x'],
    ['Der IMAP-Dienst ist fehlerhaft', undefined, undefined, undefined],
    ['health set unhealthy', undefined, undefined, undefined],
    ['* health set unhealthy (M/T) - text', undefined, undefined, undefined],
    ['異常', undefined, undefined, undefined],
    [null, undefined, undefined, undefined],
  ])('%s', (Name, healthSet, monitor, targetResource) => {
    const read = one('scom', { ...alert, Name, Description: null });
    expect([read.healthSet, read.monitor, read.targetResource]).toEqual([healthSet, monitor, targetResource]);
  });

  it('reads the description if the title has no hint', () => {
    const read = one('scom', { ...alert, Name: 'Alert', Description: `Dear all,\n${alert.Name}\nbye` });
    expect([read.title, read.healthSet]).toEqual(['Alert', 'IMAP.Protocol']);
  });

  it('an alert without a time is the same alert the next time', () => {
    const first = parse('scom', { ...alert, TimeRaised: null }).alerts[0]!;
    const later = { now: NOW + 60_000, settings: SETTINGS };
    const second = atOnce(source('scom').parse({ ...alert, TimeRaised: undefined }, later)).alerts[0]!;
    expect([second.id, second.raisedAt]).toEqual([first.id, NOW + 60_000]);
  });

  it('reports every problem of every element at once, with the sender’s own spelling', () => {
    const { alerts, refused, refusedElements } = parse('scom', [
      { id: 7, timeraised: 'x', repeatCount: 'y' },
      alert,
      'junk',
      { ID: ['a'], NetbiosComputerName: '10.0.0.1', DESCRIPTION: 7 },
    ]);
    expect([alerts.length, refusedElements]).toEqual([1, 3]);
    expect(refused.map((problem) => problem.pointer)).toEqual(['/0/id', '/0', '/2', '/3/ID', '/3']);
  });
});

describe('Alertmanager', () => {
  const alert = {
    status: 'firing',
    labels: {
      alertname: 'X',
      instance: 'MBX1.contoso.com:9182',
      health_set: 'IMAP',
      monitor: 'ImapCTPMonitor',
      severity: 'page',
    },
    annotations: { summary: 'short', description: 'long' },
    startsAt: '2024-11-23T10:11:12.000Z',
    endsAt: '0001-01-01T00:00:00Z',
    fingerprint: 'abc123',
  };

  it('becomes an alert', () => {
    expect(one('alertmanager', { version: '4', alerts: [alert] })).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      source: 'alertmanager',
      senderId: 'abc123',
      status: 'firing',
      server: 'mbx1',
      serverAsSent: 'MBX1.contoso.com',
      healthSet: 'IMAP',
      monitor: 'ImapCTPMonitor',
      severity: 'page',
      title: 'short',
      description: 'long',
      raisedAt: RAISED,
      receivedAt: NOW,
    });
  });

  it('takes the first configured label that exists', () => {
    const labels = { ...alert.labels, host: 'mbx2', server: '' };
    expect(one('alertmanager', { alerts: [{ ...alert, labels }] }).server).toBe('mbx2');
  });

  it('without a fingerprint, its labels identify it in any order', () => {
    const id = (labels: object) => one('alertmanager', { alerts: [{ ...alert, labels, fingerprint: undefined }] }).id;
    const turned = Object.fromEntries(Object.entries(alert.labels).reverse());
    expect(id(turned)).toBe(id(alert.labels));
    expect(id({ ...alert.labels, alertname: 'Y' })).not.toBe(id(alert.labels));
  });

  it('counts the alerts that were left out', () => {
    expect(parse('alertmanager', { alerts: [alert], truncatedAlerts: 5 }).truncated).toBe(5);
  });

  it('takes the valid elements and names the invalid ones', () => {
    const { alerts, refused } = parse('alertmanager', { alerts: [{ ...alert, status: 'x', labels: 5 }, alert, null] });
    expect(alerts).toHaveLength(1);
    expect(refused.map((problem) => problem.pointer)).toEqual(['/alerts/0/labels', '/alerts/2']);
  });
});

describe('generic', () => {
  const alert = { id: 'a', healthSet: 'IMAP', server: 'mbx1' };

  it('is firing unless it says resolved', () => {
    expect(one('generic', alert).status).toBe('firing');
    expect(one('generic', { ...alert, status: 'resolved' }).status).toBe('resolved');
  });

  it('null counts as absent', () => {
    const nothing = {
      monitor: null,
      targetResource: null,
      raisedAt: null,
      title: null,
      description: null,
      severity: null,
      repeatCount: null,
    };
    expect(one('generic', { ...alert, ...nothing })).toEqual(one('generic', alert));
  });

  it('long texts are cut, not refused, and never within a character', () => {
    const read = one('generic', { ...alert, title: `x${'🔥'.repeat(2000)}`, description: 'ü'.repeat(20_000) });
    expect([read.title?.length, read.description?.length]).toEqual([1000, 16_000]);
    expect([read.title?.at(-1), read.description?.at(-1)]).toEqual(['…', '…']);
    expect(Buffer.from(read.title!).toString()).toBe(read.title);
  });

  it('half a surrogate pair is replaced as in the stored text', () => {
    expect(one('generic', { ...alert, title: 'a\ud800b' }).title).toBe('a\ufffdb');
  });
});

describe('any input', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '$(x)',
      '`n',
      "' OR 1",
      '\0',
      '__proto__',
      'mbx1',
      'IMAP',
      '/Date(1)/',
      '2024-11-23',
      '255',
      'firing',
      '{a}',
    ),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
  );
  const keys = fc.constantFrom(
    ...[
      'Id',
      'id',
      'Name',
      'NetbiosComputerName',
      'ResolutionState',
      'TimeRaised',
      'RepeatCount',
      'Severity',
      'Description',
    ],
    ...[
      'server',
      'healthSet',
      'status',
      'raisedAt',
      'title',
      'description',
      'repeatCount',
      'monitor',
      'targetResource',
    ],
    ...[
      'alerts',
      'labels',
      'annotations',
      'startsAt',
      'fingerprint',
      'version',
      'truncatedAlerts',
      'value',
      '__proto__',
    ],
  );
  const { body } = fc.letrec((tie) => ({
    body: fc.oneof(
      { depthSize: 'small' },
      hostile,
      fc.array(tie('body'), { maxLength: 4 }),
      fc.array(fc.tuple(keys, tie('body')), { maxLength: 9 }).map((entries) => Object.fromEntries(entries)),
    ),
  }));

  it.each(SOURCES.map((each) => each.name))('%s never throws, and accepted alerts are well formed', (name) => {
    fc.assert(
      fc.property(
        fc.oneof(
          body,
          body.map((inner) => ({ alerts: [inner] })),
          fc.json().map((text) => JSON.parse(text)),
        ),
        (sent) => {
          const { alerts, refused } = parse(name, sent);
          expect(alerts.length + refused.length).toBeGreaterThan(0);
          for (const alert of alerts) {
            expect(alert.id).toMatch(/^[0-9a-f]{32}$/);
            expect(alert.server).toMatch(/^[a-z0-9][a-z0-9_-]*$/);
            expect(Number.isInteger(alert.raisedAt) && Math.abs(alert.raisedAt) <= 8.64e15).toBe(true);
            expect(JSON.parse(JSON.stringify(alert))).toEqual(alert);
            expect(JSON.stringify(alert)).not.toContain('\\u0000');
          }
          for (const problem of refused) expect(problem.message.length).toBeGreaterThan(3);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('hostile texts are parsed quickly', () => {
    const long = 'a'.repeat(16_000);
    for (const Name of [long, `${'x '.repeat(500)}`, '('.repeat(1000), `a health set unhealthy (${long}`]) {
      expect(
        one('scom', { Id: 'a', NetbiosComputerName: 'm', Name, Description: `${'\n'.repeat(8000)}${long}` }).healthSet,
      ).toBeUndefined();
    }
  });
});
