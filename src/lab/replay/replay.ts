/** Starts a lab from a recording. */
import { shortName } from '../../incident/alert.ts';
import type { ServerFacts } from '../../incident/health.ts';
import { sameName } from '../../incident/names.ts';
import { answered, answersOf, type RecordedServer, type Recording } from '../../recording/recording.ts';
import { SERVICE_OF, stop } from '../behaviour/machines.ts';
import { nodeUp } from '../world/databases.ts';
import { defaultSettings } from '../world/organisation.ts';
import { LabProblems, type Problem } from '../world/problems.ts';
import { type Server, type Service, schedule, servicesOf, type World } from '../world/world.ts';
import { replayDatabases } from './databases.ts';
import { replayFaults, replayMonitors } from './health.ts';
import { Notes } from './notes.ts';
import { type Replay, type ReplayOptions, since, stand } from './parts.ts';

/** Remaining time of a recovery action that was in progress. */
const ACTION_TAKES = 5 * 60_000;

/**
 * Builds the organisation of a recording. Times are relative to their answer, so that what was fresh then is fresh now.
 * Throws LabProblems if the recording can't be replayed.
 */
export function replay(recording: Recording, options: ReplayOptions): { world: World; notes: string[] } {
  const facts = answered(recording.organisation)?.servers ?? [];
  const recorded = new Map(recording.servers.map((each) => [shortName(each.server), each]));
  checkNames(facts, recording);
  const settings = defaultSettings();
  const world: World = {
    name: domainOf(facts),
    settings,
    servers: {},
    groups: {},
    databases: {},
    causes: {},
    troubles: {},
    disturbances: [],
    agenda: [],
    lastTrouble: 0,
    seed: options.seed,
  };
  const all: Replay = { ...options, world, notes: new Notes(), settings };
  noteMissing(recording, facts, all);

  for (const [index, each] of facts.entries()) {
    const name = shortName(each.server);
    world.servers[name] = serverOf(each, recorded.get(name), index, all);
  }
  const seen = [...recorded].map(([name, each]) => ({ server: world.servers[name]!, recorded: each }));
  for (const each of seen) replayAway(each.server, each.recorded, all);
  replayGroups(recording, facts, all);
  replayDatabases(recording, all);
  for (const server of Object.values(world.servers)) {
    server.routesTo = routesOf(server, world);
  }
  for (const each of seen) {
    replayMonitors(each.server, each.recorded, all);
    replayTroubles(each.server, each.recorded, all);
  }
  replayFaults(seen, all);
  return { world, notes: all.notes.list() };
}

function checkNames(facts: readonly ServerFacts[], recording: Recording): void {
  const problems: Problem[] = [];
  if (facts.length === 0) {
    const { failure } = recording.organisation;
    const why = failure ? ` (${failure.code}: ${failure.says})` : '';
    problems.push({ pointer: '/organisation', message: `does not list the servers${why}` });
  }
  const names = new Set<string>();
  for (const [index, { server, dag }] of facts.entries()) {
    const name = shortName(server);
    const pointer = `/organisation/value/servers/${index}`;
    if (name === '' || isTaken(name)) problems.push({ pointer: `${pointer}/server`, message: cannotBe(server) });
    else if (names.has(name))
      problems.push({ pointer: `${pointer}/server`, message: `there is another server "${name}"` });
    if (dag !== undefined && isTaken(dag)) problems.push({ pointer: `${pointer}/dag`, message: cannotBe(dag) });
    names.add(name);
  }
  for (const { about, answer } of answersOf(recording)) {
    // Databases and groups are keys too, under the requested name and the name in the answer.
    for (const name of [about, ...namesIn(answer.value)]) {
      if (isTaken(name)) problems.push({ pointer: '', message: cannotBe(name) });
    }
  }
  for (const [index, { server }] of recording.servers.entries()) {
    if (names.has(shortName(server)) || facts.length === 0) continue;
    problems.push({ pointer: `/servers/${index}/server`, message: `the organisation has no server "${server}"` });
  }
  if (problems.length > 0) throw new LabProblems('The recording cannot be replayed', problems);
}

/** Property names of every JavaScript object would be mistaken for objects of the organisation. */
const isTaken = (name: string) => name in {};
const cannotBe = (name: string) => `"${name}" cannot be used as a name`;

/** The databases and the group in an answer. */
function namesIn(value: unknown): string[] {
  const rows: unknown[] = Array.isArray(value) ? value : [value];
  return rows.flatMap((row) => {
    const { database, members, name } = (row ?? {}) as { database?: string; members?: unknown; name?: string };
    return [database, members === undefined ? undefined : name].filter((each) => each !== undefined);
  });
}

/** The domain of most servers, which becomes the name of the lab. */
function domainOf(facts: readonly ServerFacts[]): string {
  const domains = facts.map(({ fqdn }) => fqdn.split('.').slice(1).join('.')).filter(Boolean);
  const often = (domain: string) => domains.filter((each) => each === domain).length;
  return domains.sort((a, b) => often(b) - often(a))[0] ?? 'recorded';
}

