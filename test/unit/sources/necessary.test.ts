/** What is optional never costs an alert: field cases, and the rule for every source. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { atOnce, SOURCES } from '../../../src/sources/index.ts';
import { NOW, SETTINGS } from '../http/fake.ts';
import { one, parse } from './parse.ts';

const FOLDER = 'test/fixtures/alerts';
const RAISED = Date.UTC(2024, 10, 23, 10, 11, 12);

describe('cases from the field', () => {
  const right: Record<string, object> = {
    '06-alertmanager-empty-fingerprint.json': { server: 'mbx1', senderId: 'c6b8ebd6ab01c246', raisedAt: RAISED },
    '06-generic-empty-optional.json': { server: 'mbx2', healthSet: 'IMAP.Protocol', raisedAt: NOW },
    '06-scom-empty-optional.json': { server: 'mbx3', status: 'firing', raisedAt: RAISED },
    '07-scom-netbios-cut.json': { server: 'mb', serverAsSent: 'MB', otherServers: ['mbx2.contoso.com'] },
    '07-scom-path-backslash.json': { server: 'mbx1', serverAsSent: 'MBX1.contoso.com', namedByPath: true },
    '08-alertmanager-host-is-an-address.json': { server: 'mbx3', serverAsSent: 'mbx3.contoso.com' },
    '08-alertmanager-instance-is-an-url.json': { server: 'ex1', healthSet: 'OWA.Proxy' },
  };
  it.each(Object.entries(right))('%s is accepted', (file, expected) => {
    const alert = one(file.split('-')[1]!, JSON.parse(readFileSync(`${FOLDER}/${file}`, 'utf8')));
    expect(alert).toMatchObject(expected);
    expect(alert.notes).toBeUndefined();
  });

  it('the name of a SCOM class is not a server, and each property is named with its problem', () => {
    const file = '07-scom-path-of-a-class.json';
    expect(parse('scom', JSON.parse(readFileSync(`${FOLDER}/${file}`, 'utf8'))).refused).toEqual([
      {
        pointer: '',
        message:
          'names no server: NetbiosComputerName is empty, PrincipalName is empty, MonitoringObjectPath is the name of a SCOM class',
      },
    ]);
    expect(readdirSync(FOLDER).sort()).toEqual([...Object.keys(right), file].sort());
  });
});

const GENERIC = { id: 'a', healthSet: 'IMAP.Protocol', server: 'mbx1' };
const SCOM = { Id: 'a', NetbiosComputerName: 'MBX1', Name: 'Alert' };
const LABELS = { instance: 'mbx1', health_set: 'IMAP.Protocol' };
const FROM_PROMETHEUS = { status: 'firing', labels: LABELS, startsAt: '2024-11-23T10:11:12Z', fingerprint: 'ab' };

/** Every property that may be absent, by source. */
const OPTIONAL: Record<string, { keys: string[]; body(changes: object): unknown }> = {
  generic: {
    keys: ['monitor', 'targetResource', 'status', 'raisedAt', 'repeatCount', 'severity', 'title', 'description'],
    body: (changes) => ({ ...GENERIC, ...changes }),
  },
  scom: {
    keys: [
      ...['Name', 'Description', 'Severity', 'ResolutionState', 'TimeRaised', 'RepeatCount'],
      ...['MonitoringObjectInMaintenanceMode', 'PrincipalName', 'MonitoringObjectPath'],
    ],
    body: (changes) => ({ ...SCOM, ...changes }),
  },
  alertmanager: {
    keys: ['status', 'annotations', 'startsAt', 'fingerprint', 'endsAt', 'generatorURL'],
    body: (changes) => ({ version: '4', alerts: [{ ...FROM_PROMETHEUS, ...changes }] }),
  },
};
const EMPTY = [undefined, null, '', '  \t'];
/** Nothing that any of them can be. */
const ODD = [['x'], { a: 1 }, true, -1.5, 'x'.repeat(100_000), 'in\u0000valid\n'];

describe.each(Object.entries(OPTIONAL))('%s', (source, { keys, body }) => {
  test.each(keys)('%s: any empty value gives the same alert as no value', (key) => {
    const [without, ...others] = EMPTY.map((value) => one(source, body({ [key]: value })));
    for (const other of others) expect(other).toEqual(without);
    expect(without?.notes).toBeUndefined();
  });

  test.each(keys)('%s: any odd value is accepted, and the alert has the same id as without it', (key) => {
    const without = one(source, body({ [key]: undefined }));
    for (const odd of ODD) {
      const { alerts, refused } = parse(source, body({ [key]: odd }));
      expect([odd, refused, alerts.length]).toEqual([odd, [], 1]);
      expect([alerts[0]?.server, alerts[0]?.id]).toEqual([without.server, without.id]);
    }
  });
});

