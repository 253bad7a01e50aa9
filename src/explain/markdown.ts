import type { Block } from './document.ts';

/** For a wiki: CommonMark with fenced code, and the flow as Mermaid. */
export function toMarkdown(blocks: readonly Block[], mermaid: string): string {
  return `${blocks.map((block) => write(block, mermaid)).join('\n\n')}\n`;
}

function write(block: Block, mermaid: string): string {
  switch (block.is) {
    case 'heading':
      return `${'#'.repeat(block.level)} ${escaped(block.text)}`;
    case 'text':
      return escaped(block.text);
    case 'list':
      return block.items.map((item) => `- ${escaped(item)}`).join('\n');
    case 'facts':
      return block.facts.map(([name, text]) => `- **${escaped(name)}**: ${escaped(text)}`).join('\n');
    case 'commands':
      return fenced('powershell', block.lines.map(({ text }) => text).join('\n'));
    case 'flow':
      return fenced('mermaid', mermaid.trimEnd());
  }
}

/** A fence longer than every row of backticks inside. */
function fenced(language: string, code: string): string {
  const longest = Math.max(2, ...[...code.matchAll(/`+/g)].map(([row]) => row.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${code}\n${fence}`;
}

/** Text that begins no list, heading, link, table or HTML. */
const escaped = (text: string): string =>
  text.replace(/[\\`*_[\]<>|~#&]/g, '\\$&').replace(/^(\d*)([-+=.)])(?=\s|$)/, '$1\\$2');