function noteMissing(recording: Recording, facts: readonly ServerFacts[], { notes }: Replay): void {
  const seen = new Set(recording.servers.map(({ server }) => shortName(server)));
  for (const { server } of facts) {
    if (seen.has(shortName(server))) continue;
    notes.add('Servers that were not recorded get the usual state for their roles, all of it healthy', server);
  }
  for (const { about, call, answer } of answersOf(recording)) {
    const where = `${call}${about && ` of ${about}`}`;
    if (answer.failure) {
      notes.add('Calls that failed during the recording get the usual answer', `${where} (${answer.failure.code})`);
    } else if (answer.warnings.length > 0 && call !== 'invokeProbe') {
      notes.add('Warnings that came with an answer are not repeated', where);
    }
  }
}

function serverOf(facts: ServerFacts, recorded: RecordedServer | undefined, index: number, all: Replay): Server {
  const { now, settings, notes } = all;
  const name = shortName(facts.server);
  const usesImap = uses(recorded, 'IMAP');
  const usesPop = uses(recorded, 'POP');
  const booted = answered(recorded?.bootTime);
  const bootedAt =
    recorded?.bootTime && booted
      ? since(recorded.bootTime, all)(booted.bootedAt)
      : now - settings['servers-up-for'] - index * 600_000;
  if (booted && recorded?.bootTime) {
    const uptime = (recorded.bootTime.at - booted.bootedAt) / 1_000;
    if (Math.abs(uptime - booted.uptimeSeconds) > 120) {
      notes.add('Uptimes that disagree with the boot time are derived from the boot time', facts.server);
    }
  }
  const mailbox = answered(recorded?.mailboxServer);
  const imap = answered(recorded?.protocolLog?.imap);
  const pop = answered(recorded?.protocolLog?.pop);
  const components = answered(recorded?.componentStates);
  const usual = facts.dag ?? (facts.roles.includes('client-access') ? `cas:${facts.site}` : undefined);
  return {
    name,
    fqdn: facts.fqdn,
    site: facts.site,
    version: facts.version,
    roles: facts.roles,
    ...(facts.dag !== undefined && { dag: facts.dag }),
    ...(facts.group !== undefined && facts.group !== usual && { group: facts.group }),
    uses: { imap: usesImap, pop: usesPop },
    routesTo: [],
    services: services(facts, recorded, { imap: usesImap, pop: usesPop }, index, all),
    bootedAt,
    activationBlocked: mailbox?.activationBlocked ?? false,
    autoActivationPolicy: mailbox?.autoActivationPolicy ?? 'Unrestricted',
    ...(mailbox?.maximumActiveDatabases !== undefined && { maximumActiveDatabases: mailbox.maximumActiveDatabases }),
    protocolLog: { imap: imap?.enabled ?? false, pop: pop?.enabled ?? false },
    protocolLogFolder: { ...(imap && { imap: imap.location }), ...(pop && { pop: pop.location }) },
    ...(components && { components }),
    inactive: [],
    recoveryActions: [],
    rows: {},
    ctpRuns: { imap: 0, pop: 0 },
  };
}

/** Managed Availability watches IMAP and POP only if they are used; without recorded rows they count as used. */
function uses(recorded: RecordedServer | undefined, family: string): boolean {
  const rows = answered(recorded?.serverHealth);
  return rows?.some(({ healthSet }) => healthSet.split('.')[0]?.toUpperCase() === family) ?? true;
}

function services(
  facts: ServerFacts,
  recorded: RecordedServer | undefined,
  used: Server['uses'],
  index: number,
  all: Replay,
): Record<string, Service> {
  const answer = recorded?.services;
  const seen = answered(answer);
  if (!answer || !seen) {
    return servicesOf(facts.roles, used, all.now - all.settings['services-up-for'] - index * 61_000);
  }
  const here = since(answer, all);
  return Object.fromEntries(
    seen.map(({ startedAt, ...service }) => {
      if (service.status === 'StartPending' || service.status === 'StopPending') {
        all.notes.add(
          'Services that were starting or stopping stay in that state',
          `${service.name} on ${facts.server}`,
        );
      }
      return [
        service.name.toLowerCase(),
        { ...service, ...(startedAt !== undefined && { startedAt: here(startedAt) }) },
      ];
    }),
  );
}

/**
 * The groups that a client access server's log-on probes reach. No answer contains it: those in its site with its own version
 * of Exchange, else all in its site.
 */
function routesOf({ dag, site, version }: Server, { groups, servers }: World): string[] {
  if (dag !== undefined) return [dag];
  const generation = (of: string) => /^\d+\.\d+/.exec(of)?.[0] ?? of;
  const membersThere = (name: string) =>
    groups[name]!.members.map((each) => servers[each]!).filter((each) => each.site === site);
  const ofSite = Object.keys(groups).filter((name) => membersThere(name).length > 0);
  const ofVersion = ofSite.filter((name) =>
    membersThere(name).some((member) => generation(member.version) === generation(version)),
  );
  return ofVersion.length > 0 ? ofVersion : ofSite;
}

