/** A site for `doctor` where everything is ok; each test overrides what is not. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { Check, Line } from '../../../src/doctor/check.ts';
import {
  type Asked,
  createContext,
  type DaemonFacts,
  type Opened,
  type Surroundings,
} from '../../../src/doctor/context.ts';
import { diagnose } from '../../../src/doctor/index.ts';
import type { ServerFacts } from '../../../src/incident/health.ts';
import type { HealthRow } from '../../../src/ports/exchange.ts';
import type {
  EndpointFacts,
  Inspection,
  MissingCommands,
  ShellFacts,
  TargetFacts,
} from '../../../src/ports/inspection.ts';
import type { StoreFacts } from '../../../src/ports/store.ts';

export const NOW = Date.parse('2026-11-26T12:00:00Z');

export const NONE: MissingCommands = { looks: [], changes: [] };

export const facts = (server: string, more: Partial<ServerFacts> = {}): ServerFacts => ({
  server,
  fqdn: `${server}.contoso.com`,
  roles: ['mailbox', 'client-access'],
  version: '15.2',
  site: 'Tokyo',
  organisation: 'contoso.com',
  dag: 'dag1',
  ...more,
});

export const row = (more: Partial<HealthRow> = {}): HealthRow => ({
  healthSet: 'IMAP.Protocol',
  name: 'ImapSelfTestMonitor',
  targetResource: 'MSExchangeImap4BE',
  alertValue: 'Healthy',
  component: 'None',
  lastExecution: NOW - 20_000,
  recurrenceSeconds: 60,
  timeoutSeconds: 30,
  isStale: false,
  ...more,
});

export const SHELL: ShellFacts = {
  version: '5.1.20348.1',
  edition: 'Desktop',
  windows: true,
  machine: 'responder1',
  account: 'CONTOSO\\svc-responder',
  utcOffset: 0,
  ahead: 0,
};

type Answer<T> = T | Error | (() => T | Promise<T>);

/** The answers of the site; a call fails with an error among them. */
export interface Site {
  /** Sections of the configuration file. */
  exchange?: Record<string, unknown>;
  safety?: Record<string, unknown>;
  more?: Record<string, unknown>;
  env?: Record<string, string>;
  load?: () => ReturnType<typeof loadConfig>;
  hostname?: string;
  servers?: Answer<ServerFacts[]>;
  rows?: Answer<HealthRow[]>;
  shell?: Answer<ShellFacts>;
  endpoint?: Answer<EndpointFacts> | ((endpoint: string) => Answer<EndpointFacts>);
  target?: Answer<TargetFacts>;
  opened?: Answer<Opened>;
  store?: Answer<StoreFacts>;
  daemon?: Answer<DaemonFacts>;
  address?: string | undefined;
  /** A lab without PowerShell. */
  inspect?: false;
  asked?: Partial<Asked>;
}

const REAL = { kind: 'powershell', endpoints: ['ex1.contoso.com', 'ex2.contoso.com'] };

async function answer<T>(given: Answer<T>): Promise<T> {
  const value = typeof given === 'function' ? await (given as () => T | Promise<T>)() : given;
  if (value instanceof Error) throw value;
  return value;
}

const folder = mkdtempSync(join(tmpdir(), 'doctor-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Writes a configuration file with these sections; JSON is YAML. */
export function written(sections: Record<string, unknown>): string {
  const file = join(folder, 'second-responder.yaml');
  writeFileSync(file, JSON.stringify(sections));
  return file;
}

function loaded({ exchange = REAL, safety = { mode: 'approve' }, env = {}, more = {} }: Site = {}) {
  return loadConfig({ file: written({ exchange, safety, ...more }), env, cwd: folder });
}

export function surroundings(site: Site = {}): Surroundings {
  const inspection = (config: Config): Inspection => ({
    endpoints: config.exchange.endpoints,
    driver: 'node-powershell',
    started: 'powershell.exe',
    shell: () => answer(site.shell ?? SHELL),
    endpoint: (endpoint) => {
      const given = site.endpoint ?? { openedAfter: 400, missing: NONE };
      const about =
        typeof given === 'function' ? (given as (endpoint: string) => Answer<EndpointFacts>)(endpoint) : given;
      return answer(about);
    },
    target: () => answer(site.target ?? { openedAfter: 300, missing: NONE, clock: { ahead: 100, within: 5 } }),
  });
  return {
    load: site.load ?? (() => loaded(site)),
    open: (config) =>
      answer(
        site.opened ?? {
          exchange: {
            organisation: async () => ({
              value: { id: 'contoso.com', servers: await answer(site.servers ?? [facts('mbx1'), facts('mbx2')]) },
              warnings: [],
            }),
            serverHealth: async () => ({ value: await answer(site.rows ?? [row()]), warnings: [] }),
          },
          clock: { now: () => NOW, speed: 1, epoch: 'contoso.com' },
          ...(site.inspect === false ? {} : { inspect: inspection(config) }),
          says: 'contoso.com',
        },
      ),
    store: () => answer(site.store ?? { found: 'answer', health: HEALTHY }),
    sessions: ({ sessions }) => sessions ?? 3,
    address: () => ('address' in site ? site.address : 'http://127.0.0.1:8080'),
    daemon: () => answer(site.daemon ?? { answers: 'nobody' }),
    hostname: site.hostname ?? 'responder1',
  };
}

const HEALTHY = { up: true, kind: 'redis', warnings: [], says: 'redis 7.2 at redis1:6379' };

const asked = (site: Site): Asked => ({ limit: 5_000, signal: new AbortController().signal, ...site.asked });

/** Runs one check. */
export async function check(one: Check, site: Site = {}): Promise<Line[]> {
  const all = surroundings(site);
  return one.run(createContext(all, all.load(), asked(site)));
}

export const doctor = (site: Site = {}, tell?: (lines: readonly Line[]) => void): Promise<Line[]> =>
  diagnose(surroundings(site), asked(site), tell);

/** Lines in a compact form: `bad endpoint ex1: … → …`. */
export const told = (lines: readonly Line[]): string[] =>
  lines.map(({ check: name, state, found, mend }) => `${state} ${name}: ${found}${mend ? ` → ${mend}` : ''}`);
