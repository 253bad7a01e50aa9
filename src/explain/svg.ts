import { wrap } from '../lib/cells.ts';
import { escapeXml } from '../lib/html.ts';
import type { Flow, FlowStep } from './flow.ts';

const BOX = { x: 150, width: 380, padding: 12 };
const SIDE = { x: 580, width: 176 };
const WIDTH = 776;
const LINE = 17;
const GAP = 34;
/** Characters in a line of a box, and beside it. */
const FITS = { box: 48, side: 18, foot: 84 };

const STYLE = `
.flow{font:13px system-ui,"Segoe UI",sans-serif;color-scheme:light dark;--ink:#1f2328;--dim:#59636e;--line:#818b98;--box:#f6f8fa;--change:#9a6700;--check:#0969da;--good:#1a7f37;--bad:#cf222e}
@media (prefers-color-scheme:dark){.flow{--ink:#e6edf3;--dim:#9198a1;--line:#7d8590;--box:#161b22;--change:#d29922;--check:#4493f8;--good:#3fb950;--bad:#f85149}}
@media print{.flow{--ink:#000;--dim:#333;--line:#555;--box:#fff;--change:#7a5200;--check:#0550ae;--good:#116329;--bad:#a40e26}}
.flow text{fill:var(--ink)}.flow .name{font-weight:600}.flow .dim{fill:var(--dim);font-size:11.5px}
.flow rect{fill:var(--box);stroke:var(--line)}.flow path{fill:none;stroke:var(--line);stroke-width:1.5}.flow .head{fill:var(--line);stroke:none}
.flow .change rect{stroke:var(--change)}.flow .check rect{stroke:var(--check)}.flow .change .tag{fill:var(--change)}.flow .check .tag{fill:var(--check)}
.flow .good rect{stroke:var(--good)}.flow .bad rect{stroke:var(--bad)}.flow .good text{fill:var(--good)}.flow .bad text{fill:var(--bad)}
.flow .skip{stroke-dasharray:5 4}.flow .tag{font-size:11.5px;text-anchor:end}.flow .mid{text-anchor:middle}`;

/** A self-contained drawing for light, dark and paper. */
export function drawSvg(flow: Flow, id: string): string {
  const middle = BOX.x + BOX.width / 2;
  const drawn: string[] = [];
  const tops: number[] = [];
  let y = 20;
  const arrow = (label = '') => {
    drawn.push(`<path d="M${middle} ${y}v${GAP - 5}"/>${head(middle, y + GAP)}`);
    if (label) drawn.push(`<text class="dim" x="${middle + 8}" y="${y + GAP / 2 + 4}">${label}</text>`);
    y += GAP;
  };

  drawn.push(pill(middle - 90, y, 180, 'The alert is verified', ''), exit(y + 15, [GOOD('healthy: nothing is done')]));
  y += 30;
  let label = 'unhealthy';
  for (const step of flow.steps) {
    arrow(label);
    tops.push(y);
    const { svg, height } = box(step, y);
    drawn.push(svg);
    y += height;
    label = step.is === 'check' ? 'unhealthy' : '';
  }
  if (flow.endsWithPerson) {
    arrow(label);
    drawn.push(pill(middle - 90, y, 180, 'A person is notified', 'bad'));
    y += 30;
  }
  tops.push(flow.endsWithPerson ? y - 30 : y + GAP);
  for (const { from, to, text } of flow.conditions) drawn.push(bypass(tops[from] ?? 0, tops[to + 1] ?? y, text));
  for (const line of flow.putBack.flatMap((says) => wrap(says, FITS.foot))) {
    y += 24;
    drawn.push(`<text class="dim" x="${BOX.x}" y="${y}">${escapeXml(line)}</text>`);
  }
  const name = `${id}-flow`;
  return `<svg xmlns="http://www.w3.org/2000/svg" class="flow" viewBox="0 0 ${WIDTH} ${y + 20}" width="${WIDTH}" height="${y + 20}" role="img" aria-labelledby="${name}-title ${name}-desc">
<title id="${name}-title">${escapeXml(flow.title)}</title>
<desc id="${name}-desc">${escapeXml(inWords(flow))}</desc>
<style>${STYLE}
</style>
${drawn.join('\n')}
</svg>
`;
}

