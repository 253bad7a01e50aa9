import { hostname } from 'node:os';
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { diagnose, type Line, type State, type Surroundings } from '../../doctor/index.ts';
import { visibleJson } from '../../incident/visible.ts';
import { widthOf } from '../../lib/cells.ts';
import { type Release, releaseAll } from '../../lib/release.ts';
import { type CliContext, wantsJson } from '../context.ts';
import { addressIn } from '../daemon/connect.ts';
import { askReadiness } from '../daemon/doctor-daemon.ts';
import { EXIT } from '../errors.ts';
import { leave } from '../leave.ts';
import type { Style, Terminal } from '../output/terminal.ts';
import { pad, plain, wrap } from '../output/text.ts';
import { loadOptions } from '../settings.ts';
import { untilStopped } from '../until-stopped.ts';
import { howLong, serverNames } from '../values.ts';

const TIME_LIMIT = 60_000;

interface Options {
  server?: string[];
  timeLimit?: number;
}

export function doctorCommand(program: Command, context: CliContext): void {
  program
    .command('doctor')
    .description('check everything that the daemon depends on; changes nothing')
    .option('--server <names>', 'only these servers, separated by commas (default: all)', serverNames)
    .option('--time-limit <duration>', 'time limit of each check, such as 3m (default: 60s)', howLong)
    .action(async (options: Options, command: Command) => {
      const stop = new AbortController();
      void untilStopped().then((signal) => stop.abort(new Stopped(signal)));
      const releases: Release[] = [];
      const surroundings = await around(command, releases);
      try {
        const fine = await examine(surroundings, options, context.terminal, wantsJson(command), stop.signal);
        if (!fine) context.fail();
        await releaseAll(releases);
        await leave(fine ? EXIT.fine : EXIT.problems);
      } finally {
        await releaseAll(releases);
      }
    });
}

class Stopped extends Error {}

/** Runs the checks and prints each result immediately. Returns whether none is bad. */
export async function examine(
  surroundings: Surroundings,
  { server, timeLimit = TIME_LIMIT }: Options,
  terminal: Terminal,
  json: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const progress = progressOn(terminal);
  const tell = (lines: readonly Line[]) => {
    progress.clear();
    if (!json) for (const line of lines) terminal.write(formatLine(line, terminal));
  };
  const asked = { limit: timeLimit, signal, progress: progress.show, ...(server && { servers: server }) };
  try {
    const lines = await diagnose(surroundings, asked, tell);
    const sum = sumOf(lines);
    terminal.write(json ? `${visibleJson({ ...sum, checks: lines }, 2)}\n` : formatSum(sum, terminal));
    return sum.ok;
  } catch (error) {
    if (!signal.aborted) throw error;
    terminal.write(
      json ? `${JSON.stringify({ ok: false, stopped: true })}\n` : 'Stopped before every check was done.\n',
    );
    return false;
  } finally {
    progress.clear();
  }
}

async function around(command: Command, releases: Release[]): Promise<Surroundings> {
  const [{ openExchange, sessionsOf }, { inspectStore }] = await Promise.all([
    import('../../open/exchange.ts'),
    import('../../open/store.ts'),
  ]);
  return {
    load: () => loadConfig(loadOptions(command)),
    // Never with the saved state of a lab, which belongs to its daemon.
    open: (config) => openExchange(config, releases),
    store: inspectStore,
    sessions: sessionsOf,
    address: addressIn,
    daemon: askReadiness,
    hostname: hostname(),
  };
}

interface Sum {
  ok: boolean;
  bad: number;
  look: number;
  skipped: number;
}

function sumOf(lines: readonly Line[]): Sum {
  const of = (state: State) => lines.filter((line) => line.state === state).length;
  return { ok: of('bad') === 0, bad: of('bad'), look: of('look'), skipped: of('skipped') };
}

const STYLES: Record<State, Style> = { ok: 'good', look: 'warn', bad: 'bad', skipped: 'dim' };
const STATE_WIDTH = 9;
const CHECK_WIDTH = 26;
/** Maximum width of the output: wider lines are hard to read. */
const WIDEST = 160;

/** A result in columns, with the advice below it at full width, so that commands can be copied. */
function formatLine({ check, state, found, mend }: Line, { paint, ...terminal }: Terminal): string {
  const columns = Math.max(terminal.columns, Math.min(WIDEST, terminal.tableColumns ?? 0));
  const head = pad(paint(STYLES[state], state), STATE_WIDTH);
  const name = plain(check);
  const text = wrap(plain(found), columns - STATE_WIDTH - CHECK_WIDTH);
  const [first, rest] = widthOf(name) < CHECK_WIDTH ? [text[0] ?? '', text.slice(1)] : ['', text];
  const rows = [
    `${head}${pad(name, CHECK_WIDTH)}${first}`,
    ...rest.map((row) => ' '.repeat(STATE_WIDTH + CHECK_WIDTH) + row),
  ];
  const todo = (mend ?? '').split('\n').flatMap((row) => mendRows(row, columns));
  const below =
    mend === undefined
      ? []
      : todo.map((row, index) => pad('', STATE_WIDTH) + (index === 0 ? paint('accent', '→ ') : '  ') + row);
  return [...rows, ...below].map((row) => `${row.trimEnd()}\n`).join('');
}

/** Text to copy stays on one line. */
const mendRows = (row: string, columns: number): string[] =>
  row.startsWith('  ') ? [`  ${plain(row.trim())}`] : wrap(plain(row), columns - STATE_WIDTH - 2);

function formatSum({ bad, look, skipped }: Sum, { paint }: Terminal): string {
  const parts = [
    bad === 0 ? paint('good', 'no problem') : paint('bad', bad === 1 ? '1 problem' : `${bad} problems`),
    look > 0 && paint('warn', `${look} to review`),
    skipped > 0 && `${skipped} skipped because of the problems above`,
  ];
  return `\n${parts.filter(Boolean).join('; ')}\n`;
}

/** A progress line that is overwritten, on a terminal only. */
function progressOn({ live }: Terminal): { show(says: string): void; clear(): void } {
  if (!live || !process.stderr.isTTY) return { show() {}, clear() {} };
  return {
    show: (says) => void process.stderr.write(`\r\x1b[2K${plain(says)} …`),
    clear: () => void process.stderr.write('\r\x1b[2K'),
  };
}
