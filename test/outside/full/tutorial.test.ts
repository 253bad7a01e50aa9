import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../support/ports.ts';
import { get, type Running, Site, until } from '../../support/processes.ts';

const MAIN = join(process.cwd(), 'dist/main.js');
const PLAYBOOK = 'config/playbooks/pop-protocol.yaml';
const text = readFileSync('docs/tutorial.md', 'utf8');

/** The blocks of the page, in order: the playbook as it is to be saved, or commands with what they print. */
const blocks = [...text.matchAll(/^```(\w+)(?: exit=(\d))?\n(.*?)^```$/gms)].map(([, kind, exit = '0', body = '']) => ({
  kind,
  code: Number(exit),
  body,
}));

interface Shown {
  command: string;
  output: string;
}

const commandsOf = (body: string): Shown[] =>
  body
    .split(/^\$ /m)
    .filter((part) => part !== '')
    .map((part) => {
      const [command = '', ...output] = part.split('\n');
      return { command, output: output.join('\n') };
    });

/** What is shown, as a pattern: … stands for anything, a number for any number, and spaces for any spaces. */
function patternOf(shown: string): RegExp {
  const escaped = shown.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const loose = escaped
    .replace(/\d+/g, '\\d+')
    .replace(/\s*…\s*/g, '.*')
    .replace(/\s+/g, '\\s+');
  return new RegExp(loose, 's');
}

let site: Site;
let daemon: Running;
let folder = '';
let port = 0;

beforeAll(async () => {
  site = await Site.open();
  folder = site.directory;
  await cp('config', join(folder, 'config'), { recursive: true });
  port = await freePort();
  daemon = await site.daemon({ SECOND_RESPONDER_HTTP_PORT: `${port}` }, [
    '--config',
    join(folder, 'config/second-responder.yaml'),
  ]);
});
afterAll(() => site.close());

function run(command: string): Promise<{ code: number | null; out: string }> {
  const line = command.replaceAll('npx second-responder', `'${process.execPath}' '${MAIN}'`);
  const env = { ...process.env, SECOND_RESPONDER_HTTP_PORT: `${port}`, SECOND_RESPONDER_STORE_DIRECTORY: folder };
  const child = spawn('sh', ['-c', line.replaceAll('http://127.0.0.1:8080', daemon.url)], { cwd: folder, env });
  let out = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (out += chunk));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out })));
}

const noneOpen = async () => {
  const { incidents } = await get<{ incidents: { state: string }[] }>(`${daemon.url}/api/v1/incidents`);
  return incidents.every(({ state }) => state === 'finished');
};

describe('docs/tutorial.md', () => {
  it('has commands and a playbook', () => {
    expect(blocks.filter(({ kind }) => kind === 'console').length).toBeGreaterThan(10);
    expect(blocks.filter(({ kind }) => kind === 'yaml').length).toBeGreaterThan(1);
  });

  it('does what it says, command by command', async () => {
    for (const { kind, code, body } of blocks) {
      if (kind === 'yaml') {
        await writeFile(join(folder, PLAYBOOK), body);
        continue;
      }
      for (const { command, output } of commandsOf(body)) {
        // The reader has read on meanwhile.
        if (command.includes('incidents list')) await until(noneOpen, (yes) => yes, 120_000);
        const ran = await run(command);
        expect({ command, code: ran.code, out: ran.out }).toEqual({ command, code, out: ran.out });
        expect(ran.out, command).toMatch(patternOf(output));
      }
    }
  });
});
