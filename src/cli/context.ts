import type { Command } from 'commander';
import { visibleJson } from '../incident/visible.ts';
import type { Terminal } from './output/terminal.ts';

/** What a command is given besides its arguments. */
export interface CliContext {
  terminal: Terminal;
  /** Problems were found, and have been printed: the exit code becomes 1. */
  fail(): void;
}

/** Whether a script reads what is printed. */
export function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<{ json?: boolean }>().json === true;
}

/** An answer as JSON for a script, or in words for a person. */
export function print(command: Command, { terminal }: CliContext, answer: unknown, words: () => string): void {
  terminal.write(wantsJson(command) ? `${visibleJson(answer, 2)}\n` : words());
}
