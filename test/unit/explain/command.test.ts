import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createProgram } from '../../../src/cli/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'explain-'));
afterAll(() => rmSync(folder, { recursive: true }));

const playbook = (name: string, monitor: string, step: string) =>
  `playbook: ${name}\nsummary: s\nhandles: [IMAP.Protocol\\${monitor}]\nmode: auto\nsteps:\n  - ${step}\n  - recheck\n`;
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const one = file('one.yaml', playbook('one', 'ImapSelfTestMonitor', 'restart-service: MSExchangeIMAP4BE'));
const two = file(
  'two.yaml',
  `${playbook('first', 'ImapSelfTestMonitor', 'wait: 1m')}---\n${playbook('second', 'ImapDeepTestMonitor', 'wait: 2m')}`,
);
const wrong = file('wrong.yaml', playbook('wrong', 'ImapSelfTestMonitor', 'restart-server'));

async function run(...args: string[]): Promise<{ text: string; failed: boolean }> {
  let text = '';
  let failed = false;
  const write = (more: string) => {
    text += more;
  };
  const terminal = { write, paint: (_: string, of: string) => of, columns: 100, tableColumns: undefined, live: false };
  const fail = () => {
    failed = true;
  };
  const program = createProgram({ terminal, fail });
  await program.parseAsync(['playbooks', 'explain', ...args], { from: 'user' });
  return { text, failed };
}

describe('playbooks explain', () => {
  test('prints an included playbook by its name, with lines that fit and commands in one piece', async () => {
    const { text, failed } = await run('imap-proxy');
    expect(failed).toBe(false);
    const commands = text.split('\n').filter((line) => line.startsWith('    ') && /-\w/.test(line));
    expect(commands).toContain('    Invoke-Command -ComputerName server1 { Restart-Service -Name MSExchangeIMAP4 }');
    expect(text.split('\n').filter((line) => line.length > 100 && !commands.includes(line))).toEqual([]);
  });

  test('prints a file that is being written, and which of several playbooks', async () => {
    expect((await run(one)).text).toContain('Restarts MSExchangeIMAP4BE on the server.');
    expect((await run(two, 'second')).text).toContain('Waits 2 min.');
  });

  test('prints everything as JSON', async () => {
    const { text } = await run('--json', one);
    expect(JSON.parse(text)).toMatchObject({
      playbook: 'one',
      flow: { mermaid: expect.stringMatching(/^flowchart TD/) },
    });
  });

  test.each([
    ['page.md', '# Playbook one'],
    ['page.htm', '<!doctype html>'],
    ['flow.SVG', '<svg'],
    ['flow.mmd', 'flowchart TD'],
    ['all.json', '{'],
    ['page.txt', 'Playbook one'],
  ])('writes %s in the format of its ending', async (name, begins) => {
    const to = join(folder, name);
    expect((await run(one, '-o', to)).text).toBe(`Wrote ${to}\n`);
    expect(readFileSync(to, 'utf8').startsWith(begins)).toBe(true);
  });

  test('fails, and explains all the same, if the playbook fails its proof', async () => {
    const { text, failed } = await run(wrong);
    expect([failed, text.includes('The proof fails'), text.includes('1. restart-server')]).toEqual([true, true, true]);
  });

  test.each([
    ['a name that does not exist', ['imap-prox'], 'did you mean "imap-proxy"?'],
    ['a file that does not exist', [join(folder, 'no.yaml')], 'no such file or folder'],
    ['a file with several playbooks', [two], 'has several playbooks: add one of first, second'],
    ['a name that the file lacks', [two, 'thrid'], 'There is no playbook "thrid"'],
    ['two names', ['imap-proxy', 'imap-ctp'], 'Only a file may be followed by the name of a playbook.'],
    ['an output that cannot be written', [one, '-o', join(folder, 'no', 'page.md')], 'could not be written'],
  ])('refuses %s', async (_, args, message) => {
    await expect(run(...args)).rejects.toThrow(message);
  });
});
