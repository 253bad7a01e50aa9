import type { Block } from '../../explain/document.ts';
import type { Terminal } from './terminal.ts';
import { wrap } from './text.ts';

/** For a terminal; the flow has its own formats. */
export function explanationText(blocks: readonly Block[], { paint, columns }: Terminal): string {
  const indented = (text: string, indent: number) =>
    wrap(text, columns - indent)
      .map((line, index) => `${index === 0 ? '' : ' '.repeat(indent)}${line}\n`)
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
          return block.isAside ? paint('dim', indented(block.text, 0)) : indented(block.text, 0);
        case 'list':
          return block.items.map((item) => indented(`- ${item}`, 2)).join('');
        case 'facts':
          return block.facts.map(([name, text]) => indented(`${name}: ${text}`, 4)).join('');
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
