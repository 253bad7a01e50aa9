/** Lists of steps that playbooks share: `use: NAME`. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { problemLine } from '../../../src/config/problems.ts';
import type { Playbook } from '../../../src/incident/plan.ts';
import { loadFiles, loadLibrary, readPlaybooks } from '../../../src/playbooks/read.ts';
import { LANGUAGE, problemsOf, withSteps } from './language.ts';

const list = (name: string, ...lines: string[]) =>
  [`list: ${name}`, 'summary: s', 'steps:', ...lines.map((line) => `  ${line}`)].join('\n');
const files = (playbook: string, ...lists: string[]) => [
  { file: 'p.yaml', text: playbook },
  { file: 'l.yaml', text: lists.join('\n---\n') },
];
const readWith = (playbook: string, ...lists: string[]) =>
  readPlaybooks(files(playbook, ...lists), LANGUAGE)[0] as Playbook;
const problemsWith = (playbook: string, ...lists: string[]) => problemsOf(() => readWith(playbook, ...lists));

const DRAIN = list('drain', '- fail-over-databases', '- wait: 1m');

describe('a playbook with a list', () => {
  it('has its steps where they are used, as if they were written there', () => {
    const read = readWith(withSteps('- recheck', '- use: drain', '- recheck'), DRAIN);
    const plain = readWith(withSteps('- recheck', '- fail-over-databases', '- wait: 1m', '- recheck'), DRAIN);
    expect(read.steps).toEqual(plain.steps);
    expect(read.hash).toBe(plain.hash);
  });

  it('has them under the condition of the use, and of the lists around it', () => {
    const twice = list('twice', '- use: drain', '  when: { role: mailbox }', '- use: drain');
    const { steps } = readWith(withSteps('- when: { dag: true }', '  steps: [ { use: twice } ]'), DRAIN, twice);
    expect(steps.map(({ step, when }) => [step, when])).toEqual([
      ['fail-over-databases', { dag: true, role: 'mailbox' }],
      ['wait', { dag: true, role: 'mailbox' }],
      ['fail-over-databases', { dag: true }],
      ['wait', { dag: true }],
    ]);
  });

  it('has the place of each step in the list, and those that use it, the nearest first', () => {
    const outer = list('outer', '- use: drain');
    const { places } = readWith(withSteps('- recheck', '- use: outer'), DRAIN, outer);
    expect(
      places.map(({ file, line, usedAt }) => [file, line, usedAt?.map((use) => [use.file, use.line, use.path])]),
    ).toEqual([
      ['p.yaml', 5, undefined],
      [
        'l.yaml',
        4,
        [
          ['l.yaml', 10, 'steps[0].use'],
          ['p.yaml', 6, 'steps[1].use'],
        ],
      ],
      [
        'l.yaml',
        5,
        [
          ['l.yaml', 10, 'steps[0].use'],
          ['p.yaml', 6, 'steps[1].use'],
        ],
      ],
    ]);
  });

  it('has another hash once the list changes', () => {
    const use = withSteps('- use: drain');
    expect(readWith(use, DRAIN).hash).not.toBe(readWith(use, DRAIN.replace('1m', '2m')).hash);
    expect(readWith(use, DRAIN).hash).toBe(readWith(use, DRAIN.replace('summary: s', 'summary: other')).hash);
  });
});

describe('a problem', () => {
  test.each<[what: string, playbook: string, lists: string[], ...expected: string[]]>([
    [
      'of an unknown list names the nearest one',
      withSteps('- use: drian'),
      [DRAIN],
      'p.yaml:5:10: steps[0].use: there is no list "drian"; did you mean "drain"?',
    ],
    [
      'of an unknown list names all where none is near',
      withSteps('- use: nothing-like-it'),
      [DRAIN],
      'p.yaml:5:10: steps[0].use: there is no list "nothing-like-it"; known lists: drain',
    ],
    [
      'of a playbook used as a list says what to do',
      withSteps('- use: p'),
      [DRAIN],
      'p.yaml:5:10: steps[0].use: there is no list "p"; it is a playbook: move the shared steps into a document with "list:"',
    ],
    [
      'inside a list is reported once, however often the list is used',
      withSteps('- use: l', '- use: l', '  when: { dag: true }'),
      [list('l', '- rechek')],
      'l.yaml:4:5: steps[0]: there is no step "rechek"; did you mean "recheck"?',
    ],
    [
      'that a use brings about names both places',
      withSteps('- use: l', '  when: { dag: true }'),
      [list('l', '- recheck:', '  when: { dag: false }')],
      'l.yaml:5:18: steps[0].when.dag: is inside "when: { dag: true }" and cannot have another value (used at p.yaml:5:10)',
    ],
    [
      'of lists that use one another names the ring, at each of its uses',
      withSteps('- use: a'),
      [list('a', '- recheck', '- use: b'), list('b', '- use: a')],
      'l.yaml:10:10: steps[0].use: list "a" uses itself: a → b → a; remove one of these uses (used at l.yaml:5:10)',
      'l.yaml:5:10: steps[1].use: list "b" uses itself: b → a → b; remove one of these uses (used at l.yaml:10:10)',
    ],
    [
      'of a list that uses itself',
      withSteps('- recheck'),
      [list('a', '- use: a')],
      'l.yaml:4:10: steps[0].use: list "a" uses itself: a → a; remove one of these uses',
    ],
    [
      'of two lists of one name names both places',
      withSteps('- use: drain'),
      [DRAIN, list('drain', '- recheck')],
      'l.yaml:7:7: list: "drain" is already the name of the list at l.yaml:1:7',
    ],
    [
      'of a playbook with the name of a list',
      withSteps('- recheck'),
      [list('p', '- recheck')],
      'p.yaml:1:11: playbook: "p" is already the name of the list at l.yaml:1:7',
    ],
    [
      'of a step after a list that always ends the playbook',
      withSteps('- use: end', '- recheck'),
      [list('end', '- recheck', '- escalate')],
      'p.yaml:6:5: steps[1]: is never reached: list "end" before it ends the playbook',
    ],
    ['of a use without a name', withSteps('- use'), [DRAIN], 'p.yaml:5:5: steps[0]: names no list; write "use: NAME"'],
    [
      'of a use of two lists',
      withSteps('- use: [ drain, drain ]'),
      [DRAIN],
      'p.yaml:5:10: steps[0].use: must be the name of a list',
    ],
    [
      'of options for a list',
      withSteps('- use: drain', '  within: 5m'),
      [DRAIN],
      'p.yaml:6:5: steps[0].within: is not allowed next to "use:"; give each entry a dash of its own',
    ],
    [
      'of keys that a list does not have',
      withSteps('- use: drain'),
      [`${DRAIN}\nmode: auto`],
      'l.yaml:6:1: mode: unknown key; use one of: list, summary, steps',
    ],
    [
      'of a misspelt "list:"',
      withSteps('- recheck'),
      [DRAIN.replace('list:', 'lsit:')],
      'l.yaml:1:1: list: is missing',
      'l.yaml:1:1: lsit: unknown key; did you mean "list"?',
    ],
    [
      'of an empty list',
      withSteps('- use: l'),
      [`${list('l')} []`],
      'l.yaml:3:8: steps: is empty: it needs at least one step',
    ],
  ])('%s', (_, playbook, lists, ...expected) => {
    expect(problemsWith(playbook, ...lists)).toEqual(expected);
  });

  it('of lists that multiply is that there are too many steps, and is found at once', () => {
    const doubling = Array.from({ length: 40 }, (_, n) =>
      list(`l${n + 1}`, ...(n === 0 ? ['- recheck'] : [`- use: l${n}`, `- use: l${n}`])),
    );
    const problems = problemsWith(withSteps('- use: l40'), ...doubling);
    expect(problems[0]).toMatch(/is step 501 through all lists: too many/);
  });

  it('of a list that always ends the playbook is none where its use has a condition', () => {
    const conditional = withSteps('- use: end', '  when: { dag: true }', '- recheck');
    expect(problemsWith(conditional, list('end', '- escalate'))).toEqual([]);
  });
});

describe('a folder', () => {
  const inFolder = (texts: Record<string, string>, use: (folder: string) => void) => {
    const folder = mkdtempSync(join(tmpdir(), 'lists-'));
    try {
      mkdirSync(join(folder, 'elsewhere'));
      for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);
      use(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it('may have a list that no playbook uses, with a warning', () => {
    inFolder({ 'a.yaml': withSteps('- recheck'), 'l.yaml': DRAIN }, (folder) => {
      const { playbooks, warnings } = loadLibrary(folder, LANGUAGE);
      expect(playbooks).toHaveLength(1);
      expect(warnings.map(problemLine)).toEqual([
        `${join(folder, 'l.yaml')}:1:7: list: no playbook uses the list "drain"; use it, or remove it`,
      ]);
    });
  });

  it('gives its lists to a file that is checked alone, wherever that is', () => {
    const mine = withSteps('- use: drain');
    inFolder({ 'mine.yaml': mine, 'l.yaml': DRAIN, 'broken.yaml': 'a: [', 'elsewhere/mine.yaml': mine }, (folder) => {
      for (const file of ['mine.yaml', 'elsewhere/mine.yaml']) {
        expect(loadFiles([join(folder, file)], folder, LANGUAGE)[0]?.steps).toHaveLength(2);
      }
    });
  });

  it('reports a problem inside the list of another file, with the use', () => {
    const lists = list('drain', '- rechek');
    inFolder({ 'mine.yaml': withSteps('- use: drain'), 'l.yaml': lists }, (folder) => {
      const mine = join(folder, 'mine.yaml');
      expect(problemsOf(() => loadFiles([mine], folder, LANGUAGE))).toEqual([
        `${join(folder, 'l.yaml')}:4:5: steps[0]: there is no step "rechek"; did you mean "recheck"? (used at ${mine}:5:10)`,
      ]);
    });
  });
});
