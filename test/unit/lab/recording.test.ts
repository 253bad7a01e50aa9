/** A recording as the beginning of a lab: a real organisation as far as it was seen, with everything that lives in it. */
import { describe, expect, it, test } from 'vitest';
import { createLab, type Lab } from '../../../src/lab/lab.ts';
import type { ComponentState, Exchange, HealthRow } from '../../../src/ports/exchange.ts';
import { readRecording } from '../../../src/recording/file.ts';
import type { Recording } from '../../../src/recording/recording.ts';
import { bench } from '../../support/engine.ts';
import { labForTest, MINUTE, SECOND } from './world.ts';

const FIXTURE = 'test/fixtures/recordings/exchange-2016.json';
/** Each time a new one, to be changed. */
const recorded = () => readRecording(FIXTURE);
const begin = (change: (recording: Recording) => void = () => {}, more: Parameters<typeof labForTest>[0] = {}) => {
  const recording = recorded();
  change(recording);
  return labForTest({ recording, ...more });
};
/** Every real server has components that are Inactive, which nothing is wrong with. */
const sickIn = (lab: Lab) => lab.faults().filter(({ fault }) => fault !== 'component-inactive');
const rowOf = async (exchange: Exchange, server: string, name: string, target?: string): Promise<HealthRow> => {
  const { value } = await exchange.serverHealth(server);
  const found = value.find((row) => row.name === name && (target === undefined || row.targetResource === target));
  if (!found) throw new Error(`no row ${name}`);
  return found;
};

