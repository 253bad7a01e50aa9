import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type Command, Option } from 'commander';
import { readText } from '../../config/yaml.ts';
import type { Cell } from '../../drill/cells.ts';
import type { CellResult } from '../../drill/drill.ts';
import {
  type DrillReport,
  type DrillSummary,
  inSentences,
  isHealed,
  isIncurable,
  summarise,
  type Worse,
} from '../../drill/report.ts';
import { MODES, type Mode } from '../../incident/plan.ts';
import { type CliContext, print } from '../context.ts';
import type { DrillSource } from '../drill-setting.ts';
import { inWords, UsageError } from '../errors.ts';
import { requireWritable, writeOutput } from '../output/file.ts';
import { plain, table } from '../output/text.ts';
import { loadOptions } from '../settings.ts';
import { wholeNumber } from '../values.ts';

interface Options {
  organisation?: string;
  recording?: string;
  seed?: number;
  playbook?: string[];
  mode?: Mode;
  baseline?: string;
  html?: string;
}

export function drillCommand(program: Command, context: CliContext): void {
  const several = (value: string, before: string[] = []) => [...before, value];
  program
    .command('drill')
    .description(
      'play every incident that a playbook handles, on every server of a simulated organisation; changes nothing',
    )
    .option('--organisation <file>', 'drill on this organisation (default: lab.organisation)')
    .option('--recording <file>', 'drill on this recording (default: lab.recording)')
    .option('--seed <number>', 'seed of the lab’s random choices', wholeNumber)
    .option('--playbook <file>', 'use these playbooks instead of the configured folder; may be repeated', several)
    .addOption(
      new Option('--mode <mode>', 'drill every playbook in this mode (default: as configured)').choices([...MODES]),
    )
    .option('--baseline <file>', 'compare with an earlier drill --json: exit code 1 if anything got worse')
    .option('--html <file>', 'also write a page with a map of all results')
    .action(async (options: Options, command: Command) => {
      if (options.organisation !== undefined && options.recording !== undefined)
        throw new UsageError('--organisation cannot be combined with --recording.');
      if (options.html !== undefined) requireWritable(options.html);
      const { readReport, worseThan } = await import('../../drill/report.ts');
      const baseline =
        options.baseline === undefined
          ? undefined
          : inWords(() => readReport(readText(options.baseline as string), options.baseline as string));
      const report = await drill(options, command);
      const worse = baseline && worseThan(baseline, report);
      if (options.html !== undefined) {
        const { drillPage } = await import('../../drill/html.ts');
        writeOutput(options.html, drillPage(report, worse));
      }
      if (!report.complete || (worse && worse.length > 0)) context.fail();
      const summary = summarise(report.cells);
      print(command, context, { ...report, summary, ...(worse && { worse }) }, () =>
        inText(report, summary, worse, context),
      );
    });
}

async function drill(options: Options, command: Command): Promise<DrillReport> {
  const [{ drillSetting }, { cellsOf }, { createLab }] = await Promise.all([
    import('../drill-setting.ts'),
    import('../../drill/cells.ts'),
    import('../../lab/lab.ts'),
  ]);
  const source: DrillSource = {
    load: loadOptions(command),
    playbooks: options.playbook ?? [],
    ...(options.organisation !== undefined && { organisation: options.organisation }),
    ...(options.recording !== undefined && { recording: options.recording }),
    ...(options.seed !== undefined && { seed: options.seed }),
    ...(options.mode !== undefined && { mode: options.mode }),
  };
  const { lab, playbooks } = inWords(() => {
    const { place, options: setting } = drillSetting(source);
    return { lab: createLab({ ...place, speed: 1, virtual: true }), playbooks: setting.playbooks };
  });
  const { cells, servers } = await cellsOf(lab.exchange('drill'), playbooks);
  const { played, complete } = await playAll(cells, source);
  return {
    format: 'second-responder drill',
    version: 1,
    organisation: lab.organisation().name,
    at: new Date().toISOString(),
    complete,
    cells: played,
    servers,
  };
}

