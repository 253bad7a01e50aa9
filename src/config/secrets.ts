/** Secrets, given in the configuration or as files of their own, as container platforms do. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Config } from './config.ts';
import { follow } from './follow.ts';
import type { Path, Problem } from './problems.ts';
import { secretsIn, twinsAmong, weakness } from './sections/http.ts';
import { whyUnreadable } from './yaml.ts';

/**
 * The text of a secret file without the line's end; several lines are several secrets, the newest first. `complain` is told
 * of a file that cannot be read, holds nothing, or (where `ours`, for it lets people in) holds something too short.
 */
export function readSecret(
  file: string,
  path: Path,
  complain: (path: Path, message: string, mend?: Problem['mend']) => void,
  ours: boolean,
): string | undefined {
  try {
    const secret = readFileSync(file, 'utf8').trim();
    const weak = ours ? weakness(secret) : undefined;
    if (secret && !weak) return secret;
    complain(path, `${file} ${weak ?? 'is empty'}`, weak ? undefined : 'write the secret into it');
  } catch (error) {
    // Not the name of what is not there: the secret itself may stand in its place.
    const what = existsSync(file) ? `${file}: ${whyUnreadable(error)}` : 'names a file that is not there';
    complain(path, what, 'a relative path counts from the folder of the configuration');
  }
  return undefined;
}

export interface Told {
  changed(says: string): void;
  trouble(says: string): void;
}

/**
 * Keeps the secrets of `config` as their files have them, in place, without a restart. A file that cannot be read, is empty
 * or holds what would be refused at start leaves the last good ones in force. Returns what ends it.
 */
export function followSecrets(config: Config, told: Told, everyMs?: number): () => void {
  const { tokens } = config.http;
  const ends = [
    ...tokens.flatMap((entry) =>
      SECRETS.map(([kind, file]) =>
        followed(entry[file], entry[kind], told, everyMs, (text) => {
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
      return [followed(entry.tokenFile, entry.token, told, everyMs, take)];
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
  told: Told,
  everyMs: number | undefined,
  take: (text: string) => void,
): () => void {
  if (file === undefined) return () => {};
  return follow(
    {
      known: known ?? '',
      look: () => readFileSync(file, 'utf8').trim(),
      trouble: (why) => told.trouble(`${file}: ${why}; what it held before stays in force`),
      accept(text) {
        if (text === '') throw new Error('is empty');
        take(text);
        const count = secretsIn(text).length;
        told.changed(`${file} was read anew: ${count === 1 ? 'one secret is' : `${count} secrets are`} in force`);
      },
    },
    everyMs,
  );
}

/** Absolute, from the folder of the configuration. */
export const fileFrom = (folder: string, file: string | undefined) =>
  file === undefined ? undefined : resolve(folder, file);
