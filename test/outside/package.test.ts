/** The npm package, unpacked into an empty folder: what is in it, and that it runs there. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { filesUnder } from '../rules/tree.ts';
import { freePort } from '../support/ports.ts';

let folder: string;
let files: string[];
let program: string;
let empty: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sr-package-'));
  const packed = run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], process.cwd());
  const [{ filename, files: listed }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  files = listed.map(({ path }) => path);
  run('tar', ['-xzf', filename], folder);
  const unpacked = join(folder, 'package');
  symlinkSync(resolve('node_modules'), join(unpacked, 'node_modules'));
  const { bin } = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8'));
  program = join(unpacked, bin['second-responder']);
  empty = join(folder, 'empty');
  mkdirSync(empty);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(command: string, args: string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, expect.anything()]);
  return stdout;
}

test('it holds every module, the configuration, the pages and what is deployed, and nothing else', () => {
  const modules = filesUnder('src', '.ts').map((file) => file.replace(/^src\/(.*)\.ts$/, 'dist/$1.js'));
  const folders = [
    ...filesUnder('config'),
    ...filesUnder('deploy'),
    ...filesUnder('docs', '.md'),
    ...filesUnder('docs/images'),
  ];
  const single = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'CONTRIBUTING.md', 'tools/build.mjs'];
  expect(files.sort()).toEqual([...modules, ...folders, ...single].sort());
});

test('demo recovers a server', () => {
  expect(run(process.execPath, [program, 'demo', '--json', '--speed', '600'], empty)).toContain('"recovered"');
});

test('serve becomes ready, and stops when it is told to', async () => {
  const port = await freePort();
  const { PATH = '', HOME = '' } = process.env;
  const daemon = spawn(process.execPath, [program, 'serve'], {
    cwd: empty,
    env: { PATH, HOME, NODE_ENV: 'production', SECOND_RESPONDER_HTTP_PORT: `${port}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(daemon, 'close');
  for await (const line of createInterface(daemon.stdout)) if (line.includes(`:${port}`)) break;
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
  daemon.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
