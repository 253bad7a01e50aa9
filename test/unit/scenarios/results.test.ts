import { describe, expect, it } from 'vitest';
import { failureInWords, report, resultInWords } from '../../../src/cli/output/scenario-results.ts';
import { compare } from '../../../src/scenarios/compare.ts';
import { createCoverage } from '../../../src/scenarios/coverage.ts';
import { diff } from '../../../src/scenarios/diff.ts';
import type { Observed } from '../../../src/scenarios/observe.ts';
import { playScenario, type Result } from '../../../src/scenarios/play.ts';
import { BEGINS, type Scenario } from '../../../src/scenarios/read.ts';
import { catalog, config, playbooks } from './support.ts';

const DRAIN = 'Set-MailboxServer -Identity mbx1 -DatabaseCopyActivationDisabledAndMoveNow $true';
const RESTART = 'Invoke-Command -ComputerName mbx1 { Restart-Service -Name MSExchangeIMAP4BE }';

const observed: Observed = {
  outcome: 'recovered',
  reason: 'it is healthy',
  playbooks: ['imap-protocol'],
  commands: [RESTART, DRAIN],
  guards: ['dag'],
  took: 600_000,
  notified: false,
  left: [],
};
const met = { outcome: 'recovered' as const, commands: [RESTART, DRAIN] };

describe('what is expected and what happened', () => {
  it.each<[says: string, expected: Parameters<typeof compare>[0]]>([
    ['the same', met],
    [
      'everything that can be expected',
      { ...met, playbook: 'imap-protocol', guard: 'dag', within: 600_000, people: 'nobody', left: [] },
    ],
    [
      'other capital letters and spaces',
      { ...met, commands: [RESTART.toLowerCase(), `  ${DRAIN.replaceAll(' ', '   ')} `] },
    ],
  ])('%s: no difference', (_, expected) => {
    expect(compare(expected, observed)).toEqual([]);
  });

  it.each<[what: string, expected: Parameters<typeof compare>[0], difference: object]>([
    ['outcome', { ...met, outcome: 'escalated' }, { expected: 'escalated', actual: 'recovered' }],
    ['playbook', { ...met, playbook: 'imap-ctp' }, { expected: 'imap-ctp', actual: 'imap-protocol' }],
    ['guard', { ...met, guard: 'site' }, { expected: 'site', actual: 'dag' }],
    ['within', { ...met, within: 540_000 }, { expected: '9m', actual: '10 min' }],
    ['people', { ...met, people: 'notified' }, { expected: 'notified', actual: 'nobody' }],
    ['left', { ...met, left: ['a block'] }, { lines: [{ mark: '-', text: 'a block' }] }],
    [
      'commands',
      { ...met, commands: [] },
      {
        lines: [
          { mark: '+', text: RESTART },
          { mark: '+', text: DRAIN },
        ],
      },
    ],
    [
      'commands',
      { ...met, commands: [RESTART] },
      {
        lines: [
          { mark: ' ', text: RESTART },
          { mark: '+', text: DRAIN },
        ],
      },
    ],
  ])('another %s is a difference', (what, expected, difference) => {
    expect(compare(expected, observed)).toMatchObject([{ what, ...difference }]);
  });
});

it.each<[expected: string, actual: string, lines: string]>([
  ['', '', ''],
  ['abc', 'abc', ' a b c'],
  ['', 'ab', '+a+b'],
  ['abc', 'ac', ' a-b c'],
  ['ac', 'abc', ' a+b c'],
  ['ab', 'ba', '-a b+a'],
  ['abcd', 'xbyd', '-a+x b-c+y d'],
])('the difference between "%s" and "%s"', (expected, actual, lines) => {
  const isSame = (one: string, other: string) => one === other;
  expect(
    diff([...expected], [...actual], isSame)
      .map(({ mark, text }) => mark + text)
      .join(''),
  ).toBe(lines);
});

const scenario: Scenario = {
  name: 'a hang & <a restart>',
  file: `${process.cwd()}/tests/hang.yaml`,
  line: 4,
  column: 1,
  document: 0,
  situation: { faults: [{ fault: 'imap-backend-hang', server: 'mbx1' }], at: BEGINS },
  mode: 'auto',
  expect: { outcome: 'recovered', playbook: 'imap-protocol', commands: [RESTART] },
};
const play = (changes: Partial<Scenario>, onEntry?: ReturnType<typeof createCoverage>['onEntry']) =>
  playScenario({ ...scenario, ...changes }, { config, catalog, playbooks, ...(onEntry && { onEntry }) });
const noPaint = (_: unknown, text: string) => text;

