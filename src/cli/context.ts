import type { Command } from 'commander';
import { visibleJson } from '../incident/visible.ts';
import type { Terminal } from './output/terminal.ts';

/** The context of a command, apart from its arguments. */
export interface CliContext {
  terminal: Terminal;
  /** Problems were found and printed: the exit code becomes 1. */
  fail(): void;
}

/** Whether the output is JSON. */
export function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<{ json?: boolean }>().json === true;
}

/** Prints an answer as JSON or as text. */
export function print(command: Command, { terminal }: CliContext, answer: unknown, words: () => string): void {
  terminal.write(wantsJson(command) ? `${visibleJson(answer, 2)}\n` : words());
}
