import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hashOf } from '../../../src/playbooks/hash.ts';
import { loadPlaybooks, readPlaybooks } from '../../../src/playbooks/read.ts';
import { LANGUAGE, problemsOf, read, stepsOf, withSteps } from './language.ts';

describe('a step may be written', () => {
  const restart = (options: object) => [{ step: 'restart-service', options: { on: 'this-server', ...options } }];
  it.each([
    ['by its bare name', ['- recheck'], [{ step: 'recheck', options: { attempts: 1 } }]],
    ['by its name and nothing after it', ['- recheck:'], [{ step: 'recheck', options: { attempts: 1 } }]],
    ['with its one value', ['- restart-service: MSExchangeIMAP4'], restart({ name: 'MSExchangeIMAP4' })],
    [
      'with a list as its one value',
      ['- restart-service: [MSExchangeIMAP4, MSExchangeIMAP4BE]'],
      restart({ name: ['MSExchangeIMAP4', 'MSExchangeIMAP4BE'] }),
    ],
    [
      'with its options',
      ['- restart-service: { name: MSExchangeIMAP4BE, on: back-end }'],
      restart({ name: 'MSExchangeIMAP4BE', on: 'back-end' }),
    ],
    ['with a duration', ['- wait: 10m'], [{ step: 'wait', options: { for: 600_000 } }]],
    [
      'with a condition beside it',
      ['- fail-over-databases:', '  when: { role: mailbox, version: 2016 }'],
      [{ step: 'fail-over-databases', options: {}, when: { role: 'mailbox', version: [2016] } }],
    ],
    [
      'in a list under a condition',
      ['- when: { dag: true }', '  steps: [ fail-over-databases, { wait: 1s } ]'],
      [
        { step: 'fail-over-databases', options: {}, when: { dag: true } },
        { step: 'wait', options: { for: 1000 }, when: { dag: true } },
      ],
    ],
    [
      'under several conditions, which must all hold',
      [
        '- when: { role: mailbox, version: [2013, 2016] }',
        '  steps:',
        '    - when: { version: [2019, 2016], unhealthy: imap.proxy }',
        '      steps: [ recheck ]',
        '    - fail-over-databases',
      ],
      [
        {
          step: 'recheck',
          options: { attempts: 1 },
          when: { role: 'mailbox', version: [2016], unhealthy: 'IMAP.Proxy' },
        },
        { step: 'fail-over-databases', options: {}, when: { role: 'mailbox', version: [2013, 2016] } },
      ],
    ],
  ])('%s', (_, lines, expected) => expect(stepsOf(...lines)).toEqual(expected));
});

