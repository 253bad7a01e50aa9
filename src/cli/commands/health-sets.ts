import type { Command } from 'commander';
import { didYouMean } from '../../config/problems.ts';
import { isMonitor } from '../../incident/health.ts';
import type { Playbook } from '../../incident/plan.ts';
import { languageOf, loadPlaybooks } from '../../playbooks/read.ts';
import { STEPS } from '../../steps/index.ts';
import { type Catalog, type CatalogMonitor, type HealthSetEntry, loadCatalog } from '../../verification/catalog.ts';
import { type CliContext, print } from '../context.ts';
import { CliError } from '../errors.ts';
import { plain, table } from '../output/text.ts';
import { readSettings } from '../settings.ts';

export function healthSetsCommand(program: Command, context: CliContext): void {
  const healthSets = program.command('health-sets').description('list Exchange health sets').helpCommand(false);

  healthSets
    .command('list')
    .description('list every health set of the catalog and the playbooks that handle it; needs no daemon')
    .action((_: unknown, command: Command) => {
      const { catalog, playbooks } = read(command);
      const known = catalog.healthSets().map((entry) => summary(entry, playbooks));
      print(command, context, { healthSets: known }, () => {
        const { paint, tableColumns } = context.terminal;
        const head = ['HEALTH SET', 'ROLES', 'MONITORS', 'PLAYBOOKS', 'WHAT'].map((title) => paint('dim', title));
        const rows = known.map(({ name, roles, monitors, playbooks: by, what }) => [
          plain(name),
          roles.join(', '),
          String(monitors.length),
          by.length > 0 ? plain(by.join(', ')) : paint('dim', 'none'),
          plain(what ?? ''),
        ]);
        return table([head, ...rows], tableColumns);
      });
    });

  healthSets
    .command('show')
    .description('show the monitors of a health set, their probes and their playbooks; needs no daemon')
    .argument('<name>', 'the health set, such as IMAP.Protocol')
    .action((name: string, _: unknown, command: Command) => {
      const { catalog, playbooks } = read(command);
      const all = catalog.healthSets();
      const entry = all.find((one) => one.name.toLowerCase() === name.toLowerCase());
      if (!entry) {
        const meant = didYouMean(
          name,
          all.map((one) => one.name),
        );
        throw new CliError(`The catalog has no health set "${plain(name)}"${meant ? `: ${meant}` : '.'}`);
      }
      const shown = summary(entry, playbooks);
      print(command, context, shown, () => tell(shown, context));
    });
}

function read(command: Command): { catalog: Catalog; playbooks: Playbook[] } {
  const { config } = readSettings(command);
  const catalog = loadCatalog(config.verification.catalog);
  const { directory } = config.playbooks;
  return { catalog, playbooks: loadPlaybooks(directory, languageOf(config, STEPS, catalog)) };
}

function summary(entry: HealthSetEntry, playbooks: Playbook[]) {
  const handled = (monitor: CatalogMonitor) =>
    playbooks.find(({ handles }) => handles.some((pattern) => isMonitor(pattern, monitor)))?.name;
  const monitors = entry.monitors.map((monitor) => {
    const playbook = handled(monitor);
    return {
      monitor: monitor.monitor,
      verification: monitor.verification,
      ...(monitor.probe && { probe: `${monitor.probe.healthSet}\\${monitor.probe.name}` }),
      ...(playbook && { playbook }),
    };
  });
  const by = [...new Set(monitors.flatMap(({ playbook }) => playbook ?? []))];
  return { ...entry, monitors, playbooks: by };
}

function tell(shown: ReturnType<typeof summary>, { terminal: { paint, tableColumns } }: CliContext): string {
  const facts = table([
    ['Watches', plain(shown.what ?? '')],
    ['Roles', shown.roles.join(', ')],
    ['Group', shown.group],
    ['Family', shown.family],
    ['Depends on', shown.dependsOn.join(', ') || 'nothing'],
  ]);
  const head = ['MONITOR', 'PLAYBOOK', 'VERIFIED BY'].map((title) => paint('dim', title));
  const rows = shown.monitors.map(({ monitor, probe, playbook }) => [
    monitor,
    playbook ?? paint('dim', 'none'),
    probe ?? 'its own AlertValue, once re-evaluated',
  ]);
  const monitors = rows.length > 0 ? table([head, ...rows], tableColumns) : 'The catalog lists no monitors for it.\n';
  return `${paint('bold', shown.name)}\n${facts}\n${monitors}`;
}
