/** What a drill plays: every server × every monitor that a playbook handles there × whatever could cure it, and nothing. */
import { planOf } from '../engine/verify/match.ts';
import { isMonitor, type MonitorRef, type ServerFacts } from '../incident/health.ts';
import { unmetCondition } from '../incident/next.ts';
import type { PlannedStep, Playbook } from '../incident/plan.ts';
import type { Exchange } from '../ports/exchange.ts';

export interface Cell {
  server: string;
  healthSet: string;
  monitor: string;
  playbook: string;
  /** `restart-service:MSExchangeIMAP4BE`, `restart-server`, `none`: what cures the monitor. */
  cure: string;
  /** As POST /lab/v1/faults takes them, from the first that the organisation allows. */
  faults: Record<string, unknown>[];
}

/** The cure of a cell that nothing cures. */
export const NO_CURE = 'none';

export interface DrilledServer {
  server: string;
  group?: string;
  /** Number of its monitors that a playbook handles, and of those that none does. */
  handled: number;
  unhandled: number;
}

/** A monitor with several target resources is played once. */
export async function cellsOf(
  exchange: Pick<Exchange, 'organisation' | 'serverHealth'>,
  playbooks: readonly Playbook[],
): Promise<{ cells: Cell[]; servers: DrilledServer[] }> {
  const all = (await exchange.organisation()).value.servers;
  const cells: Cell[] = [];
  const servers: DrilledServer[] = [];
  for (const facts of all) {
    const { server, dag, group = dag } = facts;
    const monitors = new Map<string, Playbook | undefined>();
    const refs = new Map<string, MonitorRef>();
    for (const { healthSet, name, targetResource } of (await exchange.serverHealth(server)).value) {
      const key = `${healthSet}\\${name}`.toLowerCase();
      const ref = { healthSet, monitor: name, targetResource };
      const handler = playbooks.find((one) => one.handles.some((pattern) => isMonitor(pattern, ref)));
      monitors.set(key, monitors.get(key) ?? handler);
      refs.set(key, { healthSet, monitor: name });
    }
    for (const [key, playbook] of monitors) {
      if (playbook) cells.push(...cellsAbout(refs.get(key) as MonitorRef, playbook, facts, all));
    }
    const handled = [...monitors.values()].filter((one) => one !== undefined).length;
    servers.push({ server, ...(group !== undefined && { group }), handled, unhandled: monitors.size - handled });
  }
  return { cells, servers };
}

function cellsAbout(
  { healthSet, monitor }: MonitorRef,
  playbook: Playbook,
  facts: ServerFacts,
  all: readonly ServerFacts[],
): Cell[] {
  const { server } = facts;
  const plan = planOf(playbook, facts).filter(({ when }) => !(when && unmetCondition(when, facts)));
  const cures = plan.flatMap((step) => curesBy(step, facts, all));
  const distinct = new Map([...cures, { cure: NO_CURE }].map((one): [string, Cure] => [one.cure, one]));
  return [...distinct.values()].map(({ cure, elsewhere }) => ({
    server,
    healthSet,
    monitor,
    playbook: playbook.name,
    cure,
    faults: elsewhere ?? [{ fault: 'unhealthy', server, healthSet, monitor, cure }],
  }));
}

/** `elsewhere`: the faults of another server that this one suffers from. */
interface Cure {
  cure: string;
  elsewhere?: Record<string, unknown>[];
}

/** What a step could cure, as the lab's faults have it. */
function curesBy({ step, options }: PlannedStep, facts: ServerFacts, all: readonly ServerFacts[]): Cure[] {
  const onBackEnd = (cure: string, backendFault: string): Cure => ({
    cure,
    elsewhere: all
      .filter(({ server, roles }) => server !== facts.server && roles.includes('mailbox'))
      .map(({ server: backend }) => ({ fault: 'imap-ctp-backend', server: facts.server, backend, backendFault })),
  });
  const isFrontEnd = !facts.roles.includes('mailbox');
  switch (step) {
    case 'restart-service':
      if (options.on === 'back-end' && isFrontEnd)
        return [onBackEnd('restart-service on the back end', 'imap-backend-hang')];
      return [{ cure: `restart-service:${String(options.name)}` }];
    case 'remediate':
      return isFrontEnd ? [onBackEnd('restart-server on the back end', 'imap-backend-wedged')] : [];
    case 'fail-over-databases':
      return [{ cure: 'fail-over' }];
    case 'restart-server':
      return [{ cure: 'restart-server' }];
    default:
      return [];
  }
}