function box(step: FlowStep, y: number): { svg: string; height: number } {
  const lines = wrap(step.text, FITS.box).map((text) => ({ text, css: '' }));
  if (step.from) lines.push(...wrap(step.from, FITS.box + 6).map((text) => ({ text, css: 'dim' })));
  const height = BOX.padding * 2 + LINE * (lines.length + 1) - 4;
  const left = BOX.x + BOX.padding;
  const texts = lines.map(
    ({ text, css }, index) =>
      `<text${css && ` class="${css}"`} x="${left}" y="${y + BOX.padding + LINE * (index + 2) - 5}">${escapeXml(text)}</text>`,
  );
  const tag = { change: 'changes', check: 'checks', other: '' }[step.is];
  const svg = [
    `<g class="${step.is}"><rect x="${BOX.x}" y="${y}" width="${BOX.width}" height="${height}" rx="6"/>`,
    `<text class="name" x="${left}" y="${y + BOX.padding + LINE - 5}">${escapeXml(step.name)}</text>`,
    tag && `<text class="tag" x="${BOX.x + BOX.width - BOX.padding}" y="${y + BOX.padding + LINE - 5}">${tag}</text>`,
    ...texts,
    '</g>',
    exit(y + height / 2, [
      ...(step.is === 'check' ? [GOOD('healthy: recovered')] : []),
      ...(step.mayBeRefused ? [BAD(step.is === 'check' ? 'no answer: a person' : 'refused: a person')] : []),
    ]),
  ].join('');
  return { svg, height };
}

const GOOD = (text: string) => ({ text, css: 'good' });
const BAD = (text: string) => ({ text, css: 'bad' });

/** Ends of the playbook, beside the middle of a step. */
function exit(y: number, ends: { text: string; css: string }[]): string {
  const height = ends.length * 26;
  return ends
    .map(({ text, css }, index) => {
      const top = y - height / 2 + index * 26 + 2;
      const from = text.startsWith('healthy: nothing') ? BOX.x + BOX.width / 2 + 90 : BOX.x + BOX.width;
      const line = `<path d="M${from} ${top + 11}H${SIDE.x - 5}"/>${head(SIDE.x, top + 11, 'right')}`;
      return `${line}<g class="${css}"><rect x="${SIDE.x}" y="${top}" width="${SIDE.width}" height="22" rx="11"/><text class="mid" font-size="12" x="${SIDE.x + SIDE.width / 2}" y="${top + 15}">${text}</text></g>`;
    })
    .join('');
}

/** The way around steps whose condition does not hold. */
function bypass(top: number, below: number, text: string): string {
  const x = BOX.x - 22;
  const [from, to] = [top - GAP / 2, below - GAP / 2];
  const lines = wrap(text, FITS.side);
  const first = (from + to) / 2 - (lines.length * 15) / 2 + 4;
  const middle = BOX.x + BOX.width / 2;
  return [
    `<path class="skip" d="M${middle} ${from}H${x}V${to}H${middle - 5}"/>${head(middle, to, 'right')}`,
    ...lines.map(
      (line, index) =>
        `<text class="dim" text-anchor="end" x="${x - 8}" y="${first + index * 15}">${escapeXml(line)}</text>`,
    ),
  ].join('');
}

function pill(x: number, y: number, width: number, text: string, css: string): string {
  return `<g class="${css}"><rect x="${x}" y="${y}" width="${width}" height="30" rx="15"/><text class="mid" x="${x + width / 2}" y="${y + 20}">${text}</text></g>`;
}

/** An arrow head with its point at x, y. */
function head(x: number, y: number, to: 'down' | 'right' = 'down'): string {
  const d = to === 'down' ? `M${x} ${y}l-4.5 -8h9z` : `M${x} ${y}l-8 -4.5v9z`;
  return `<path class="head" d="${d}"/>`;
}

/** The same for people who hear it. */
function inWords({ summary, steps, conditions, endsWithPerson }: Flow): string {
  const says = steps.map(({ name, text, is }, index) => {
    const when = conditions.find(({ from, to }) => from <= index && index <= to)?.text;
    return `Step ${name}${when ? `, ${when}` : ''}: ${text}${is === 'check' ? ' Healthy: it ends, recovered.' : ''}`;
  });
  return [`${summary}.`, ...says, ...(endsWithPerson ? ['At the end, a person is notified.'] : [])].join(' ');
}
