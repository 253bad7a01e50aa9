/** Secrets that are given as files, as container platforms do. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Path, Problem } from './problems.ts';
import { whyUnreadable } from './yaml.ts';

/**
 * The text of a secret file without the line's end. `complain` is told of a file that cannot be read or holds nothing.
 */
export function readSecret(
  file: string,
  folder: string,
  path: Path,
  complain: (path: Path, message: string, mend?: Problem['mend']) => void,
): string | undefined {
  const absolute = resolve(folder, file);
  try {
    const secret = readFileSync(absolute, 'utf8').trim();
    if (secret) return secret;
    complain(path, `${absolute} is empty`, 'write the secret into it');
  } catch (error) {
    complain(
      path,
      `${absolute}: ${whyUnreadable(error)}`,
      'a relative path counts from the folder of the configuration',
    );
  }
  return undefined;
}