/** Plays the cells in one thread per processor. Ctrl-C ends it early, with what there is. */
async function playAll(
  cells: readonly Cell[],
  source: DrillSource,
): Promise<{ played: CellResult[]; complete: boolean }> {
  const results: (CellResult | undefined)[] = [];
  const threads = Array.from({ length: Math.min(availableParallelism(), cells.length) }, () => {
    return new Worker(new URL('../drill-worker.js', import.meta.url), { workerData: source });
  });
  const progress = progressOf(cells.length);
  let [next, done, stopped] = [0, 0, false];
  const stop = () => {
    stopped = true;
  };
  process.once('SIGINT', stop);
  try {
    await Promise.all(
      threads.map(
        (thread) =>
          new Promise<void>((resolveThread, reject) => {
            let current = 0;
            const send = () => {
              if (stopped || next >= cells.length) return resolveThread();
              current = next++;
              thread.postMessage(cells[current]);
            };
            thread.on('message', (result: CellResult | null) => {
              if (result) results[current] = result;
              progress.show(++done);
              send();
            });
            thread.once('error', reject);
            send();
          }),
      ),
    );
  } finally {
    progress.end();
    process.off('SIGINT', stop);
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
  return { played: results.filter((result) => result !== undefined), complete: done === cells.length };
}

/** A line that is overwritten, on a terminal only. */
function progressOf(all: number) {
  const { stderr } = process;
  if (!stderr.isTTY) return { show() {}, end() {} };
  return {
    show: (done: number) => void stderr.write(`\r  ${done} of ${all} incidents played`),
    end: () => void stderr.write('\r\u001b[2K'),
  };
}

function inText(
  { organisation, cells, servers, complete }: DrillReport,
  summary: DrillSummary,
  worse: readonly Worse[] | undefined,
  { terminal: { paint, tableColumns } }: CliContext,
): string {
  const dim = (titles: string[]) => titles.map((title) => paint('dim', title));
  const rows = servers.map(({ server, group = '', handled, unhandled }) => {
    const own = cells.filter((cell) => cell.server === server && !isIncurable(cell));
    const well = own.filter(isHealed);
    const longest = well.length > 0 ? `${Math.max(...well.map((cell) => cell.minutes))} min` : '';
    const count = `${well.length} of ${own.length}`;
    const painted = well.length === own.length ? count : paint('bad', count);
    return [plain(server), plain(group), String(handled), String(unhandled), painted, longest];
  });
  const reasons = summary.notHealed.map(({ why, cells: count, servers: where, says }) => [
    why,
    String(count),
    where.join(', '),
    plain(says),
  ]);
  return [
    `\n  ${paint('bold', `Drill of ${plain(organisation)}`)}${complete ? '' : paint('bad', ', interrupted: incidents are missing')}\n\n`,
    ...inSentences(summary).map((says) => `  ${says}\n`),
    '\n',
    table([dim(['SERVER', 'GROUP', 'HANDLED', 'NO PLAYBOOK', 'RECOVERED', 'LONGEST']), ...rows], tableColumns),
    ...(reasons.length > 0
      ? ['\n', table([dim(['NOT RECOVERED', 'INCIDENTS', 'SERVERS', 'FOR EXAMPLE']), ...reasons], tableColumns)]
      : []),
    ...(worse ? [`\n${worseInText(worse, paint)}`] : []),
  ].join('');
}

function worseInText(worse: readonly Worse[], paint: CliContext['terminal']['paint']): string {
  if (worse.length === 0) return `${paint('good', '✓')} nothing got worse since the baseline\n`;
  return worse
    .map(
      ({ server, monitor, cure, says }) =>
        `${paint('bad', '✗')} ${plain(`${monitor} on ${server}, cured by ${cure}: ${says}`)}\n`,
    )
    .join('');
}