describe('the Exchange 2016 organisation of the fixture', () => {
  const alert = { server: 'tok-ex01', serverAsSent: 'TOK-EX01.corp.fabrikam.co.jp', healthSet: 'IMAP.Protocol' };

  it('is healed by the daemon: the service that the sick monitor watches is restarted', async () => {
    const site = bench({ lab: createLab({ speed: 1, virtual: true, recording: recorded() }) });
    const incident = await site.handle({ ...alert, monitor: 'ImapSelfTestMonitor' });
    expect(incident.finished?.outcome).toBe('recovered');
    expect(site.changes()).toEqual(['tok-ex01 Restart-Service MSExchangeIMAP4BE']);
    // The probe proved it; the row follows at its next turn.
    site.lab.clock.advance(MINUTE);
    const { alertValue } = await rowOf(site.lab.exchange(), 'tok-ex01', 'ImapSelfTestMonitor');
    expect(alertValue).toBe('Healthy');
  });

  it('is healed by a reboot where that is said to be the cure: drained first, activation allowed again after', async () => {
    const site = bench({ lab: createLab({ speed: 1, virtual: true, recording: recorded(), cure: 'restart-server' }) });
    const incident = await site.handle(alert);
    expect(incident.finished?.outcome).toBe('recovered');
    expect(site.changes()).toEqual([
      'tok-ex01 Restart-Service MSExchangeIMAP4BE',
      'tok-ex01 Set-MailboxServer true',
      'tok-ex01 Restart-Computer',
      'tok-ex01 Set-MailboxServer false',
    ]);
    // DB.03_VIP could not go to Osaka, where its copy had failed; 営業部DB has a lagged copy there.
    const active = site.lab.organisation().databases.map(({ name, activeOn }) => [name, activeOn]);
    expect(active.filter(([, on]) => on !== 'tok-ex02')).toEqual([]);
  });

  it('goes to a person where nothing cures it', async () => {
    const site = bench({ lab: createLab({ speed: 1, virtual: true, recording: recorded(), cure: 'none' }) });
    expect((await site.handle(alert)).finished?.outcome).toBe('escalated');
  });

  it('keeps its names: short names in lower case as everywhere, and all others as they are', async () => {
    const { exchange } = begin();
    const { value } = await exchange.organisation();
    expect(value.servers[0]).toMatchObject({
      server: 'tok-ex01',
      fqdn: 'TOK-EX01.corp.fabrikam.co.jp',
      version: '15.1',
      site: 'Tokyo-HQ',
      dag: 'JP-DAG01',
      group: 'JP-DAG01',
    });
    const copies = (await exchange.copiesOf('営業部db')).value;
    expect(copies.map(({ server, status, lagged }) => [server, status, lagged])).toEqual([
      ['tok-ex02', 'Mounted', false],
      ['tok-ex01', 'Healthy', false],
      ['osa-ex01', 'Healthy', true],
    ]);
    expect((await exchange.availabilityGroup('jp-dag01')).value.witness).toEqual({
      server: 'FS01.corp.fabrikam.co.jp',
      up: true,
    });
  });

  it('takes faults on its own names, and on monitors that the lab does not know', async () => {
    const { lab, exchange, unwell } = begin();
    lab.post({ fault: 'imap-proxy-hang', server: 'TOK-EX02' });
    lab.post({ fault: 'unhealthy', server: 'osa-ex01', healthSet: 'FEP', cure: 'restart-server' });
    lab.post({ fault: 'will-not-move', database: '営業部DB' });
    expect(await unwell('tok-ex02')).toContain('IMAP.Proxy\\ImapProxyTestMonitor Unhealthy');
    expect(await unwell('osa-ex01')).toContain('FEP\\FEPServiceMonitor Unhealthy');
    const { value } = await exchange.invokeProbe('tok-ex02', 'IMAP.Proxy\\ImapProxyTestProbe');
    expect(value?.resultType).toBe('TimedOut');
  });

  it('says once, at the start, what is otherwise than it was seen', () => {
    expect(begin().lab.notes).toEqual([
      'Warnings that came with an answer are not repeated: copiesOn of TOK-EX02',
      'Calls that failed during the recording get the usual answer: recoveryActions of OSA-EX01 (accessDenied)',
      expect.stringMatching(
        /^Monitors that the lab does not know become unhealthy only by the fault unhealthy: Private.* more$/,
      ),
      'Rows that were Repairing, Disabled, Unavailable, Unknown keep that value: ComplianceOutlookLogonToArchiveMapiHttpCtpMonitor ' +
        'on tok-ex01 (Repairing), FEPServiceMonitor on tok-ex02 (Disabled)',
      'Rows that were stale stay stale until their server boots: MaintenanceTimeoutMonitor.Network on osa-ex01',
      'Unhealthy monitors become faults that can be cured: ' +
        'ImapSelfTestMonitor on tok-ex01 (restart-service:MSExchangeIMAP4BE)',
    ]);
  });

  it('begins anew after a reset, and goes on where it was kept', async () => {
    const { lab, unwell, restartService, pass } = begin();
    await restartService('tok-ex01', 'MSExchangeIMAP4BE');
    pass(2 * MINUTE);
    expect(await unwell('tok-ex01')).not.toContain('IMAP.Protocol\\ImapSelfTestMonitor Unhealthy');
    lab.reset();
    expect(await unwell('tok-ex01')).toContain('IMAP.Protocol\\ImapSelfTestMonitor Unhealthy');
  });
});

