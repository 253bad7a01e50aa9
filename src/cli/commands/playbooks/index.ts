import type { Command } from 'commander';
import type { CliContext } from '../../context.ts';
import { backtestCommand } from './backtest.ts';
import { checkCommand } from './check.ts';
import { diffCommand } from './diff.ts';
import { explainCommand } from './explain.ts';
import { listCommand } from './list.ts';
import { reloadCommand } from './reload.ts';
import { showCommand } from './show.ts';
import { testCommand } from './test.ts';
import { trustCommand } from './trust.ts';

export function playbooksCommand(program: Command, context: CliContext): void {
  const playbooks = program
    .command('playbooks')
    .description('list, show, check, test, explain, compare, reload and trust playbooks')
    .helpCommand(false);
  listCommand(playbooks, context);
  trustCommand(playbooks, context);
  showCommand(playbooks, context);
  checkCommand(playbooks, context);
  testCommand(playbooks, context);
  explainCommand(playbooks, context);
  diffCommand(playbooks, context);
  backtestCommand(playbooks, context);
  reloadCommand(playbooks, context);
}
