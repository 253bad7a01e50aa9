import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { GUARDS } from '../../src/guards/index.ts';
import { OUTCOMES } from '../../src/incident/outcome.ts';
import { MODES } from '../../src/incident/plan.ts';
import { PHASES } from '../../src/incident/view.ts';
import { FAULTS } from '../../src/lab/behaviour/faults/index.ts';
import { languageOf, loadPlaybooks } from '../../src/playbooks/read.ts';
import { atOnce, SOURCES } from '../../src/sources/index.ts';
import { STEPS, UNDOS } from '../../src/steps/index.ts';
import { loadCatalog } from '../../src/verification/catalog.ts';
import { coded, examplesOf, filesUnder, read, rowsOf } from './tree.ts';

/** Compares pages and code in both directions. Tests next to the code compare steps, keys, metrics, errors and endpoints. */
const { config } = loadConfig({ env: {}, cwd: process.cwd() });
const pages = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  ...filesUnder('docs', '.md'),
  ...filesUnder('deploy', '.md'),
];
const first = (rows: string[][]) => rows.map(([cell = '']) => coded(cell)[0]);

describe('docs/safety.md', () => {
  const page = read('docs/safety.md');

  it('lists every guard with every reason, in the order in which they run', () => {
    const rows = rowsOf(page, 'Guards').map(([guard = '', reason = '']) => [coded(guard)[0], coded(reason)[0]]);
    const known = GUARDS.flatMap(({ name, reasons }) => reasons.map((reason) => [name, reason]));
    expect(rows).toEqual(known);
  });

  it('names for each promise a test that exists', () => {
    const promises = [...page.matchAll(/^\| .* \| "(.*)" in `(.*)` \|$/gm)];
    expect(promises).toHaveLength(9);
    const gone = promises.filter(([, title = '', file = '']) => !existsSync(file) || !titled(file, title));
    expect(gone.map(([row]) => row)).toEqual([]);
  });

  it('describes every undo', () => {
    const undo = page.split('## Undo')[1] ?? '';
    const owed = {
      activation: 'activation',
      'protocol-log': 'protocol log',
      'restart-service': 'restarts',
      'run-script': 'run-script',
    };
    expect(UNDOS.map(({ kind }) => kind).sort()).toEqual(Object.keys(owed).sort());
    for (const words of Object.values(owed)) expect(undo).toContain(words);
  });
});

/** Whether the file contains the title, which may have placeholders: `… on ${server}: nothing cures it`. */
const titled = (file: string, title: string) => read(file).includes(title);

describe('docs/lab.md', () => {
  const page = read('docs/lab.md');
  it('describes exactly the faults and disturbances of the code, in the same words', () => {
    const described = [...rowsOf(page, 'Faults'), ...rowsOf(page, 'Disturbances')];
    const said = described.map(([name = '', , what, endedBy]) => [coded(name)[0], what, endedBy]);
    const known = FAULTS.map(({ name, description, endedBy }) => [name, description, endedBy]);
    expect(said.sort()).toEqual(known.sort());
  });
});

describe('deploy/', () => {
  const rules = read('deploy/prometheus/alerts.yaml');

  it('uses only metrics that exist', () => {
    const known = first(rowsOf(read('docs/metrics.md')));
    const used = [...rules.matchAll(/second_responder_(\w+)/g)].map(([, name = '']) => name);
    expect(used.filter((name) => !known.includes(name))).toEqual([]);
  });

  const checks: [string, string[]][] = [
    ['promtool', ['test', 'rules', 'deploy/prometheus/alerts.test.yaml']],
    ['amtool', ['check-config', 'deploy/alertmanager/alertmanager.yaml']],
  ];
  for (const [tool, args] of checks) {
    const missing = spawnSync(tool, ['--version']).error !== undefined;
    it.skipIf(missing)(`${tool} accepts the files`, () => {
      const { status, stdout, stderr } = spawnSync(tool, args, { encoding: 'utf8' });
      expect([status, stdout + stderr]).toEqual([0, expect.stringContaining('SUCCESS')]);
    });
  }
});

describe('docs/dependencies.md', () => {
  const page = read('docs/dependencies.md');
  const project = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;

  it.each([
    ['At run time', 'dependencies'],
    ['For development', 'devDependencies'],
  ])('%s: lists exactly the packages of package.json, with their licences', (chapter, key) => {
    const rows = rowsOf(page, chapter).map(([name = '', , licence]) => [coded(name)[0], licence]);
    const licenceOf = (name: string) =>
      (JSON.parse(read(`node_modules/${name}/package.json`)) as { license: string }).license;
    const known = Object.keys(project[key] ?? {}).sort();
    expect(rows).toEqual(known.map((name) => [name, licenceOf(name)]));
  });
});