describe('unreadable values', () => {
  test.each([
    ['scom', { ...SCOM, TimeRaised: '23 nov. 2024 10 h 11' }, /^TimeRaised is not a valid time: .*; ignored/],
    ['scom', { ...SCOM, timeraised: '2024. 11. 23. 오전 10:11:12' }, /^timeraised is not a valid time/],
    ['scom', { ...SCOM, RepeatCount: 'many' }, /^RepeatCount must be a whole number; ignored$/],
    ['scom', { ...SCOM, ResolutionState: 256 }, /^ResolutionState must be a resolution state/],
    ['scom', { ...SCOM, Severity: ['High'] }, /^Severity must be a severity/],
    ['scom', { ...SCOM, Name: [] }, /^Name must be text/],
    ['generic', { ...GENERIC, raisedAt: 1_732_356_672 }, /^raisedAt must be text/],
    ['generic', { ...GENERIC, status: 'broken' }, /^status must be one of firing, resolved/],
    ['generic', { ...GENERIC, monitor: {} }, /^monitor must be text/],
    ['alertmanager', { alerts: [{ ...FROM_PROMETHEUS, startsAt: 'soon' }] }, /^startsAt is not a valid time/],
    [
      'alertmanager',
      { alerts: [{ ...FROM_PROMETHEUS, labels: { ...LABELS, health_set: '!?' } }] },
      /^health_set is not a health set name/,
    ],
  ])('by %s: %j is noted', (source, body, says) => {
    expect(one(source, body).notes).toEqual([expect.stringMatching(says)]);
  });

  it('a word in other capitals is readable', () => {
    expect(one('generic', { ...GENERIC, status: 'Resolved' })).toMatchObject({ status: 'resolved' });
  });

  it('a NUL in a text is replaced without losing the rest', () => {
    expect(one('generic', { ...GENERIC, title: 'a\0b' }).title).toBe('a\ufffdb');
  });
});

describe('the server of a SCOM alert', () => {
  const named = (given: object) => ({ Id: 'a', Name: 'Alert', ...given });
  test.each<[object, string, string[] | undefined]>([
    [{ NetbiosComputerName: 'MBX1', PrincipalName: 'mbx1.contoso.com' }, 'mbx1', undefined],
    [{ NetbiosComputerName: '10.0.0.1', PrincipalName: 'mbx1.contoso.com' }, 'mbx1', undefined],
    [
      { NetbiosComputerName: 'LONGMAILBOXSERV', PrincipalName: 'longmailboxserver1.contoso.com' },
      'longmailboxserv',
      ['longmailboxserver1.contoso.com'],
    ],
    [{ NetbiosComputerName: ['x'], MonitoringObjectPath: 'mbx4.contoso.com;IMAP' }, 'mbx4', undefined],
    [{ PrincipalName: 'CONTOSO\\MBX1$', MonitoringObjectPath: 'mbx5\\Default Web Site' }, 'mbx5', undefined],
    [{ NetbiosComputerName: 'System.Group', PrincipalName: 'mbx1' }, 'mbx1', undefined],
    [{ NetbiosComputerName: { value: 'MBX1' } }, 'mbx1', undefined],
  ])('%j', (given, server, others) => {
    const alert = one('scom', named(given));
    expect([alert.server, alert.otherServers]).toEqual([server, others]);
  });
});

