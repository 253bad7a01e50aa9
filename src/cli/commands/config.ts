import type { Command } from 'commander';
import { showConfig } from '../../config/show.ts';
import { checkConfig } from '../../playbooks/check.ts';
import { STEPS } from '../../steps/index.ts';
import { type CliContext, print } from '../context.ts';
import { formatProblems, toOutput } from '../output/problems.ts';
import { plain, table } from '../output/text.ts';
import { loadOptions, readSettings } from '../settings.ts';

export function configCommand(program: Command, context: CliContext): void {
  const config = program.command('config').description('check and show the configuration').helpCommand(false);

  config
    .command('check')
    .description('validate configuration, catalog and playbooks and report every problem; needs no daemon')
    .action((_: unknown, command: Command) => {
      const { problems } = checkConfig({ ...loadOptions(command), steps: STEPS });
      if (problems.length > 0) context.fail();
      print(command, context, { ok: problems.length === 0, problems: problems.map(toOutput) }, () => {
        const { paint } = context.terminal;
        return problems.length > 0 ? formatProblems(problems, paint) : `${paint('good', '✓')} no problems\n`;
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