describe('docs/the-page.md', () => {
  const page = read('docs/the-page.md');
  const catalog = loadCatalog(config.verification.catalog);
  const playbooks = loadPlaybooks(config.playbooks.directory, languageOf(config, STEPS, catalog));

  it.each(playbooks.map((playbook) => [playbook.name, playbook] as const))('has every step of %s', (name, playbook) => {
    const chapter = page.split(/^## /m).find((part) => part.split('\n')[0]?.includes(`\`${name}.yaml\``)) ?? '';
    const said = coded(chapter).map((code) => code.split(':')[0]);
    expect(playbook.steps.map(({ step }) => step).filter((step) => !said.includes(step))).toEqual([]);
  });
});

describe('docs/operators.md', () => {
  const page = read('docs/operators.md');
  it.each([
    ['Phases', PHASES],
    ['Outcomes', OUTCOMES],
  ] as const)('%s: explains each of them, and no other', (chapter, words) => {
    expect(first(rowsOf(page, chapter)).sort()).toEqual([...words].sort());
  });

  it('names only metrics that exist', () => {
    const known = first(rowsOf(read('docs/metrics.md')));
    const named = [...page.matchAll(/second_responder_(\w+)/g)].map(([, name]) => name);
    expect(named.filter((name) => !known.includes(name ?? ''))).toEqual([]);
  });
});

it('docs/admins.md explains every mode, and no other', () => {
  expect(first(rowsOf(read('docs/admins.md'), 'Modes'))).toEqual(MODES);
});

describe('docs/senders.md', () => {
  const examples = examplesOf(read('docs/senders.md')).filter(({ kind }) => kind === 'json');

  it('has an example of each kind of sender', () => {
    expect(new Set(examples.map((example) => example.for))).toEqual(new Set(SOURCES.map(({ name }) => name)));
  });

  it.each(examples)('the example for $for is accepted unchanged: $text', ({ for: sender, text }) => {
    const source = SOURCES.find(({ name }) => name === sender);
    const parsed = source && atOnce(source.parse(JSON.parse(text), { now: Date.now(), settings: config.alerts }));
    expect(parsed).toMatchObject({ refused: [] });
    for (const alert of parsed?.alerts ?? [])
      expect(alert).toMatchObject({ server: 'mbx1', healthSet: 'IMAP.Protocol' });
  });
});

describe('every page', () => {
  it('is linked from the index of its folder', () => {
    const others = filesUnder('docs', '.md').filter((file) => file !== 'docs/README.md');
    const unlinked = others.filter((file) => {
      const index = file.endsWith('/README.md') ? dirname(dirname(file)) : dirname(file);
      return !read(join(index, 'README.md')).includes(`(${file.slice(index.length + 1)})`);
    });
    expect(unlinked).toEqual([]);
  });

  it('has only links that lead somewhere', () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !/^[a-z]+:/.test(target) && !leadsSomewhere(page, target))
        .map((target) => `${page} → ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('names only files that exist', () => {
    const said = /^(src|test|config|docs|deploy|bench|\.ci)\/[\w./-]+\w$/;
    const missing = pages
      .filter((page) => page !== 'CHANGELOG.md')
      .flatMap((page) =>
        coded(read(page))
          .filter((code) => said.test(code) && !existsSync(code))
          .map((code) => `${page} → ${code}`),
      );
    expect(missing).toEqual([]);
  });

  it('shows only alerts that are accepted', () => {
    const posts = pages.flatMap((page) => [
      ...read(page).matchAll(/\/api\/v1\/alerts\/(\w+)'?"?\s[^\n]*?(?:\\\n[^\n]*?)?-d '(\{.*?\})'/g),
    ]);
    expect(posts.length).toBeGreaterThan(1);
    for (const [, sender, body = ''] of posts) {
      const source = SOURCES.find(({ name }) => name === sender);
      expect(
        source && atOnce(source.parse(JSON.parse(body), { now: Date.now(), settings: config.alerts })),
      ).toMatchObject({
        refused: [],
      });
    }
  });
});

function leadsSomewhere(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(file)) return false;
  if (anchor === undefined || !file.endsWith('.md')) return true;
  const slug = (title: string) =>
    title
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .trim()
      .replace(/\s/g, '-');
  return [...read(file).matchAll(/^#+ (.*)$/gm)].some(([, title = '']) => slug(title) === anchor);
}
