import { existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Config } from '../../config/config.ts';
import { hasSecret } from '../../config/schema.ts';
import { fitsHeader, safeAddress, withoutPath } from '../../lib/shown.ts';
import { CliError, UsageError } from '../errors.ts';
import { readSettings } from '../settings.ts';
import { createDaemon, type Daemon } from './client.ts';

/** Adds the options of every command that connects to a daemon. */
export function talking(command: Command): Command {
  return command
    .option('--url <address>', 'address of the daemon (default: SECOND_RESPONDER_URL, else from the configuration)')
    .option('--token-file <file>', 'file with the API token (default: SECOND_RESPONDER_TOKEN or …_TOKEN_FILE)');
}

/** Adds the options of every command that acts in a person's name. */
export function signing(command: Command): Command {
  return talking(command).option(
    '--by <name>',
    'your name for the journal (default: the token’s name, else your user name)',
  );
}

/** The daemon of a command. */
export function daemonOf(command: Command): Daemon {
  const { url, tokenFile } = command.optsWithGlobals<{ url?: string; tokenFile?: string }>();
  return createDaemon(addressOf(command, url ?? process.env.SECOND_RESPONDER_URL), readToken(tokenFile));
}

/** Whether the daemon is that of this configuration, not one named on the command line. */
export function isOwnDaemon(command: Command): boolean {
  return command.optsWithGlobals<{ url?: string }>().url === undefined && !process.env.SECOND_RESPONDER_URL;
}

/** The name for the journal; undefined if the token determines it. */
export function signature(command: Command, daemon: Daemon): { by?: string } {
  const { by } = command.optsWithGlobals<{ by?: string }>();
  if (by !== undefined) return { by };
  return daemon.known ? {} : { by: userName() };
}

export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a uid without a name.
    return process.env.USER || `uid ${process.getuid?.() ?? '?'}`;
  }
}

function addressOf(command: Command, named: string | undefined): string {
  if (named) {
    if (!/^https?:\/\/[^\s/]+/.test(named) || !URL.canParse(named)) {
      throw new UsageError(`"${safeAddress(named)}" is not a daemon address: use the form http://127.0.0.1:8080`);
    }
    if (hasSecret(named)) {
      throw new UsageError(
        `"${safeAddress(named)}" contains a user, a password or a query: pass a token with --token-file or SECOND_RESPONDER_TOKEN`,
      );
    }
    return named;
  }
  const own = addressIn(readSettings(command).config.http);
  if (own === undefined)
    throw new CliError('The configured port is 0 (any free port): give the daemon’s address with --url.');
  return own;
}

/** The address of a configuration's daemon from this machine; undefined if it uses any free port. */
export function addressIn({ host, port, tls }: Config['http']): string | undefined {
  if (port === 0) return undefined;
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[host] ?? (host.includes(':') ? `[${host}]` : host);
  return `http${tls ? 's' : ''}://${reachable}:${port}`;
}

function readToken(option: string | undefined): string | undefined {
  const { SECOND_RESPONDER_TOKEN: token, SECOND_RESPONDER_TOKEN_FILE: variable } = process.env;
  if (option === undefined && token) return usable(token, 'SECOND_RESPONDER_TOKEN cannot be used: ');
  const file = option ?? variable;
  if (!file) return undefined;
  try {
    // The first of several lines is the newest.
    return usable(readFileSync(file, 'utf8'));
  } catch (error) {
    // The name is shown only if the file exists, because the setting may contain the token itself.
    const where = existsSync(file) ? file : 'the named file';
    throw new CliError(`The token can't be read from ${where}: ${withoutPath(error)}`);
  }
}

function usable(text: string, where = ''): string {
  const [token = ''] = text.trim().split(/\r?\n/);
  if (token === '') throw new CliError(`${where}it is empty`);
  if (!fitsHeader(token)) throw new CliError(`${where}it contains a character that is not allowed in an HTTP header`);
  return token;
}
