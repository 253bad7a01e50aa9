/** What was recorded of a lab, a lab made of it, and what is recorded of that: the same. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab, type Lab } from '../../../src/lab/lab.ts';
import { ExchangeError } from '../../../src/ports/exchange.ts';
import { readRecording, writeRecording } from '../../../src/recording/file.ts';
import type { Recording } from '../../../src/recording/recording.ts';
import { replaceNames, UNCHANGED } from '../../../src/recording/texts.ts';
import { HOUR, labForTest, MINUTE, SECOND } from '../lab/world.ts';
import { comparable, recordLab } from '../recording/recorded.ts';

let folder: string;
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'recordings-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A lab that begins as a file says. */
function replayed(recording: Recording) {
  const file = join(folder, `${++files}.json`);
  writeRecording(file, recording);
  return createLab({ speed: 1, virtual: true, recording: readRecording(file) });
}

type Site = ReturnType<typeof labForTest>;
/** What happens to a lab before it is recorded. */
type Scene = (site: Site) => undefined | Promise<unknown>;

const post =
  (...faults: Record<string, unknown>[]): Scene =>
  ({ lab }) => {
    for (const fault of faults) lab.post(fault);
  };

const SCENES: [says: string, scene: Scene][] = [
  ['all is well', () => {}],
  ['a back end hangs', post({ fault: 'imap-backend-hang', server: 'mbx1' })],
  ['a back end is wedged, and clients notice', post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' })],
  ['databases are stuck', post({ fault: 'imap-store-stuck', server: 'ex1' })],
  ['a proxy hangs', post({ fault: 'imap-proxy-hang', server: 'cas1' }, { fault: 'imap-proxy-wedged', server: 'ex2' })],
  ['commands are slow', post({ fault: 'imap-slow', server: 'mbx3' }, { fault: 'imap-slow-relapse', server: 'ex1' })],
  ['only a row is unhealthy', post({ fault: 'transient', server: 'mbx1' })],
  ['health comes and goes', post({ fault: 'flapping', server: 'mbx1' })],
  ['nothing helps', post({ fault: 'unfixable', healthSet: 'OWA.Proxy', server: 'ex1' })],
  ['the directory is down', post({ fault: 'directory-down' })],
  ['another health set is sick', post({ fault: 'unhealthy', healthSet: 'Store', server: 'mbx9' })],
  [
    'a trouble begins',
    ({ lab, pass }) => {
      lab.post({ fault: 'imap-backend-hang', server: 'mbx1', onset: true });
      pass(80 * SECOND);
    },
  ],
  [
    'components are out of service',
    post(
      { fault: 'component-inactive', server: 'cas1', component: 'ImapProxy', requester: 'Maintenance' },
      { fault: 'component-inactive', server: 'cas1', component: 'ImapProxy', requester: 'HealthAPI' },
      { fault: 'component-inactive', server: 'ex1', component: 'SomethingElse' },
    ),
  ],
  ['probes give no object', post({ fault: 'no-object', probe: 'IMAP.Protocol\\ImapDeepTestProbe' })],
  [
    'others are at work',
    post(
      { fault: 'busy', server: 'mbx1', with: 'setup' },
      { fault: 'busy', server: 'mbx2', with: 'seeding' },
      { fault: 'busy', server: 'mbx2', with: 'pending-update' },
      { fault: 'node-suspended', server: 'mbx3' },
      { fault: 'responder-at-work', server: 'mbx1' },
    ),
  ],
  [
    'rows are stale',
    post({ fault: 'stale-rows', server: 'mbx1' }, { fault: 'stale-rows', server: 'ex1', healthSet: 'IMAP' }),
  ],
  [
    'databases could not be moved',
    async ({ lab, block, pass }) => {
      lab.post({ fault: 'will-not-move', database: 'DB01' });
      await block('mbx1');
      pass(2 * MINUTE);
    },
  ],
  [
    'a log is switched on',
    ({ exchange, change }) => exchange.setProtocolLog('ex1', 'imap', true, { enabled: false }, change()),
  ],
  [
    'a service hangs while stopping',
    async ({ lab, restartService }) => {
      lab.post({ fault: 'stop-hangs', server: 'mbx1', service: 'MSExchangeIMAP4BE' });
      await restartService('mbx1', 'MSExchangeIMAP4BE').catch(() => {});
    },
  ],
  [
    'a server was booted, and its services restarted',
    async ({ restartServer, restartService, pass }) => {
      await restartServer('mbx9');
      await restartService('mbx2', 'MSExchangeIMAP4BE');
      pass(20 * MINUTE + 7);
    },
  ],
];

describe('a lab, recorded and replayed, is recorded as the same when', () => {
  it.each(SCENES)('%s', { timeout: 60_000 }, async (_, scene) => {
    const site = labForTest();
    await scene(site);
    const first = await recordLab(site.lab, { probes: true });
    const second = await recordLab(replayed(first), { probes: true });
    expect(comparable(second)).toEqual(comparable(first));
  });
});

/** A second recording, after the same time has passed on both. */
async function bothAfter(ms: number, first: Lab, second: Lab) {
  for (const { clock } of [first, second]) clock.advance(ms);
  return [await recordLab(first), await recordLab(second)] as const;
}

describe('it goes on in the same way', () => {
  it.each(SCENES.slice(0, 2))('when %s', async (_, scene) => {
    const site = labForTest();
    await scene(site);
    const copy = replayed(await recordLab(site.lab));
    const [original, other] = await bothAfter(HOUR + 1, site.lab, copy);
    expect(comparable(other)).toEqual(comparable(original));
  });
});

describe('it is the same, too', () => {
  it('of one server only: the others get the usual state, and the notes say so', async () => {
    const { lab } = labForTest();
    lab.post({ fault: 'imap-backend-hang', server: 'mbx1' });
    const first = await recordLab(lab, { servers: ['MBX1.contoso.com'], probes: true });
    expect(first.servers.map(({ server }) => server)).toEqual(['mbx1']);
    const copy = replayed(first);
    expect(comparable(await recordLab(copy, { servers: ['mbx1'], probes: true }))).toEqual(comparable(first));
    expect(copy.notes).toContainEqual(
      expect.stringMatching(
        /^Servers that were not recorded get the usual state .*: cas1, cas2, mbx2, mbx3 and 4 more$/,
      ),
    );
    // What a database has on others was seen.
    expect((await copy.exchange().copiesOf('DB01')).value.map(({ server }) => server)).toEqual([
      'mbx1',
      'mbx2',
      'mbx4',
    ]);
    expect((await copy.exchange().serverHealth('mbx2')).value.length).toBeGreaterThan(50);
  });

  it('of a client access server only: its log-ons reach somebody, although no database was seen', async () => {
    const { lab } = labForTest();
    const first = await recordLab(lab, { servers: ['cas1'], probes: true });
    const second = await recordLab(replayed(first), { servers: ['cas1'], probes: true });
    expect(comparable(second)).toEqual(comparable(first));
  });

  it('with failures inside: what is usual stands in, and is said', async () => {
    const { lab } = labForTest();
    const refused = new Set(['serverHealth mbx1', 'services cas1', 'availabilityGroup dag2', 'mailboxServer ex1']);
    const first = await recordLab(lab, {
      around: (exchange) =>
        new Proxy(exchange, {
          get:
            (target, verb: keyof typeof exchange) =>
            async (about: never, ...rest: never[]) => {
              if (refused.has(`${verb} ${about}`)) throw new ExchangeError('accessDenied', `not for you: ${about}`);
              return (target[verb] as (...given: never[]) => unknown)(about, ...rest);
            },
        }),
    });
    const copy = replayed(first);
    expect(copy.notes).toContain(
      'Calls that failed during the recording get the usual answer: services of cas1 (accessDenied), ' +
        'serverHealth of mbx1 (accessDenied), mailboxServer of ex1 (accessDenied), availabilityGroup of dag2 (accessDenied)',
    );
    const second = comparable(await recordLab(copy)) as Recording;
    const expected = comparable(first) as Recording;
    // What failed was as usual, so all of it is again what it was before anything failed; but the witness of a group
    // that nobody saw, and times: a lab has its own for what it knows nothing of.
    const whole = comparable(await recordLab(lab)) as Recording;
    expect(second.groups.slice(0, 1)).toEqual(expected.groups.slice(0, 1));
    expect(second.groups[1]?.availabilityGroup.value?.members).toEqual(
      whole.groups[1]?.availabilityGroup.value?.members,
    );
    expect(second.groups[1]?.availabilityGroup.value?.witness).toBeUndefined();
    const names = (each: Recording) => each.servers.map((server) => server.serverHealth?.value?.map((row) => row.name));
    expect(names(second)).toEqual(names(whole));
    expect(second.databases).toEqual(expected.databases);
    expect(second.servers.slice(3, 7)).toEqual(expected.servers.slice(3, 7));
  });

  it('of a real organisation: each answer but those that a lab cannot give', async () => {
    const real = readRecording('test/fixtures/recordings/exchange-2016.json');
    const copy = replayed(real);
    const again = await recordLab(copy);
    // Short names are in lower case in a lab; all else is left as it was.
    const server = (name: string) => name.toLowerCase();
    const expected = replaceNames(real, { ...UNCHANGED, server });
    for (const each of [expected, again]) {
      // Probes were run on one server only, and the warning and the refusal are not given again.
      for (const one of each.servers) {
        delete one.probes;
        delete one.copiesOn;
      }
      delete each.servers[2]!.recoveryActions;
    }
    // Databases come in the order of their names.
    expected.databases.sort((a, b) => (a.database < b.database ? -1 : 1));
    again.databases.sort((a, b) => (a.database < b.database ? -1 : 1));
    expect(timeless(again)).toEqual(timeless(expected));
    // A lab of that recording is recorded as the same, to the last time.
    const third = await recordLab(replayed(await recordLab(copy)));
    expect(comparable(third)).toEqual(comparable(await recordLab(copy)));
  });
});

/** Without when it was asked, and by whom. */
function timeless(recording: Recording): unknown {
  const { recordedAt: _, recordedBy: __, ...rest } = comparable(recording) as Recording;
  return JSON.parse(JSON.stringify(rest, (key, value) => (key === 'at' ? undefined : value)));
}
