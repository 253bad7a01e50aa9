import { shortName } from '../incident/alert.ts';
import { hostName, type Known, MAIL, textCleaner } from './free-text.ts';
import { type Kind, Pseudonyms } from './pseudonyms.ts';
import { answered, LONGEST_TEXT, type Recording } from './recording.ts';
import { replaceNames, type TextKind, UNCHANGED } from './texts.ts';
import { folded } from './words.ts';

export interface Renamed {
  recording: Recording;
  /** The mapping of names, which is in no file. */
  names: { kind: Kind; original: string; neutral: string }[];
}

/**
 * Replaces names given by the organisation with neutral names, consistently: servers, domains, sites, groups,
 * databases; in free text also addresses, accounts and identifiers. Exchange's own names stay.
 */
export function rename(recording: Recording): Renamed {
  const found = collect(recording);
  const domains = domainsOf(found);
  const labels = domains.flatMap(labelsOf);
  const named = [...found.servers, ...found.databases, ...found.dags, ...found.sites, ...found.hosts, ...labels];
  const pseudonyms = new Pseudonyms([...named, ...domains]);
  // In the order of the recording, so that the same organisation always gets the same names.
  const give = (kind: Kind, names: Iterable<string>) => {
    for (const name of names) pseudonyms.of(kind, name);
  };
  give('server', found.servers);
  give('database', found.databases);
  give('dag', found.dags);
  give('site', found.sites);
  give('domain', domains);
  give('host', found.hosts);
  give('label', labels);

  const known: Known = { pseudonyms, domains, names: named, vocabulary: [...found.vocabulary] };
  const clean = textCleaner(known);
  const full = (name: string) => (name.includes('.') ? hostName(name, known) : undefined);
  const renamed = replaceNames(recording, {
    organisation: (id) => (id === '' ? id : pseudonyms.of('organisation', id)),
    server: (name) => full(name) ?? pseudonyms.of('server', name),
    fqdn: (name) => full(name) ?? pseudonyms.of('server', name),
    site: (name) => (name === '' ? name : pseudonyms.of('site', name)),
    dag: (name) => pseudonyms.of('dag', name),
    group: (name) =>
      name.startsWith('cas:') ? `cas:${pseudonyms.of('site', name.slice(4))}` : pseudonyms.of('dag', name),
    database: (name) => pseudonyms.of('database', name),
    witness: (name) => full(name) ?? pseudonyms.find('server', name) ?? pseudonyms.of('host', name),
    text: (kind, words) => clean(words, STRICT.has(kind)).slice(0, LONGEST_TEXT),
  });
  return { recording: { ...renamed, renamed: true }, names: pseudonyms.list() };
}

/** Texts in which a backslash separates folders, or a database from its server. */
const STRICT = new Set<TextKind>(['target resources of monitors', 'log folders', 'resources of recovery actions']);

interface Found {
  servers: Set<string>;
  fqdns: Set<string>;
  sites: Set<string>;
  dags: Set<string>;
  databases: Set<string>;
  /** Short names of machines that are not Exchange servers. */
  hosts: Set<string>;
  texts: Set<string>;
  vocabulary: Set<string>;
}

function collect(recording: Recording): Found {
  const found: Found = {
    servers: new Set(),
    fqdns: new Set(),
    sites: new Set(),
    dags: new Set(),
    databases: new Set(),
    hosts: new Set(),
    texts: new Set(),
    vocabulary: vocabularyOf(recording),
  };
  const witnesses = new Set<string>();
  const noting = (set: Set<string>) => (name: string) => {
    if (name !== '') set.add(name);
    return name;
  };
  const server = (name: string) => {
    if (name.includes('.')) found.fqdns.add(name);
    return noting(found.servers)(name.includes('.') ? shortOf(name) : name);
  };
  replaceNames(recording, {
    ...UNCHANGED,
    server,
    fqdn: noting(found.fqdns),
    site: noting(found.sites),
    dag: noting(found.dags),
    group: (name) => noting(name.startsWith('cas:') ? found.sites : found.dags)(name.replace(/^cas:/, '')),
    database: noting(found.databases),
    witness: noting(witnesses),
    text: (_, words) => noting(found.texts)(words),
  });
  const servers = new Set([...found.servers].map(folded));
  for (const name of [...found.fqdns, ...witnesses]) {
    if (name.includes('.')) found.fqdns.add(name);
    if (!servers.has(shortName(name))) found.hosts.add(shortOf(name));
  }
  return found;
}

const shortOf = (name: string) => name.split('.')[0] ?? name;

/** The domains of servers, witnesses and addresses in texts. */
function domainsOf({ fqdns, texts }: Found): string[] {
  const own = [...fqdns].flatMap((name) => (name.includes('.') ? [name.slice(name.indexOf('.') + 1)] : []));
  const domains = new Map(own.filter(Boolean).map((domain) => [folded(domain), domain]));
  for (const text of texts) {
    for (const [, domain = ''] of text.matchAll(MAIL)) {
      const name = folded(domain);
      const isWithin = [...domains.keys()].some((known) => name === known || name.endsWith(`.${known}`));
      if (!isWithin) domains.set(name, domain);
    }
  }
  return [...domains.values()];
}

/** Parts of a domain that do not identify its owner. */
const COMMON_LABELS = new Set(
  ['com', 'net', 'org', 'edu', 'gov', 'mil', 'int', 'info', 'biz', 'co', 'ac', 'or', 'ne', 'go', 'ed', 'lg'].concat([
    'ad',
    'corp',
    'internal',
    'intern',
    'local',
    'lan',
    'test',
    'mail',
    'smtp',
    'www',
  ]),
);

/** `contoso` of contoso.com: often the domain's NetBIOS name, and part of directory names. */
function labelsOf(domain: string): string[] {
  const parts = domain.split('.');
  const ownable = parts.length > 1 ? parts.slice(0, -1) : parts;
  return ownable.filter((part) => part !== '' && !COMMON_LABELS.has(folded(part)));
}

/** Exchange's own names: kept in texts, as far as they can be distinguished from the organisation's. */
function vocabularyOf({ servers }: Recording): Set<string> {
  const words = servers.flatMap(({ serverHealth, services, componentStates, recoveryActions, probes }) => [
    ...(answered(serverHealth) ?? []).flatMap(({ healthSet, name, component }) => [healthSet, name, component]),
    ...(answered(services) ?? []).map(({ name }) => name),
    ...(answered(componentStates) ?? []).map(({ component }) => component),
    ...(answered(recoveryActions) ?? []).flatMap(({ action, requester }) => [action, requester]),
    ...(probes ?? []).flatMap(({ identity }) => identity.split('\\').slice(0, 2)),
  ]);
  return new Set(words.filter((word) => word !== ''));
}
