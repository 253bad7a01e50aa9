import { commandLine } from '../../incident/command-line.ts';
import type { WhatIf, WhatIfStep } from '../../ports/operations.ts';
import { type Detail, details, seen } from './narrate.ts';
import type { Style, Terminal } from './terminal.ts';
import { pad, plain, wrap } from './text.ts';

const INDENT = 17;

const WOULD: Record<WhatIfStep['would'], [label: string, style: Style]> = {
  run: ['would run', 'good'],
  skip: ['skipped', 'dim'],
  wait: ['would wait', 'warn'],
  ask: ['would ask', 'warn'],
  refuse: ['refused', 'bad'],
  'not-reached': ['not reached', 'dim'],
};

export function whatIfInText({ verification, playbook, steps, says }: WhatIf, { paint, columns }: Terminal): string {
  const room = columns - INDENT;
  const labelled = (label: string, style: Style, text: string, more: Detail[] = []) => {
    const [first = '', ...rest] = wrap(plain(text), room);
    const lines = [`  ${pad(paint(style, label), INDENT - 2)}${first}`, ...rest.map((row) => ' '.repeat(INDENT) + row)];
    return [...lines, ...details(more, INDENT, paint, room)].map((line) => `${line.trimEnd()}\n`).join('');
  };
  return [
    '\n',
    labelled('Verified', 'bold', verification.reason, seen(verification.evidence)),
    ...(playbook ? [labelled('Playbook', 'bold', playbook.name)] : []),
    ...steps.map((step) => {
      const [label, style] = WOULD[step.would];
      return labelled(label, style, `${step.n}  ${step.says}`, moreAbout(step));
    }),
    '\n',
    labelled('Answer', 'bold', says),
    '\n',
  ].join('');
}

function moreAbout({ command, guards, why, would }: WhatIfStep): Detail[] {
  const allowing = (guards ?? []).filter(({ answer }) => answer === 'allow').map(({ guard }) => guard);
  const others = (guards ?? []).filter(({ answer }) => answer === 'wait' || answer === 'refuse');
  return [
    ...(command
      ? [{ kind: 'command' as const, text: commandLine(command.command, command.server, command.arguments) }]
      : []),
    ...others.map(
      ({ guard, answer, says = '' }): Detail => ({
        kind: answer === 'refuse' ? 'bad' : 'unseen',
        text: `guard ${guard}: ${says}`,
      }),
    ),
    ...(others.length === 0 && why !== undefined
      ? [{ kind: would === 'refuse' ? ('bad' as const) : ('note' as const), text: why }]
      : []),
    ...(allowing.length > 0 ? [{ kind: 'good' as const, text: `allowed by the guards ${allowing.join(', ')}` }] : []),
  ];
}
