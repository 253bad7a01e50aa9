/** Secrets from the configuration or from files, as container platforms provide them. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Config } from './config.ts';
import { follow } from './follow.ts';
import type { Path, Problem } from './problems.ts';
import { secretsIn, twinsAmong, weakness } from './sections/http.ts';
import { whyUnreadable } from './yaml.ts';

/**
 * The text of a secret file without the trailing newline; each line is one secret, the newest first. Calls `complain`
 * for a file that cannot be read, is empty, or (for `ours`, the secrets that grant access to this daemon) holds a
 * secret that is too short.
 */
export function readSecret(
  file: string,
  path: Path,
  complain: (path: Path, message: string, hint?: Problem['hint']) => void,
  ours: boolean,
): string | undefined {
  try {
    const secret = readFileSync(file, 'utf8').trim();
    const weak = ours ? weakness(secret) : undefined;
    if (secret && !weak) return secret;
    complain(path, `${file} ${weak ?? 'is empty'}`, weak ? undefined : 'write the secret into it');
  } catch (error) {
    // The name of a missing file is not shown: it may be the secret itself.
    const what = existsSync(file) ? `${file}: ${whyUnreadable(error)}` : 'names a file that does not exist';
    complain(path, what, 'relative paths start at the folder of the configuration file');
  }
  return undefined;
}

export interface SecretEvents {
  changed(says: string): void;
  trouble(says: string): void;
}

/**
 * Updates the secrets of `config` in place when their files change. While a file cannot be read, is empty or holds a
 * secret that would be refused at start, its last valid secrets stay in force. Returns a function that stops following.
 */
export function followSecrets(config: Config, events: SecretEvents, everyMs?: number): () => void {
  const { tokens } = config.http;
  const ends = [
    ...tokens.flatMap((entry) =>
      SECRETS.map(([kind, file]) =>
        followed(entry[file], entry[kind], events, everyMs, (text) => {
          const after = tokens.map((each) => (each === entry ? { ...each, [kind]: text } : each));
          const problem = weakness(text) ?? twinsAmong(after);
          if (problem) throw new Error(problem);
          entry[kind] = text;
        }),
      ),
    ),
    ...config.notify.flatMap((entry) => {
      if (entry.channel !== 'webhook') return [];
      const take = (text: string) => {
        entry.token = text;
      };
      return [followed(entry.tokenFile, entry.token, events, everyMs, take)];
    }),
  ];
  return () => {
    for (const end of ends) end();
  };
}

const SECRETS = [
  ['token', 'tokenFile'],
  ['signingSecret', 'signingSecretFile'],
] as const;

function followed(
  file: string | undefined,
  known: string | undefined,
  events: SecretEvents,
  everyMs: number | undefined,
  take: (text: string) => void,
): () => void {
  if (file === undefined) return () => {};
  return follow(
    {
      known: known ?? '',
      read: () => readFileSync(file, 'utf8').trim(),
      trouble: (why) => events.trouble(`${file}: ${why}; the previous secrets stay in force`),
      accept(text) {
        if (text === '') throw new Error('is empty');
        take(text);
        const count = secretsIn(text).length;
        events.changed(`${file} was reloaded: ${count === 1 ? 'one secret is' : `${count} secrets are`} in force`);
      },
    },
    everyMs,
  );
}

/** Resolves a file name against the folder of the configuration. */
export const fileFrom = (folder: string, file: string | undefined) =>
  file === undefined ? undefined : resolve(folder, file);
