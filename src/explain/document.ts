/** The contents of an explanation as blocks of plain text; `markdown`, `html` and the command line write them in their own form. */
import { visible } from '../incident/visible.ts';
import { span } from '../lib/span.ts';
import type { ExplainedCommands, ExplainedStep, Explanation } from '../ports/explanation.ts';
import { inList } from './in-list.ts';

export type Block =
  | { is: 'heading'; level: 1 | 2 | 3; text: string }
  /** `isAside`: less important. */
  | { is: 'text'; text: string; isAside?: true }
  | { is: 'list'; items: string[] }
  | { is: 'facts'; facts: [name: string, text: string][] }
  | { is: 'commands'; lines: CommandLine[] }
  | { is: 'flow' };

/** `read` and `change`: PowerShell. `remark`: a comment about the lines after it. */
export interface CommandLine {
  is: 'read' | 'change' | 'remark';
  text: string;
}

export function documentOf(explanation: Explanation): Block[] {
  const { playbook, summary, page, mode, worst, problems, treats, servers, steps, guards, rules } = explanation;
  const { putBack, mayStay, elsewhere, example, hash } = explanation;
  const blocks: Block[] = [
    heading(1, `Playbook ${playbook}`),
    text(summary),
    facts([
      ['Mode', mode.says],
      ['At worst', `${worst.says}; waits for people and for other servers are not counted`],
      ...(page ? [['Follows', page] as [string, string]] : []),
      ['Runs on', inList(servers, 'and')],
    ]),
    ...(problems.length > 0 ? [heading(2, 'The proof fails'), list(problems)] : []),
    heading(2, 'What it treats'),
    list(treats.map(({ monitor, verifiedBy }) => `${monitor}, verified by ${verifiedBy}`)),
    heading(2, 'Flow'),
    { is: 'flow' },
    heading(2, 'Steps'),
    text(
      `In the commands, ${example.server} is the server of the alert and ${example.mailboxServer} the mailbox server behind it.`,
    ),
    ...steps.flatMap(stepBlocks),
    heading(2, 'What is put back'),
    ...putBackBlocks(putBack),
    heading(2, 'What may stay changed'),
    ...(mayStay.length > 0
      ? [text('Only if a person is notified; the notification names it:'), list(mayStay)]
      : [text('Nothing.')]),
    heading(2, 'How it proceeds'),
    list(rules),
    ...(guards.length > 0
      ? [
          heading(2, 'Guards'),
          text('Before each change, these must hold, in this order; otherwise it waits or a person is notified:'),
          facts(guards.map(({ guard, requires }) => [guard, requires])),
        ]
      : []),
    ...(elsewhere.length > 0
      ? [heading(2, 'Not a step here'), facts(elsewhere.map(({ page: numbers, note }) => [`Page, ${numbers}`, note]))]
      : []),
    aside(`Written by second-responder playbooks explain from version ${hash}.`),
  ];
  return blocks;
}

function stepBlocks(step: ExplainedStep): Block[] {
  const { n, step: name, does, when, from, note, results, disrupts, atMost, commands } = step;
  return [
    heading(3, `${n}. ${name}`),
    text(when ? `${capital(when)}: ${does.charAt(0).toLowerCase()}${does.slice(1)}` : does),
    ...(from ? [aside(sentence(capital(from)))] : []),
    ...commands.flatMap(commandBlocks),
    list([
      ...results,
      ...(disrupts ? [`Users: ${disrupts}.`] : []),
      ...(atMost ? [`Takes at most ${span(atMost)}.`] : []),
    ]),
    ...(note ? [aside(`Note: ${note}`)] : []),
  ].filter((block) => block.is !== 'list' || block.items.length > 0);
}

function commandBlocks({ on, reads, changes, polls, skipped, stops }: ExplainedCommands): Block[] {
  const where = on.length > 0 ? `On ${inList(on, 'and')}: ` : '';
  if (skipped !== undefined) return [text(sentence(`${where}skipped, because ${skipped}`))];
  const lines = [
    ...group('reads first', 'read', reads),
    ...group('changes', 'change', changes),
    ...group(changes.length > 0 ? 'reads the result' : 'reads', 'read', polls),
  ];
  return [
    ...(where && lines.length > 0 && stops === undefined ? [text(where.trim())] : []),
    ...(stops === undefined ? [] : [text(sentence(`${where}nothing follows. ${stops}`))]),
    ...(lines.length > 0 && stops === undefined ? [{ is: 'commands' as const, lines }] : []),
  ];
}

function group(remark: string, is: 'read' | 'change', commands: string[]): CommandLine[] {
  if (commands.length === 0) return [];
  return [{ is: 'remark', text: `# ${remark}` }, ...commands.map((command) => ({ is, text: shown(command) }))];
}

function putBackBlocks(putBack: Explanation['putBack']): Block[] {
  if (putBack.length === 0) return [text('Nothing: it makes no lasting change.')];
  return putBack.flatMap(({ step, when, what, commands }) => [
    text(`Step ${step}: ${what}. Put back ${when}:`),
    { is: 'commands' as const, lines: commands.map((command) => ({ is: 'change' as const, text: shown(command) })) },
  ]);
}

const heading = (level: 1 | 2 | 3, words: string): Block => ({ is: 'heading', level, text: shown(words) });
const text = (words: string): Block => ({ is: 'text', text: shown(words) });
const aside = (words: string): Block => ({ is: 'text', text: shown(words), isAside: true });
const list = (items: string[]) => ({ is: 'list' as const, items: items.map(shown) });
const facts = (pairs: [string, string][]): Block => ({
  is: 'facts',
  facts: pairs.map(([name, words]) => [shown(name), shown(words)]),
});

/** In one line, with hidden characters escaped. */
export const shown = (words: string): string => visible(words.replace(/\s+/g, ' ').trim());
const capital = (words: string) => words.charAt(0).toUpperCase() + words.slice(1);
const sentence = (words: string) => (words.endsWith('.') ? words : `${words}.`);
