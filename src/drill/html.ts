/** A drill as a page: a map of servers × monitors × cures, then everyone who would be woken, and why. */
import { escapeXml, htmlPage } from '../lib/html.ts';
import { NO_CURE } from './cells.ts';
import type { CellResult } from './drill.ts';
import { type DrillReport, inSentences, isHealed, summarise, type Worse } from './report.ts';

const STYLE = `
:root{color-scheme:light dark;--ink:#1f2328;--dim:#59636e;--page:#fff;--line:#d1d9e0;--fast:#aceebb;--slow:#fae17d;--woken:#ffb3ad;--none:#e6eaef}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9198a1;--page:#0d1117;--line:#3d444d;--fast:#1f6f3a;--slow:#6d5200;--woken:#8e2b26;--none:#262c36}}
body{margin:0 auto;padding:1.5rem 1rem;max-width:90rem;font:15px/1.5 system-ui,"Segoe UI",sans-serif;color:var(--ink);background:var(--page)}
h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}.dim{color:var(--dim)}
.map{overflow-x:auto}table{border-collapse:collapse}th,td{border:1px solid var(--line);padding:.2rem .45rem;text-align:left;vertical-align:top}
.map td{text-align:center;min-width:3.2rem;white-space:nowrap}.map thead th{font-weight:600;font-size:.8rem}.map tbody th{position:sticky;left:0;background:var(--page)}
.fast{background:var(--fast)}.slow{background:var(--slow)}.woken{background:var(--woken);font-weight:600}.none{background:var(--none)}
.legend span{padding:.1rem .5rem;margin-right:.5rem;border:1px solid var(--line)}
@media print{body{max-width:none;font-size:9pt}.map{overflow:visible}}
`;

/** A recovery that takes longer is coloured as slow (minutes). */
const SLOW = 30;

export function drillPage(report: DrillReport, worse: readonly Worse[] | undefined): string {
  const { organisation, at, cells, complete } = report;
  const title = `Drill of ${organisation}`;
  const body = [
    `<h1>${escapeXml(title)}</h1>`,
    `<p class="dim">${escapeXml(at)}; simulated, nothing real was touched.${complete ? '' : ' Interrupted: cells are missing.'}</p>`,
    ...inSentences(summarise(cells)).map((says) => `<p>${says}</p>`),
    ...(worse ? [worseSection(worse)] : []),
    '<h2>Who would be healed</h2>',
    `<p class="legend"><span class="fast">12</span>recovered after 12 minutes <span class="slow">45</span>after more than ${SLOW} <span class="woken">✗ dag</span>a person is woken, because this guard stopped it or nothing helped <span class="none">–</span>ends without a recovery, and wakes nobody</p>`,
    ...playbooksOf(cells).map((playbook) =>
      mapOf(
        playbook,
        cells.filter((cell) => cell.playbook === playbook),
      ),
    ),
    '<h2>Why the others would not</h2>',
    reasonsTable(cells),
    '<h2>Monitors without a playbook</h2>',
    '<p>Their alerts are verified, and a person is notified.</p>',
    table(
      ['server', 'group', 'handled', 'without a playbook'],
      report.servers.map(({ server, group = '', handled, unhandled }) => [
        server,
        group,
        String(handled),
        String(unhandled),
      ]),
    ),
  ];
  return htmlPage({ title, style: STYLE, body: body.join('\n') });
}

const playbooksOf = (cells: readonly CellResult[]) => [...new Set(cells.map(({ playbook }) => playbook))].sort();

function mapOf(playbook: string, cells: readonly CellResult[]): string {
  const monitors = [...new Set(cells.map(({ monitor }) => monitor))];
  const columns = monitors.flatMap((monitor) => {
    const cures = new Set(cells.filter((cell) => cell.monitor === monitor).map(({ cure }) => cure));
    return [...cures].sort((a, b) => Number(a === NO_CURE) - Number(b === NO_CURE)).map((cure) => ({ monitor, cure }));
  });
  const servers = [...new Set(cells.map(({ server }) => server))];
  const spans = monitors.map((monitor) => {
    const width = columns.filter((column) => column.monitor === monitor).length;
    return `<th colspan="${width}" scope="colgroup">${escapeXml(monitor)}</th>`;
  });
  const cures = columns.map(({ cure }) => `<th scope="col">${escapeXml(cure).replace(':', ':<wbr>')}</th>`);
  const rows = servers.map((server) => {
    const found = columns.map(({ monitor, cure }) =>
      cells.find((cell) => cell.server === server && cell.monitor === monitor && cell.cure === cure),
    );
    return `<tr><th scope="row">${escapeXml(server)}</th>${found.map(square).join('')}</tr>`;
  });
  return `<h3>${escapeXml(playbook)}</h3>
<div class="map"><table>
<thead><tr><th rowspan="2">cured by</th>${spans.join('')}</tr><tr>${cures.join('')}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table></div>`;
}

function square(cell: CellResult | undefined): string {
  if (!cell) return '<td></td>';
  const { minutes, commands, says, why = '' } = cell;
  // The guard that stopped it, without its reason.
  const [guard] = why.includes(':') ? why.split(':') : [''];
  const title = escapeXml([says, ...commands].join('\n'));
  if (isHealed(cell)) return `<td class="${minutes > SLOW ? 'slow' : 'fast'}" title="${title}">${minutes}</td>`;
  return cell.woken
    ? `<td class="woken" title="${title}">${`✗ ${escapeXml(guard ?? '')}`.trim()}</td>`
    : `<td class="none" title="${title}">–</td>`;
}

function reasonsTable(cells: readonly CellResult[]): string {
  const { notHealed } = summarise(cells);
  return table(
    ['why', 'incidents', 'servers', 'for example'],
    notHealed.map(({ why, says, cells: count, servers }) => [why, String(count), servers.join(', '), says]),
  );
}

function worseSection(worse: readonly Worse[]): string {
  if (worse.length === 0) return '<h2>Since the baseline</h2>\n<p>Nothing got worse.</p>';
  const rows = worse.map(({ server, monitor, cure, says }) => [server, monitor, cure, says]);
  return `<h2>Worse than the baseline</h2>\n${table(['server', 'monitor', 'cured by', 'what'], rows)}`;
}

function table(head: string[], rows: string[][]): string {
  const cells = (tag: string, texts: string[]) => texts.map((text) => `<${tag}>${escapeXml(text)}</${tag}>`).join('');
  return `<table><thead><tr>${cells('th', head)}</tr></thead><tbody>
${rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('\n')}
</tbody></table>`;
}
