import { z } from 'zod';
import { type CallOptions, ExchangeError } from '../../ports/exchange.ts';
import type { EndpointFacts, Inspection, MissingCommands, ShellFacts, TargetFacts } from '../../ports/inspection.ts';
import { connectionWith, type PowerShellExchangeOptions } from './exchange.ts';
import type { PowerShellHost } from './host.ts';
import type { Json } from './wire.ts';

export interface InspectionOptions extends Omit<PowerShellExchangeOptions, 'organisation'> {
  host: Pick<PowerShellHost, 'invoke'>;
  driver: string;
  /** The executable and its arguments. */
  executable: string;
  arguments: readonly string[];
  /** The organisation's clock. */
  now: () => number;
}

/** Commands of Exchange that SecondResponder.psm1 sends. */
export const EXCHANGE_COMMANDS = {
  looks: ['Get-ExchangeServer', 'Get-DatabaseAvailabilityGroup', 'Get-ServerHealth', 'Invoke-MonitoringProbe'].concat([
    'Get-MailboxDatabase',
    'Get-MailboxDatabaseCopyStatus',
    'Get-MailboxServer',
    'Get-ImapSettings',
    'Get-PopSettings',
    'Get-ServerComponentState',
  ]),
  changes: ['Set-MailboxServer', 'Set-ImapSettings', 'Set-PopSettings'],
};

/** Functions of SecondResponder.Target.psm1. */
export const TARGET_FUNCTIONS = {
  looks: [
    'Get-TargetClock',
    'Get-TargetBoot',
    'Get-TargetService',
    'Get-TargetActivity',
    'Get-TargetRecoveryAction',
  ].concat(['Get-TargetComponent', 'Get-TargetScript']),
  changes: ['Restart-TargetService', 'Restart-TargetComputer', 'Invoke-TargetScript'],
};

const TIME_LIMIT = 60_000;

/** Inspects the connection step by step, with the Test functions of SecondResponder.psm1. */
export function powerShellInspection(options: InspectionOptions): Inspection {
  const { driver, now } = options;

  async function ask<T>(
    form: z.ZodType<T>,
    name: string,
    given: Record<string, Json>,
    to: { endpoints?: readonly string[]; target?: string },
    { timeLimit = TIME_LIMIT, signal }: CallOptions = {},
  ): Promise<T> {
    const { endpoints = options.endpoints, target } = to;
    const Connection = connectionWith({ ...options, endpoints }, timeLimit, target);
    const reply = await options.host.invoke(name, { Connection, ...given }, { timeLimit, ...(signal && { signal }) });
    const read = form.safeParse(reply.value[0]);
    if (read.success) return read.data;
    throw new ExchangeError(
      'badReply',
      `${name} returned a reply that can't be parsed: ${z.prettifyError(read.error)}`,
    );
  }

  return {
    endpoints: options.endpoints,
    driver,
    started: [options.executable, ...options.arguments].join(' '),

    async shell(limits): Promise<ShellFacts> {
      // The first call may start a shell, which takes seconds, so the clock is taken from the second.
      await ask(shellForm, 'Test-Shell', {}, {}, limits);
      const before = now();
      const { now: theirs, account, credentialTrouble, ...facts } = await ask(shellForm, 'Test-Shell', {}, {}, limits);
      return {
        ...facts,
        ...(account !== undefined && { account }),
        ...(credentialTrouble !== undefined && { credentialTrouble }),
        ahead: theirs - (before + now()) / 2,
      };
    },

    async endpoint(endpoint, limits): Promise<EndpointFacts> {
      const given = { Commands: [...EXCHANGE_COMMANDS.looks, ...EXCHANGE_COMMANDS.changes] };
      const look = await ask(endpointForm, 'Test-Endpoint', given, { endpoints: [endpoint] }, limits);
      return { ...look, missing: apart(look.missing, EXCHANGE_COMMANDS.changes) };
    },

    async target({ fqdn }, limits): Promise<TargetFacts> {
      const given = { Functions: [...TARGET_FUNCTIONS.looks, ...TARGET_FUNCTIONS.changes] };
      const look = await ask(targetForm, 'Test-Target', given, { target: fqdn }, limits);
      const { openedAfter, missing, ahead, within } = look;
      const clock = ahead === undefined || within === undefined ? {} : { clock: { ahead, within } };
      return { openedAfter, missing: apart(missing, TARGET_FUNCTIONS.changes), ...clock };
    },
  };
}

function apart(missing: readonly string[], changes: readonly string[]): MissingCommands {
  return {
    looks: missing.filter((name) => !changes.includes(name)),
    changes: missing.filter((name) => changes.includes(name)),
  };
}

const words = z.string().max(16_000);
const names = z.array(z.string().max(1_000));
const milliseconds = z.number();

const shellForm = z.object({
  version: words,
  edition: words,
  windows: z.boolean(),
  machine: words,
  account: words.optional(),
  credentialTrouble: words.optional(),
  utcOffset: milliseconds,
  now: milliseconds,
});
const endpointForm = z.object({ openedAfter: milliseconds, missing: names });
const targetForm = z.object({
  openedAfter: milliseconds,
  missing: names,
  ahead: milliseconds.optional(),
  within: milliseconds.optional(),
});
