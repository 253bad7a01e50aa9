import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../../src/lab/lab.ts';
import type { Change } from '../../../src/ports.ts';

describe('a lab that is kept in a file', () => {
  let folder: string;
  let persist: string;
  let wall: number;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lab-'));
    persist = join(folder, 'deep', 'world.json');
    wall = Date.UTC(2025, 0, 5, 10);
  });
  const opened: Lab[] = [];
  afterEach(() => {
    // Those that a test left as if they were killed would go on writing.
    for (const lab of opened.splice(0)) lab.close();
    rmSync(folder, { recursive: true });
  });

  const open = (speed = 600) => {
    const lab = createLab({ speed, persist, realNow: () => wall });
    opened.push(lab);
    return lab;
  };
  const block = (lab: ReturnType<typeof open>) => {
    const change: Change = { notAfter: lab.clock.now() + 30_000, caller: 'incident-1 step 3', scope: [] };
    return lab.exchange().setActivationBlocked('mbx1', true, { activationBlocked: false }, change);
  };

  test('the next process goes on with the same world, log and time', async () => {
    const first = open();
    const fault = first.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
    await block(first);
    wall += 1_000;
    first.close();
    // Time does not stop while nobody is there.
    wall += 1_000;
    const second = open();
    expect(second.id).toBe(first.id);
    expect(second.clock.now()).toBe(Date.UTC(2025, 0, 5, 10) + 2_000 * 600);
    expect(second.fault(fault.id)).toMatchObject({ fault: 'imap-backend-wedged', state: 'present' });
    expect(second.commands()).toEqual(first.commands());
    const mbx1 = second.organisation().servers.find((server) => server.name === 'mbx1');
    expect(mbx1?.settings.activationBlocked).toBe(true);
    expect(second.organisation().databases.filter((each) => each.activeOn === 'mbx1')).toEqual([]);
    const { value } = await second.exchange().serverHealth('mbx1');
    expect(value.filter((row) => row.alertValue === 'Unhealthy')).toHaveLength(2);
  });

  test('what changed something is safe although the process was killed', async () => {
    await block(open());
    const second = open();
    expect(second.commands().map(({ command, effect }) => `${command} ${effect}`)).toEqual([
      'Set-MailboxServer changed',
    ]);
    expect(second.organisation().servers.find((each) => each.name === 'mbx1')?.settings.activationBlocked).toBe(true);
  });

  test('half a line at the end of the log is no obstacle, and the next line is whole', async () => {
    await block(open());
    appendFileSync(`${persist}.commands.jsonl`, '\n{"seq":2,"at":17');
    const second = open();
    await second.exchange().organisation();
    second.close();
    expect(
      open()
        .commands()
        .map(({ command }) => command),
    ).toEqual(['Set-MailboxServer', 'Get-ExchangeServer']);
  });

  test('at another speed time goes on from where it was', () => {
    open(600).close();
    wall += 1_000;
    const second = open(1);
    expect(second.clock.now()).toBe(Date.UTC(2025, 0, 5, 10) + 600_000);
    wall += 1_000;
    expect(second.clock.now()).toBe(Date.UTC(2025, 0, 5, 10) + 601_000);
  });

  test('another organisation file or a reset makes a new world; command numbers are never used again', async () => {
    const first = open();
    await block(first);
    const { id } = first;
    first.reset();
    expect(first.id).not.toBe(id);
    expect(first.commands()).toEqual([]);
    await block(first);
    expect(first.commands().map(({ seq }) => seq)).toEqual([2]);
    first.close();
    const other = createLab({ speed: 600, persist, realNow: () => wall, seed: 7 });
    expect(other.id).not.toBe(first.id);
    expect(other.commands()).toEqual([]);
  });

  test('a file that cannot be read is named, with what to do', () => {
    open().close();
    writeFileSync(persist, readFileSync(persist, 'utf8').slice(0, 100));
    expect(() => open()).toThrow(/world\.json cannot be read.*Remove it/);
  });
});