describe('a problem of a step is reported with its position and how to fix it', () => {
  it.each([
    ['an unknown step', ['- rechek'], 'p.yaml:5:5: steps[0]: there is no step "rechek"; did you mean "recheck"?'],
    [
      'an unknown step with options',
      ['- restart-servce: MSExchangeIMAP4'],
      'p.yaml:5:5: steps[0].restart-servce: there is no step "restart-servce"; did you mean "restart-service"?',
    ],
    [
      'an unknown option',
      ['- restart-service:', '    nmae: MSExchangeIMAP4', '    name: MSExchangeIMAP4'],
      'p.yaml:6:7: steps[0].restart-service.nmae: unknown key; did you mean "name"?',
    ],
    [
      'neither of two types',
      ['- restart-service: { name: true }'],
      'p.yaml:5:30: steps[0].restart-service.name: must be text or a list',
    ],
    [
      'a wrong element of a list that is one of two types',
      ['- restart-service: { name: [MSExchangeIMAP4, 5] }'],
      'p.yaml:5:48: steps[0].restart-service.name[1]: must be text',
    ],
    [
      'an option for a step that has none',
      ['- fail-over-databases: { within: 5m }'],
      'p.yaml:5:28: steps[0].fail-over-databases.within: unknown key; no keys are allowed here',
    ],
    ['a bare number', ['- wait: 10'], 'p.yaml:5:11: steps[0].wait: has no unit: write "10s" or "10m"'],
    [
      'a bare value where none is allowed',
      ['- recheck: 3'],
      'p.yaml:5:14: steps[0].recheck: "recheck" takes no bare value; write "recheck: { attempts: … }"',
    ],
    [
      'a bare value for a step without options',
      ['- fail-over-databases: now'],
      'p.yaml:5:26: steps[0].fail-over-databases: "fail-over-databases" takes no bare value; write "fail-over-databases" alone',
    ],
    [
      'a missing option',
      ['- wait: {}'],
      'p.yaml:5:11: steps[0].wait.for: must be a duration, such as "30s", "10m" or "2h"',
    ],
    [
      'a service that is not on the allow-list',
      ['- restart-service: Spooler'],
      'p.yaml:5:22: steps[0].restart-service: Spooler is not on the allow-list',
    ],
    [
      'the same, with options',
      ['- restart-service: { on: back-end, name: [MSExchangeIMAP4, Spooler] }'],
      'p.yaml:5:44: steps[0].restart-service.name: Spooler is not on the allow-list',
    ],
    [
      'a forgotten dash',
      ['- recheck:', '  wait: 1m'],
      'p.yaml:6:5: steps[0].wait: is in the same entry as "recheck"; give each step a dash of its own',
    ],
    [
      'an option that is not indented',
      ['- restart-service: MSExchangeIMAP4', '  on: back-end'],
      'p.yaml:6:5: steps[0].on: is in the same entry as "restart-service"; write "restart-service: { on: … }"',
    ],
    [
      'a misspelt when',
      ['- recheck:', '  wehn: { dag: true }'],
      'p.yaml:6:5: steps[0].wehn: is in the same entry as "recheck"; did you mean "when"?',
    ],
    [
      'a number for a step',
      ['- 5'],
      'p.yaml:5:5: steps[0]: must be a step, such as "recheck" or "restart-service: MSExchangeIMAP4"',
    ],
    [
      'a condition without a step',
      ['- when: { dag: true }'],
      'p.yaml:5:5: steps[0]: names no step; add the step, or "steps:" with a list',
    ],
    [
      'a list without a condition',
      ['- steps: [ recheck ]'],
      'p.yaml:5:12: steps[0].steps: needs a "when:" next to it; or move its steps to the outer list',
    ],
    [
      'an empty list',
      ['- when: { dag: true }', '  steps: []'],
      'p.yaml:6:12: steps[0].steps: must be a list with at least one step',
    ],
    [
      'an empty condition',
      ['- recheck:', '  when: {}'],
      'p.yaml:6:11: steps[0].when: is empty: name at least one condition',
    ],
    [
      'an unknown condition',
      ['- recheck:', '  when: { roel: mailbox }'],
      'p.yaml:6:13: steps[0].when.roel: unknown key; did you mean "role"?',
    ],
    [
      'an unknown health set',
      ['- recheck:', '  when: { healthy: IMAP.Poxy }'],
      'p.yaml:6:22: steps[0].when.healthy: there is no health set "IMAP.Poxy"; did you mean "IMAP.Proxy"?',
    ],
    [
      'conditions that exclude each other',
      ['- when: { role: mailbox }', '  steps: [ { recheck: , when: { role: client-access } } ]'],
      'p.yaml:6:41: steps[0].steps[0].when.role: is inside "when: { role: mailbox }" and cannot have another value',
    ],
    [
      'years that exclude each other',
      ['- when: { version: 2013 }', '  steps: [ { recheck: , when: { version: [2016, 2019] } } ]'],
      'p.yaml:6:44: steps[0].steps[0].when.version: leaves no year that the outer condition allows',
    ],
    [
      'a health set both healthy and not',
      ['- when: { healthy: AD }', '  steps: [ { recheck: , when: { unhealthy: ad } } ]'],
      'p.yaml:6:46: steps[0].steps[0].when.unhealthy: AD cannot be both healthy and unhealthy',
    ],
    [
      'a step after the end',
      ['- escalate: support', '- recheck'],
      'p.yaml:6:5: steps[1]: is never reached: "escalate" before it ends the playbook',
    ],
  ])('%s', (_, lines, expected) => {
    expect(problemsOf(() => stepsOf(...lines))).toEqual([expected]);
  });

  it('an escalation under a condition may be followed by steps', () => {
    expect(stepsOf('- escalate: support', '  when: { dag: false }', '- recheck')).toHaveLength(2);
  });
});

