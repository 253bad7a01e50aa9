import { fileURLToPath } from 'node:url';
import { shortName } from '../../incident/alert.ts';
import { groupOf, type ServerFacts } from '../../incident/health.ts';
import {
  type CallOptions,
  type CHANGING_CALLS,
  type Change,
  type Changed,
  type Exchange,
  ExchangeError,
  type HealthRow,
  type Organisation,
  type Reply,
} from '../../ports/exchange.ts';
import { readReply, type Value } from '../../ports/replies.ts';
import { Directory } from './directory.ts';
import type { PowerShellHost } from './host.ts';
import { isRecord, type Json, type PowerShellReply } from './wire.ts';

/** Folder of the shipped modules. */
export const MODULE_FOLDER = fileURLToPath(new URL('../../../deploy/powershell/', import.meta.url));

/** The endpoint of the Windows channel for each kind of access. */
const CONFIGURATIONS = { jea: 'SecondResponder', winrm: 'Microsoft.PowerShell' } as const;

export interface PowerShellExchangeOptions {
  host: Pick<PowerShellHost, 'invoke'>;
  /** Servers for the Exchange channel, as host names or addresses, in the order in which they are tried. */
  endpoints: readonly string[];
  targets: keyof typeof CONFIGURATIONS;
  /** Whether to use TLS to the targets. */
  ssl: boolean;
  /** Credential file on the machine that runs PowerShell. */
  credentialFile?: string;
  domainController?: string;
  unspecifiedTimes: 'utc' | 'local';
  /** The organisation's id, to which claims and outstanding undo actions belong. */
  organisation: () => string;
  /** Logged as the caller of read commands. */
  caller?: string;
}

/**
 * A monitor's row does not contain its time-out, so fresh rows may be this much later, plus `verification.row-grace`.
 * [unconfirmed: no public documentation]
 */
const TIMEOUT_SECONDS = 30;

/** Milliseconds of a call's limit that are reserved for stopping it, before its shell is killed. */
const GRACE = 2_000;

const TIME_LIMIT = 60_000;

/** Names that Exchange would treat as patterns, or that are not names. */
const NOT_A_NAME = /[*?[\]\p{Cc}]|^\s*$/u;

/** Real milliseconds for which reads use the domain controller of the last change, because others may not have it yet. */
const REPLICATION = 15 * 60_000;

/** The connection that every function of SecondResponder.psm1 takes. */
export function connectionWith(
  options: Omit<PowerShellExchangeOptions, 'host' | 'organisation'>,
  timeLimit: number,
  target = '',
): { [field: string]: Json } {
  return {
    endpoints: [...options.endpoints],
    target,
    configuration: CONFIGURATIONS[options.targets],
    ssl: options.ssl,
    credentialFile: options.credentialFile ?? '',
    domainController: options.domainController ?? '',
    unspecifiedTimes: options.unspecifiedTimes,
    timeLimit: Math.max(1, timeLimit > 2 * GRACE ? timeLimit - GRACE : timeLimit / 2),
    caller: options.caller ?? '',
  };
}

