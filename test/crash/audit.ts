import type { Aftermath, Incident, Organisation } from './aftermath.ts';
import { alertOf, mainAlert, type Plan } from './plan.ts';
import type { Command } from './watch.ts';

/** Real milliseconds: a kill switch stops what was not sent within it, and who is cut off knows it by then. */
const WITHIN = 1_000;
/** A Redis that does not answer three times in a row, as the machine is busy, is a trouble and no defect of ours. */
const OF_REDIS = /Command timed out|Connection is closed|Stream isn't writeable|OOM|LOADING/;

/** What must hold after a round, whatever happened in it. Empty when it does. */
export function audit(aftermath: Aftermath): string[] {
  return [
    ...alertsLost(aftermath),
    ...acceptedByNobody(aftermath),
    ...incidentsLost(aftermath),
    ...twice(aftermath),
    ...needless(aftermath),
    ...sentBlindly(aftermath),
    ...leftChanged(aftermath),
    ...untold(aftermath),
    ...aftermath.torn,
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

/**
 * Accepted alerts that have no finished incident of their own server and family of health sets: to belong to an incident
 * that had the server in hand is not enough, as they are looked at by themselves after it.
 */
export function withoutIncident(plan: Plan, accepted: string[], incidents: Incident[]): string[] {
  const family = (healthSet: string | undefined) => healthSet?.split('.')[0];
  return accepted.filter((id) => {
    const alert = alertOf(plan, id);
    return !incidents.some(
      ({ state, server, healthSet, alerts }) =>
        state === 'finished' &&
        server === alert?.server &&
        family(healthSet) === family(alert.healthSet) &&
        alerts.some(({ senderId }) => senderId === id),
    );
  });
}

/** While no daemon reaches Redis, an alert is answered 503: nobody could keep it. */
function acceptedByNobody({ answers, happened }: Aftermath): string[] {
  const cuts = happened.flatMap(({ cutOff }) => (cutOff && cutOff.name === undefined ? [cutOff] : []));
  return answers
    .filter(({ asked, at, status }) => status !== 503 && cuts.some(({ from, to }) => asked > from && at < to))
    .map(({ id, status }) => `alert ${id} was answered ${status} while nobody could keep it`);
}

/** A trouble changes how long it takes, never how it ends; what comes of a playbook that nobody wrote is its own affair. */
function incidentsLost({ incidents, faults, plan }: Aftermath): string[] {
  const main = incidents.find(({ alerts }) => alerts.some(({ senderId }) => senderId === mainAlert(plan)));
  const open = incidents.filter(({ state }) => state !== 'finished').map(({ id }) => `${id} is open`);
  const ends = plan.playbooks ? ['recovered', 'escalated'] : ['recovered'];
  const end = ends.includes(main?.outcome ?? '') ? [] : [`${main?.id} ended ${main?.outcome}: ${main?.reason}`];
  const present = faults.filter(({ fault, state }) => fault === plan.procedure.fault.fault && state === 'present');
  const sick = main?.outcome === 'recovered' ? present.map(({ fault }) => `${fault} is not cured`) : [];
  return [...open, ...sick, ...end];
}

function twice({ commands }: Aftermath): string[] {
  const changed = commands.filter(({ effect }) => effect === 'changed');
  const times = new Map<string, number>();
  for (const step of changed.map(stepOf)) times.set(step, (times.get(step) ?? 0) + 1);
  return [...times].filter(([, count]) => count > 1).map(([step, count]) => `${step}: took effect ${count} times`);
}

/** The far side's fence is the last net. Only who stood still while the world went on may get as far as it. */
function needless({ commands, happened }: Aftermath): string[] {
  if (happened.some(({ kind }) => kind === 'freeze a daemon')) return [];
  return caughtByFence(commands).map((one) => `${stepOf(one)}: ${one.effect}, and nothing explains it`);
}

/** Refused, or done already by the same step; what an earlier step of its playbook has set need not be set again. */
export function caughtByFence(commands: Aftermath['commands']): Aftermath['commands'] {
  const done = new Set(commands.filter(({ effect }) => effect === 'changed').map(stepOf));
  return commands.filter((one) => one.effect === 'refused' || (one.effect === 'already' && done.has(stepOf(one))));
}

const stepOf = ({ command, server, caller }: Command) => `${command} on ${server} for ${caller}`;

/** Nobody sends a changing command while the kill switch is on, nor who can't ask about it. */
function sentBlindly({ sent, happened }: Aftermath): string[] {
  const during = ({ from, to }: { from: number; to: number }, at: number) => at > from + WITHIN && at < to;
  return sent.flatMap(({ at, by, verb, caller }) =>
    happened.flatMap(({ cutOff, killSwitch }) => [
      ...(killSwitch && during(killSwitch, at) ? [`${verb} for ${caller}: sent while the kill switch was on`] : []),
      ...(cutOff && (cutOff.name ?? by) === by && during(cutOff, at)
        ? [`${verb} for ${caller}: sent by ${by}, which was cut off and could ask nobody`]
        : []),
    ]),
  );
}

/** What differs from the organisation before is in the ledger, and what is in the ledger differs; people were told of it. */
function leftChanged({ before, after, ledger, incidents }: Aftermath): string[] {
  const found = differences(before, after);
  const owed = new Set(ledger.map(({ debt }) => `${debt.server} ${debt.setting}`));
  const told = new Set(incidents.flatMap((incident) => [...incident.left, ...incident.owed]));
  const recovered = incidents.filter(({ outcome }) => outcome === 'recovered');
  return [
    ...recovered.flatMap(({ id, left, owed }) => [...left, ...owed].map((says) => `${id} has recovered, but ${says}`)),
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

/** Whoever must do something was told, of all that is still changed; and never that the daemon itself can't go on. */
function untold({ incidents, notices }: Aftermath): string[] {
  const ofDefects = notices
    .filter(({ key, text }) => key.endsWith(':defect') && !OF_REDIS.test(text))
    .map(({ text }) => `people were told: ${text}`);
  const missing = incidents.flatMap(({ id, parent, outcome, left, owed }) => {
    if (outcome !== 'escalated') return [];
    // A child's end is told by its parent.
    const told = notices.filter(({ kind }) => kind === 'escalation').map(({ text }) => text);
    const whole = notices.some(({ incident }) => incident === id) || parent !== undefined;
    return [
      ...(whole ? [] : [`${id} was escalated, and nobody was told`]),
      ...[...left, ...owed]
        .filter((says) => !told.some((text) => text.includes(says)))
        .map((says) => `${id}: nobody was told of ${says}`),
    ];
  });
  return [...ofDefects, ...missing];
}

/** Nothing that happens to Redis or to a colleague is a defect of the code. */
function defects(output: string): string[] {
  return output
    .split('\n')
    .filter((line) => /TypeError|ReferenceError|RangeError|unhandled|uncaught/i.test(line))
    .map((line) => `a daemon said: ${line.slice(0, 500)}`);
}
