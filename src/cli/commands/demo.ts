import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { App, Started } from '../../app.ts';
import { loadConfig } from '../../config/load.ts';
import type { Instant } from '../../incident/alert.ts';
import type { Finished, Opened } from '../../incident/event.ts';
import { readInstants } from '../../ports/instants.ts';
import { type CliContext, wantsJson } from '../context.ts';
import { createDaemon, type Daemon } from '../daemon/client.ts';
import { CliError, EXIT, whyNotStarted } from '../errors.ts';
import { leave } from '../leave.ts';
import { type Logged, people, type Scene, type Shows, scripts } from '../output/scene.ts';
import type { Terminal } from '../output/terminal.ts';
import { ticking } from '../output/ticking.ts';
import { untilStopped } from '../until-stopped.ts';
import { port, speed } from '../values.ts';
import { version } from '../version.ts';
import { scomAlert } from './alert.ts';
import type { FeedEvent } from './watch.ts';

const KEPT_PORT = 8080;
/** Speed at which the default demo takes about ten seconds. */
const SPEED = 140;

interface Options {
  fault: string;
  server: string;
  speed: number;
  keep?: boolean;
  port?: number;
}

export function demoCommand(program: Command, context: CliContext): void {
  program
    .command('demo')
    .description('break a simulated server and watch the daemon repair it; requires no setup and leaves nothing behind')
    .option('--fault <name>', 'the fault to inject; docs/lab.md lists all faults', 'imap-backend-wedged')
    .option('--server <name>', 'the server to break: mbx1, mbx2, mbx3, mbx9, cas1, cas2, ex1 or ex2', 'mbx1')
    .option('--speed <factor>', 'how much faster than real time the lab runs', speed, SPEED)
    .option('--keep', 'keep the daemon running afterwards')
    .option('--port <port>', `the daemon’s port (default: a free port; with --keep, ${KEPT_PORT} if it is free)`, port)
    .addHelpText(
      'after',
      `
Other scenarios:
  second-responder demo --fault imap-backend-hang                   a service restart is enough
  second-responder demo --fault imap-proxy-hang --server cas1       a client access server
  second-responder demo --fault imap-backend-wedged --server mbx9   no server to move databases to: a person is notified`,
    )
    .action(async (options: Options, command: Command) => {
      const fine = await demo(options, context.terminal, wantsJson(command));
      await leave(fine ? EXIT.fine : EXIT.problems);
    });
}

/** Returns whether the server is healthy again. */
async function demo(options: Options, terminal: Terminal, json: boolean): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), 'second-responder-demo-'));
  const stopped = untilStopped();
  let app: App | undefined;
  try {
    app = await prepare(options, directory);
    const started = await app.start().catch((error: unknown) => Promise.reject(whyNotStarted(error)));
    const finished = await Promise.race([perform(options, started, terminal, json), stopped.then(() => undefined)]);
    if (!finished) return false;
    if (!json) terminal.write(whatNext(options, started));
    if (options.keep) await stopped;
    return finished.outcome === 'recovered' || finished.outcome === 'transient';
  } finally {
    await app?.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** A daemon with its own lab and a temporary store, without the user's configuration. */
async function prepare({ keep, port, speed: factor }: Options, directory: string): Promise<App> {
  const [{ createLogger }, { createApp }] = await Promise.all([
    import('../../adapters/telemetry/index.ts'),
    import('../../app.ts'),
  ]);
  const { config } = loadConfig({ env: {}, cwd: directory });
  config.http.port = port ?? (keep && (await isFree(KEPT_PORT)) ? KEPT_PORT : 0);
  config.lab.speed = factor;
  config.lab.seed = 1;
  // The demo prints the events itself, so only bugs are logged.
  const logger = createLogger({ level: 'error', format: 'human', stream: process.stderr });
  config.notify = [];
  return createApp({ config, version: version(), logger, keepLab: false });
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}

/** Injects a fault, posts the alert that SCOM would post, and prints the events, all over HTTP. */
async function perform(options: Options, started: Started, terminal: Terminal, json: boolean): Promise<Finished> {
  const { fault, server, speed: factor } = options;
  const daemon = createDaemon(started.url, undefined);
  const begun = performance.now();
  const { now: atBegin } = (await daemon.ask('GET', '/lab/v1/clock')) as { now: Instant };
  const real = () => performance.now() - begun;
  const now = () => atBegin + real() * factor;

  const events = daemon.events('');
  await events.next(); // the stream is open, so no event is missed
  const broken = (await daemon.ask('POST', '/lab/v1/faults', { fault, server })) as {
    postedAt: string;
    shows: Shows[];
  };
  const sick = broken.shows.find((one) => one.server === server) ?? broken.shows[0];
  if (!sick) throw new CliError(`No monitor detects ${fault} on ${server}, so no alert would be raised.`);

  const ticks = json ? { terminal, stop() {} } : ticking(terminal, now);
  const about: [string, string][] = [
    ['Exchange', `contoso.com, simulated; its time runs ${factor} times as fast as yours`],
    ['Daemon', `the real one; store: ${started.store.split(/ at |,/)[0]}`],
  ];
  const scene = json ? scripts(terminal) : people(ticks.terminal, about);
  try {
    const brokenAt = Date.parse(broken.postedAt);
    scene.broken(brokenAt, fault, server, broken.shows);
    const alert = alertOf(sick);
    const postedAt = now();
    await daemon.ask('POST', '/api/v1/alerts/scom', alert);
    scene.posted(postedAt, { label: 'SCOM', text: 'posts its alert; 202: stored' }, alert.Name as string);
    return await follow(daemon, events, scene, (at) => ({ organisation: at - brokenAt, real: real() }));
  } finally {
    ticks.stop();
  }
}

/** Exchange raises the alert only after its own recovery has failed. */
function alertOf({ server, monitor: shown }: Shows): Record<string, unknown> {
  const [healthSet = '', monitor = '', targetResource] = shown.split('\\');
  return scomAlert({
    id: `{${randomUUID()}}`,
    server: `${server}.contoso.com`,
    healthSet,
    monitor,
    ...(targetResource !== undefined && { targetResource }),
    title: 'Managed Availability’s own recovery failed',
    raisedAt: new Date().toISOString(),
  });
}

async function follow(
  daemon: Daemon,
  events: ReturnType<Daemon['events']>,
  scene: Scene,
  took: (at: Instant) => { organisation: number; real: number },
): Promise<Finished> {
  let main: string | undefined;
  for await (const next of events) {
    if (next === 'alive') continue;
    const event = readInstants<FeedEvent>(next.data);
    scene.happens(event, next.data);
    if (event.type === 'opened' && !(event.data as Opened).parent) main ??= event.incident;
    if (event.type !== 'finished' || event.incident !== main) continue;
    const finished = event.data as Finished;
    const commands = readInstants<Logged[]>(await daemon.ask('GET', '/lab/v1/commands'));
    scene.over(finished, commands, took(event.at), finished.outcome === 'escalated');
    return finished;
  }
  throw new CliError('The daemon stopped before the incident finished.');
}

function whatNext({ keep }: Options, { url }: Started): string {
  if (!keep) {
    return `  Next       npm start                the daemon with the same lab, at http://127.0.0.1:${KEPT_PORT}
             npm run demo -- --help   other faults, other servers
             docs/README.md           how to connect real alerts, and what keeps it safe

`;
  }
  return `  The daemon runs until you press Ctrl-C:

             ${url}/api/v1/incidents
             ${url}/lab/v1/commands      commands that the organisation received
             ${url}/metrics
             second-responder incidents watch --url ${url}

`;
}
