// 10,000 finished incidents against the playbooks, next to reading and folding their journals only. See README.md.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fold } from '../dist/incident/fold.js';

const INCIDENTS = Number(process.argv[2] ?? 10_000);
const ROUNDS = 3;
const RECORDED = 'test/fixtures/journals';

const directory = mkdtempSync(join(tmpdir(), 'sr-bench-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
const journals = join(directory, 'journals.jsonl');
await writeJournals();

const ours = [];
const floor = [];
// In turn, so that a machine that gets slower is slower for both.
for (let round = 0; round < ROUNDS; round += 1) {
  floor.push(await timed(readAndFold));
  ours.push(await timed(backtest));
}
const [a, b] = [ours, floor].map((times) => times.toSorted((x, y) => x - y)[Math.floor(ROUNDS / 2)]);
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
console.log(
  `${INCIDENTS} incidents on ${cpus().length} cores, load ${loadavg()[0].toFixed(0)}; medians of ${ROUNDS} rounds`,
);
console.log(`backtest ${seconds(a)}   read and fold ${seconds(b)}   ratio ${(a / b).toFixed(1)}`);

/** The recorded journals of real runs, again and again, each time with other ids. */
async function writeJournals() {
  const recorded = readdirSync(RECORDED).map((name) =>
    JSON.stringify(JSON.parse(readFileSync(join(RECORDED, name), 'utf8')).entries),
  );
  const out = createWriteStream(journals);
  for (let index = 0; index < INCIDENTS; index += 1) {
    const line = recorded[index % recorded.length].replaceAll(/-imap-[a-z0-9]+/g, `$&x${index}`);
    if (!out.write(`${line}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

async function readAndFold() {
  for await (const line of createInterface({ input: createReadStream(journals) })) fold(JSON.parse(line));
}

async function backtest() {
  const child = spawn(process.execPath, ['dist/main.js', 'playbooks', 'backtest', '--journals', journals], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`the backtest ended with ${code}`);
}

async function timed(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
