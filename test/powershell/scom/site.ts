/** A management server with a replacement for SCOM's module, the folder of the scripts, and a daemon whose responses a test sets. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { loadConfig } from '../../../src/config/load.ts';
import type { Alert } from '../../../src/incident/alert.ts';
import { atOnce } from '../../../src/sources/index.ts';
import { scom } from '../../../src/sources/scom.ts';
import type { Engine } from '../engines.ts';

const { config } = loadConfig({ env: {}, cwd: process.cwd() });
const TOKEN = 't0ken-of-the-sender';
const VIEWER_TOKEN = 't0ken-of-the-viewer';

export type ScomAlert = Record<string, unknown> & { Id: string };
export type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

export const ID = '7b1d6c8e-1f1c-4c5f-9a55-3f0d6f2f6c11';
export const idOf = (n: number) => `7b1d6c8e-1f1c-4c5f-9a55-${n.toString(16).padStart(12, '0')}`;

export const alertOf = (given: Partial<ScomAlert> = {}): ScomAlert => ({
  Id: ID,
  Name: 'IMAP.Protocol health set unhealthy (ImapSelfTestMonitor/MSExchangeImap4BE) - The IMAP self test fails',
  Severity: 2,
  ResolutionState: 0,
  TimeRaised: '2024-11-23T10:11:12.345Z',
  LastModified: '2024-11-23T10:11:12.345Z',
  RepeatCount: 0,
  NetbiosComputerName: 'MBX1',
  ...given,
});

export async function site(engine: Engine, settings: Record<string, unknown> = {}) {
  const root = mkdtempSync(join(tmpdir(), 'scom-'));
  const folder = join(root, "it's a folder");
  const files = { alerts: join(root, 'alerts.json'), calls: join(root, 'calls.jsonl') };
  mkdirSync(folder);
  writeFileSync(join(root, 'sender'), `${TOKEN}\r\n`);
  writeFileSync(join(root, 'viewer'), `${VIEWER_TOKEN}\n`);

  /** The alerts that the daemon has stored, by identity; every post; and every credential that it received. */
  const taken = new Map<string, Alert>();
  const posted: Alert[] = [];
  const shown = new Set<string | undefined>();
  const incidents: unknown[] = [];

  const takes: Answer = (_, response, body) => {
    const { alerts, refused } = atOnce(scom.parse(JSON.parse(body), { now: Date.now(), settings: config.alerts }));
    const told = alerts.map((alert) => ({ id: alert.id, repeat: taken.has(alert.id) }));
    for (const alert of alerts) taken.set(alert.id, alert);
    posted.push(...alerts);
    if (alerts.length > 0) json(response, 202, { accepted: 1, repeats: 0, alerts: told, refused });
    else json(response, 400, { type: 'invalid-request', problems: refused });
  };
  const daemon = { answers: takes };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      shown.add(`${request.method} ${request.headers.authorization}`);
      if (request.method === 'POST') daemon.answers(request, response, Buffer.concat(chunks).toString('utf8'));
      else json(response, 200, { incidents });
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));

  const configure = (changed: Record<string, unknown>) =>
    writeFileSync(
      join(folder, 'settings.json'),
      JSON.stringify({
        Uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
        TokenFile: join(root, 'sender'),
        ...changed,
        ...(changed.ViewerTokenFile !== undefined && { ViewerTokenFile: join(root, 'viewer') }),
      }),
    );
  configure(settings);

  const begin = (parameters: string[], env: Record<string, string> = {}) =>
    spawn(engine.executable, ['-NoProfile', '-NonInteractive', ...parameters, '-Folder', folder], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        SCOM_ALERTS: files.alerts,
        SCOM_CALLS: files.calls,
        PSModulePath: resolve('test/powershell/scom'),
        ...env,
      },
    });

  async function ended(child: ReturnType<typeof begin>) {
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
    const code = await new Promise<number | null>((closed) => child.on('close', closed));
    return { code, said };
  }

  const of = (script: string) => resolve('deploy/scom', script);
  const SEND = ['-File', of('Send-SecondResponderAlert.ps1'), '-AlertId'];
  const SYNC = ['-File', of('Sync-SecondResponderAlerts.ps1')];
  /** Several runs in one process, because starting PowerShell takes longer than a run. */
  const again = (times: number, parameters: string[]) => [
    '-File',
    resolve('test/powershell/scom/again.ps1'),
    '-Times',
    `${times}`,
    ...parameters.map((one, n) => (n === 0 ? '-Script' : one)),
  ];

  return {
    root,
    folder,
    daemon,
    takes,
    taken,
    posted,
    shown,
    incidents,
    configure,
    startSend: (id: string, env?: Record<string, string>) => begin([...SEND, id], env),
    send: (id = ID, env?: Record<string, string>) => ended(begin([...SEND, `{${id}}`], env)),
    sendTimes: (times: number) => ended(begin(again(times, [...SEND, ID]))),
    sync: (env?: Record<string, string>) => ended(begin(SYNC, env)),
    syncTimes: (times: number) => ended(begin(again(times, SYNC))),
    install: (...parameters: string[]) =>
      ended(begin(['-File', of('Install-SecondResponderChannel.ps1'), ...parameters], { SystemRoot: 'C:\\Windows' })),
    has: (...alerts: ScomAlert[]) => writeFileSync(files.alerts, JSON.stringify(alerts)),
    alerts: () => JSON.parse(readFileSync(files.alerts, 'utf8')) as ScomAlert[],
    calls: () =>
      linesOf(files.calls).map((line) => JSON.parse(line) as { command: string; parameters: Record<string, string> }),
    calledFile: files.calls,
    names: (kind: string) => readdirSync(join(folder, kind)).sort(),
    log: (name: string) => linesOf(join(folder, name)).join('\n'),
    secrets: [TOKEN, VIEWER_TOKEN],
    async end() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      rmSync(root, { recursive: true });
    },
  };
}

export type Site = Awaited<ReturnType<typeof site>>;

export function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}
