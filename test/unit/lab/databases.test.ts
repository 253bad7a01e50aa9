import { describe, expect, test } from 'vitest';
import type { OrganisationFile } from '../../../src/lab/world/organisation.ts';
import { labForTest, MINUTE, SECOND } from './world.ts';

describe('the shipped organisation', () => {
  test.each(['mbx1', 'mbx2', 'mbx3', 'ex1', 'ex2'])('%s holds active databases, and can be drained', async (server) => {
    const world = labForTest();
    expect(await world.active(server)).not.toEqual([]);
    await world.block(server);
    world.pass(3 * MINUTE);
    expect(await world.active(server)).toEqual([]);
    const { members, witness } = (await world.exchange.availabilityGroup(server.startsWith('ex') ? 'dag2' : 'dag1'))
      .value;
    const votes = [...members, witness!];
    expect((votes.filter((each) => each.up).length - 1) * 2).toBeGreaterThan(votes.length);
  });

  test('lifting the block moves nothing back', async () => {
    const world = labForTest();
    await world.block('mbx1');
    world.pass(3 * MINUTE);
    await world.allow('mbx1');
    world.pass(3 * MINUTE);
    expect(await world.active('mbx1')).toEqual([]);
  });

  test('lifting the block ends the moves that are still to come', async () => {
    const world = labForTest();
    await world.block('mbx1');
    world.pass(20 * SECOND);
    await world.allow('mbx1');
    world.pass(3 * MINUTE);
    expect(await world.active('mbx1')).toHaveLength(1);
  });

  test('single copies never leave, and say so', async () => {
    const world = labForTest();
    await world.block('mbx9');
    world.pass(5 * MINUTE);
    expect(await world.active('mbx9')).toEqual(['DB91', 'DB92']);
    expect(await world.copy('DB91', 'mbx9')).toMatchObject({ copies: 1, error: expect.stringContaining('only copy') });
  });

  test('a server whose IMAP is unused has no IMAP rows, and its services are Manual', async () => {
    const world = labForTest();
    expect((await world.rows('mbx4')).filter((row) => row.healthSet.startsWith('IMAP'))).toEqual([]);
    const { value } = await world.exchange.service('mbx4', 'MSExchangeIMAP4BE');
    expect(value).toEqual({ name: 'MSExchangeIMAP4BE', status: 'Stopped', startType: 'Manual' });
  });

  test('2013 has its roles apart, and one box is both from 2016 on', async () => {
    const { exchange } = labForTest();
    const imap = async (server: string) =>
      (await exchange.services(server)).value.map(({ name }) => name).filter((name) => name.includes('IMAP'));
    expect(await imap('cas1')).toEqual(['MSExchangeIMAP4']);
    expect(await imap('mbx1')).toEqual(['MSExchangeIMAP4BE']);
    expect((await imap('ex1')).sort()).toEqual(['MSExchangeIMAP4', 'MSExchangeIMAP4BE']);
  });
});

describe('a copy that may not take the database', () => {
  const two = (over: {
    server?: Record<string, unknown>;
    database?: Record<string, unknown>;
    site?: string;
  }): OrganisationFile => ({
    organisation: 'example.test',
    servers: {
      a: { site: 'Here', version: '15.2', roles: ['mailbox', 'client-access'] },
      b: { site: over.site ?? 'Here', version: '15.2', roles: ['mailbox', 'client-access'], ...over.server },
      w: { site: 'Here', version: '15.2', roles: ['mailbox', 'client-access'] },
    },
    groups: { g: { members: ['a', 'b'], witness: 'w' } },
    databases: { D: { copies: ['a', 'b'], ...over.database } },
  });

  test.each<[string, OrganisationFile]>([
    ['lagged', two({ database: { lagged: ['b'] } })],
    ['suspended', two({ database: { suspended: ['b'] } })],
    ['Blocked', two({ server: { 'auto-activation-policy': 'Blocked' } })],
    ['IntrasiteOnly', two({ server: { 'auto-activation-policy': 'IntrasiteOnly' }, site: 'There' })],
    ['maximum of 0', two({ server: { 'maximum-active-databases': 0 } })],
  ])('%s', async (why, organisation) => {
    const world = labForTest({ organisation });
    await world.block('a');
    world.pass(MINUTE);
    expect(await world.active('a')).toEqual(['D']);
    expect((await world.copy('D', 'a')).error).toContain(why);
  });

  test('IntrasiteOnly takes databases of its own site', async () => {
    const world = labForTest({ organisation: two({ server: { 'auto-activation-policy': 'IntrasiteOnly' } }) });
    await world.block('a');
    world.pass(MINUTE);
    expect(await world.active('b')).toEqual(['D']);
  });

  test('activation disabled on the other server', async () => {
    const world = labForTest({ organisation: two({}) });
    await world.block('b');
    await world.block('a');
    world.pass(MINUTE);
    expect((await world.copy('D', 'a')).error).toContain('activation is disabled');
  });

  test('will-not-move, for as long as it is there', async () => {
    const world = labForTest({ organisation: two({}) });
    const { id } = world.lab.post({ fault: 'will-not-move', database: 'd' });
    await world.block('a');
    world.pass(MINUTE);
    expect((await world.copy('D', 'a')).error).toContain('not moved');
    world.lab.remove(id);
    await world.allow('a');
    await world.block('a');
    world.pass(MINUTE);
    expect(await world.active('b')).toEqual(['D']);
  });

  test('without quorum nothing moves', async () => {
    const world = labForTest({ organisation: two({}) });
    world.lab.post({ fault: 'never-returns' });
    await world.restartServer('w');
    await world.restartServer('b');
    await world.block('a');
    world.pass(MINUTE);
    expect((await world.copy('D', 'a')).error).toContain('no quorum');
  });
});

describe('a reboot of a server with active databases', () => {
  test('the others take them over', async () => {
    const world = labForTest();
    const { bootedAt } = (await world.exchange.bootTime('mbx1')).value;
    await world.exchange.restartServer('mbx1', { bootedAt }, world.change());
    expect((await world.copy('DB01', 'mbx1')).status).toBe('Dismounted');
    world.pass(MINUTE);
    expect((await world.copy('DB01', 'mbx1')).status).toBe('ServiceDown');
    expect((await world.copy('DB01', 'mbx2')).status).toBe('Mounted');
    world.pass(4 * MINUTE);
    expect((await world.copy('DB01', 'mbx1')).status).toBe('Initializing');
    world.pass(2 * MINUTE);
    expect((await world.copy('DB01', 'mbx1')).status).toBe('Healthy');
  });

  test('single copies are away until it is back', async () => {
    const world = labForTest();
    const { bootedAt } = (await world.exchange.bootTime('mbx9')).value;
    await world.exchange.restartServer('mbx9', { bootedAt }, world.change());
    world.pass(3 * MINUTE);
    expect((await world.copy('DB91', 'mbx9')).status).toBe('Dismounted');
    world.pass(MINUTE);
    expect((await world.copy('DB91', 'mbx9')).status).toBe('Mounted');
  });
});

test('an organisation that cannot be is refused with all of its problems', () => {
  const organisation: OrganisationFile = {
    organisation: 'Example Test',
    servers: { UPPER: { site: 'Here', version: '15.2', roles: ['mailbox'] } },
    groups: { g: { members: ['nobody'] } },
    databases: {},
  };
  expect(() => labForTest({ organisation })).toThrow(/organisation: .*domain(.|\n)*UPPER/);
  expect(() => labForTest({ organisation: { ...organisation, organisation: 'x', servers: {} } })).toThrow(
    /at least one server(.|\n)*no server "nobody"/,
  );
});