describe('a row that was recorded', () => {
  it('evaluates at its own recurrence, from when it last did', async () => {
    const { exchange, lab, pass } = begin();
    const size = () => rowOf(exchange, 'tok-ex01', 'DatabaseSizeMonitor', 'DB01');
    const first = await size();
    expect(first).toMatchObject({ recurrenceSeconds: 1800, alertValue: 'Healthy' });
    expect(lab.clock.now() - first.lastExecution!).toBe(1104 * SECOND + 117);
    pass(695 * SECOND);
    expect((await size()).lastExecution).toBe(first.lastExecution);
    pass(SECOND);
    expect((await size()).lastExecution).toBe(first.lastExecution! + 1800 * SECOND);
  });

  it('stays Repairing over a boot, as who works on it has not said that he is done', async () => {
    const { exchange, restartServer, block, pass } = begin();
    await block('tok-ex01');
    pass(5 * MINUTE);
    await restartServer('tok-ex01');
    pass(20 * MINUTE);
    const row = await rowOf(exchange, 'tok-ex01', 'ComplianceOutlookLogonToArchiveMapiHttpCtpMonitor');
    expect(row.alertValue).toBe('Repairing');
  });

  it('is stale until its server boots', async () => {
    const { exchange, restartServer, pass } = begin();
    const network = () => rowOf(exchange, 'osa-ex01', 'MaintenanceTimeoutMonitor.Network');
    pass(60 * MINUTE);
    expect(await network()).toMatchObject({ isStale: true, alertValue: 'Healthy' });
    await restartServer('osa-ex01');
    pass(10 * MINUTE);
    expect(await network()).toMatchObject({ isStale: false, alertValue: 'Healthy' });
  });

  it('of a name that another has too is there, and gets sick by itself', async () => {
    const { lab, rows } = begin();
    lab.post({ fault: 'unhealthy', server: 'tok-ex01', healthSet: 'OWA.Proxy' });
    const both = (await rows('tok-ex01')).filter((row) => row.name === 'OWAProxyTestMonitor');
    expect(both.map((row) => [row.targetResource, row.alertValue])).toEqual([
      ['MSExchangeOWAAppPool', 'Unhealthy'],
      ['MSExchangeOWACalendarAppPool', 'Healthy'],
    ]);
  });
});

describe('an unhealthy monitor', () => {
  const sicken = (name: string) => (recording: Recording) => {
    for (const row of recording.servers[1]?.serverHealth?.value ?? []) {
      if (row.name === name) row.alertValue = 'Unhealthy';
    }
    recording.servers[0]!.serverHealth!.value!.find((row) => row.name === 'ImapSelfTestMonitor')!.alertValue =
      'Healthy';
    recording.servers[0]!.probes = [];
  };
  const CURES: [says: string, monitor: string, cure: string][] = [
    [
      'a restart of the service that its target resource names',
      'ActiveDirectoryConnectivityMonitor',
      'MSExchangeADTopology',
    ],
    ['a restart of the service that the lab knows it watches', 'ImapProxyTestMonitor', 'MSExchangeImap4'],
    [
      'a restart of what its health set watches',
      'PrivateWorkingSetWarningThresholdExceeded.microsoft.exchange.imap4',
      'MSExchangeIMAP4BE',
    ],
    ['a reboot where no service is known', 'FEPServiceMonitor', ''],
  ];
  it.each(CURES)('is cured by %s', async (_, monitor, service) => {
    const { lab } = begin(sicken(monitor));
    expect(sickIn(lab).map(({ fault, body }) => [fault, body.monitor, String(body.cure).toLowerCase()])).toEqual([
      ['unhealthy', monitor, service ? `restart-service:${service}`.toLowerCase() : 'restart-server'],
    ]);
  });

  it('is cured by moving the databases away where that was said, and by a reboot where there are none', () => {
    const { lab } = begin(sicken('ImapDeepTestMonitor'), { cure: 'fail-over' });
    expect(sickIn(lab)[0]?.body.cure).toBe('fail-over');
    const osaka = begin(
      (recording) => {
        sicken('')(recording);
        recording.servers[2]!.serverHealth!.value![0]!.alertValue = 'Unhealthy';
      },
      { cure: 'fail-over' },
    );
    expect(sickIn(osaka.lab)[0]?.body.cure).toBe('restart-server');
  });

  it('whose probe succeeded is over after five minutes', async () => {
    const { lab, pass, unwell, probe } = begin((recording) => {
      recording.servers[0]!.probes![1]!.answer = { ...recording.servers[0]!.probes![2]!.answer };
    });
    expect(sickIn(lab)).toMatchObject([{ fault: 'transient', server: 'tok-ex01' }]);
    expect(await probe('tok-ex01', 'IMAP.Protocol\\ImapSelfTestProbe')).toBe('Succeeded');
    expect(await unwell('tok-ex01')).toContain('IMAP.Protocol\\ImapSelfTestMonitor Unhealthy');
    pass(6 * MINUTE);
    expect(await unwell('tok-ex01')).not.toContain('IMAP.Protocol\\ImapSelfTestMonitor Unhealthy');
  });

  it('of the log-ons is well again when the back end is that was sick', async () => {
    const { unwell, restartService, pass } = begin((recording) => {
      for (const [server, name] of [
        [0, 'ImapDeepTestMonitor'],
        [1, 'ImapCTPMonitor'],
      ] as const) {
        recording.servers[server]!.serverHealth!.value!.find((row) => row.name === name)!.alertValue = 'Unhealthy';
      }
      delete recording.servers[0]!.probes;
    });
    expect(await unwell('tok-ex02')).toContain('IMAP\\ImapCTPMonitor Unhealthy');
    await restartService('tok-ex01', 'MSExchangeIMAP4BE');
    pass(2 * MINUTE);
    expect(await unwell('tok-ex02')).not.toContain('IMAP\\ImapCTPMonitor Unhealthy');
  });

  it('answers its probe to the letter until it is cured', async () => {
    const { exchange, restartService, probe } = begin();
    const { value } = await exchange.invokeProbe('tok-ex01', 'IMAP.Protocol\\ImapSelfTestProbe');
    expect(value).toMatchObject({
      resultType: 'Failed',
      error: 'Connection to 10.20.1.11:1993 was closed by the server before a response to CAPABILITY was received.',
      exception: expect.stringMatching(/^System\.ApplicationException: Connection closed, HealthMailbox/),
    });
    await restartService('tok-ex01', 'MSExchangeIMAP4BE');
    expect(await probe('tok-ex01', 'IMAP.Protocol\\ImapSelfTestProbe')).toBe('Succeeded');
  });
});

