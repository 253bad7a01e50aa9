/** An app on a loopback port with operations that a test can bend. */
import { createHttp, type HttpOptions, type HttpServer, type Identity } from '../../../src/adapters/http/index.ts';
import { createMetrics, type Metrics } from '../../../src/adapters/telemetry/index.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { createExplainer } from '../../../src/explain/explainer.ts';
import type { Alert } from '../../../src/incident/alert.ts';
import type { Entry } from '../../../src/incident/event.ts';
import type { IncidentView } from '../../../src/incident/view.ts';
import { languageOf, loadPlaybooks } from '../../../src/playbooks/read.ts';
import { type FeedItem, NotCopied } from '../../../src/ports/journal.ts';
import { Conflict, NotFound, type Operations } from '../../../src/ports/operations.ts';
import type { SourceSettings } from '../../../src/sources/index.ts';
import { STEPS } from '../../../src/steps/index.ts';
import { loadCatalog } from '../../../src/verification/catalog.ts';

const { config } = loadConfig({ env: {}, cwd: process.cwd() });
const catalog = loadCatalog(config.verification.catalog);
/** The real one, for the included playbooks. */
const explain = createExplainer(() => {
  const language = languageOf(config, STEPS, catalog);
  return { config, catalog, playbooks: loadPlaybooks(config.playbooks.directory, language) };
});

export const NOW = Date.UTC(2024, 10, 23, 10, 11, 12);

export const SETTINGS: SourceSettings = {
  scom: {
    titlePattern:
      '^(?<healthSet>\\S+) health set (maintenance )?unhealthy \\((?<monitor>[^/)]+)(?:/(?<targetResource>[^)]*))?\\) - (.*)$',
  },
  alertmanager: {
    server: ['server', 'host', 'instance'],
    healthSet: ['health_set'],
    monitor: ['monitor'],
    targetResource: ['target_resource'],
  },
};

export const GOOD = {
  id: 'a-1',
  healthSet: 'IMAP.Protocol',
  server: 'mbx1.contoso.com',
  raisedAt: '2024-11-23T10:00:00Z',
};

const JOURNAL = [1, 2, 3].map(
  (seq): Entry => ({
    seq,
    at: NOW,
    worker: 'w',
    version: 1,
    type: 'slept',
    data: { until: NOW, for: 'look', says: '' },
    previous: '',
  }),
);