/** The Exchange port of a real organisation, through the functions of SecondResponder.psm1. */
export function powerShellExchange(options: PowerShellExchangeOptions): Exchange {
  const directory = new Directory(readOrganisation);
  const written = new Map<string, { controller: string; at: number }>();

  async function ask<K extends keyof Exchange>(
    verb: K,
    name: string,
    given: Record<string, Json | undefined>,
    to: { target?: string; caller?: string; server?: string },
    limits: CallOptions = {},
    shape: (reply: PowerShellReply) => unknown = (reply) => reply.value,
  ): Promise<Reply<Value<K>>> {
    const { timeLimit = TIME_LIMIT, signal } = limits;
    const connection = {
      ...connectionWith(options, timeLimit, to.target),
      domainController: options.domainController ?? controllerFor(to.server) ?? '',
      caller: to.caller ?? options.caller ?? '',
    };
    const reply = await options.host.invoke(
      name,
      { Connection: connection, ...given },
      { timeLimit, ...(signal && { signal }) },
    );
    return readReply(verb, { value: shape(reply), warnings: reply.warnings }, 'Exchange');
  }

  function controllerFor(server: string | undefined): string | undefined {
    const last = server === undefined ? undefined : written.get(server);
    return last && performance.now() - last.at < REPLICATION ? last.controller : undefined;
  }

  async function readOrganisation(limits?: CallOptions): Promise<Reply<Organisation>> {
    return ask('organisation', 'Get-Organisation', {}, {}, limits, ({ value }) => {
      const id = options.organisation();
      return { id, servers: value.map((row) => withGroup(row, id)) };
    });
  }

  /** A name that the organisation does not have is never sent, whatever it contains. */
  async function known(server: string, limits?: CallOptions): Promise<ServerFacts> {
    const facts = await directory.find(shortName(server), limits);
    if (facts) return facts;
    throw new ExchangeError('notFound', `The server "${server}" was not found in the organisation.`);
  }

  /** The only row of an answer. Throws if there is none. */
  const single = ({ value }: PowerShellReply) => value[0];

  async function change(
    verb: keyof typeof CHANGING_CALLS,
    name: string,
    given: Record<string, Json | undefined>,
    { facts, order, limits }: { facts: ServerFacts; order: Change; limits: CallOptions | undefined },
  ): Promise<Reply<Changed>> {
    let controller: unknown;
    const to = { target: facts.fqdn, server: facts.server, caller: order.caller };
    const reply = await ask(verb, name, { ...given, NotAfter: Math.floor(order.notAfter) }, to, limits, (answer) => {
      const [row] = answer.value;
      controller = isRecord(row) ? row.domainController : undefined;
      return row;
    });
    if (typeof controller === 'string') written.set(facts.server, { controller, at: performance.now() });
    return reply;
  }

  return {
    organisation: (limits) => directory.read(limits),

    async serverHealth(server, limits) {
      const facts = await known(server, limits);
      return ask('serverHealth', 'Get-HealthRow', { Server: facts.server }, { target: facts.fqdn }, limits, (reply) =>
        reply.value.map((row) => (isRecord(row) ? withTimeout(row) : row)),
      );
    },

    async invokeProbe(server, identity, limits) {
      const facts = await known(server, limits);
      refuseWildcards('probe', identity);
      const given = { Server: facts.server, Identity: identity };
      return ask('invokeProbe', 'Invoke-Probe', given, { target: facts.fqdn }, limits, single);
    },

    async service(server, name, limits) {
      const facts = await known(server, limits);
      refuseWildcards('service', name);
      return ask('service', 'Get-ServiceState', { Name: name }, { target: facts.fqdn }, limits, single);
    },

    async services(server, limits) {
      const facts = await known(server, limits);
      return ask('services', 'Get-ServiceState', {}, { target: facts.fqdn }, limits);
    },

    async restartService(server, name, fence, order, limits) {
      const facts = await known(server, limits);
      refuseWildcards('service', name);
      const given = { Name: name, StartedAt: fence.startedAt ?? -1 };
      return change('restartService', 'Restart-FencedService', given, { facts, order, limits });
    },

    async copiesOn(server, limits) {
      const facts = await known(server, limits);
      return ask('copiesOn', 'Get-CopyOnServer', { Server: facts.server }, { target: facts.fqdn }, limits);
    },

    async copiesOf(database, limits) {
      refuseWildcards('database', database);
      return ask('copiesOf', 'Get-CopyOfDatabase', { Database: database }, {}, limits);
    },

    async mailboxServer(server, limits) {
      const facts = await known(server, limits);
      if (!facts.roles.includes('mailbox')) {
        throw new ExchangeError('notFound', `"${facts.server}" is not a Mailbox server.`);
      }
      const to = { target: facts.fqdn, server: facts.server };
      return ask('mailboxServer', 'Get-MailboxServerState', { Server: facts.server }, to, limits, single);
    },

    async availabilityGroup(name, limits) {
      const { value: organisation } = await directory.recent(limits);
      const siteOf = new Map(organisation.servers.map((facts) => [facts.server, facts.site]));
      const group = organisation.servers.find(({ dag }) => dag?.toLowerCase() === name.toLowerCase())?.dag;
      if (group === undefined) {
        throw new ExchangeError('notFound', `The database availability group "${name}" was not found.`);
      }
      return ask('availabilityGroup', 'Get-AvailabilityGroup', { Name: group }, {}, limits, ({ value: [row] }) =>
        isRecord(row) && Array.isArray(row.members)
          ? { ...row, members: row.members.map((one) => ({ ...one, site: siteOf.get(one.server) ?? '' })) }
          : row,
      );
    },

    async setActivationBlocked(server, blocked, fence, order, limits) {
      const facts = await known(server, limits);
      const given = { Server: facts.server, Blocked: blocked, Seen: fence.activationBlocked };
      return change('setActivationBlocked', 'Set-ActivationBlock', given, { facts, order, limits });
    },

    async protocolLog(server, protocol, limits) {
      const facts = await known(server, limits);
      const to = { target: facts.fqdn, server: facts.server };
      const given = { Server: facts.server, Protocol: protocol };
      return ask('protocolLog', 'Get-ProtocolLog', given, to, limits, single);
    },

    async setProtocolLog(server, protocol, enabled, fence, order, limits) {
      const facts = await known(server, limits);
      const given = { Server: facts.server, Protocol: protocol, Enabled: enabled, Seen: fence.enabled };
      return change('setProtocolLog', 'Set-ProtocolLog', given, { facts, order, limits });
    },

    async componentStates(server, limits) {
      const facts = await known(server, limits);
      return ask('componentStates', 'Get-ComponentState', { Server: facts.server }, { target: facts.fqdn }, limits);
    },

    async recoveryActions(server, since, limits) {
      const facts = await known(server, limits);
      const given = { Since: Math.floor(since) };
      return ask('recoveryActions', 'Get-RecoveryAction', given, { target: facts.fqdn }, limits);
    },

    async activity(server, limits) {
      const facts = await known(server, limits);
      const given = { Server: facts.roles.includes('mailbox') ? facts.server : '' };
      return ask('activity', 'Get-Activity', given, { target: facts.fqdn }, limits);
    },

    async bootTime(server, limits) {
      const facts = await known(server, limits);
      return ask('bootTime', 'Get-BootTime', {}, { target: facts.fqdn }, limits, single);
    },

    async restartServer(server, fence, order, limits) {
      const facts = await known(server, limits);
      const given = { BootedAt: Math.floor(fence.bootedAt) };
      return change('restartServer', 'Restart-FencedServer', given, { facts, order, limits });
    },

    async script(server, file, run, limits) {
      const facts = await known(server, limits);
      refuseWildcards('script', file.name);
      const given = { Name: file.name, Sha256: file.sha256, Run: run };
      return ask('script', 'Get-ScriptState', given, { target: facts.fqdn }, limits, single);
    },

    async runScript(server, { name, sha256, parameters, timeLimit, repeat }, { run }, order, limits) {
      const facts = await known(server, limits);
      refuseWildcards('script', name);
      const given = {
        Name: name,
        Sha256: sha256,
        Run: run,
        Parameters: parameters,
        TimeLimit: timeLimit,
        Repeat: repeat,
      };
      return change('runScript', 'Invoke-FencedScript', given, { facts, order, limits });
    },
  };
}

function withTimeout(row: Record<string, unknown>): Partial<HealthRow> {
  return { ...row, timeoutSeconds: TIMEOUT_SECONDS };
}

function withGroup(row: unknown, organisation: string): unknown {
  if (!isRecord(row)) return row;
  const group = groupOf(row as unknown as ServerFacts);
  return { ...row, organisation, ...(group !== undefined && { group }) };
}

function refuseWildcards(what: string, name: string): void {
  if (NOT_A_NAME.test(name)) throw new ExchangeError('notFound', `There is no ${what} ${JSON.stringify(name)}.`);
}
