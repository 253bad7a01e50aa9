import { z } from 'zod';
import type { ServerFacts } from '../incident/health.ts';
import type { Intent } from '../incident/intent.ts';
import { isNamed } from '../incident/names.ts';
import type { Exchange, ServiceState } from '../ports/exchange.ts';
import { componentsOfService, describeOut, type OutOfService, outOfService } from '../verification/components.ts';
import { collect } from './collect.ts';
import { optionsOf, type Polled, type Step, type StepContext, type Undo } from './step.ts';

type On = 'this-server' | 'back-end' | 'own-role';

/** How long a restarted service may take until it runs (organisation's ms); long enough to reveal a hanging stop. */
const COMES_UP_WITHIN = 3 * 60_000;

const WHERE: Record<On, string> = {
  'this-server': 'on the server',
  'back-end': "on the mailbox server that the probe's error names",
  'own-role': 'on the server, as far as its roles have them',
};

/** Restart-Service on the server, or on the mailbox server that its probe names. */
export const restartService: Step = {
  name: 'restart-service',
  summary: 'Restarts a Windows service on the server, or on the mailbox server behind it.',
  shorthand: 'name',
  changes: true,
  options: z.strictObject({
    name: z
      .union([z.string(), z.array(z.string()).min(1)])
      .describe('The service, or a list of services that restart one after another.'),
    on: z
      .enum(['this-server', 'back-end', 'own-role'])
      .default('this-server')
      .describe(
        "Where: this server; the mailbox server named by the probe; this server, and only its roles' services.",
      ),
  }),
  checks(options, { services }) {
    return [options.name as string | string[]]
      .flat()
      .filter((name) => !isNamed(name, services))
      .map((name) => `name: ${name} is not on the allow-list of services (safety.services: ${services.join(', ')})`);
  },

  expand(options, facts) {
    const { name, on } = options as { name: string | string[]; on: On };
    const names = [name].flat();
    const fitting = on === 'own-role' ? names.filter((service) => facts.roles.includes(roleOf(service))) : names;
    return fitting.map((service) => ({ name: service, on }));
  },

  worst: ({ name }) => ({ takes: COMES_UP_WITHIN, disrupts: `connections through ${name} are cut once` }),
  sentence: ({ name, on }) => `Restarts ${[name].flat().join(', then ')} ${WHERE[on as On]}.`,
  says: ({ name, on }) => `Restart-Service ${name}${on === 'back-end' ? ' on the back end' : ''}`,

  async begin(context) {
    const { name, on } = optionsOf<{ name: string; on: On }>(context);
    const server = targetOf(context.incident, context.facts, on);
    if (!server) {
      return {
        begin: 'skip',
        says: `no probe named the mailbox server, and ${context.facts.server} has no mailbox role`,
      };
    }
    const { value: service } = await context.exchange.service(server, name, { signal: context.signal });
    const stopped = await byDesign(context.exchange, server, service, context.signal);
    if (stopped) return stopped;
    return {
      begin: 'start',
      note: {
        server,
        startedAt: service.startedAt ?? null,
        status: service.status,
        before: await collect(context, server),
      },
      change: { action: 'restart-service', resource: name, intent: restartOf(server, service) },
    };
  },

  async issue(context, intent) {
    await sendRestart(context, intent);
  },

  poll: (context, issued) =>
    pollRestart(context, context.record.intent as Intent, context.record.startedAt ?? 0, issued),
};

/** Restarts a service so that it reads a restored setting. */
export const restartServiceUndo: Undo = {
  kind: 'restart-service',
  takes: COMES_UP_WITHIN,
  starts: ({ value }) => value.service as string,
  async begin({ undo, exchange, signal }) {
    const { value: service } = await exchange.service(undo.server, undo.value.service as string, { signal });
    if (service.status === 'Stopped')
      return { begin: 'notNeeded', says: `${service.name} is stopped on ${undo.server}` };
    return { begin: 'start', intent: restartOf(undo.server, service) };
  },
  async issue(context, intent) {
    await sendRestart(context, intent);
  },
  poll: (context, intent, issued) => pollRestart(context, intent, context.undo.at, issued),
};

