import { type Command, InvalidArgumentError } from 'commander';
import type { Finding, Report } from '../../../backtest/backtest.ts';
import { writeInstants } from '../../../ports/instants.ts';
import { loadCatalog } from '../../../verification/catalog.ts';
import { type CliContext, print, wantsJson } from '../../context.ts';
import { talking } from '../../daemon/connect.ts';
import { type JournalFilter, withJournals } from '../../daemon/journals.ts';
import { formatReport } from '../../output/backtest-text.ts';
import { progressBar } from '../../output/progress.ts';
import { readPlaybookFiles } from '../../playbooks.ts';
import { readSettings } from '../../settings.ts';
import { since, wholeNumber } from '../../values.ts';

/** What `--fail-on` may name, and whether an incident gets worse in that. */
const WORSE: Record<string, (finding: Finding) => boolean> = {
  reboots: ({ most, recorded }) => most.reboots > recorded.figures.reboots,
  restarts: ({ most, recorded }) => most.serviceRestarts > recorded.figures.serviceRestarts,
  woken: ({ least, recorded }) => least.woken > recorded.figures.woken,
  unknown: ({ certainty }) => certainty === 'unknown',
};

export const MOST_SHOWN = 20;

interface Options {
  journals?: string;
  since?: string;
  server?: string;
  playbook?: string;
  limit?: number;
  show: number;
  failOn?: string[];
}

export function backtestCommand(playbooks: Command, context: CliContext): void {
  talking(playbooks.command('backtest'))
    .description('compare finished incidents with what edited playbooks would have done; sends nothing')
    .argument('[files...]', 'playbook files (default: the configured folder)')
    .option('--journals <file>', 'read the journals from this file, as incidents export writes it')
    .option('--since <time>', 'only incidents opened since: 30d, 2025-01-31', since)
    .option('--server <name>', 'only incidents of this server')
    .option('--playbook <name>', 'only incidents that this playbook handled, or would handle')
    .option('--limit <number>', 'only the newest incidents, this many', wholeNumber)
    .option('--show <number>', 'maximum number of differing incidents to print', wholeNumber, MOST_SHOWN)
    .option('--fail-on <kinds>', `exit with 1 if one of these gets worse: ${Object.keys(WORSE).join(', ')}`, kinds)
    .action(async (files: string[], options: Options, command: Command) => {
      const report = await backtest(command, files, options);
      if (options.failOn?.some((kind) => report.findings.some((one) => WORSE[kind]?.(one)))) context.fail();
      print(command, context, writeInstants(report), () => formatReport(report, options.show, context.terminal));
    });
}

/** Imports what only this requires on demand. */
export async function backtest(
  command: Command,
  files: string[],
  { journals, since: from, server, limit, playbook }: Partial<Options>,
): Promise<Report> {
  const [{ createBacktest }, { proofSettings }] = await Promise.all([
    import('../../../backtest/backtest.ts'),
    import('../../../proof/prove.ts'),
  ]);
  const { config } = readSettings(command);
  const catalog = loadCatalog(config.verification.catalog);
  const proof = proofSettings(config);
  const settings = {
    playbooks: readPlaybookFiles(files, config, catalog),
    catalog,
    mode: config.safety.mode,
    restrictions: proof.restrictions,
    proof,
  };
  const comparison = createBacktest(
    settings,
    ({ playbooks }) => playbook === undefined || playbooks.includes(playbook),
  );
  const bar = progressBar(!wantsJson(command));
  const filter: JournalFilter = { file: journals, since: from, server, limit };
  await withJournals(command, filter, async (found) => {
    let count = 0;
    for await (const { incident, share, ...read } of found) {
      if ('why' in read) comparison.unreadable(incident, read.why);
      else await comparison.add(incident, read.entries);
      count += 1;
      bar.show(share, `${count} incidents`);
    }
  }).finally(() => bar.clear());
  return comparison.report();
}

function kinds(text: string): string[] {
  const named = text.split(',').map((name) => name.trim());
  const unknown = named.find((name) => !(name in WORSE));
  if (unknown === undefined) return named;
  throw new InvalidArgumentError(`"${unknown}" is none of ${Object.keys(WORSE).join(', ')}.`);
}
