import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HEALTH_SETS } from '../../../src/lab/world/health-sets.ts';
import { checkOrganisation, readOrganisation } from '../../../src/lab/world/organisation.ts';

test('the shipped organisation can be read, and read again from what was read', () => {
  const plan = readOrganisation();
  expect(plan.settings.reboot.warm).toBe(360_000);
  expect(checkOrganisation(plan)).toEqual(plan);
});

test('all 72 health sets are there', () => {
  expect(HEALTH_SETS).toHaveLength(72);
});

describe('names', () => {
  const plan = (server: string, site: string, database: string) =>
    checkOrganisation({
      organisation: 'a.test',
      servers: { [server]: { site, version: '15.2', roles: ['mailbox'] } },
      databases: { [database]: { copies: [server] } },
    });
  test.each([
    ['tok_ex-01', '大阪', '営業部DB'],
    ['ex1', 'Zürich (HQ)', 'DB.03_VIP & more'],
  ])('such as real ones are taken: %s, %s, %s', (server, site, database) => {
    expect(Object.keys(plan(server, site, database).databases)).toEqual([database]);
  });
  test.each([
    ['EX1', 'Here', 'DB1', /lower case/],
    ['constructor', 'Here', 'DB1', /cannot be used as a server name/],
    ['ex1', 'cas:Here', 'DB1', /not a name/],
    ['ex1', 'Here', 'DB1\\EX1', /Invalid key/],
    ['ex1', 'Here', 'DB\u001b[2J', /Invalid key/],
    ['ex1', 'Here', 'DB1 ', /Invalid key/],
  ])('that would be taken for something else are not: %s, %s, %s', (server, site, database, why) => {
    expect(() => plan(server, site, database)).toThrow(why);
  });
});

describe('a file with mistakes', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'organisation-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const HEAD = 'organisation: a.test\nservers:\n  s1: { site: Here, version: "15.2", roles: [mailbox] }\n';
  test.each([
    [
      'a wrong role',
      'organisation: a.test\nservers:\n  s1: { site: Here, version: "15.2", roles: [mailbx] }',
      /:3:\d+: .*roles/,
    ],
    ['an unknown key', `${HEAD}extra: 1`, /extra/],
    ['a bad duration', `${HEAD}settings:\n  probe-recurrence: soon`, /:5:21: .*not a duration/],
    [
      'a reboot that runs backwards',
      `${HEAD}settings:\n  reboot: { boots: 2m, remoting: 1m, services: 3m, warm: 4m }`,
      /:5:\d+: .*boots, remoting/,
    ],
    [
      'a copy on a server that is not there',
      `${HEAD}databases:\n  D1: { copies: [s1, s2] }`,
      /:5:\d+: .*no server "s2"/,
    ],
    [
      'copies outside of a group',
      `${HEAD}  s2: { site: Here, version: "15.2", roles: [mailbox] }\ndatabases:\n  D1: { copies: [s1, s2] }`,
      /one group/,
    ],
    ['a witness that is a member', `${HEAD}groups:\n  g: { members: [s1], witness: s1 }`, /cannot be its witness/],
    ['no YAML', 'organisation: [', /:1:\d+: /],
  ])('%s is named with its place', (_, text, says) => {
    const file = join(folder, 'organisation.yaml');
    writeFileSync(file, text);
    expect(() => readOrganisation(file)).toThrow(says);
  });
});
