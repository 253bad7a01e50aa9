import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { isObject } from '../config/data.ts';
import { ConfigError, type Problem, zodProblems } from '../config/problems.ts';
import { whyUnreadable } from '../config/yaml.ts';
import { writeWhole } from '../lib/files.ts';
import { FORMAT, type Recording, recordingSchema, VERSION } from './recording.ts';

/** Far larger than a recording of hundreds of servers. */
const LARGEST_FILE = 256 * 1024 * 1024;

/** Reads a recording. Throws ConfigError with every problem, each with its JSON pointer. */
export function readRecording(file: string): Recording {
  const fail = (message: string): never => {
    throw new ConfigError([problem(file, message)]);
  };
  let written: string;
  try {
    const { size } = statSync(file);
    if (size > LARGEST_FILE)
      return fail(`is larger than ${LARGEST_FILE / 1024 ** 2} MB, which is too large for a recording`);
    written = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    return fail(whyUnreadable(error));
  }
  return parseRecording(written, file);
}

/** Throws ConfigError with every problem, each with its JSON pointer. */
export function parseRecording(written: string, file: string): Recording {
  let data: unknown;
  try {
    data = JSON.parse(written.replace(/^\ufeff/, ''));
  } catch (error) {
    throw new ConfigError([problem(file, `is not valid JSON: ${(error as Error).message}`)]);
  }
  const other = whyOfAnotherKind(data);
  if (other) throw new ConfigError([{ ...problem(file, other.message), path: other.pointer }]);
  const checked = recordingSchema.safeParse(data, { reportInput: true });
  if (checked.success) return checked.data;
  const problems = zodProblems(checked.error, recordingSchema, (path) => ({
    ...problem(file, ''),
    path: pointerTo(path),
  }));
  throw new ConfigError(problems.slice(0, MOST_PROBLEMS));
}

const MOST_PROBLEMS = 50;

/** In another kind of file every key would be a problem, which would help nobody. */
function whyOfAnotherKind(data: unknown): { pointer: string; message: string } | undefined {
  const { format, version } = isObject(data) ? data : {};
  if (format !== FORMAT) return { pointer: '', message: `is not a recording: its "format" is not "${FORMAT}"` };
  if (version === VERSION) return undefined;
  return { pointer: '/version', message: `is not ${VERSION}, the only supported version` };
}

function problem(file: string, message: string): Problem {
  return { file, line: 0, column: 0, path: '', message };
}

function pointerTo(path: readonly (string | number)[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Why the file can't be written; undefined if it can. Checked before minutes are spent on recording. */
export function whyNotWritable(file: string): string | undefined {
  if (existsSync(file)) return `${file} already exists and is not overwritten: name another file with --output`;
  try {
    accessSync(dirname(file), constants.W_OK);
    return undefined;
  } catch (error) {
    return `${dirname(file)}: ${whyUnreadable(error)}`;
  }
}

/**
 * Writes a recording that only its owner can read: complete or not at all, and never over an existing file. Throws
 * `Error` with a message for people.
 */
export function writeRecording(file: string, recording: Recording): void {
  try {
    writeWhole(file, `${JSON.stringify(z.encode(recordingSchema, recording), null, 1)}\n`, { never: 'over-another' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const why = code === 'EEXIST' ? 'already exists and is not overwritten' : `cannot be written: ${message}`;
    throw new Error(`${file} ${why}`);
  }
}
