#!/usr/bin/env node
// Runs a command in a terminal and draws its output as an SVG in which each line appears at its original time:
//
//     node docs/tools/terminal-svg.mjs docs/images/demo.svg npm run --silent demo
//
// Needs `script` (util-linux) for the terminal. Without animations, all lines are visible immediately.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const COLUMNS = 100;
const CELL = { width: 8.4, height: 18 };
const PADDING = 20;
const BAR = 34;
const COLOURS = { 31: '#ff7b72', 32: '#56d364', 33: '#e3b341', 34: '#79c0ff', 35: '#d2a8ff', 36: '#76e3ea' };
const PLAIN = '#c9d1d9';

const [target, ...command] = process.argv.slice(2);
if (!target || command.length === 0) {
  process.stderr.write('usage: terminal-svg.mjs FILE.svg COMMAND…\n');
  process.exit(2);
}

/** A terminal of as many lines as it takes: what stands in each cell, and when a line was last written. */
class Screen {
  lines = [];
  row = 0;
  column = 0;
  style = {};

  write(text, at) {
    for (const [, code, final, character] of text.matchAll(/\x1b\[([\d;?]*)([A-Za-z])|([\s\S])/gu)) {
      if (final) this.control(final, code, at);
      else if (character === '\n') this.row += 1;
      else if (character === '\r') this.column = 0;
      else if (character >= ' ') this.put(character, at);
    }
  }

  put(character, at) {
    const line = this.line(at);
    while (line.cells.length < this.column) line.cells.push({ character: ' ', style: {} });
    line.cells[this.column] = { character, style: this.style };
    this.column += 1;
  }

  line(at) {
    while (this.lines.length <= this.row) this.lines.push({ cells: [], at });
    const line = this.lines[this.row];
    line.at = at;
    return line;
  }

  control(final, code, at) {
    const count = Number(code) || 1;
    if (final === 'm') for (const part of code.split(';')) this.paint(Number(part));
    else if (final === 'K') this.line(at).cells.length = code === '2' ? 0 : Math.min(this.column, this.line(at).cells.length);
    else if (final === 'A') this.row = Math.max(0, this.row - count);
    else if (final === 'B') this.row += count;
    else if (final === 'G') this.column = count - 1;
    else if (final === 'J') {
      this.line(at).cells.length = Math.min(this.column, this.line(at).cells.length);
      this.lines.length = this.row + 1;
    }
  }

  paint(code) {
    if (code === 0) this.style = {};
    else if (code === 1) this.style = { ...this.style, bold: true };
    else if (code === 2) this.style = { ...this.style, dim: true };
    else if (code === 22) this.style = { ...this.style, bold: false, dim: false };
    else if (code === 39) this.style = { ...this.style, colour: undefined };
    else if (COLOURS[code]) this.style = { ...this.style, colour: COLOURS[code] };
  }
}

function record() {
  const line = `stty cols ${COLUMNS} rows 200; ${command.join(' ')}`;
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    env: { ...process.env, TERM: 'xterm-256color', TZ: 'UTC' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const screen = new Screen();
  const begun = performance.now();
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text) => screen.write(text, (performance.now() - begun) / 1000));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(screen) : reject(new Error(`${command.join(' ')} ended with ${code}`))));
  });
}

/** Cells of one style next to each other. */
function runsOf(cells) {
  const runs = [];
  cells.forEach(({ character, style }, column) => {
    const last = runs.at(-1);
    if (last && JSON.stringify(last.style) === JSON.stringify(style)) last.text += character;
    else runs.push({ column, style, text: character });
  });
  return runs.filter(({ text }) => text.trim() !== '');
}

const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

function draw(screen) {
  const lines = screen.lines.map(({ cells, at }) => ({ runs: runsOf(cells), at }));
  while (lines.at(-1)?.runs.length === 0) lines.pop();
  const name = escaped(command.filter((word) => word !== '--silent').join(' '));
  // What it took to start is not part of the story.
  const first = lines.find(({ runs }) => runs.length > 0)?.at ?? 0;
  const longest = Math.max(COLUMNS, ...screen.lines.map(({ cells }) => cells.length));
  const width = Math.round(longest * CELL.width + 2 * PADDING);
  const height = BAR + lines.length * CELL.height + 2 * PADDING;
  const drawn = lines.flatMap(({ runs, at }, index) => {
    if (runs.length === 0) return [];
    const y = BAR + PADDING + (index + 0.75) * CELL.height;
    const texts = runs.map(({ column, style, text }) => {
      const x = (PADDING + column * CELL.width).toFixed(1);
      const long = (text.length * CELL.width).toFixed(1);
      const bold = style.bold ? ' font-weight="600"' : '';
      const dim = style.dim ? ' opacity="0.65"' : '';
      return `<text x="${x}" y="${y}" textLength="${long}" fill="${style.colour ?? PLAIN}"${bold}${dim}>${escaped(text)}</text>`;
    });
    return [`<g style="animation-delay:${Math.max(0, at - first).toFixed(2)}s">${texts.join('')}</g>`];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="What ${name} prints">
<style>
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre}
g{animation:appear .15s backwards}
@keyframes appear{from{opacity:0}}
@media (prefers-reduced-motion:reduce){g{animation:none}}
</style>
<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>
<circle cx="22" cy="18" r="6" fill="#30363d"/><circle cx="42" cy="18" r="6" fill="#30363d"/><circle cx="62" cy="18" r="6" fill="#30363d"/>
<text x="84" y="23" fill="#8b949e">$ ${name}</text>
${drawn.join('\n')}
</svg>
`;
}

writeFileSync(target, draw(await record()));