describe('what was seen of a server', () => {
  it('that did not answer at all is that it is down, until somebody says otherwise', async () => {
    const { lab, exchange, pass } = begin((recording) => {
      const { at, ms } = recording.organisation;
      const away = { at, ms, failure: { code: 'unreachable' as const, says: 'no answer' } };
      Object.assign(recording.servers[1]!, { serverHealth: away, services: away, bootTime: away });
    });
    await expect(exchange.serverHealth('tok-ex02')).rejects.toMatchObject({ code: 'unreachable' });
    expect((await exchange.availabilityGroup('JP-DAG01')).value.members.map(({ up }) => up)).toEqual([
      true,
      false,
      true,
    ]);
    lab.remove(lab.faults().find(({ fault }) => fault === 'never-returns')!.id);
    pass(10 * MINUTE);
    expect((await exchange.serverHealth('tok-ex02')).value.length).toBeGreaterThan(50);
  });

  it('in components: what was Inactive can be lifted, and what else was said of them stays', async () => {
    const { lab, exchange } = begin();
    const off = async () =>
      (await exchange.componentStates('tok-ex01')).value.filter((each) => each.requesters.length > 0);
    const before: ComponentState[] = [
      { component: 'ServerWideOffline', state: 'Active', requesters: [{ requester: 'Maintenance', state: 'Active' }] },
      {
        component: 'ForwardSyncDaemon',
        state: 'Inactive',
        requesters: [{ requester: 'Functional', state: 'Inactive' }],
      },
      { component: 'ProvisioningRps', state: 'Inactive', requesters: [{ requester: 'Functional', state: 'Inactive' }] },
    ];
    expect(await off()).toEqual(before);
    lab.post({
      fault: 'component-inactive',
      server: 'tok-ex01',
      component: 'ServerWideOffline',
      requester: 'Deployment',
    });
    for (const { id, body } of lab.faults()) {
      if (body.component === 'ProvisioningRps') lab.remove(id);
    }
    expect(await off()).toEqual([
      {
        component: 'ServerWideOffline',
        state: 'Inactive',
        requesters: [
          { requester: 'Maintenance', state: 'Active' },
          { requester: 'Deployment', state: 'Inactive' },
        ],
      },
      before[1],
    ]);
  });

  it('in groups: a node that was down although its server answers votes again after a boot', async () => {
    const { exchange, restartServer } = begin((recording) => {
      recording.groups[0]!.availabilityGroup.value!.members[2]!.up = false;
      recording.groups[0]!.availabilityGroup.value!.witness!.up = false;
    });
    const group = async () => (await exchange.availabilityGroup('JP-DAG01')).value;
    expect(await group()).toMatchObject({
      members: [{ up: true }, { up: true }, { up: false }],
      witness: { up: false },
    });
    await restartServer('osa-ex01');
    expect((await group()).members[2]?.up).toBe(true);
  });

  it('in recovery actions: one that was under way ends', async () => {
    const { exchange, pass } = begin((recording) => {
      const action = recording.servers[0]!.recoveryActions!.value![0]!;
      action.state = 'started';
      delete action.result;
      delete action.endedAt;
    });
    const first = async () => (await exchange.recoveryActions('tok-ex01', 0)).value[0];
    expect(await first()).toMatchObject({ state: 'started' });
    pass(6 * MINUTE);
    expect(await first()).toMatchObject({ state: 'finished', result: 'succeeded' });
  });

  it('in copies: one that had failed takes nothing over, and says why', async () => {
    const { exchange, block, pass } = begin((recording) => {
      for (const answer of [recording.databases[2]!.copiesOf, recording.servers[1]!.copiesOn!]) {
        for (const row of answer.value ?? []) {
          if (row.database === 'DB.03_VIP' && row.server === 'TOK-EX02') row.status = 'Suspended';
        }
      }
    });
    await block('tok-ex01');
    pass(5 * MINUTE);
    const [copy] = (await exchange.copiesOf('DB.03_VIP')).value;
    expect(copy).toMatchObject({ server: 'tok-ex01', status: 'Mounted' });
    expect(copy?.error).toContain('tok-ex02: the copy is Suspended; osa-ex01: the copy is FailedAndSuspended');
  });
});

