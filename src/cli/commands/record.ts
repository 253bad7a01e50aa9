import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../../config/config.ts';
import { type Release, releaseAll } from '../../lib/release.ts';
import { span } from '../../lib/span.ts';
import type { OpenedExchange } from '../../open/exchange.ts';
import { ExchangeError } from '../../ports/exchange.ts';
import { whyNotWritable, writeRecording } from '../../recording/file.ts';
import { readingOnly } from '../../recording/reading.ts';
import { NoSuchServer, record } from '../../recording/record.ts';
import type { Recording } from '../../recording/recording.ts';
import { type Renamed, rename } from '../../recording/rename.ts';
import { type Summary, summarise } from '../../recording/summary.ts';
import { loadCatalog } from '../../verification/catalog.ts';
import { type CliContext, print } from '../context.ts';
import { CliError, UsageError, whyNotStarted } from '../errors.ts';
import { plain, table } from '../output/text.ts';
import { readSettings } from '../settings.ts';
import { serverNames } from '../values.ts';
import { version } from '../version.ts';

interface RecordOptions {
  output?: string;
  servers?: string[];
  probes?: true;
  rename?: true;
}

export function recordCommand(program: Command, context: CliContext, openIt: OpenExchange = open): void {
  program
    .command('record')
    .description('record the state of the organisation to a file that a lab can start from; changes nothing')
    .option('--output <file>', 'file to write; never overwrites (default: recording-<time>.json)')
    .option('--servers <names>', 'only these servers, separated by commas (default: all)', serverNames)
    .option('--probes', 'also run the probes of the monitors; slow, and probes log on to mailboxes')
    .option('--rename', 'replace names, addresses and accounts with neutral ones; in free text, those that are found')
    .action(async (options: RecordOptions, command: Command) => {
      const file = resolve(options.output ?? `recording-${compactTime(new Date())}.json`);
      const why = whyNotWritable(file);
      if (why) throw new CliError(why);
      const { config } = readSettings(command);
      const found = await recordOrganisation(config, options, openIt, (says) =>
        process.stderr.write(`${plain(says)}\n`),
      );
      const summary = summarise(found);
      if (summary.answered === 0) {
        context.fail();
        print(command, context, { ...summary, file: null }, () => nothingRead(summary, context));
        return;
      }
      const written: Renamed = options.rename ? rename(found) : { recording: found, names: [] };
      try {
        writeRecording(file, written.recording);
      } catch (error) {
        throw new CliError((error as Error).message);
      }
      // The texts to review are those in the file; failures use the original names.
      const told: Told = { ...summary, texts: summarise(written.recording).texts, file, names: written.names };
      print(command, context, told, () => tell(told, context));
    });
}

type Told = Summary & { file: string; names: Renamed['names'] };

/** Opens the organisation to record. */
export type OpenExchange = (
  config: Config,
) => Promise<Pick<OpenedExchange, 'exchange' | 'clock' | 'says'> & { close(): Promise<void> }>;

/** Never opens the saved state of a lab, which belongs to its daemon. */
const open: OpenExchange = async (config) => {
  const releases: Release[] = [];
  const close = () => releaseAll(releases);
  try {
    const { openExchange } = await import('../../open/exchange.ts');
    return { ...(await openExchange(config, releases)), close };
  } catch (error) {
    await close();
    throw error instanceof ExchangeError ? new CliError(`${error.code}: ${error.message}`) : whyNotStarted(error);
  }
};

/** Records through a guard that allows no changing verb. `tell` receives the progress. */
async function recordOrganisation(
  config: Config,
  { servers, probes = false }: { servers?: readonly string[]; probes?: boolean },
  openIt: OpenExchange,
  tell: (says: string) => void,
): Promise<Recording> {
  const { catalog, callTimeLimit, probeTimeLimit } = config.verification;
  const known = probes ? loadCatalog(catalog) : undefined;
  const opened = await openIt(config);
  try {
    tell(`Recording ${opened.says}. Nothing is changed.`);
    if (known) {
      tell(
        'Probes run one at a time: they log on to Exchange’s health mailboxes, and each may take ' +
          `up to ${span(probeTimeLimit)}.`,
      );
    }
    return await record({
      exchange: readingOnly(opened.exchange, { probes }),
      now: () => opened.clock.now(),
      ...(servers && { servers }),
      ...(known && { probes: known }),
      recordedBy: `second-responder ${version()}`,
      timeLimit: callTimeLimit,
      probeTimeLimit,
      report: tell,
    });
  } catch (error) {
    throw error instanceof NoSuchServer ? new UsageError(error.message) : error;
  } finally {
    await opened.close();
  }
}

/** `20261123-143131`, in local time. */
function compactTime(at: Date): string {
  const [day, time] = [
    [at.getFullYear(), at.getMonth() + 1, at.getDate()],
    [at.getHours(), at.getMinutes(), at.getSeconds()],
  ].map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(''));
  return `${day}-${time}`;
}

function nothingRead({ failed }: Summary, { terminal: { paint } }: CliContext): string {
  return `${paint('bad', 'nothing could be read')}; no file was written\n${failures(failed)}`;
}

function failures(failed: Summary['failed']): string {
  return table(
    failed.map(({ about, call, failure: { code, says } }) => [
      `  ${plain(about) || 'organisation'}`,
      call,
      code,
      plain(says),
    ]),
  );
}

function tell(told: Told, { terminal: { paint } }: CliContext): string {
  const { servers, groups, databases, monitors, probes, answered, warnings, failed, file, texts, names } = told;
  const counts = [many(servers, 'server'), many(groups, 'group'), many(databases, 'database')].concat([
    ...[many(monitors, 'monitor'), many(probes, 'probe')],
  ]);
  const lines = [
    `${paint('good', 'recorded')}: ${counts.join(', ')}\n`,
    `  ${many(answered, 'answer')}${warnings > 0 ? `, with ${many(warnings, 'warning')}` : ''}, in ${plain(file)}, which only you can read\n`,
  ];
  if (failed.length > 0) {
    const stand = failed.length === 1 ? 'stands' : 'stand';
    lines.push(
      `${paint('warn', `${many(failed.length, 'call')} failed`)}, and ${stand} there so:\n${failures(failed)}`,
    );
  }
  if (names.length > 0) {
    lines.push('Neutral names; this list is not saved:\n');
    lines.push(table(names.map(({ kind, original, neutral }) => [`  ${neutral}`, plain(original), kind])));
  }
  lines.push(
    `${paint('bold', 'Review the file before you share it.')} `,
    names.length > 0
      ? 'In free text, only names that were found are replaced. '
      : 'It contains the names of your servers, domains, sites and databases; --rename replaces them. ',
    'Free text in it:\n',
    table(Object.entries(texts).map(([kind, count]) => [`  ${count}`, kind])),
  );
  return lines.join('');
}

const many = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
