import { z } from 'zod';
import { positiveDuration, writeDuration } from '../config/schema.ts';
import type { Intent } from '../incident/intent.ts';
import { sameName } from '../incident/names.ts';
import { span } from '../lib/span.ts';
import { ExchangeError } from '../ports/exchange.ts';
import { componentsOfService, outOfService } from '../verification/components.ts';
import { collect } from './collect.ts';
import { awaitsNode, copiesStarting, type Expected, expectedAfter, monitorsAreWarm, stillDown } from './expected.ts';
import { optionsOf, type Step, type StepContext } from './step.ts';

/**
 * Clocks get corrected (ms): a boot time counts as newer only if it differs by more than this and the uptime agrees.
 */
const CLOCK_CORRECTION = 2 * 60_000;

/**
 * How long a server may still answer after its restart command (ms); only after that it is certain that the command did
 * not arrive.
 */
const GOES_DOWN_WITHIN = 2 * 60_000;

const POLL_EVERY = 30_000;

/** Restart-Computer, then the wait until probes can be answered again: "back" is more than a ping. */
export const restartServer: Step = {
  name: 'restart-server',
  summary: 'Restarts the server and waits until it is back: services run, monitors have evaluated, copies are healthy.',
  changes: true,
  options: z.strictObject({
    'back-within': positiveDuration.prefault('45m').describe('Maximum time until the server is back.'),
  }),
  sentence: (options) =>
    `Restarts the server and waits up to ${span(options['back-within'] as number)} until services, monitors and database copies work again.`,
  says: () => 'Restart-Computer',
  worst: (options) => ({
    takes: GOES_DOWN_WITHIN + (options['back-within'] as number),
    disrupts: 'the server is unavailable until it has restarted',
  }),

  async begin(context) {
    const { incident, exchange, signal } = context;
    const { server } = incident;
    const { 'back-within': within } = optionsOf<{ 'back-within': number }>(context);
    const { value: boot } = await exchange.bootTime(server, { signal });
    return {
      begin: 'start',
      note: {
        bootedAt: boot.bootedAt,
        before: await collect(context, server),
        expected: await expectedAfter(context, within),
      },
      change: {
        action: 'restart-server',
        intent: {
          command: 'Restart-Computer',
          server,
          arguments: { ComputerName: server },
          fence: { bootedAt: boot.bootedAt },
        },
      },
    };
  },

  async issue({ exchange, change, settings, signal }, intent) {
    await exchange.restartServer(intent.server, { bootedAt: intent.fence.bootedAt as number }, change(), {
      timeLimit: settings.commandTimeLimit,
      signal,
    });
  },

  async poll(context, issued) {
    const { incident, record, clock } = context;
    const { 'back-within': within } = optionsOf<{ 'back-within': number }>(context);
    const intent = record.intent as Intent;
    const startedAt = record.startedAt ?? 0;
    const deadline = startedAt + within;
    const progress = await progressOf(context, intent.fence.bootedAt as number);
    if (progress.is === 'back')
      return { is: 'done', says: `${incident.server} is back from its restart`, changed: true };
    if (progress.is === 'not-restarted' && !issued && clock.now() > startedAt + GOES_DOWN_WITHIN)
      return { is: 'notIssued' };
    if (clock.now() < deadline) {
      return { is: 'pending', until: Math.min(deadline, clock.now() + POLL_EVERY), says: progress.says };
    }
    const says = `${incident.server} is not back ${writeDuration(within)} after its restart: ${progress.says}`;
    return { is: 'refused', says, changed: true };
  },
};

type Progress = { is: 'not-restarted' | 'away' | 'coming' | 'back'; says: string };

async function progressOf(context: StepContext, notedBoot: number): Promise<Progress> {
  const { incident, record, exchange, facts, clock, signal } = context;
  const { server, family } = incident;
  const expected = (record.note.expected ?? {}) as Expected;
  try {
    const { value: boot } = await exchange.bootTime(server, { signal });
    const rebooted = boot.bootedAt > notedBoot + CLOCK_CORRECTION;
    const uptimeAgrees = Math.abs(clock.now() - boot.uptimeSeconds * 1000 - boot.bootedAt) < CLOCK_CORRECTION * 2;
    if (!rebooted || !uptimeAgrees) return { is: 'not-restarted', says: `${server} has not gone down yet` };

    const { value: services } = await exchange.services(server, { signal });
    const down = await withoutStoppedByDesign(context, stillDown(services, expected));
    if (down.length > 0) return { is: 'coming', says: `waiting for ${down.join(', ')} on ${server}` };

    const { value: rows } = await exchange.serverHealth(server, { signal });
    if (!monitorsAreWarm(rows, family, boot.bootedAt, expected))
      return { is: 'coming', says: `waiting until the monitors of ${server} have evaluated` };

    if (facts.dag) {
      const { value: group } = await exchange.availabilityGroup(facts.dag, { signal });
      const member = group.members.find((one) => sameName(one.server, server));
      if (member && !member.up && awaitsNode(expected))
        return { is: 'coming', says: `waiting until ${server} is up in ${facts.dag}` };
      const { value: copies } = await exchange.copiesOn(server, { signal });
      const starting = copiesStarting(copies, expected);
      if (starting.length > 0) return { is: 'coming', says: `waiting for the database copies on ${server}` };
    }
    return { is: 'back', says: 'back' };
  } catch (error) {
    if (error instanceof ExchangeError && (error.code === 'unreachable' || error.code === 'timedOut')) {
      return { is: 'away', says: `${server} does not answer yet` };
    }
    throw error;
  }
}

/**
 * Only services whose component is in service are waited for: others stay stopped by design, regardless of who
 * requested that.
 */
async function withoutStoppedByDesign({ incident, exchange, signal }: StepContext, down: string[]): Promise<string[]> {
  if (!down.some((name) => componentsOfService(name).length > 0)) return down;
  const { value: states } = await exchange.componentStates(incident.server, { signal });
  return down.filter((name) => outOfService(states, componentsOfService(name)).length === 0);
}
