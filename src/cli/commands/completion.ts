import { Argument, type Command } from 'commander';
import type { CliContext } from '../context.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export function completionCommand(program: Command, { terminal }: CliContext): void {
  program
    .command('completion')
    .description('print the completion script for your shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText(
      'after',
      `
To load it in every new shell:
  bash  second-responder completion bash > ~/.local/share/bash-completion/completions/second-responder
  zsh   second-responder completion zsh > a folder of your $fpath, as _second-responder
  fish  second-responder completion fish > ~/.config/fish/completions/second-responder.fish`,
    )
    .action((shell: Shell) => {
      terminal.write({ bash, zsh, fish }[shell](program.name(), nodesOf(program)));
    });
}

interface Word {
  word: string;
  says: string;
}

/** A command or group, and the words that can follow it. */
interface Node {
  /** `incidents list`; empty at the root. */
  path: string;
  commands: Word[];
  options: (Word & { choices: readonly string[] })[];
  choices: readonly string[];
}

function nodesOf(program: Command, command = program, path = ''): Node[] {
  const options = [
    ...command.options,
    ...(command === program ? [] : program.options.filter(({ long }) => long !== '--version')),
  ];
  const node: Node = {
    path,
    commands: command.commands.map((child) => ({ word: child.name(), says: child.description() })),
    options: options.flatMap(({ long, description, argChoices }) =>
      long ? [{ word: long, says: description, choices: argChoices ?? [] }] : [],
    ),
    choices: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  };
  return [node, ...command.commands.flatMap((child) => nodesOf(program, child, `${path} ${child.name()}`.trim()))];
}

const words = ({ commands, options, choices }: Node) =>
  [...commands, ...options]
    .map(({ word }) => word)
    .concat(choices, '--help')
    .join(' ');

/** Follows the words as far as they name commands; what is offered then stands beside that place. */
function bash(name: string, nodes: Node[]): string {
  const paths = nodes.flatMap(({ path }) => (path ? [`"${path}"`] : []));
  const values = nodes.flatMap(({ path, options }) =>
    options.flatMap(({ word, choices }) =>
      choices.length > 0 ? [`    "${path} ${word}") offered="${choices.join(' ')}" ;;`] : [],
    ),
  );
  return `# ${name} completion for bash
_second_responder() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path="" word offered=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
      ${paths.join(' | ')}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path $previous" in
${values.join('\n')}
    *) case "$path" in
${nodes.map((node) => `      "${node.path}") offered="${words(node)}" ;;`).join('\n')}
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$offered" -- "$current"))
}
complete -o default -F _second_responder ${name}
`;
}

function zsh(name: string, nodes: Node[]): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const described = ({ word, says }: Word) => quote(`${word.replaceAll(':', '\\:')}:${says}`);
  const cases = nodes.map((node) => {
    const offered = [...node.commands, ...node.options].map(described);
    const plain = node.choices.map(quote);
    return `    ${quote(node.path)}) offered=(${[...offered, ...plain].join(' ')}) ;;`;
  });
  const paths = nodes.flatMap(({ path }) => (path ? [quote(path)] : []));
  return `#compdef ${name}
# ${name} completion for zsh
_second_responder() {
  local place='' word
  local -a offered
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${place:+$place }$word" in
      (${paths.join('|')}) place="\${place:+$place }$word" ;;
    esac
  done
  case "$place" in
${cases.join('\n')}
  esac
  _describe 'second-responder' offered || _files
}
compdef _second_responder ${name}
`;
}

function fish(name: string, nodes: Node[]): string {
  const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const paths = nodes.flatMap(({ path }) => (path ? [quote(path)] : []));
  const lines = nodes.flatMap(({ path, commands, options, choices }) => {
    const here = `complete -c ${name} -n ${quote(`__second_responder_at "${path}"`)}`;
    return [
      ...commands.map(({ word, says }) => `${here} -f -a ${word} -d ${quote(says)}`),
      ...options.map(
        ({ word, says, choices: values }) =>
          `${here} -l ${word.slice(2)} -d ${quote(says)}${values.length > 0 ? ` -x -a ${quote(values.join(' '))}` : ''}`,
      ),
      ...choices.map((choice) => `${here} -f -a ${choice}`),
    ];
  });
  return `# ${name} completion for fish
function __second_responder_at
    set -l place ''
    for word in (commandline -opc)[2..-1]
        set -l longer (string trim "$place $word")
        if contains -- "$longer" ${paths.join(' ')}
            set place "$longer"
        end
    end
    test "$place" = "$argv[1]"
end
${lines.join('\n')}
`;
}
