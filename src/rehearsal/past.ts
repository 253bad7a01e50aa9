/** A finished incident as a situation: the same monitors fail on a server of the same kind, and what helped then helps again. */
import type { Entry, IncidentEvent } from '../incident/event.ts';
import type { MonitorRef, ServerFacts } from '../incident/health.ts';
import type { Intent } from '../incident/intent.ts';
import type { OrganisationView } from '../lab/view.ts';
import { NoAlert, type Situation } from './situation.ts';

export interface Past {
  situation: Pick<Situation, 'faults' | 'alert'>;
  /** What was assumed, one sentence each. */
  says: string[];
}

/** Throws `NoAlert` if the journal does not say enough, or if no server of the organisation is like that one. */
export function situationOf(
  journal: readonly Entry[],
  { servers, databases }: Pick<OrganisationView, 'servers' | 'databases'>,
): Past {
  const events = journal.map(({ type, data }) => ({ type, data }) as IncidentEvent);
  const verified = events.flatMap((event) => (event.type === 'verified' ? [event.data] : []));
  const facts = verified.find((one) => one.facts)?.facts;
  if (!facts) throw new NoAlert('The incident was never verified, so its journal does not say what was wrong.');
  const unhealthy = verified.find(({ verdict }) => verdict === 'confirmed')?.monitors ?? [];
  const confirmed = unhealthy.filter(({ verdict }) => verdict === 'confirmed').map(refOf);
  const [alerted] = events.flatMap((event) => (event.type === 'opened' && event.data.alert ? [event.data.alert] : []));

  const same = servers.find(({ name }) => name === facts.server);
  const isSingle = (name: string) => databases.some(({ activeOn, copies }) => activeOn === name && copies.length === 1);
  const server =
    same ??
    servers.find((one) => isLike(one, facts) && !isSingle(one.name)) ??
    servers.find((one) => isLike(one, facts));
  if (!server) {
    throw new NoAlert(
      `No server of this organisation is like ${facts.server} (${facts.roles.join(' and ')}, ${facts.dag ? 'in a group' : 'in no group'}). ` +
        'Name an organisation file or a recording that has one.',
    );
  }
  const on = same ? [] : [`It happened on ${facts.server}; it is played on ${server.name}, which is of the same kind.`];
  const [first] = confirmed;
  if (!first) {
    const about = {
      healthSet: alerted?.healthSet ?? '',
      ...(alerted?.monitor !== undefined && { monitor: alerted.monitor }),
    };
    const fault = { fault: 'transient', server: server.name, ...about };
    return {
      situation: { faults: [fault], alert: { server: server.name, ...about } },
      says: [...on, 'Nothing was unhealthy when it was verified.'],
    };
  }
  const cure = cureOf(events, facts);
  return {
    situation: {
      faults: confirmed.map(({ healthSet, monitor }) => ({
        fault: 'unhealthy',
        server: server.name,
        healthSet,
        monitor,
        cure: cure.cure,
      })),
      alert: { ...first, server: server.name },
    },
    says: [...on, cure.says],
  };
}

const refOf = ({ healthSet, monitor, targetResource }: MonitorRef): MonitorRef => ({
  healthSet,
  monitor,
  ...(targetResource !== undefined && { targetResource }),
});

function isLike(server: OrganisationView['servers'][number], { roles, dag }: ServerFacts): boolean {
  return (
    [...server.roles].sort().join() === [...roles].sort().join() && (server.dag === undefined) === (dag === undefined)
  );
}

/** The last change before health was found. */
function cureOf(events: readonly IncidentEvent[], { server }: ServerFacts): { cure: string; says: string } {
  const intents = new Map<number, Intent>();
  let last: Intent | undefined;
  for (const event of events) {
    if (event.type === 'stepStarted' && event.data.intent) intents.set(event.data.n, event.data.intent);
    if (event.type !== 'stepFinished') continue;
    if (event.data.changed) last = intents.get(event.data.n) ?? last;
    if (event.data.health !== 'healthy') continue;
    const cure = last?.server === server ? curedBy(last) : undefined;
    if (cure !== undefined) return { cure, says: `What helped then helps here: ${cure}.` };
  }
  return { cure: 'none', says: 'Nothing that was done then helped, so nothing helps here.' };
}

function curedBy({ command, arguments: given }: Intent): string | undefined {
  if (command === 'Restart-Service') return `restart-service:${String(given.Name)}`;
  if (command === 'Restart-Computer') return 'restart-server';
  if (command === 'Invoke-TargetScript') return `run-script:${String(given.Name)}`;
  if (command === 'Invoke-TargetScript') return `run-script:${String(given.Name)}`;
  return command === 'Set-MailboxServer' ? 'fail-over' : undefined;
}