describe('what cannot be a lab is refused', () => {
  const failure = { code: 'accessDenied' as const, says: 'not you' };
  const REFUSED: [says: string, change: (recording: Recording) => void, why: RegExp][] = [
    [
      'a recording without an organisation',
      (recording) => {
        recording.organisation = { at: 0, ms: 0, failure };
      },
      /\/organisation: does not list the servers \(accessDenied: not you\)/,
    ],
    [
      'two servers of one name',
      (recording) => {
        recording.organisation.value!.servers[1]!.server = 'tok-ex01';
      },
      /\/organisation\/value\/servers\/1\/server: there is another server "tok-ex01"/,
    ],
    [
      'a name that JavaScript has already',
      (recording) => {
        recording.organisation.value!.servers[1]!.server = 'Constructor';
      },
      /"Constructor" cannot be used as a name/,
    ],
    [
      'a database of such a name',
      (recording) => {
        recording.servers[1]!.copiesOn!.value![0]!.database = '__proto__';
      },
      /"__proto__" cannot be used as a name/,
    ],
    [
      'a group of such a name',
      (recording) => {
        recording.groups[0]!.availabilityGroup.value!.name = 'valueOf';
      },
      /"valueOf" cannot be used as a name/,
    ],
    [
      'a server that the organisation does not have',
      (recording) => {
        recording.servers[1]!.server = 'TOK-EX09';
      },
      /\/servers\/1\/server: the organisation has no server "TOK-EX09"/,
    ],
  ];
  test.each(REFUSED)('%s', (_, change, why) => {
    expect(() => begin(change)).toThrow(why);
  });

  test('a recording and an organisation at the same time', () => {
    const organisation = { organisation: 'a.test', servers: {} };
    expect(() => labForTest({ recording: recorded(), organisation })).toThrow(/not from both/);
  });
});
