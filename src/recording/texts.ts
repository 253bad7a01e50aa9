import type { ServerFacts } from '../incident/health.ts';
import type { DatabaseCopy } from '../ports/exchange.ts';
import type { Answer, RecordedProbe, RecordedServer, Recording } from './recording.ts';

/** Free text by its place in a recording; it may contain any name. */
export type TextKind =
  | 'error texts of failed calls'
  | 'warnings'
  | 'error texts of probes'
  | 'target resources of monitors'
  | 'errors of database copies'
  | 'log folders'
  | 'resources of recovery actions'
  | 'server activities';

/**
 * The replacement for each kind of name given by the organisation. Everything else in a recording is Exchange's own and
 * stays.
 */
export interface Names {
  organisation(id: string): string;
  server(name: string): string;
  fqdn(name: string): string;
  site(name: string): string;
  dag(name: string): string;
  /** The group in which disruptive actions run one at a time: a DAG, or `cas:<site>`. */
  group(name: string): string;
  database(name: string): string;
  /** Any server, by its short or full name. */
  witness(name: string): string;
  text(kind: TextKind, words: string): string;
}

/** The same recording with other names. The only code that knows where a recording contains names. */
export function replaceNames(recording: Recording, names: Names): Recording {
  const { organisation, servers, groups, databases } = recording;
  const answer = answers(names);
  return {
    ...recording,
    organisation: answer(organisation, ({ id, servers: all }) => ({
      id: names.organisation(id),
      servers: all.map((facts) => factsOf(facts, names)),
    })),
    servers: servers.map((server) => serverOf(server, names)),
    groups: groups.map(({ group, availabilityGroup }) => ({
      group: names.dag(group),
      availabilityGroup: answer(availabilityGroup, ({ name, members, witness }) => ({
        name: names.dag(name),
        members: members.map((member) => ({
          ...member,
          server: names.server(member.server),
          site: names.site(member.site),
        })),
        ...(witness && { witness: { ...witness, server: names.witness(witness.server) } }),
      })),
    })),
    databases: databases.map(({ database, copiesOf }) => ({
      database: names.database(database),
      copiesOf: answer(copiesOf, (rows) => rows.map((row) => copyOf(row, names))),
    })),
  };
}

/** The different free texts of a recording by kind. */
export function textsOf(recording: Recording): Map<TextKind, Set<string>> {
  const found = new Map<TextKind, Set<string>>();
  replaceNames(recording, {
    ...UNCHANGED,
    text(kind, words) {
      if (words.trim() !== '') found.set(kind, (found.get(kind) ?? new Set()).add(words));
      return words;
    },
  });
  return found;
}

const unchanged = <T>(value: T) => value;

export const UNCHANGED: Names = {
  organisation: unchanged,
  server: unchanged,
  fqdn: unchanged,
  site: unchanged,
  dag: unchanged,
  group: unchanged,
  database: unchanged,
  witness: unchanged,
  text: (_, words) => words,
};

function answers(names: Names) {
  return <T>(answer: Answer<T>, replace: (value: T) => T): Answer<T> => {
    if (answer.failure) {
      const { failure } = answer;
      return { ...answer, failure: { ...failure, says: names.text('error texts of failed calls', failure.says) } };
    }
    // A refused probe has no value.
    const value = answer.value === undefined ? answer.value : replace(answer.value);
    const warnings = answer.warnings.map((words) => names.text('warnings', words));
    return value === undefined ? { ...answer, warnings } : { ...answer, value, warnings };
  };
}

function factsOf({ server, fqdn, site, dag, group, organisation, ...rest }: ServerFacts, names: Names): ServerFacts {
  return {
    ...rest,
    server: names.server(server),
    fqdn: names.fqdn(fqdn),
    site: names.site(site),
    ...(dag !== undefined && { dag: names.dag(dag) }),
    ...(group !== undefined && { group: names.group(group) }),
    organisation: names.organisation(organisation),
  };
}

function copyOf({ database, server, error, ...rest }: DatabaseCopy, names: Names): DatabaseCopy {
  return {
    ...rest,
    database: names.database(database),
    server: names.server(server),
    ...(error !== undefined && { error: names.text('errors of database copies', error) }),
  };
}

function serverOf(server: RecordedServer, names: Names): RecordedServer {
  const answer = answers(names);
  const { serverHealth, services, bootTime, mailboxServer, copiesOn, protocolLog } = server;
  const { componentStates, recoveryActions, activity, probes } = server;
  const log = (each: NonNullable<typeof protocolLog>['imap']) =>
    answer(each, ({ enabled, location }) => ({ enabled, location: names.text('log folders', location) }));
  return {
    server: names.server(server.server),
    ...(serverHealth && { serverHealth: answer(serverHealth, (rows) => rows.map((row) => targetOf(row, names))) }),
    ...(services && { services: answer(services, unchanged) }),
    ...(bootTime && { bootTime: answer(bootTime, unchanged) }),
    ...(mailboxServer && {
      mailboxServer: answer(mailboxServer, (value) => ({ ...value, server: names.server(value.server) })),
    }),
    ...(copiesOn && { copiesOn: answer(copiesOn, (rows) => rows.map((row) => copyOf(row, names))) }),
    ...(protocolLog && { protocolLog: { imap: log(protocolLog.imap), pop: log(protocolLog.pop) } }),
    ...(componentStates && { componentStates: answer(componentStates, unchanged) }),
    ...(recoveryActions && {
      recoveryActions: answer(recoveryActions, (actions) =>
        actions.map((action) => ({
          ...action,
          resource: names.text('resources of recovery actions', action.resource),
        })),
      ),
    }),
    ...(activity && {
      activity: answer(activity, (activities) =>
        activities.map((each) => ({ ...each, says: names.text('server activities', each.says) })),
      ),
    }),
    ...(probes && { probes: probes.map((probe) => probeOf(probe, names)) }),
  };
}

function targetOf<T extends { targetResource: string }>(row: T, names: Names): T {
  return { ...row, targetResource: names.text('target resources of monitors', row.targetResource) };
}

/** In `HealthSet\Probe\TargetResource` the first two are Exchange's own. */
function probeOf({ identity, monitor, answer }: RecordedProbe, names: Names): RecordedProbe {
  const [healthSet, probe, ...target] = identity.split('\\');
  const named = target.length > 0 ? [names.text('target resources of monitors', target.join('\\'))] : [];
  const words = (error: string) => names.text('error texts of probes', error);
  return {
    identity: [healthSet, probe, ...named].join('\\'),
    monitor: targetOf(monitor, names),
    answer: answers(names)(
      answer,
      (value) => value && { ...value, error: words(value.error), exception: words(value.exception) },
    ),
  };
}
