import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../../src/lab/lab.ts';
import type { Change } from '../../../src/ports/exchange.ts';

describe('a lab that is kept in a file', () => {
  let folder: string;
  let persist: string;
  let wall: number;
  let says: string[];
  beforeEach(() => {
    says = [];
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
    const lab = createLab({ speed, persist, realNow: () => wall, onTrouble: (said) => says.push(said) });
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

  describe('what cannot be used is kept under another name, and the lab begins anew', () => {
    /** A world as it was written, changed. */
    const altered = (change: (kept: Record<string, unknown>) => unknown) => () => {
      writeFileSync(persist, JSON.stringify(change(JSON.parse(readFileSync(persist, 'utf8')))));
    };
    test.each<[what: string, spoil: () => void, why: RegExp]>([
      ['half of it', () => writeFileSync(persist, readFileSync(persist, 'utf8').slice(0, 100)), /JSON/],
      ['nothing', () => writeFileSync(persist, ''), /JSON/],
      ['garbage', () => writeFileSync(persist, '\u0000\u0001'), /JSON/],
      ['null', () => writeFileSync(persist, 'null'), /version is not 1/],
      ['a newer version', altered((kept) => ({ ...kept, version: 2 })), /version is not 1/],
      ['no clock', altered(({ clock: _, ...kept }) => kept), /not have the expected form/],
      [
        'a clock without a time',
        altered((kept) => ({ ...kept, clock: { lab: 'noon' } })),
        /not have the expected form/,
      ],
      [
        'a world of another kind',
        altered((kept) => ({ ...kept, world: {} })),
        /not have the expected form|not iterable/,
      ],
      ['a folder', () => [rmSync(persist), mkdirSync(persist)], /not a regular file/],
      ['a link to nothing', () => [rmSync(persist), symlinkSync('nothing', persist)], /ENOENT/],
      ['a pipe', () => [rmSync(persist), execFileSync('mkfifo', [persist])], /not a regular file/],
      [
        'a folder for its log',
        () => [rmSync(`${persist}.commands.jsonl`, { force: true }), mkdirSync(`${persist}.commands.jsonl`)],
        /EISDIR/,
      ],
    ])('%s', (_what, spoil, why) => {
      const first = open();
      first.close();
      spoil();
      const before = lstatSync(persist).ino;
      const second = open();
      expect(second.id).not.toBe(first.id);
      expect(says).toEqual([expect.stringMatching(why)]);
      const [, name = ''] = / was renamed to (\S+?)[ ,]/.exec(says[0] ?? '') ?? [];
      expect(name).toContain('world.json.unusable-');
      expect(lstatSync(name).ino).toBe(before);
      second.close();
      // And the next goes on with the new one.
      expect(open().id).toBe(second.id);
      expect(says).toHaveLength(1);
    });
  });

  test('a disk that takes nothing ends nothing: it is said once, and made up for as soon as there is room', async () => {
    const first = open();
    // Where the draft of the file would be.
    mkdirSync(`${persist}.new`);
    await block(first);
    first.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
    expect(says).toEqual([
      expect.stringMatching(/can't be saved in \S+world\.json \(.*\)\. The lab continues in memory/),
    ]);
    expect(first.trouble).toBe(says[0]);
    rmSync(`${persist}.new`, { recursive: true });
    await expect.poll(() => first.trouble).toBeUndefined();
    expect(says[1]).toMatch(/is saved in \S+world\.json again/);
    // As if it were killed now: command log and world are whole, and nothing stands there twice.
    const second = open();
    expect(second.commands()).toEqual(first.commands());
    expect(second.faults()).toHaveLength(1);
  });
});
