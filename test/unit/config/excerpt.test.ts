/** The text of a problem, underlined: what a person sees below the line that names the place. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { excerptOf } from '../../../src/config/excerpt.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { ConfigError, type Problem } from '../../../src/config/problems.ts';
import { parseYaml, parseYamlDocuments } from '../../../src/config/yaml.ts';
import { widthOf } from '../../../src/lib/cells.ts';
import { readCatalog } from '../../../src/verification/catalog.ts';
import { read, withSteps } from '../playbooks/language.ts';

function problemsOf(reading: () => unknown): Problem[] {
  try {
    reading();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const excerptsOf = (reading: () => unknown) => problemsOf(reading).map(({ excerpt }) => excerpt?.split('\n'));

describe('a playbook shows its line and underlines', () => {
  test.each<[what: string, line: string, ...shown: string[]]>([
    ['a step', '- rechek', '  - rechek', '    ^^^^^^'],
    ['a value', '- wait: 10', '  - wait: 10', '          ^^'],
    [
      'a key',
      '- restart-service: { nmae: x, name: MSExchangeIMAP4 }',
      '  - restart-service: { nmae: x, name: MSExchangeIMAP4 }',
      '                       ^^^^',
    ],
    ['a text in quotes', '- wait: "10 m"  # soon', '  - wait: "10 m"  # soon', '          ^^^^^^'],
    [
      'a value after Japanese',
      '- { escalate: { to: 当直者, tu: x } }',
      '  - { escalate: { to: 当直者, tu: x } }',
      '                              ^^',
    ],
    ['Japanese', '- 再起動', '  - 再起動', '    ^^^^^^'],
    ['a value after a tab', '- wait:\t10', '  - wait: 10', '          ^^'],
    ['the end of a line of Windows', '- wait: 10\r', '  - wait: 10', '          ^^'],
    ['the place where something is missing', '- wait: {}', '  - wait: {}', '          ^'],
    ['an option without a value', '- wait: { for: }', '  - wait: { for: }', '                 ^'],
    ['a syntax error', '- wait: [ 10m', '  - wait: [ 10m', '               ^'],
  ])('%s', (_, line, ...shown) => {
    expect(excerptsOf(() => read(withSteps(line)))[0]).toEqual(shown);
  });

  test('the first line of a value with several, without its comment', () => {
    expect(excerptsOf(() => read(withSteps('- wait: # long', '    - 10', '    - 20')))).toEqual([
      ['      - 10', '      ^^^^'],
    ]);
    expect(excerptsOf(() => read(withSteps('- wait: [ 10, # ten', '      20 ]')))).toEqual([
      ['  - wait: [ 10, # ten', '          ^^^^^'],
    ]);
  });

  test('the part of a long line that is wrong', () => {
    const [line = '', mark = ''] =
      excerptsOf(() => read(withSteps(`- wait: { for: 1m, ${'x'.repeat(300)}: 1 }`)))[0] ?? [];
    expect(widthOf(line)).toBeLessThan(120);
    expect(line.slice(mark.indexOf('^'), mark.length)).toMatch(/^x+$/);
    expect(line).toMatch(/x…$/);
  });

  test('columns that an editor can select', () => {
    expect(problemsOf(() => read(withSteps('- rechek')))).toMatchObject([{ line: 5, column: 5, endColumn: 11 }]);
  });
});

test('an excerpt never divides a character, nor lets one control the terminal', () => {
  const [line = '', mark = ''] = excerptOf(`${'a'.repeat(30)}${'😀'.repeat(100)} \u001b[31m wrong`, 237, 242).split(
    '\n',
  );
  expect(line).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/);
  expect(line).not.toContain('\u001b');
  expect(mark.trim()).toBe('^^^^^');
  expect(excerptOf('\ufeffwrong', 1, 6)).toBe('wrong\n^^^^^');
});

test('the catalog shows its line', () => {
  const text = 'health-sets:\n  IMAP: { group: ServiceComponents, rolse: [mailbox], roles: [mailbox] }';
  expect(excerptsOf(() => readCatalog(parseYaml(text, 'h.yaml')))).toEqual([
    ['  IMAP: { group: ServiceComponents, rolse: [mailbox], roles: [mailbox] }', `${' '.repeat(36)}^^^^^`],
  ]);
});

describe('the configuration shows one key, and its value where that cannot be a secret', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'excerpt-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each<[what: string, yaml: string, ...shown: string[]]>([
    ['a number', 'http: { token: hidden, port: 99999 }', 'port: 99999', '      ^^^^^'],
    ['an unknown key', 'http: { prot: hidden, host: 127.0.0.1 }', 'prot: …', '^^^^'],
    ['a word', 'log: { level: verbose }', 'level: …', '       ^'],
    ['a token', 'http:\n  tokens:\n    - { name: a, role: sender, token: 123456 }', 'token: …', '       ^'],
    ['an item of a list', 'exchange: { kind: powershell, endpoints: [ "a b" ] }', '- …', '  ^'],
    ['a setting of safety', 'safety: { mode: atuo }', 'mode: atuo', '      ^^^^'],
  ])('%s', (_, yaml, ...shown) => {
    writeFileSync(join(folder, 'c.yaml'), yaml);
    expect(excerptsOf(() => loadConfig({ file: 'c.yaml', env: {}, cwd: folder }))).toContainEqual(shown);
  });

  test('neither the length of a secret nor a line that is no YAML is shown', () => {
    writeFileSync(join(folder, 'c.yaml'), 'http: { tokens: [ { name: a, role: sender, token: short-secret } ] }');
    const [problem] = problemsOf(() => loadConfig({ file: 'c.yaml', env: {}, cwd: folder }));
    expect(problem).not.toHaveProperty('endColumn');
    writeFileSync(join(folder, 'c.yaml'), 'http: { tokens: [ }');
    expect(excerptsOf(() => loadConfig({ file: 'c.yaml', env: {}, cwd: folder }))[0]).toBeUndefined();
  });
});

test('a tab is one problem, although the parser complains about its line several times', () => {
  const text = 'http:\n\tport: 8080\nlog: [\n';
  const read = () => parseYamlDocuments(text, 'c.yaml');
  expect(read).toThrow(ConfigError);
  try {
    read();
  } catch (error) {
    const lines = (error as ConfigError).problems.map(({ line }) => line);
    expect(lines).toEqual([...new Set(lines)]);
    expect((error as ConfigError).problems[0]?.message).toContain('Tabs are not allowed');
  }
});
