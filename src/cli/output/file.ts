import { accessSync, constants, existsSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { whyUnreadable } from '../../config/yaml.ts';
import { CliError } from '../errors.ts';

/** Writes the output of a command. Throws CliError. */
export function writeOutput(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw notWritten(file, error);
  }
}

/** Throws what `writeOutput` would throw, before minutes are spent on the text. */
export function requireWritable(file: string): void {
  try {
    accessSync(existsSync(file) ? file : dirname(resolve(file)), constants.W_OK);
  } catch (error) {
    throw notWritten(file, error);
  }
}

const notWritten = (file: string, error: unknown) => {
  const { code } = error as NodeJS.ErrnoException;
  return new CliError(
    `${file} could not be written: ${code === 'EACCES' ? 'permission denied' : whyUnreadable(error)}`,
  );
};
