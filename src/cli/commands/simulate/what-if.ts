import type { Command } from 'commander';
import { monitorParts } from '../../../incident/health.ts';
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
  const alert = { server, ...monitorParts(named ?? '') };
  const answer = await daemonOf(command).ask('POST', '/api/v1/what-if', alert, WHAT_IF_WITHIN);
  print(command, context, answer, () => whatIfInText(readInstants<WhatIf>(answer), context.terminal));
}
