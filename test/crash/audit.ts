import { alertOf, mainAlert } from './plan.ts';
import { type Aftermath, type Organisation, withoutIncident } from './round.ts';

/** What must hold after a round, whatever happened in it. Empty when it does. */
export function audit(aftermath: Aftermath): string[] {
  return [
    ...alertsLost(aftermath),
    ...incidentsLost(aftermath),
    ...twice(aftermath),
    ...needless(aftermath),
    ...leftChanged(aftermath),
    ...aftermath.verified.filter(({ ok }) => !ok).map(({ incident, why }) => `the journal of ${incident}: ${why}`),
    ...aftermath.ready.filter(({ status }) => status !== 200).map(({ url, says }) => `${url} is not ready: ${says}`),
    ...(aftermath.ready.length < aftermath.plan.daemons ? ['a daemon is missing'] : []),
    ...aftermath.outputs.flatMap(defects),
  ];
}

function alertsLost({ accepted, incidents, plan }: Aftermath): string[] {
  return withoutIncident(plan, accepted, incidents).map(
    (id) => `alert ${id} (${JSON.stringify(alertOf(plan, id))}) has no finished incident of its own matter`,
  );
}

/** A trouble changes how long it takes, never how it ends. */
function incidentsLost({ incidents, faults, plan }: Aftermath): string[] {
  const main = incidents.find(({ alerts }) => alerts.some(({ senderId }) => senderId === mainAlert(plan)));
  const open = incidents.filter(({ state }) => state !== 'finished').map(({ id }) => `${id} is open`);
  const sick = faults.filter(({ state }) => state === 'present').map(({ fault }) => `${fault} is not cured`);
  const end = main?.outcome === 'recovered' ? [] : [`${main?.id} ended ${main?.outcome}: ${main?.reason}`];
  return [...open, ...sick, ...end];
}

function twice({ commands }: Aftermath): string[] {
  const changed = commands.filter(({ effect }) => effect === 'changed');
  const times = new Map<string, number>();
  for (const { caller, command, server } of changed) {
    const step = `${command} on ${server} for ${caller}`;
    times.set(step, (times.get(step) ?? 0) + 1);
  }
  return [...times].filter(([, count]) => count > 1).map(([step, count]) => `${step}: took effect ${count} times`);
}

/** The far side's fence is the last net. Only who stood still while the world went on may get as far as it. */
function needless({ commands, happened }: Aftermath): string[] {
  if (happened.includes('freeze a daemon')) return [];
  return caughtByFence(commands).map(
    ({ caller, command, server, effect }) =>
      `${command} on ${server} for ${caller}: ${effect}, and nothing explains it`,
  );
}

export function caughtByFence(commands: Aftermath['commands']): Aftermath['commands'] {
  return commands.filter(({ effect }) => effect === 'already' || effect === 'refused');
}

/** What differs from the organisation before is in the ledger, and what is in the ledger differs; people were told of it. */
function leftChanged({ before, after, ledger, incidents }: Aftermath): string[] {
  const found = differences(before, after);
  const owed = new Set(ledger.map(({ debt }) => `${debt.server} ${debt.setting}`));
  const told = new Set(incidents.flatMap((incident) => [...incident.left, ...incident.owed]));
  return [
    ...found.filter((difference) => !owed.has(difference)).map((one) => `${one} is still changed, and nobody owes it`),
    ...ledger
      .filter(({ debt }) => !found.includes(`${debt.server} ${debt.setting}`) || !told.has(debt.says))
      .map(({ debt }) => `${debt.says} stands in the ledger, and is not so or was not told`),
  ];
}

function differences(before: Organisation, after: Organisation): string[] {
  return after.servers.flatMap((now) => {
    const was = before.servers.find(({ name }) => name === now.name);
    const differs = {
      activation: was?.settings.activationBlocked !== now.settings.activationBlocked,
      'imap-protocol-log': was?.settings.protocolLog.imap !== now.settings.protocolLog.imap,
      'pop-protocol-log': was?.settings.protocolLog.pop !== now.settings.protocolLog.pop,
      services: JSON.stringify(statesOf(was)) !== JSON.stringify(statesOf(now)),
    };
    return Object.entries(differs).flatMap(([what, yes]) => (yes ? [`${now.name} ${what}`] : []));
  });
}

const statesOf = (server?: Organisation['servers'][number]) =>
  server?.services.map(({ name, status }) => `${name} ${status}`);

/** Nothing that happens to Redis or to a colleague is a defect of the code. */
function defects(output: string): string[] {
  return output
    .split('\n')
    .filter((line) => /TypeError|ReferenceError|RangeError|unhandled|uncaught/i.test(line))
    .map((line) => `a daemon said: ${line.slice(0, 500)}`);
}
