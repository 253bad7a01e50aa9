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
  const cures = plan.flatMap((step) => CURES[step.step]?.(step, { facts, all }) ?? []);
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

interface Organisation {
  facts: ServerFacts;
  all: readonly ServerFacts[];
}

/** What each step could cure, as the lab's faults have it; undefined: nothing. Every step that changes something is listed. */
export const CURES: Readonly<
  Record<string, ((step: PlannedStep, where: Organisation) => Cure | undefined) | undefined>
> = {
  'restart-service': ({ options: { name, on } }, where) =>
    on === 'back-end' && isFrontEnd(where)
      ? onBackEnd('restart-service on the back end', 'imap-backend-hang', where)
      : { cure: `restart-service:${String(name)}` },
  remediate: (_, where) =>
    isFrontEnd(where) ? onBackEnd('restart-server on the back end', 'imap-backend-wedged', where) : undefined,
  'run-script': ({ options }) => ({ cure: `run-script:${String(options.script)}` }),
  'fail-over-databases': () => ({ cure: 'fail-over' }),
  'restart-server': () => ({ cure: 'restart-server' }),
  'allow-activation': undefined,
  'protocol-log': undefined,
};

const isFrontEnd = ({ facts }: Organisation) => !facts.roles.includes('mailbox');

function onBackEnd(cure: string, backendFault: string, { facts, all }: Organisation): Cure {
  const backEnds = all.filter(({ server, roles }) => server !== facts.server && roles.includes('mailbox'));
  const fault = { fault: 'imap-ctp-backend', server: facts.server, backendFault };
  return { cure, elsewhere: backEnds.map(({ server: backend }) => ({ ...fault, backend })) };
}