export const INCIDENT: IncidentView = {
  id: 'inc-1',
  server: 'mbx1',
  healthSet: 'IMAP.Protocol',
  family: 'IMAP',
  monitors: [{ healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor', verdict: 'confirmed' }],
  state: 'open',
  phase: 'acting',
  openedAt: NOW,
  alerts: [
    {
      id: 'f'.repeat(32),
      source: 'generic',
      senderId: 'a-1',
      status: 'firing',
      server: 'mbx1',
      serverAsSent: 'MBX1.contoso.com',
      healthSet: 'IMAP.Protocol',
      raisedAt: NOW - 1000,
      receivedAt: NOW,
    },
  ],
  alertCount: 1,
  verdict: 'confirmed',
  evidence: [{ kind: 'probe', at: NOW, server: 'mbx1', says: 'ImapSelfTestProbe answered Failed', sees: 'unhealthy' }],
  playbook: { name: 'imap-protocol', hash: '0123456789ab' },
  steps: [
    { n: 1, step: 'restart-service', says: 'Restart-Service MSExchangeIMAP4BE', state: 'started', startedAt: NOW },
    {
      n: 2,
      step: 'recheck',
      says: 'looks again',
      state: 'done',
      startedAt: NOW,
      finishedAt: NOW,
      result: { says: 'ill' },
    },
  ],
  waiting: { for: 'maintenance', reason: 'a window', until: NOW + 60_000 },
  owed: [],
  left: [],
  checklist: [],
  children: [],
};

export interface Fake extends Operations {
  stored: Alert[][];
  asked: unknown[];
  feedItems: FeedItem[];
}

function fakeOperations(changes: Partial<Operations> = {}): Fake {
  const stored: Alert[][] = [];
  const asked: unknown[] = [];
  const feedItems: FeedItem[] = [];
  const seen = new Set<string>();
  const decide = async (verb: string, id: string, person: unknown) => {
    asked.push([verb, id, person]);
    if (id === 'inc-1') return INCIDENT;
    if (id === 'over') throw new Conflict('it is finished');
    if (id === 'uncopied') throw new NotCopied('0 of 1 replicas have it');
    throw new NotFound(`there is no incident ${id}`);
  };
  return {
    stored,
    asked,
    feedItems,
    async accept(alerts) {
      stored.push(alerts);
      return alerts.map(({ id }) => {
        const repeat = seen.has(id);
        seen.add(id);
        return { id, repeat };
      });
    },
    incident: async (id) => (id === 'inc-1' ? INCIDENT : undefined),
    incidents: async (filter) => {
      asked.push(filter);
      return { incidents: [INCIDENT], next: 'more' };
    },
    journal: async (id, after = 0, limit = JOURNAL.length) =>
      id === 'inc-1'
        ? { entries: JOURNAL.slice(after, after + limit), more: after + limit < JOURNAL.length }
        : undefined,
    verifyJournal: async (id) => (id === 'inc-1' ? { ok: true, entries: 1 } : undefined),
    approve: (id, person) => decide('approve', id, person),
    reject: (id, person) => decide('reject', id, person),
    cancel: (id, person) => decide('cancel', id, person),
    whatIf: async (alert) => {
      asked.push(['what-if', alert]);
      return {
        server: alert.server,
        verification: { verdict: 'cleared', reason: 'healthy', evidence: [] },
        steps: [],
        says: 'Nothing would be changed: healthy',
      };
    },
    killSwitches: async () => [],
    setKillSwitch: async ({ on, scope, by, reason }) => {
      asked.push(['kill', on, scope, by, reason]);
      const switches = on ? [{ on, scope: scope ?? {}, by, reason: reason ?? '', since: NOW }] : [];
      return { switches, warnings: scope?.server === 'mbx11' ? ['There is no server "mbx11"'] : [] };
    },
    playbooks: async () => [
      {
        name: 'imap-protocol',
        summary: 's',
        handles: ['IMAP.Protocol\\ImapSelfTestMonitor'],
        mode: 'auto',
        hash: '0123456789ab',
        file: 'imap-protocol.yaml',
        steps: [{ n: 1, step: 'recheck', options: {}, says: 'looks again' }],
        demoted: { from: 'auto', incidents: ['inc-0'] },
        runs: [
          {
            playbook: 'imap-protocol',
            hash: '0123456789ab',
            incident: 'inc-0',
            server: 'mbx2',
            at: NOW,
            outcome: 'escalated',
            acted: true,
            harmed: true,
          },
        ],
        trusted: { by: 'jane', at: NOW },
      },
    ],
    async trustPlaybook(name, person) {
      asked.push(['trust', name, person]);
      const playbook = (await this.playbooks()).find((one) => one.name === name);
      if (!playbook) throw new NotFound(`there is no playbook ${name}`);
      return playbook;
    },
    async reloadPlaybooks() {
      return this.playbooks();
    },
    undo: async () => [
      {
        debt: {
          id: '3:activation',
          kind: 'activation',
          server: 'mbx1',
          setting: 'activation',
          when: 'recovered',
          value: {},
          says: 'x',
        },
        incident: 'inc-1',
        world: 'lab-1',
        at: NOW,
      },
    ],
    async putBack(owed, person) {
      asked.push(['putBack', owed, person]);
      if (owed.server === 'mbx1') return INCIDENT;
      if (owed.server === 'busy') throw new Conflict('incident inc-2 is open');
      throw new NotFound(`nothing is owed on ${owed.server}`);
    },
    async settle(owed, person) {
      asked.push(['settle', owed, person]);
      return INCIDENT;
    },
    async *feed(after, signal) {
      asked.push(['feed', after]);
      yield* feedItems;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    },
    readiness: async () => ({ ready: true, parts: [{ part: 'store', ok: true, says: 'answers' }] }),
    ...changes,
  };
}

export interface Running {
  url: string;
  http: HttpServer;
  operations: Fake;
  metrics: Metrics;
  lines: string[];
}

const running: HttpServer[] = [];

/** An identity with its secrets as a configuration has them: one a line. */
export interface Known {
  name: string;
  role: Identity['role'];
  token?: string;
  signingSecret?: string;
}

export const identitiesOf = (known: readonly Known[]): Identity[] =>
  known.map(({ name, role, token = '', signingSecret = '' }) => ({
    name,
    role,
    tokens: token.split('\n').filter(Boolean),
    signingSecrets: signingSecret.split('\n').filter(Boolean),
  }));

export async function start(
  changes: Partial<Operations> = {},
  options: Partial<Omit<HttpOptions, 'config'>> & {
    config?: Partial<HttpOptions['config']> & { tokens?: readonly Known[] };
  } = {},
): Promise<Running> {
  const { tokens = [], ...config } = options.config ?? {};
  const operations = fakeOperations(changes);
  const metrics = createMetrics({ defaultMetrics: false, version: '0.0.0-test' });
  const lines: string[] = [];
  const note = (message: string) => lines.push(message);
  const http = createHttp({
    operations,
    explain,
    sources: SETTINGS,
    metrics,
    logger: { debug: note, info: note, warn: note, error: note },
    version: '0.0.0-test',
    now: () => NOW,
    identities: () => identitiesOf(tokens),
    ...options,
    config: {
      host: '127.0.0.1',
      port: 0,
      bodyLimit: 64 * 1024,
      rateLimit: { perMinute: 1000, alertsPerMinute: 10_000 },
      maxAlertsPerRequest: 50,
      maxConnections: 1000,
      ...config,
    },
  });
  running.push(http);
  const { url } = await http.listen();
  return { url, http, operations, metrics, lines };
}

export async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map((http) => http.close(200)));
}

export const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
  });
