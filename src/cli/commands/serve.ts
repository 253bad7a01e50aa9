import type { Command } from 'commander';
import type { Logger } from '../../adapters/telemetry/index.ts';
import type { App, Started } from '../../app.ts';
import type { Config } from '../../config/config.ts';
import type { Mode } from '../../incident/plan.ts';
import { wantsJson } from '../context.ts';
import { whyNotStarted } from '../errors.ts';
import { readSettings } from '../settings.ts';
import { untilStopped } from '../until-stopped.ts';
import { version } from '../version.ts';

/** Real milliseconds after which a hanging stop is aborted; work in progress is resumed from the journal. */
const STOP_WITHIN = 9_500;

export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description('run the daemon')
    .option('--no-work', 'only receive alerts; other daemons on the same store handle them')
    .option('--no-receive', 'only handle incidents')
    .action(async (options: { work: boolean; receive: boolean }, command: Command) => {
      const settings = () => {
        const { config } = readSettings(command);
        if (wantsJson(command)) config.log.format = 'json';
        config.work.work &&= options.work;
        config.work.receive &&= options.receive;
        return config;
      };
      const config = settings();
      const [{ createLogger }, { createApp }] = await Promise.all([
        import('../../adapters/telemetry/index.ts'),
        import('../../app.ts'),
      ]);
      const logger = createLogger(config.log);
      process.on('unhandledRejection', (error) => {
        logger.error('Unhandled error. This is a bug: please report it with this stack', {
          error: error instanceof Error ? error.stack : String(error),
        });
      });
      // The daemon continues if its log has no reader.
      process.stdout.removeAllListeners('error').on('error', () => {});
      const app = createApp({ config, version: version(), logger });
      const stopped = untilStopped({
        reload: () => void reload(app, settings, logger),
        unused: (signal) => logger.warn(`Ignored ${signal}: SIGHUP reloads, SIGTERM stops`),
      });
      const begun = app.start().catch((error: unknown) => Promise.reject(whyNotStarted(error)));
      const started = await Promise.race([begun, stopped]);
      if (typeof started !== 'string') announce(started, config, logger);
      const signal = await stopped;
      logger.info(`Stopping (${signal})`);
      setTimeout(() => process.exit(0), STOP_WITHIN).unref();
      await app.stop();
      logger.info('Stopped');
      process.exit(0);
    });
}

/** Reloads everything that can be reloaded; if there are problems, logs all of them and changes nothing. */
async function reload(app: App, settings: () => Config, logger: Logger): Promise<void> {
  try {
    const { playbooks, changed, waiting } = await app.reload(settings());
    logger.info(`Reloaded (SIGHUP): ${playbooks} playbooks`, { changed });
    if (waiting.length > 0) logger.warn(`Changes that require a restart: ${waiting.join(', ')}`);
  } catch (error) {
    logger.error(`Failed to reload; the previous settings stay in force: ${(error as Error).message}`);
  }
}

function announce(started: Started, config: Config, logger: Logger): void {
  for (const warning of started.warnings) logger.warn(warning);
  const { url, store, exchange } = started;
  // A real organisation gets no example that breaks something, and no lab server.
  const isLab = config.exchange.kind === 'lab';
  const first = isLab ? { try: tryIt(url) } : { mode: config.safety.mode };
  logger.info(`Second Responder ${version()} is ready`, { url, store, exchange, ...first });
  if (config.log.format !== 'json') {
    // If standard output is JSON for machines, the first screen goes to standard error.
    const forPeople = config.log.format === 'human' || process.stdout.isTTY ? process.stdout : process.stderr;
    const next = isLab ? breakSomething(url, config.exchange.url ?? url) : lookAtIt(config.safety.mode);
    forPeople.write(`${welcome(started)}${next}\n`);
  }
}

/** The first screen: all addresses. */
function welcome({ url, exchange }: Started): string {
  return `
  Alerts        POST ${url}/api/v1/alerts/{scom,alertmanager,generic}
  Incidents     ${url}/api/v1/incidents
  Queues        ${url}/queues
  Metrics       ${url}/metrics
  Organisation  ${exchange}
`;
}

/** Two commands that inject a fault into the lab. */
function breakSomething(url: string, lab: string): string {
  return `
  Break something and send an alert about it:

    curl -s ${lab}/lab/v1/faults -H 'content-type: application/json' -d '{"fault":"imap-backend-hang","server":"mbx1"}'
    ${tryIt(url)}
`;
}

const IN_FORCE: Record<Mode, string> = {
  observe: 'nothing is changed; every incident shows what would have been done',
  approve: 'a person approves before anything is changed',
  auto: 'playbooks in mode auto change servers without asking',
};

/** The mode, and how to check the connection. */
function lookAtIt(mode: Mode): string {
  return `
  safety.mode is ${mode}: ${IN_FORCE[mode]}.
  Check that everything is in place:

    npx second-responder doctor
`;
}

/** A complete command that posts an alert, like a script would. */
function tryIt(url: string): string {
  const alert =
    '{"id":"try-1","server":"mbx1","healthSet":"IMAP.Protocol","monitor":"ImapSelfTestMonitor","status":"firing"}';
  return `curl -s ${url}/api/v1/alerts/generic -H 'content-type: application/json' -d '${alert}'`;
}