describe('the server of a Prometheus alert', () => {
  const refusedFor = (labels: object) => parse('alertmanager', { alerts: [{ ...FROM_PROMETHEUS, labels }] }).refused;
  test.each<[object, string]>([
    [{ server: '', host: ' ', instance: 'mbx1:9182' }, 'mbx1'],
    [{ server: '10.1.2.3:9182', instance: 'mbx1.contoso.com:9182' }, 'mbx1'],
    [{ server: '[fe80::1]:9182', instance: 'mbx1' }, 'mbx1'],
    [{ server: 'fe80::1', instance: 'mbx1' }, 'mbx1'],
    [{ host: 'localhost', instance: 'mbx1' }, 'mbx1'],
    [{ host: 5, instance: 'mbx1' }, 'mbx1'],
    [{ host: '_', instance: 'mbx1' }, 'mbx1'],
    [{ instance: 'tcp://mbx1.contoso.com:143' }, 'mbx1'],
    [{ instance: 'https://probe:secret@ex1.contoso.com:444/owa?x=1#y' }, 'ex1'],
    [{ instance: 'ex1.contoso.com/owa' }, 'ex1'],
    [{ instance: 'HTTPS://EX1.contoso.com' }, 'ex1'],
  ])('%j', (labels, server) => {
    expect(one('alertmanager', { alerts: [{ ...FROM_PROMETHEUS, labels }] }).server).toBe(server);
  });

  test.each<[object, string]>([
    [{ alertname: 'x' }, 'has no label for the server: add one of server, host, instance'],
    [{ host: '10.0.0.1' }, 'names a server: server is absent, host is an IP address, instance is absent'],
    [{ instance: 'https://10.0.0.1/owa' }, 'instance is an IP address'],
    [{ instance: 'https://[::1]/owa' }, 'instance is an IP address'],
    [{ instance: 'localhost:9182' }, 'instance is the name of every machine'],
    [{ instance: '/metrics' }, 'instance is not a valid host name'],
    [{ instance: '$(x)' }, 'instance is not a valid host name'],
  ])('%j names no server, and the reason is given', (labels, says) => {
    expect(refusedFor(labels)).toEqual([{ pointer: '/alerts/0/labels', message: expect.stringContaining(says) }]);
  });

  it('the first readable health set counts; without one the whole server is verified', () => {
    const settings = { ...SETTINGS, alertmanager: { ...SETTINGS.alertmanager, healthSet: ['health_set', 'set'] } };
    const read = (labels: object) => {
      const body = { alerts: [{ ...FROM_PROMETHEUS, labels: { instance: 'mbx1', ...labels } }] };
      const source = SOURCES.find(({ name }) => name === 'alertmanager')!;
      return atOnce(source.parse(body, { now: NOW, settings })).alerts[0]?.healthSet;
    };
    expect([read({ health_set: '', set: 'IMAP' }), read({ health_set: '!?', set: 'IMAP' }), read({})]).toEqual([
      'IMAP',
      'IMAP',
      undefined,
    ]);
  });
});

describe('forms of lists', () => {
  const twins = [SCOM, { ...SCOM, Id: 'b' }];
  test.each<[string, unknown]>([
    ['scom', { value: twins, Count: 2 }],
    ['scom', { Value: twins, count: 2 }],
    ['scom', { rows: twins }],
    ['generic', { value: [GENERIC, { ...GENERIC, id: 'b' }], Count: 2 }],
    [
      'alertmanager',
      { version: '1', status: 'firing', alerts: [FROM_PROMETHEUS, { ...FROM_PROMETHEUS, fingerprint: 'b' }] },
    ],
    ['alertmanager', { version: '', alerts: [FROM_PROMETHEUS, { ...FROM_PROMETHEUS, fingerprint: 'b' }] }],
  ])('%s accepts both alerts of %j', (source, body) => {
    expect(parse(source, body).alerts).toHaveLength(2);
    expect(SOURCES.find(({ name }) => name === source)?.count(body)).toBe(2);
  });

  it('a problem in a wrapped list is reported with its position', () => {
    expect(parse('scom', { value: [SCOM, 7] }).refused).toEqual([
      { pointer: '/value/1', message: 'must be an object: one SCOM alert' },
    ]);
  });

  it('a Grafana alert is accepted as posted', () => {
    const labels = { alertname: 'IMAP', grafana_folder: 'Exchange', server: 'mbx2.contoso.com', health_set: 'IMAP' };
    const alert = {
      status: 'resolved',
      labels,
      annotations: { summary: 'IMAP does not answer' },
      startsAt: '2024-11-23T12:11:12+02:00',
      endsAt: '2024-11-23T12:31:12+02:00',
      generatorURL: 'https://grafana.example.com/alerting/1/edit',
      fingerprint: '57c6d9296de2ad39',
      values: { A: 1 },
      valueString: "[ var='A' labels={} value=1 ]",
      imageURL: '',
    };
    const body = { receiver: 'sr', status: 'resolved', orgId: 1, version: '1', state: 'ok', alerts: [alert] };
    expect(one('alertmanager', body)).toMatchObject({ server: 'mbx2', status: 'resolved', raisedAt: RAISED });
  });

  it('a status at the top only applies to every alert', () => {
    const { status: _, ...alert } = FROM_PROMETHEUS;
    expect(one('alertmanager', { status: 'resolved', alerts: [alert] }).status).toBe('resolved');
    expect(one('alertmanager', { status: 'resolved', alerts: [{ ...alert, status: 'firing' }] }).status).toBe('firing');
    expect(one('alertmanager', { alerts: [alert] }).status).toBe('firing');
  });
});