describe('a playbook', () => {
  it('defaults to observe', () => {
    expect(read(withSteps('- recheck'))[0]?.mode).toBe('observe');
  });

  it.each([
    ['an unknown key', `${withSteps('- recheck')}\nmoed: auto`, 'p.yaml:6:1: moed: unknown key; did you mean "mode"?'],
    [
      'a missing key',
      'playbook: p\nhandles: [IMAP\\ImapCTPMonitor]\nsteps: [recheck]',
      'p.yaml:1:1: summary: is missing',
    ],
    ['an empty list of steps', `${withSteps()} []`, 'p.yaml:4:8: steps: is empty: it needs at least one step'],
    [
      'an unknown mode',
      `${withSteps('- recheck')}\nmode: atuo`,
      'p.yaml:6:7: mode: must be "observe" or "approve" or "auto"; did you mean "auto"?',
    ],
    ['no keys at all', '- recheck', 'p.yaml:1:1: must be keys with values'],
  ])('%s is a problem', (_, text, expected) => expect(problemsOf(() => read(text))).toEqual([expected]));

  it('reports every problem of every file at once, including its steps when the rest is wrong', () => {
    const files = [
      { file: 'a.yaml', text: 'playbook: a\nsteps: [ rechek ]' },
      { file: 'b.yaml', text: 'playbook: [' },
      { file: 'c.yaml', text: withSteps('- wait: 5', '- nothing-like-it') },
    ];
    const problems = problemsOf(() => readPlaybooks(files, LANGUAGE));
    expect(problems.filter((problem) => problem.startsWith('a.yaml'))).toHaveLength(3);
    expect(problems.filter((problem) => problem.startsWith('b.yaml'))).not.toEqual([]);
    expect(problems.filter((problem) => problem.startsWith('c.yaml'))).toHaveLength(2);
  });
});

describe('what a playbook handles', () => {
  const handling = (...handles: string[]) =>
    read(withSteps('- recheck').replace('IMAP\\ImapCTPMonitor', handles.join(', ')))[0]?.handles;

  it.each([
    ['IMAP\\ImapCTPMonitor', { healthSet: 'IMAP', monitor: 'ImapCTPMonitor' }],
    ['imap\\imapctpmonitor', { healthSet: 'IMAP', monitor: 'ImapCTPMonitor' }],
    ['IMAP.Protocol\\ImapTestDeepMonitor', { healthSet: 'IMAP.Protocol', monitor: 'ImapDeepTestMonitor' }],
    [
      'IMAP\\ImapCTPMonitor\\MSExchangeImap4',
      { healthSet: 'IMAP', monitor: 'ImapCTPMonitor', targetResource: 'MSExchangeImap4' },
    ],
  ])('%s', (written, expected) => expect(handling(written)).toEqual([expected]));

  it.each([
    [
      'IMAP\\ImapCTPMonitr',
      'there is no monitor IMAP\\ImapCTPMonitr in the catalog of health sets; did you mean "IMAP\\ImapCTPMonitor"?',
    ],
    [
      'IMAP.Proxy\\ImapCTPMonitor',
      'there is no monitor IMAP.Proxy\\ImapCTPMonitor in the catalog of health sets; did you mean "IMAP\\ImapCTPMonitor"?',
    ],
    [
      'ImapCTPMonitor',
      '"ImapCTPMonitor" must be HealthSet\\Monitor or HealthSet\\Monitor\\TargetResource; did you mean "IMAP\\ImapCTPMonitor"?',
    ],
    [
      'IMAP\\ImapCTPMonitor\\',
      '"IMAP\\ImapCTPMonitor\\" must be HealthSet\\Monitor or HealthSet\\Monitor\\TargetResource',
    ],
    ['a\\b\\c\\d', '"a\\b\\c\\d" must be HealthSet\\Monitor or HealthSet\\Monitor\\TargetResource'],
  ])('%s is a problem', (written, expected) => {
    expect(problemsOf(() => handling(written))).toEqual([`p.yaml:3:11: handles[0]: ${expected}`]);
  });

  const other = (handles: string) =>
    withSteps('- recheck').replace('playbook: p', 'playbook: q').replace('IMAP\\ImapCTPMonitor', handles);

  it.each(['IMAP\\ImapCTPMonitor', 'imap\\IMAPctpMonitor', 'IMAP\\ImapCTPMonitor\\MSExchangeImap4'])(
    'cannot be handled by another playbook too: %s',
    (handles) => {
      const [problem, ...more] = problemsOf(() => read(`${withSteps('- recheck')}\n---\n${other(handles)}`));
      expect(problem).toMatch(
        /^p\.yaml:9:11: handles\[0\]: IMAP\\ImapCTPMonitor\S* is already handled at p\.yaml:3:11/,
      );
      expect(more).toEqual([]);
    },
  );

  it('with a target resource excludes the monitor as a whole', () => {
    const specific = withSteps('- recheck').replace('ImapCTPMonitor', 'ImapCTPMonitor\\A');
    expect(problemsOf(() => read(`${specific}\n---\n${other('IMAP\\ImapCTPMonitor')}`))).toEqual([
      'p.yaml:9:11: handles[0]: IMAP\\ImapCTPMonitor is already handled at p.yaml:3:11; a monitor belongs to one playbook',
    ]);
  });

  it('of one monitor can be divided by target resource', () => {
    const one = withSteps('- recheck').replace('ImapCTPMonitor', 'ImapCTPMonitor\\A');
    expect(read(`${one}\n---\n${other('IMAP\\ImapCTPMonitor\\B')}`)).toHaveLength(2);
  });

  it('cannot have two playbooks of one name', () => {
    const twin = withSteps('- recheck').replace('ImapCTPMonitor', 'RequestsQueuedGt500Monitor');
    expect(problemsOf(() => read(`${withSteps('- recheck')}\n---\n${twin}`))).toEqual([
      'p.yaml:7:11: playbook: "p" is already the name of the playbook at p.yaml:1:11',
    ]);
  });
});

