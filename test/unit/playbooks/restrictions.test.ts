/** `playbooks.restrictions`: what the configuration may say, and which playbooks it must name. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { problemLine } from '../../../src/config/problems.ts';
import { checkConfig } from '../../../src/playbooks/check.ts';
import { proofSettings, prove } from '../../../src/proof/prove.ts';
import { STEPS } from '../../../src/steps/index.ts';
import { written } from '../../support/written.ts';

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'restrictions-'));
  file = join(folder, 'c.yaml');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What `config check` says about one restriction, and the shipped playbooks. */
function problemsOf(restriction: string): string[] {
  writeFileSync(file, `playbooks:\n  restrictions:\n    - ${restriction}\n`);
  const { problems } = checkConfig({ file, env: {}, cwd: folder, steps: STEPS });
  return problems.map((problem) => problemLine(problem).replace(`${file}:`, ''));
}

test.each([
  '{ mode: observe }',
  '{ playbooks: [imap-*, imap-load], groups: [dag1], servers: [mbx9], mode: approve }',
  '{ playbooks: [imap-load], mode: approve, limits: { time: 6h } }',
  '{ groups: [dag1], throttles: { restart-server: { per-day: 1, group-minutes-between: 1440 } } }',
  '{ limits: { service-restarts: 5, server-restarts: 1 } }',
])('%s is right', (restriction) => {
  expect(problemsOf(restriction)).toEqual([]);
});

describe('a restriction that is wrong', () => {
  test.each<[what: string, restriction: string, expected: string]>([
    [
      'a name of no playbook',
      '{ playbooks: [imap-protocl], mode: approve }',
      '3:21: playbooks.restrictions[0].playbooks[0]: there is no playbook "imap-protocl"; did you mean "imap-protocol"?',
    ],
    [
      'a pattern that fits none',
      '{ playbooks: [imap-load, pop-*], mode: approve }',
      '3:32: playbooks.restrictions[0].playbooks[1]: there is no playbook "pop-*"; playbooks: imap-ctp, imap-load, imap-protocol, imap-proxy',
    ],
    [
      'a mode that allows more',
      '{ mode: auto }',
      '3:15: playbooks.restrictions[0].mode: must be "observe" or "approve": a restriction makes a playbook more careful',
    ],
    [
      'a mode with a typing error',
      '{ mode: aprove }',
      '3:15: playbooks.restrictions[0].mode: must be "observe" or "approve": a restriction makes a playbook more careful; did you mean "approve"?',
    ],
    [
      'nothing that it restricts',
      '{ groups: [dag1] }',
      '3:7: playbooks.restrictions[0]: restricts nothing: set mode, limits or throttles',
    ],
    [
      'empty limits',
      '{ playbooks: [imap-load], limits: {} }',
      '3:7: playbooks.restrictions[0]: restricts nothing: set mode, limits or throttles',
    ],
    [
      'empty throttles',
      '{ groups: [dag1], throttles: { restart-server: {} } }',
      '3:7: playbooks.restrictions[0]: restricts nothing: set mode, limits or throttles',
    ],
    [
      'a throttle that limits nothing',
      '{ throttles: { restart-server: { per-day: -1 } } }',
      '3:49: playbooks.restrictions[0].throttles.restart-server.per-day: must be at least 1',
    ],
    [
      'a throttle of more than a day',
      '{ throttles: { restart-server: { minutes-between: 2880 } } }',
      '3:57: playbooks.restrictions[0].throttles.restart-server.minutes-between: must be at most 1440',
    ],
    [
      'a throttle of an unknown action',
      '{ throttles: { restart-sever: { per-day: 1 } } }',
      '3:22: playbooks.restrictions[0].throttles.restart-sever: unknown key; did you mean "restart-server"?',
    ],
    [
      'limits for some servers',
      '{ groups: [dag1], mode: approve, limits: { time: 1h } }',
      '3:48: playbooks.restrictions[0].limits: are proved for whole playbooks: put them into an entry without servers and groups',
    ],
    ['no names', '{ servers: [], mode: approve }', '3:18: playbooks.restrictions[0].servers: names none'],
    [
      'an unknown key',
      '{ group: [dag1], mode: approve }',
      '3:9: playbooks.restrictions[0].group: unknown key; did you mean "groups"?',
    ],
    [
      'a name that no playbook can have',
      '{ playbooks: [IMAP], mode: approve }',
      '3:21: playbooks.restrictions[0].playbooks[0]: must be the name of a playbook, in which * stands for any part: imap-*',
    ],
  ])('%s', (_what, restriction, expected) => {
    expect(problemsOf(restriction)).toEqual([expected]);
  });
});

const restart = ['restart-service: MSExchangeIMAP4BE', 'recheck'];

test.each<[what: string, restrictions: string, expected: string[]]>([
  ['none', '[]', []],
  [
    'limits of the playbook',
    '[{ playbooks: ["p*"], limits: { service-restarts: 1, time: 2m } }]',
    [
      'playbook p can take 1 h 3 min, which is more than 2m; shorten its waits, or raise playbooks.restrictions[0].limits.time',
      'playbook p can restart services 2 times, which is more than 1; remove restarts, or raise playbooks.restrictions[0].limits.service-restarts',
    ],
  ],
  ['limits of another playbook', '[{ playbooks: [q], limits: { service-restarts: 1 } }]', []],
  ['limits above the general ones', '[{ limits: { service-restarts: 90 } }]', []],
  [
    'the lowest of several',
    '[{ limits: { service-restarts: 1 } }, { playbooks: [p], limits: { service-restarts: 0 } }, { limits: { service-restarts: 5 } }]',
    [
      'playbook p can restart services 2 times, which is more than 0; remove restarts, or raise playbooks.restrictions[1].limits.service-restarts',
    ],
  ],
])('the proof keeps to the limits: %s', async (_what, restrictions, expected) => {
  writeFileSync(file, `playbooks:\n  restrictions: ${restrictions}\n`);
  const { config } = loadConfig({ file, env: {}, cwd: folder });
  const { problems } = await prove(written([...restart, ...restart]), proofSettings(config));
  expect(problems.map(({ message, hint }) => `${message}; ${hint}`)).toEqual(expected);
});