/** If the group was not recorded, its members are the servers that name it, and it has no witness. */
function replayGroups(recording: Recording, facts: readonly ServerFacts[], all: Replay): void {
  const { world, notes } = all;
  const answers = recording.groups.flatMap(({ availabilityGroup }) => answered(availabilityGroup) ?? []);
  for (const { name, members, witness } of answers) {
    const known = members.filter(({ server }) => {
      const isKnown = Object.hasOwn(world.servers, shortName(server));
      if (!isKnown) notes.add('Group members that are not servers in the organisation are left out', server);
      return isKnown;
    });
    const server = world.servers[shortName(witness?.server ?? '')];
    world.groups[name] = {
      members: known.map((member) => shortName(member.server)),
      ...(witness && { witness: witness.server }),
      // Not explained by the state of its server.
      ...(witness && !witness.up && (server === undefined || nodeUp(server)) && { witnessDown: true }),
    };
  }
  for (const { server, dag } of facts) {
    if (dag === undefined || answers.some(({ name }) => sameName(name, dag))) continue;
    world.groups[dag] ??= { members: [] };
    world.groups[dag].members.push(shortName(server));
    notes.add('Groups that were not recorded get the servers that name them as members, and no witness', dag);
  }
  // Servers use the spelling of the group.
  for (const server of Object.values(world.servers)) {
    const spelt = Object.keys(world.groups).find((name) => server.dag !== undefined && sameName(name, server.dag));
    if (spelt !== undefined && spelt !== server.dag) server.dag = spelt;
  }
  for (const { name, members } of answers) {
    const down = members.filter(({ server, up }) => !up && nodeUp(world.servers[shortName(server)]));
    if (down.length > 0) world.groups[name]!.nodesDown = down.map(({ server }) => shortName(server));
    for (const { server } of members.filter(({ suspended }) => suspended)) {
      const member = shortName(server);
      if (world.servers[member]) stand(all, { kind: 'node-suspended', server: member, body: { server: member } });
    }
  }
}

/** No call reached it; a single failed call may have another reason. */
function replayAway(server: Server, { serverHealth, services, bootTime }: RecordedServer, all: Replay): void {
  if (![serverHealth, services, bootTime].every((answer) => answer?.failure?.code === 'unreachable')) return;
  const { name } = server;
  server.boot = { stage: 'down', neverReturns: true };
  for (const service of Object.values(server.services)) stop(service);
  all.world.disturbances.push(stand(all, { kind: 'never-returns', server: name, body: { server: name } }).id);
  all.notes.add('Servers that did not answer any call are down until their fault never-returns is deleted', name);
}

/** The recorded problems of a server as faults and disturbances, so that they can be listed and deleted. */
function replayTroubles(server: Server, seen: RecordedServer, all: Replay): void {
  const { world, now, notes } = all;
  const { name } = server;
  for (const { component, state, requesters } of server.components ?? []) {
    const out = state === 'Inactive' || state === 'Draining' ? state : undefined;
    const by = requesters.flatMap((each) =>
      each.state === 'Active' ? [] : [{ requester: each.requester, state: each.state }],
    );
    // The states of single requesters can be lost in remoting, but not the effective state.
    for (const request of by.length === 0 && out ? [{ requester: '', state: out }] : by) {
      const { requester } = request;
      const service = server.services[SERVICE_OF[component.toLowerCase()] ?? ''];
      const runs = service !== undefined && service.status !== 'Stopped';
      const body = {
        ...{ server: name, component, state: request.state, service: runs ? 'runs' : 'stops' },
        ...(requester && { requester }),
      };
      const trouble = stand(all, { kind: 'component-inactive', server: name, body });
      server.inactive.push({
        component,
        requester,
        ...(request.state === 'Draining' && { draining: true }),
        ...(runs && { serviceRuns: true }),
        trouble: trouble.id,
      });
    }
  }
  for (const { kind, says } of answered(seen.activity) ?? []) {
    const copies = kind === 'seeding' ? answered(seen.copiesOn) : undefined;
    // The states of copies show it, if they were recorded.
    if (copies?.some(({ status }) => status === 'Seeding')) continue;
    stand(all, { kind: 'busy', server: name, body: { server: name, with: kind, says } });
  }
  if (!seen.recoveryActions) return;
  const here = since(seen.recoveryActions, all);
  for (const action of answered(seen.recoveryActions) ?? []) {
    const { startedAt, endedAt, ...rest } = action;
    const times = { startedAt: here(startedAt), ...(endedAt !== undefined && { endedAt: here(endedAt) }) };
    if (action.state === 'finished') {
      server.recoveryActions.push({ ...rest, ...times });
      continue;
    }
    const body = { server: name, for: ACTION_TAKES, service: action.resource };
    const { id: trouble } = stand(all, { kind: 'responder-at-work', server: name, body });
    server.recoveryActions.push({ ...rest, ...times, trouble });
    const { resource, requester } = action;
    schedule(world, { at: now + ACTION_TAKES, what: 'responder-ends', server: name, trouble, resource, requester });
    notes.add(
      'Recovery actions that were in progress succeed five minutes after the start',
      `${action.action} on ${name}`,
    );
  }
}
