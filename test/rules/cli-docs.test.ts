import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { createProgram } from '../../src/cli/index.ts';
import { createTerminal } from '../../src/cli/output/terminal.ts';

const program = createProgram({ terminal: createTerminal(process.stdout, {}), fail: () => {} });

/** Each command with its heading, description, arguments and options; groups of commands are left out. */
function sections(command: Command, path = ''): [heading: string, lines: string[]][] {
  if (command.commands.length > 0) {
    return command.commands.flatMap((child) => sections(child, `${path} ${child.name()}`.trim()));
  }
  const given = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return [argument.required ? `<${name}>` : `[${name}]`, argument.description, argument.argChoices] as const;
  });
  const options = command.options.map((option) => {
    const usual = option.defaultValue === undefined || option.negate ? '' : `; else \`${option.defaultValue}\``;
    return [option.flags, option.description + usual, option.argChoices] as const;
  });
  const rows = [...given, ...options].map(([name, says, choices]) => {
    const one = choices ? `: ${choices.map((choice) => `\`${choice}\``).join(', ')}` : '';
    return `| \`${name}\` | ${says}${one} |`;
  });
  const says = command.description();
  return [[`### ${path}`, [`${says.charAt(0).toUpperCase()}${says.slice(1)}.`, ...rows]]];
}

function documented(): [string, string[]][] {
  const [, ...parts] = readFileSync('docs/cli.md', 'utf8').split(/^(?=### )/m);
  return parts.map((part) => {
    const [heading = '', ...lines] = part.split('\n').filter((line) => line !== '');
    return [heading, lines.filter((line, index) => index === 0 || line.startsWith('| `'))];
  });
}

it('docs/cli.md has exactly the commands of the program, with arguments, options and choices', () => {
  expect(Object.fromEntries(documented())).toEqual(Object.fromEntries(sections(program)));
});

it('docs/cli.md has the global options', () => {
  const text = readFileSync('docs/cli.md', 'utf8');
  expect(
    program.options.filter(({ flags, description }) => !text.includes(`| \`${flags}\` | ${description} |`)),
  ).toEqual([]);
});

it('every command shows an example', () => {
  const [, ...parts] = readFileSync('docs/cli.md', 'utf8').split(/^(?=### )/m);
  expect(parts.filter((part) => !/^ {4}\$ /m.test(part)).map((part) => part.split('\n')[0])).toEqual([]);
});

it('every command and option has a description', () => {
  const silent = sections(program).filter(([, lines]) => lines.some((line) => line === '.' || / \|\s*\|$/.test(line)));
  expect(silent).toEqual([]);
});
