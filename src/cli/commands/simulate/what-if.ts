import type { Command } from 'commander';
import { readInstants } from '../../../ports/instants.ts';
import type { WhatIf } from '../../../ports/operations.ts';
import { type CliContext, print } from '../../context.ts';
import { daemonOf } from '../../daemon/connect.ts';
import { whatIfInText } from '../../output/what-if.ts';
import type { Options } from './options.ts';

/** Probes may take minutes. */
const WHAT_IF_WITHIN = 10 * 60_000;

/** Asks the running daemon. */
export async function askWhatIf(
  { server, monitor: named }: Options,
  command: Command,
  context: CliContext,
): Promise<void> {
  const [healthSet, monitor, targetResource] = named?.split('\\') ?? [];
  const alert = {
    server,
    ...(healthSet && { healthSet }),
    ...(monitor && { monitor }),
    ...(targetResource && { targetResource }),
  };
  const answer = await daemonOf(command).ask('POST', '/api/v1/what-if', alert, WHAT_IF_WITHIN);
  print(command, context, answer, () => whatIfInText(readInstants<WhatIf>(answer), context.terminal));
}