describe('the hash of a playbook', () => {
  const hash = (text: string) => read(text)[0]?.hash;
  const plain = withSteps('- restart-service: MSExchangeIMAP4', '- recheck');

  it('does not depend on the order of keys at any depth', () => {
    expect(hashOf({ a: 1, b: [{ c: 2, d: 3 }] })).toBe(hashOf({ b: [{ d: 3, c: 2 }], a: 1 }));
    expect(hashOf({ a: [1, 2] })).not.toBe(hashOf({ a: [2, 1] }));
  });

  it('is 12 hex digits', () => expect(hash(plain)).toMatch(/^[0-9a-f]{12}$/));

  it.each([
    ['comments and empty lines', `# a comment\n\n${plain} # another`],
    [
      'the form a step is written in',
      withSteps('- restart-service: { on: this-server, name: MSExchangeIMAP4 }', '- recheck: {}'),
    ],
    [
      'the order of keys',
      `steps: [ restart-service: MSExchangeIMAP4, recheck ]\nhandles: [imap\\ImapCTPMonitor]\nsummary: s\nplaybook: p`,
    ],
    ['its summary', plain.replace('summary: s', 'summary: other words')],
  ])('does not depend on %s', (_, text) => expect(hash(text)).toBe(hash(plain)));

  it.each([
    ['a step', withSteps('- restart-service: MSExchangeIMAP4BE', '- recheck')],
    ['the order of steps', withSteps('- recheck', '- restart-service: MSExchangeIMAP4')],
    ['a condition', withSteps('- restart-service: MSExchangeIMAP4', '  when: { dag: true }', '- recheck')],
    ['the mode', `${plain}\nmode: auto`],
  ])('depends on %s', (_, text) => expect(hash(text)).not.toBe(hash(plain)));
});

describe('a folder of playbooks', () => {
  const inFolder = (files: Record<string, string>, use: (folder: string) => void) => {
    const folder = mkdtempSync(join(tmpdir(), 'playbooks-'));
    try {
      mkdirSync(join(folder, 'tests'));
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
      use(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it('contains the playbooks of all its files, in the order of their names', () => {
    const second = withSteps('- recheck')
      .replace('playbook: p', 'playbook: q')
      .replace('IMAP\\ImapCTPMonitor', 'POP\\PopCTPMonitor');
    inFolder({ 'b.yaml': withSteps('- recheck'), 'a.yml': second, 'notes.txt': 'x', 'tests/t.yaml': 'x' }, (folder) => {
      const playbooks = loadPlaybooks(folder, LANGUAGE);
      expect(playbooks.map(({ name }) => name)).toEqual(['q', 'p']);
      expect(playbooks[0]?.file).toBe(join(folder, 'a.yml'));
    });
  });

  it('without any playbook is a problem', () => {
    inFolder({}, (folder) => expect(() => loadPlaybooks(folder, LANGUAGE)).toThrow('contains no playbook (*.yaml)'));
  });

  it('that does not exist is a problem', () => {
    expect(() => loadPlaybooks('/nowhere/at/all', LANGUAGE)).toThrow('no such file or folder');
  });
});
