import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatProblem } from '../../../src/config/problems.ts';
import { BEGINS, readScenarios } from '../../../src/scenarios/read.ts';
import { catalog, config, playbooks } from './support.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sr-scenarios-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function write(text: string, name = `${++files}.yaml`): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const names = playbooks.map(({ name }) => name);
const read = (...paths: string[]) => readScenarios(paths, { catalog, playbooks: names, lab: config.lab });

/** What is said about a file with this text, each with its place, without the excerpts. */
const saysAbout = (text: string) =>
  read(write(text)).problems.map(
    (problem) =>
      formatProblem({ ...problem, file: 'x' })
        .replaceAll(folder, '')
        .split('\n')[0],
  );

const FAULT = 'faults: [{ fault: imap-backend-hang, server: mbx1 }]';
const EXPECT = 'expect: { outcome: recovered, commands: [] }';

describe('a scenario file', () => {
  it('with nothing optional is a situation at a time that never changes', () => {
    const { scenarios, problems } = read(write(`scenario: a hang\n${FAULT}\n${EXPECT}\n`));
    expect(problems).toEqual([]);
    expect(scenarios).toMatchObject([
      {
        name: 'a hang',
        line: 1,
        situation: { faults: [{ fault: 'imap-backend-hang', server: 'mbx1' }], at: BEGINS },
        expect: { outcome: 'recovered', commands: [] },
      },
    ]);
    expect(scenarios[0]).not.toHaveProperty('mode');
  });

  it('sets everything that a situation has, and durations become milliseconds', () => {
    const alert = 'alert: { server: mbx1.contoso.com, monitor: IMAP.Protocol\\ImapSelfTestMonitor }';
    const more = 'at: 2026-12-08T22:30+01:00\nseed: 7\npeople: reject\nmode: approve';
    const expects = 'expect: { outcome: escalated, commands: [], within: 2h, guard: mode, left: [], people: notified }';
    const { scenarios, problems } = read(write(`scenario: all\n${FAULT}\n${alert}\n${more}\n${expects}\n`));
    expect(problems).toEqual([]);
    expect(scenarios[0]).toMatchObject({
      mode: 'approve',
      situation: {
        at: Date.UTC(2026, 11, 8, 21, 30),
        seed: 7,
        people: 'reject',
        alert: { server: 'mbx1.contoso.com', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' },
      },
      expect: { within: 7_200_000, guard: 'mode' },
    });
  });

  it('that is named twice, or is also in a named folder, is read once', () => {
    const own = mkdtempSync(join(folder, 'own-'));
    const file = join(own, 'one.yaml');
    writeFileSync(file, `scenario: once\n${FAULT}\n${EXPECT}\n`);
    const { scenarios, problems } = read(file, own, file);
    expect(problems).toEqual([]);
    expect(scenarios).toHaveLength(1);
  });

  it('may have several scenarios, and finds its organisation beside itself', () => {
    write(
      'organisation: own.example\nservers: { a1: { site: X, version: "15.2", roles: [mailbox, client-access] } }',
      'own.organisation',
    );
    const one = (name: string) =>
      `scenario: ${name}\norganisation: own.organisation\nfaults: [{ fault: imap-proxy-hang, server: a1 }]\n${EXPECT}\n`;
    const { scenarios, problems, read: seen } = read(write(`${one('one')}---\n${one('two')}`));
    expect(problems).toEqual([]);
    expect(scenarios.map(({ name, line }) => [name, line])).toEqual([
      ['one', 1],
      ['two', 6],
    ]);
    expect(scenarios[0]?.situation.organisation).toMatchObject({ organisation: 'own.example' });
    expect(seen).toContain(join(folder, 'own.organisation'));
  });
});

describe('a mistake is reported with its place and what to do', () => {
  it.each<[says: string, text: string, problems: (string | RegExp)[]]>([
    [
      'an unknown key',
      `scenaro: x\n${FAULT}\n${EXPECT}`,
      [/^x:1:1: scenario: is missing$/, /^x:1:1: scenaro: unknown key; did you mean "scenario"\?$/],
    ],
    [
      'an unknown outcome',
      `scenario: x\n${FAULT}\nexpect: { outcome: recoverd, commands: [] }`,
      [/^x:3:20: expect.outcome: must be .*; did you mean "recovered"\?$/],
    ],
    [
      'no expectation',
      `scenario: x\n${FAULT}`,
      [/^x:1:1: expect: is missing; write what must happen, or let --record write what happens$/],
    ],
    [
      'no list of commands',
      `scenario: x\n${FAULT}\nexpect: { outcome: recovered }`,
      [/^x:3:9: expect.commands: is missing$/],
    ],
    [
      'commands that YAML reads as keys',
      `scenario: x\n${FAULT}\nexpect:\n  outcome: recovered\n  commands:\n    - note: this`,
      [/^x:6:7: expect.commands\[0\]: must be text$/],
    ],
    [
      'a bare number as a duration',
      `scenario: x\n${FAULT}\nexpect: { outcome: recovered, commands: [], within: 40 }`,
      [/^x:3:53: expect.within: has no unit: write "40s" or "40m"$/],
    ],
    [
      'a time without its offset',
      `scenario: x\nat: 2026-12-08T22:30\n${FAULT}\n${EXPECT}`,
      [/^x:2:5: at: must be a time with its offset/],
    ],
    [
      'an unknown playbook',
      `scenario: x\n${FAULT}\nexpect: { outcome: recovered, playbook: imap-protocl, commands: [] }`,
      [/^x:3:41: expect.playbook: there is no playbook "imap-protocl"; did you mean "imap-protocol"\?$/],
    ],
    [
      'an unknown guard',
      `scenario: x\n${FAULT}\nexpect: { outcome: escalated, guard: dga, commands: [] }`,
      [/^x:3:38: expect.guard: must be .*; did you mean "dag"\?$/],
    ],
    [
      'an unknown fault',
      `scenario: x\nfaults: [{ fault: imap-backend-hung, server: mbx1 }]\n${EXPECT}`,
      [/^x:2:19: faults\[0\].fault: there is no fault "imap-backend-hung"; did you mean "imap-backend-hang"\?$/],
    ],
    [
      'an option that the fault does not have',
      `scenario: x\nfaults: [{ fault: busy, server: mbx1, wiht: setup, with: setup }]\n${EXPECT}`,
      [/^x:2:39: faults\[0\].wiht: unknown key; did you mean "with"\?$/],
    ],
    [
      'a server that the organisation does not have',
      `scenario: x\nfaults: [{ fault: imap-backend-hang, server: mbx11 }]\n${EXPECT}`,
      [/^x:2:46: faults\[0\].server: unknown server "mbx11"; did you mean "mbx1"/],
    ],
    [
      'a fault that the server cannot have',
      `scenario: x\nfaults: [{ fault: imap-backend-hang, server: cas1 }]\n${EXPECT}`,
      [/^x:2:46: faults\[0\].server: cas1 has no monitor that could show/],
    ],
    [
      'an unknown server in the alert',
      `scenario: x\n${FAULT}\nalert: { server: mbx77 }\n${EXPECT}`,
      [/^x:3:8: alert: There is no server mbx77\. Known: cas1/],
    ],
    [
      'an unknown monitor',
      `scenario: x\n${FAULT}\nalert: { monitor: IMAP.Protocol\\ImapSelfTestMonitr }\n${EXPECT}`,
      [/^x:3:19: alert.monitor: .*; did you mean "IMAP.Protocol\\ImapSelfTestMonitor"\?$/],
    ],
    ['a situation without an alert', `scenario: x\n${EXPECT}`, [/^x:1:1: alert: No monitor is unhealthy/]],
    [
      'a cure without a recording',
      `scenario: x\ncure: none\n${FAULT}\n${EXPECT}`,
      [/^x:2:7: cure: is for recordings; each fault says what cures it$/],
    ],
    [
      'two places at once',
      `scenario: x\norganisation: a\nrecording: b\n${FAULT}\n${EXPECT}`,
      [/^x:3:12: recording: cannot be combined with organisation/, /recording: cannot be used: there is no file \/b$/],
    ],
    [
      'a missing organisation file',
      `scenario: x\norganisation: nowhere.yaml\n${FAULT}\n${EXPECT}`,
      [/^x:2:15: organisation: cannot be used: there is no file \/nowhere\.yaml$/],
    ],
    ['broken YAML', `scenario: "x\n${FAULT}`, [/^x:\d+:\d+: not valid YAML/]],
    ['a tab as indentation', 'scenario: x\nexpect:\n\toutcome: recovered', [/^x:3:\d+: not valid YAML/]],
    ['a key that occurs twice', `scenario: x\nscenario: y\n${FAULT}\n${EXPECT}`, [/^x:2:1: this key occurs twice$/]],
    ['a list instead of a scenario', '- one\n- two', [/^x:1:1: must be keys with values$/]],
    [
      'several mistakes at once, in several scenarios',
      `scenario: x\nfaults: [{ fault: nothing }]\nexpect: { outcome: recovered }\n---\nscenario: y\nmode: on\n${FAULT}\n${EXPECT}`,
      [/expect.commands: is missing/, /there is no fault "nothing"; use one of: /, /^x:6:7: mode: must be/],
    ],
    [
      'a name that is used twice',
      `scenario: x\n${FAULT}\n${EXPECT}\n---\nscenario: x\n${FAULT}\n${EXPECT}`,
      [/^x:5:1: scenario: "x" is already the name of the scenario at .*:1:1$/],
    ],
  ])('%s', (_, text, expected) => {
    const problems = saysAbout(text);
    expect(problems).toEqual(expected.map((one) => expect.stringMatching(one)));
  });

  it('with its line, and the wrong part underlined', () => {
    const [problem] = read(write(`scenario: x\nmode: atuo\n${FAULT}\n${EXPECT}`)).problems;
    expect(problem && formatProblem(problem)).toMatch(/did you mean "auto"\?\n +mode: atuo\n +\^{4}$/);
  });

  it('a problem of the organisation file is reported once, at its own place', () => {
    write('organisation: own.example\nservers: {}\n', 'empty.organisation');
    const one = (name: string) => `scenario: ${name}\norganisation: empty.organisation\n${FAULT}\n${EXPECT}\n`;
    const { problems } = read(write(`${one('one')}---\n${one('two')}`));
    const own = problems.filter(({ file }) => file.endsWith('empty.organisation'));
    expect(own).toMatchObject([{ line: 2, message: expect.stringContaining('at least one server') }]);
    expect(problems.filter(({ path }) => path === 'organisation')).toHaveLength(2);
  });

  it.each<[says: string, name: string, message: RegExp]>([
    ['a folder that is missing', 'no-such-folder', /no such file or folder.*record a scenario with/],
    ['a folder without scenarios', '.', /contains no scenario/],
  ])('%s', (_, name, message) => {
    const empty = mkdtempSync(join(folder, 'empty-'));
    expect(read(join(empty, name)).problems.map(formatProblem)).toEqual([expect.stringMatching(message)]);
  });
});