function restartOf(server: string, service: ServiceState): Intent {
  return {
    command: 'Restart-Service',
    server,
    arguments: { Name: service.name },
    fence: { startedAt: service.startedAt ?? null },
  };
}

/** The back end is the mailbox server that a probe named; if none did, this server if it has the role. */
function targetOf(incident: StepContext['incident'], facts: ServerFacts, on: On): string | undefined {
  if (on !== 'back-end') return incident.server;
  return incident.backEnd ?? (facts.roles.includes('mailbox') ? incident.server : undefined);
}

function roleOf(service: string): 'mailbox' | 'client-access' {
  return service.toUpperCase().endsWith('BE') ? 'mailbox' : 'client-access';
}

/**
 * A service that someone stopped, or that is stopped by design, is not started. If a person took its component out of
 * service, the `maintenance` guard reports it for every kind of change.
 */
async function byDesign(
  exchange: Exchange,
  server: string,
  service: ServiceState,
  signal: AbortSignal,
): Promise<{ begin: 'skip' | 'refuse'; says: string } | undefined> {
  const out = await componentOut(exchange, server, service.name, signal);
  const decided = out && !out.byManagedAvailability ? describeOut(out, server) : undefined;
  if (service.startType === 'Disabled') {
    const says = `${service.name} is disabled on ${server}: someone decided that it must not run`;
    return { begin: 'refuse', says: decided ? `${says}; ${decided}` : says };
  }
  if (service.status !== 'Stopped' || decided) return undefined;
  if (out) {
    const says = `Managed Availability has set ${out.component} ${out.state} on ${server}; ${service.name} is stopped by design`;
    return { begin: 'skip', says };
  }
  if (service.startType === 'Automatic') return undefined;
  return { begin: 'refuse', says: `${service.name} is stopped on ${server} and does not start automatically` };
}

/** The service's component, if that is out of service. */
async function componentOut(
  exchange: Exchange,
  server: string,
  service: string,
  signal: AbortSignal,
): Promise<OutOfService | undefined> {
  const components = componentsOfService(service);
  if (components.length === 0) return undefined;
  const { value: states } = await exchange.componentStates(server, { signal });
  return outOfService(states, components)[0];
}

async function sendRestart(context: Pick<StepContext, 'exchange' | 'change' | 'settings' | 'signal'>, intent: Intent) {
  await context.exchange.restartService(
    intent.server,
    intent.arguments.Name as string,
    { startedAt: intent.fence.startedAt as number | null },
    context.change(),
    { timeLimit: context.settings.commandTimeLimit, signal: context.signal },
  );
}

/** The proof of a restart is a process that started later than the recorded one, not the clock. */
async function pollRestart(
  context: Pick<StepContext, 'exchange' | 'clock' | 'signal'>,
  intent: Intent,
  startedAt: number,
  issued: boolean,
): Promise<Polled> {
  const name = intent.arguments.Name as string;
  const noted = intent.fence.startedAt as number | null;
  const { value: service } = await context.exchange.service(intent.server, name, { signal: context.signal });
  const restarted = service.startedAt !== undefined && (noted === null || service.startedAt > noted);
  if (service.status === 'Running' && restarted) {
    return { is: 'done', says: `${name} on ${intent.server} was restarted`, changed: true };
  }
  const untouched = service.status === 'Running' || (service.status === 'Stopped' && noted === null);
  if (untouched && !issued) return { is: 'notIssued' };
  const { clock } = context;
  if (clock.now() < startedAt + COMES_UP_WITHIN) {
    return { is: 'pending', until: clock.now() + 5_000, says: `${name} on ${intent.server} is ${service.status}` };
  }
  const out =
    service.status === 'Stopped' && (await componentOut(context.exchange, intent.server, name, context.signal));
  if (out) {
    const says = `${name} on ${intent.server} was restarted and stopped again by design: ${describeOut(out, intent.server)}`;
    return { is: 'done', says, changed: true };
  }
  const how = service.status === 'StopPending' ? 'hangs while stopping' : `is ${service.status}`;
  return { is: 'failed', says: `${name} on ${intent.server} ${how} after the restart`, changed: true };
}
