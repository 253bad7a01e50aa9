import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { PlaybookDiff } from '../../../backtest/diff.ts';
import type { Config } from '../../../config/config.ts';
import type { Condition, Playbook } from '../../../incident/plan.ts';
import { MODES } from '../../../incident/plan.ts';
import { hashOf } from '../../../playbooks/hash.ts';
import type { PlaybookView } from '../../../ports/operations.ts';
import { type Catalog, loadCatalog } from '../../../verification/catalog.ts';
import { type CliContext, print } from '../../context.ts';
import { daemonOf, talking } from '../../daemon/connect.ts';
import type { Terminal } from '../../output/terminal.ts';
import { plain } from '../../output/text.ts';
import { readPlaybookFiles } from '../../playbooks.ts';
import { readSettings } from '../../settings.ts';

/** In place of files: the playbooks that the daemon runs now. */
const DAEMON = 'daemon';

export function diffCommand(playbooks: Command, context: CliContext): void {
  talking(playbooks.command('diff'))
    .description('show what two versions of playbooks do differently; comments and layout don’t count')
    .argument('[old]', `file or folder, or "${DAEMON}": the playbooks that it runs now (default: ${DAEMON})`)
    .argument('[new]', 'file or folder (default: the configured folder)')
    .action(async (...[old, now, , command]: [string | undefined, string | undefined, unknown, Command]) => {
      const { config } = readSettings(command);
      const catalog = loadCatalog(config.verification.catalog);
      // With one argument, that is the new version.
      const [from, to] = now === undefined ? [DAEMON, old] : [old, now];
      const [before, after] = [
        await version(from, config, catalog, command),
        await version(to, config, catalog, command),
      ];
      const [{ diff }, { proofSettings, prove }] = await Promise.all([
        import('../../../backtest/diff.ts'),
        import('../../../proof/prove.ts'),
      ]);
      const settings = proofSettings(config);
      const diffs = await diff(before, after, (playbook) => prove(playbook, settings));
      print(command, context, { playbooks: diffs }, () => formatDiff(diffs, context.terminal));
    });
}

async function version(
  named: string | undefined,
  config: Config,
  catalog: Catalog,
  command: Command,
): Promise<Playbook[]> {
  if (named === DAEMON) {
    const answer = (await daemonOf(command).ask('GET', '/api/v1/playbooks')) as { playbooks: PlaybookView[] };
    return answer.playbooks.map(playbookOf);
  }
  return readPlaybookFiles(named === undefined ? [] : filesIn(named), config, catalog);
}

function filesIn(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => /\.ya?ml$/i.test(name));
  return names.sort().map((name) => join(path, name));
}

/** The API shows the mode in force; the hash tells which mode the file has. */
function playbookOf({ name, summary, handles, hash, file, steps, mode, demoted }: PlaybookView): Playbook {
  const meaning = {
    name,
    handles: handles.map((written) => {
      const [healthSet = '', monitor = '', targetResource] = written.split('\\');
      return { healthSet, monitor, ...(targetResource !== undefined && { targetResource }) };
    }),
    steps: steps.map(({ step, options, when }) => ({ step, options, ...(when && { when: when as Condition }) })),
  };
  const own = MODES.find((one) => hashOf({ ...meaning, mode: one }) === hash);
  return { ...meaning, summary, mode: own ?? demoted?.from ?? mode, hash, file, places: [] };
}

function formatDiff(diffs: PlaybookDiff[], { paint }: Terminal): string {
  if (diffs.length === 0) return 'no difference in meaning\n';
  const style = { added: 'good', removed: 'bad', changed: 'warn' } as const;
  return diffs
    .map(({ playbook, is, changes }) =>
      [`${paint(style[is], is.padEnd(7))}  ${plain(playbook)}`, ...changes.map(({ says }) => `  ${plain(says)}`)]
        .map((line) => `${line}\n`)
        .join(''),
    )
    .join('\n');
}
