import type { Command } from 'commander';
import { ConfigError, type Problem } from '../../../config/problems.ts';
import type { Playbook } from '../../../incident/plan.ts';
import type { Library } from '../../../playbooks/read.ts';
import { costInWords } from '../../../proof/in-words.ts';
import type { Proof } from '../../../proof/prove.ts';
import { loadCatalog } from '../../../verification/catalog.ts';
import { type CliContext, print } from '../../context.ts';
import { formatProblems, formatWarnings, toOutput } from '../../output/problems.ts';
import { table } from '../../output/text.ts';
import { readLibraryFiles } from '../../playbooks.ts';
import { readSettings } from '../../settings.ts';

export function checkCommand(playbooks: Command, context: CliContext): void {
  playbooks
    .command('check')
    .description('validate playbooks and prove that every path through them is safe; needs no daemon')
    .argument('[files...]', 'playbook files (default: the configured folder)')
    .action(async (files: string[], _: unknown, command: Command) => {
      const { problems: invalid, playbooks: read, warnings } = check(files, command);
      const proofs = invalid.length > 0 ? [] : await proofsOf(read, command);
      const problems = [...invalid, ...proofs.flatMap((proof) => proof.problems)];
      if (problems.length > 0) context.fail();
      const answer = {
        ok: problems.length === 0,
        problems: problems.map(toOutput),
        warnings: warnings.map(toOutput),
        playbooks: read.map(({ name, file, hash }) => {
          const proof = proofs.find(({ playbook }) => playbook === name);
          return { name, file, hash, ...(proof && { states: proof.states, worst: proof.worst, left: proof.left }) };
        }),
      };
      print(
        command,
        context,
        answer,
        () => formatWarnings(warnings, context.terminal.paint) + formatCheck(problems, read, proofs, context),
      );
    });
}

function check(files: string[], command: Command): Library & { problems: Problem[] } {
  try {
    const { config } = readSettings(command);
    return { problems: [], ...readLibraryFiles(files, config, loadCatalog(config.verification.catalog)) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { problems: error.problems, playbooks: [], warnings: [] };
  }
}

/** Imports the prover on demand, because only this command requires it. */
async function proofsOf(read: Playbook[], command: Command): Promise<Proof[]> {
  const { proofSettings, prove } = await import('../../../proof/prove.ts');
  const settings = proofSettings(readSettings(command).config);
  const proofs: Proof[] = [];
  for (const playbook of read) proofs.push(await prove(playbook, settings));
  return proofs;
}

function formatCheck(
  problems: Problem[],
  read: Playbook[],
  proofs: Proof[],
  { terminal: { paint, tableColumns } }: CliContext,
): string {
  if (problems.length > 0) return formatProblems(problems, paint);
  const head = ['', 'PLAYBOOK', 'MODE', 'STEPS', 'STATES', 'AT WORST', 'FILE'].map((title) => paint('dim', title));
  const rows = read.map(({ name, mode, steps, file }, index) => {
    const proof = proofs[index] as Proof;
    return [paint('good', '✓'), name, mode, String(steps.length), String(proof.states), costInWords(proof.worst), file];
  });
  const left = proofs.filter((proof) => proof.left.length > 0);
  return [
    table([head, ...rows], tableColumns),
    ...left.map(
      (proof) =>
        `\n${proof.playbook} may leave changed, and says so:\n${proof.left.map((says) => `  ${says}\n`).join('')}`,
    ),
  ].join('');
}
