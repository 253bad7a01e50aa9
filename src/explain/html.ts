import { escapeXml, htmlPage } from '../lib/html.ts';
import type { Block, CommandLine } from './document.ts';

const STYLE = `
:root{color-scheme:light dark;--ink:#1f2328;--dim:#59636e;--page:#fff;--code:#f6f8fa;--line:#d1d9e0;--change:#9a6700}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9198a1;--page:#0d1117;--code:#161b22;--line:#3d444d;--change:#d29922}}
body{max-width:50rem;margin:0 auto;padding:1.5rem 1rem;font:16px/1.5 system-ui,"Segoe UI",sans-serif;color:var(--ink);background:var(--page);overflow-wrap:anywhere}
h1{font-size:1.6rem;margin:0}h2{font-size:1.25rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}h3{font-size:1.05rem;margin:1.6rem 0 .3rem}
p,ul,dl,pre{margin:.5rem 0}ul{padding-left:1.3rem}dt{font-weight:600;float:left;clear:left;margin-right:.5rem}dd{margin:0 0 .25rem}
pre{padding:.6rem .8rem;border:1px solid var(--line);border-radius:6px;background:var(--code);font:13.5px/1.5 ui-monospace,Consolas,monospace;white-space:pre-wrap}
.aside{color:var(--dim);font-size:.9rem}figure{margin:1rem 0;overflow-x:auto}pre b{color:var(--change)}pre i{font-style:normal;color:var(--dim)}.flow{display:block;width:100%;min-width:40rem;height:auto}
@media print{.flow{min-width:0}:root{--ink:#000;--dim:#333;--page:#fff;--code:#fff;--change:#000}body{max-width:none;padding:0;font-size:11pt}h2,h3{break-after:avoid}pre,.flow{break-inside:avoid}}`;

export function toHtml(blocks: readonly Block[], svg: string, title: string): string {
  return htmlPage({ title, style: `${STYLE}\n`, body: blocks.map((block) => write(block, svg)).join('\n') });
}

function write(block: Block, svg: string): string {
  switch (block.is) {
    case 'heading':
      return `<h${block.level}>${escapeXml(block.text)}</h${block.level}>`;
    case 'text':
      return `<p${block.isAside ? ' class="aside"' : ''}>${escapeXml(block.text)}</p>`;
    case 'list':
      return `<ul>\n${block.items.map((item) => `<li>${escapeXml(item)}</li>`).join('\n')}\n</ul>`;
    case 'facts':
      return `<dl>\n${block.facts.map(([name, text]) => `<dt>${escapeXml(name)}</dt><dd>${escapeXml(text)}</dd>`).join('\n')}\n</dl>`;
    case 'commands':
      return `<pre><code>${block.lines.map(line).join('\n')}</code></pre>`;
    case 'flow':
      return `<figure>${svg.trimEnd()}</figure>`;
  }
}

function line({ is, text }: CommandLine): string {
  const tag = { change: 'b', remark: 'i', read: '' }[is];
  return tag ? `<${tag}>${escapeXml(text)}</${tag}>` : escapeXml(text);
}
