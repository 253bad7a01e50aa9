import type { Command } from 'commander';
import { type Loaded, type LoadOptions, loadConfig } from '../config/load.ts';

/** Which configuration the command line names. */
export function loadOptions(command: Command): LoadOptions {
  const { config: file } = command.optsWithGlobals<{ config?: string }>();
  // Variables of the command line alone are no settings of the daemon.
  const { SECOND_RESPONDER_URL: _, SECOND_RESPONDER_TOKEN: __, SECOND_RESPONDER_TOKEN_FILE: ___, ...env } = process.env;
  return { env, cwd: process.cwd(), ...(file !== undefined && { file }) };
}

/** Throws ConfigError with every problem. */
export function readSettings(command: Command): Loaded {
  return loadConfig(loadOptions(command));
}
