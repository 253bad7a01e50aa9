import type { Command } from 'commander';
import type { Config } from '../../../config/config.ts';
import { writeDuration } from '../../../config/schema.ts';
import { monitorName } from '../../../incident/health.ts';
import type { Playbook } from '../../../incident/plan.ts';
import { modeInForce, restrictedSomewhere, restrictionsOf } from '../../../incident/restrictions.ts';
import { type EffectiveStep, effectiveSteps } from '../../../playbooks/effective.ts';
import { STEPS } from '../../../steps/index.ts';
import { loadCatalog } from '../../../verification/catalog.ts';
import { type CliContext, print } from '../../context.ts';
import { plain, table } from '../../output/text.ts';
import { findPlaybook } from '../../playbooks.ts';
import { readSettings } from '../../settings.ts';

export function showCommand(playbooks: Command, context: CliContext): void {
  playbooks
    .command('show')
    .description(
      'show a playbook as it runs, after defaults, lists and restrictions, with the source of each value; needs no daemon',
    )
    .argument('<playbook>', 'name of the playbook, or its file')
    .argument('[name]', 'which playbook of a file with several')
    .action(async (wanted: string, name: string | undefined, _: unknown, command: Command) => {
      const { config } = readSettings(command);
      const playbook = findPlaybook(wanted, name, config, loadCatalog(config.verification.catalog));
      const shown = await effective(playbook, config);
      print(command, context, shown, () => format(shown, context));
    });
}

type Shown = Awaited<ReturnType<typeof effective>>;

/** Imports the prover on demand: it knows which limits hold. */
async function effective(playbook: Playbook, config: Config) {
  const { limitOf, proofSettings } = await import('../../../proof/prove.ts');
  const { name, summary, page, handles, hash, file } = playbook;
  const restrictions = restrictionsOf(config.playbooks.restrictions);
  const { mode, restricted } = modeInForce(
    { playbook: name, mode: playbook.mode },
    { mode: config.safety.mode, restrictions },
    [],
  );
  const limit = (kind: 'time' | 'serviceRestarts' | 'serverRestarts', key: string) => {
    const { most, key: section } = limitOf(kind, name, proofSettings(config));
    return { name: key, value: kind === 'time' ? writeDuration(most) : most, from: `${section}.${key}` };
  };
  const ownMode = playbook.modeIsDefault ? 'playbooks.defaults.mode' : 'file';
  return {
    playbook: name,
    summary,
    ...(page !== undefined && { page }),
    file,
    hash,
    handles: handles.map(monitorName),
    mode: { value: mode, from: mode === playbook.mode ? ownMode : (restricted?.by ?? 'safety.mode') },
    /** More careful on some servers. */
    restrictions: restrictedSomewhere(restrictions, name),
    limits: [
      limit('time', 'time'),
      limit('serviceRestarts', 'service-restarts'),
      limit('serverRestarts', 'server-restarts'),
    ],
    steps: effectiveSteps(playbook, STEPS),
  };
}

function format(shown: Shown, { terminal: { paint, tableColumns } }: CliContext): string {
  const { playbook, summary, file, hash, handles, mode, restrictions, limits, steps } = shown;
  const rows: string[][] = [
    ['mode', mode.value, mode.from],
    ...restrictions.map((one) => ['  on some servers', one.mode, one.by]),
    ...limits.map(({ name, value, from }) => [`at most: ${name}`, String(value), from]),
    ...handles.map((monitor) => ['handles', monitor, 'file']),
    ...steps.flatMap(rowsOf),
  ];
  const head = ['SETTING', 'VALUE', 'FROM'].map((title) => paint('dim', title));
  const dimmed = rows.map(([setting = '', value = '', from = '']) => [
    plain(setting),
    plain(value),
    from === 'default' ? paint('dim', from) : plain(from),
  ]);
  return [
    `${paint('bold', plain(playbook))}  ${plain(summary)}\n`,
    `${paint('dim', `${plain(file)}, hash ${hash}`)}\n`,
    table([head, ...dimmed], tableColumns),
  ].join('');
}

function rowsOf({ n, step, at, usedAt, when, options }: EffectiveStep): string[][] {
  const where = [at, ...usedAt.map((use) => `used at ${use}`)].join(', ');
  return [
    [`step ${n}`, step, where],
    ...(when ? [['  when', inWords(when), where]] : []),
    ...options.map(({ name, value, from }) => [`  ${name}`, inWords(value), from]),
  ];
}

const inWords = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
