import type { Command } from 'commander';
import type { Config } from '../../config/config.ts';
import type { Problem } from '../../config/problems.ts';
import { showConfig } from '../../config/show.ts';
import type { Playbook } from '../../incident/plan.ts';
import { checkConfig } from '../../playbooks/check.ts';
import { STEPS } from '../../steps/index.ts';
import { type CliContext, print } from '../context.ts';
import { formatProblems, formatWarnings, toOutput } from '../output/problems.ts';
import { plain, table } from '../output/text.ts';
import { loadOptions, readSettings } from '../settings.ts';

export function configCommand(program: Command, context: CliContext): void {
  const config = program.command('config').description('check and show the configuration').helpCommand(false);

  config
    .command('check')
    .description(
      'validate configuration, catalog and playbooks and report every problem that would stop a start; needs no daemon',
    )
    .action(async (_: unknown, command: Command) => {
      const { problems: invalid, warnings, read } = checkConfig({ ...loadOptions(command), steps: STEPS });
      const problems = read?.config.playbooks.proof === 'required' ? await unproved(read) : invalid;
      if (problems.length > 0) context.fail();
      const answer = {
        ok: problems.length === 0,
        problems: problems.map(toOutput),
        warnings: warnings.map(toOutput),
      };
      print(command, context, answer, () => {
        const { paint } = context.terminal;
        const found = problems.length > 0 ? formatProblems(problems, paint) : `${paint('good', '✓')} no problems\n`;
        return formatWarnings(warnings, paint) + found;
      });
    });

  config
    .command('show')
    .description('show every value and its source, with secrets masked; needs no daemon')
    .action((_: unknown, command: Command) => {
      const loaded = readSettings(command);
      const values = showConfig(loaded);
      print(command, context, { file: loaded.file, values }, () => {
        const { paint, tableColumns } = context.terminal;
        const rows = values.map(({ path, value, origin }) => [
          path,
          origin === 'default' ? paint('dim', origin) : origin,
          value === undefined
            ? paint('dim', 'not set')
            : plain(typeof value === 'string' ? value : JSON.stringify(value)),
        ]);
        const head = ['SETTING', 'FROM', 'VALUE'].map((title) => paint('dim', title));
        return `${paint('dim', `file ${plain(loaded.file)}`)}\n${table([head, ...rows], tableColumns)}`;
      });
    });
}

/** Imports the prover on demand. Proofs of earlier starts count. */
async function unproved({ config, playbooks }: { config: Config; playbooks: Playbook[] }): Promise<Problem[]> {
  const [{ Gate }, { proofSettings }] = await Promise.all([
    import('../../proof/gate.ts'),
    import('../../proof/prove.ts'),
  ]);
  const failures = await new Gate(config.store.directory).failures(playbooks, proofSettings(config));
  return [...failures.values()].flat();
}