describe('a scenario that is played', () => {
  it('passes when everything happens as expected', async () => {
    const result = await play({});
    expect(result).toMatchObject({ passed: true, differences: [], observed: { commands: [RESTART] } });
    expect(resultInWords(result, {}, noPaint)).toBe('✓ a hang & <a restart> (14 s simulated)\n');
  });

  it('goes the same way each time', async () => {
    const [one, other] = [await play({}), await play({})];
    expect(one.observed).toEqual(other.observed);
  });

  it('fails with the commands compared, the first difference marked, and the command that shows more', async () => {
    const result = await play({ expect: { outcome: 'escalated', commands: [DRAIN, RESTART] } });
    expect(resultInWords(result, { config: 'my config.yaml' }, noPaint).split('\n')).toEqual([
      '✗ a hang & <a restart> (14 s simulated)',
      '    outcome: expected escalated, but it was recovered',
      '    commands: - expected, + actual; > marks the first difference',
      `    > - ${DRAIN}`,
      `        ${RESTART}`,
      expect.stringMatching(/^ {4}the incident ended recovered: .*healthy$/),
      '    scenario: tests/hang.yaml:4:1',
      "    whole course: second-responder simulate --config 'my config.yaml' --fault 'imap-backend-hang server=mbx1' --at 2026-01-07T12:00:00Z --mode auto",
      '',
    ]);
  });

  it('colours only what it is given colours for', async () => {
    const result = await play({ expect: { outcome: 'recovered', commands: [] } });
    const words = failureInWords(result, {}, (style, text) => `<${style}>${text}</>`);
    expect(words).toContain(`> <good>+ ${RESTART}</>`);
  });

  it('names no command where simulate has no options for the situation', async () => {
    const situation = { faults: [], alert: { server: 'mbx1', healthSet: 'IMAP.Protocol' }, at: BEGINS };
    const result = await play({ situation, expect: { outcome: 'recovered', commands: [] } });
    expect(result.observed?.outcome).toBe('transient');
    expect(failureInWords(result, {}, noPaint)).not.toContain('whole course');
  });

  it('is not helped by a mode of the configuration', async () => {
    const { mode: _, ...asConfigured } = scenario;
    const ground = {
      config: { ...config, safety: { ...config.safety, mode: 'observe' as const } },
      catalog,
      playbooks,
    };
    expect(await playScenario(asConfigured, ground)).toMatchObject({ observed: { outcome: 'suppressed' } });
    expect(await playScenario(scenario, ground)).toMatchObject({ passed: true });
  });

  it('begins at its time, so that a maintenance window makes it wait', async () => {
    const window = {
      name: 'patches',
      servers: [],
      groups: [],
      starts: '2026-12-08T22:00',
      lasts: 3_600_000,
      timeZone: 'UTC',
    };
    const ground = { config: { ...config, safety: { ...config.safety, maintenance: [window] } }, catalog, playbooks };
    const at = Date.UTC(2026, 11, 8, 22, 30);
    const during = await playScenario({ ...scenario, situation: { ...scenario.situation, at } }, ground);
    const before = await playScenario(scenario, ground);
    expect(during.observed).toMatchObject({
      guards: ['maintenance'],
      took: expect.toSatisfy((took) => took > 1_700_000),
    });
    expect(before.observed?.guards).toEqual([]);
  });

  it('covers the steps that it carries out, and no others', async () => {
    const coverage = createCoverage(playbooks);
    await play({}, coverage.onEntry);
    const uncovered = coverage.uncovered();
    const own = uncovered.find(({ playbook }) => playbook === 'imap-protocol');
    expect(own?.steps.map(({ n, step }) => `${n} ${step}`)).toEqual([
      '3 fail-over-databases',
      '4 confirm-no-active-copies',
      '5 restart-server',
      '6 recheck',
      '7 escalate',
    ]);
    expect(uncovered.find(({ playbook }) => playbook === 'imap-ctp')?.steps).toEqual([]);
  });

  it('does not cover a step that a guard refused', async () => {
    const coverage = createCoverage(playbooks);
    await play(
      { situation: { faults: [{ fault: 'imap-backend-wedged', server: 'mbx9' }], at: BEGINS } },
      coverage.onEntry,
    );
    const own = coverage.uncovered().find(({ playbook }) => playbook === 'imap-protocol');
    expect(own?.steps.map(({ step }) => step)).toContain('fail-over-databases');
  });

  it('counts a step that became several as one', async () => {
    const coverage = createCoverage(playbooks);
    await play({ situation: { faults: [{ fault: 'imap-slow', server: 'ex1' }], at: BEGINS } }, coverage.onEntry);
    const own = coverage.uncovered().find(({ playbook }) => playbook === 'imap-load');
    expect(own?.steps.map(({ n }) => n)).toEqual([3, 4, 5, 6, 7]);
  });
});

describe('the report for CI', () => {
  it('is JUnit XML, with a suite for each file and the differences of what failed', async () => {
    const failed = await play({
      name: 'red "quoted"\u0007\ud800 & <b>',
      expect: { outcome: 'escalated', commands: [RESTART] },
    });
    const passed: Result = { ...(await play({})), real: 1234 };
    const xml = report([], [passed, failed], {});
    expect(xml.split('\n').slice(0, 5)).toEqual([
      '<?xml version="1.0" encoding="UTF-8"?>',
      expect.stringMatching(/^<testsuites name="playbooks test" tests="2" failures="1" errors="0" time="[\d.]+">$/),
      expect.stringMatching(
        /^ {2}<testsuite name="hang" tests="2" failures="1" errors="0" time="[\d.]+" skipped="0" file="tests\/hang.yaml">$/,
      ),
      '    <testcase name="a hang &amp; &lt;a restart&gt;" classname="hang" time="1.234" file="tests/hang.yaml"/>',
      expect.stringMatching(
        /^ {4}<testcase name="red &quot;quoted&quot; &amp; &lt;b&gt;" classname="hang" time="[\d.]+" file="tests\/hang.yaml">$/,
      ),
    ]);
    expect(xml).toContain('<failure message="outcome: expected escalated, but it was recovered" type="expectation">');
  });

  it('has the problems of files as failures, because then nothing was played', () => {
    const problem = { file: 'tests/x.yaml', line: 3, column: 1, path: 'expect', message: 'is missing' };
    const xml = report([problem], [], {});
    expect(xml).toContain('<testcase name="tests/x.yaml 3 expect" classname="files" time="0.000">');
    expect(xml).toContain('>tests/x.yaml:3:1: expect: is missing</failure>');
  });
});
