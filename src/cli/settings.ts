import type { Command } from 'commander';
import { type Loaded, type LoadOptions, loadConfig } from '../config/load.ts';

/** The configuration files and overrides of the command line. */
export function loadOptions(command: Command): LoadOptions {
  const { config: file } = command.optsWithGlobals<{ config?: string }>();
  // These variables are for the command line and are not settings of the daemon.
  const { SECOND_RESPONDER_URL: _, SECOND_RESPONDER_TOKEN: __, SECOND_RESPONDER_TOKEN_FILE: ___, ...env } = process.env;
  return { env, cwd: process.cwd(), ...(file !== undefined && { file }) };
}

/** Throws ConfigError with every problem. */
export function readSettings(command: Command): Loaded {
  return loadConfig(loadOptions(command));
}
