import type { Block } from '../../explain/document.ts';
import type { Terminal } from './terminal.ts';
import { wrap } from './text.ts';

/** For a terminal; the flow has its own formats. */
export function explanationText(blocks: readonly Block[], { paint, columns }: Terminal): string {
  const indented = (text: string, first: string, indent = ' '.repeat(first.length)) =>
    wrap(text, columns - indent.length)
      .map((line, index) => `${index === 0 ? first : indent}${line}\n`)
      .join('');
  const isDrawn = (block: Block | undefined) =>
    block?.is === 'flow' || (block?.is === 'heading' && block.text === 'Flow');
  return blocks
    .filter((block) => !isDrawn(block))
    .map((block, index) => {
      switch (block.is) {
        case 'heading':
          return `${index === 0 ? '' : '\n'}${paint(block.level === 3 ? 'bold' : 'accent', block.text)}\n`;
        case 'text':
          return block.isAside ? paint('dim', indented(block.text, '')) : indented(block.text, '');
        case 'list':
          return block.items.map((item) => indented(item, '- ')).join('');
        case 'facts':
          return block.facts.map(([name, text]) => indented(text, `${name}: `, '    ')).join('');
        case 'commands':
          // Commands are not wrapped: they are for copying.
          return block.lines
            .map(
              ({ is, text }) =>
                `    ${is === 'change' ? paint('warn', text) : is === 'remark' ? paint('dim', text) : text}\n`,
            )
            .join('');
      }
      return '';
    })
    .join('');
}
