/** What the PowerShell host does with any driver, as sentences. Run on a real PowerShell. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Json, PowerShellHost, type PowerShellHostOptions } from '../../src/adapters/powershell/host.ts';
import { EXCHANGE_FAILURES, type ExchangeError } from '../../src/ports/exchange.ts';
import { hostileValues } from '../powershell/hostile.ts';
import { beginRun, processesOf } from '../powershell/processes.ts';

/** Where children and signals are as on Unix, and /proc tells what runs. */
const onLinux = it.skipIf(process.platform !== 'linux');

/** For what comes when it comes, on a machine that has other things to do too. */
export const PATIENT = { timeout: 30_000 };

export const FIXTURE = join(process.cwd(), 'test/powershell/Fixture.psm1');

type Driver = NonNullable<PowerShellHostOptions['driver']>;

type MakeHost = (options?: Partial<PowerShellHostOptions>) => PowerShellHost;

/** Hosts of one shell with the fixture, each with what is given and then what a test wants otherwise. */
export const hostsWith =
  (given: Partial<PowerShellHostOptions>): MakeHost =>
  (options = {}) =>
    new PowerShellHost({ modules: [FIXTURE], shells: 1, timeLimit: 30_000, ...given, ...options });

/** Asks the host at hand, unless another one is named. */
export function asking(own: () => PowerShellHost) {
  const valuesOf = async (called: string, args: Record<string, Json> = {}, of = own()) =>
    (await of.invoke(called, args)).value;
  const pidOf = async (of = own()) => (await valuesOf('Get-Shell', {}, of))[0] as { id: number };
  return { valuesOf, pidOf };
}

export const failure = (code: string, words: RegExp) => ({
  name: 'ExchangeError',
  code,
  message: expect.stringMatching(words),
});

/** One suite for each PowerShell that there is; without any, one test that is left out. */
export function powerShellHostContract(driver: Driver, engines: { name: string; executable: string }[]): void {
  for (const { name, executable } of engines) {
    describe(`${driver} on ${name}`, () => {
      conversationContract(hostsWith({ executable, driver }));
      processContract({ executable, driver });
    });
  }
  it.skipIf(engines.length === 0)(`${driver} is tried on a real PowerShell`, () => {
    expect(engines.length).toBeGreaterThan(0);
  });
}

/** What is said arrives as it is, either way: wherever the shell runs. */
export function conversationContract(makeHost: MakeHost): void {
  describe('what is said', () => {
    const directory = mkdtempSync(join(tmpdir(), 'sr-powershell-'));
    const canary = join(directory, 'canary');
    let host: PowerShellHost;
    beforeAll(() => {
      host = makeHost();
    });
    afterAll(async () => {
      await host.close();
      rmSync(directory, { recursive: true, force: true });
    });
    const { valuesOf, pidOf } = asking(() => host);

    describe('data', () => {
      it.each(hostileValues(canary))('%s goes there and back as it is, and nothing of it runs', async (_, value) => {
        expect(await valuesOf('Get-Echo', { value })).toEqual([value]);
        // The same in PowerShell as here: not only undone on the way back.
        if (value.length < 10_000) {
          const codes = value.split('').map((character) => character.charCodeAt(0));
          expect(await valuesOf('Get-Shape', { value })).toEqual([{ type: 'System.String', codes }]);
        }
        expect(existsSync(canary)).toBe(false);
      });

      it('the canary would sing', async () => {
        await valuesOf('Invoke-Text', { text: hostileValues(canary)[0]?.[1] ?? '' });
        expect(existsSync(canary)).toBe(true);
        rmSync(canary);
      });

      const shapes: [string, Json][] = [
        ['nothing', null],
        ['yes and no', [true, false]],
        ['numbers', [0, -1, 1.5, 2 ** 31, 2 ** 53 - 1, 1e300]],
        ['an empty list', []],
        ['a list of one', ['one']],
        ['a list of one list of one', [['one']]],
        ['a list with nothing in it', [null]],
        ['lists in lists', [1, [2, [], [3, [null]]]]],
        ['an empty record', {}],
        ['records in lists in records', { a: [{ b: [{ c: null }] }, 'd'] }],
      ];
      it.each(shapes)('%s stays what it is', async (_, value) => {
        expect(await valuesOf('Get-Echo', { value })).toEqual([value]);
      });

      it('every object that is put out is there, in order; of one and of none as of many', async () => {
        expect(await valuesOf('Get-Nothing')).toEqual([]);
        expect(await valuesOf('Get-Rows', { count: 1 })).toEqual([{ row: 1, text: '異' }]);
        const rows = await valuesOf('Get-Rows', { count: 2_000, width: 20 });
        expect(rows).toHaveLength(2_000);
        expect(rows[1_999]).toEqual({ row: 2_000, text: '異'.repeat(20) });
      });

      it('five megabytes come whole', async () => {
        const [text] = await valuesOf('Get-Text', { length: 5_000_000 });
        expect(text).toBe('x'.repeat(5_000_000));
      });

      it('half a character becomes the one that stands for what was lost', async () => {
        expect(await valuesOf('Get-Echo', { value: 'a\ud83db' })).toEqual(['a\ufffdb']);
      });

      it('what is too deep to be told whole is a bad reply', async () => {
        await expect(host.invoke('Get-Deep')).rejects.toMatchObject(failure('badReply', /depth/));
      });

      it.each([
        ['a command as a function', 'Get-Echo; exit', {}],
        ['a variable as a function', '$x', {}],
        ['nothing as a function', '', {}],
        ['a parameter that is none', 'Get-Echo', { 'value; exit': 1 }],
        ['a field that is none', 'Get-Echo', { value: [{ 'a b': 1 }] }],
        ['a number that is none', 'Get-Echo', { value: Number.NaN }],
      ])('%s is not sent', async (_, called, args) => {
        await expect(host.invoke(called, args)).rejects.toThrow(TypeError);
      });
    });

    describe('streams', () => {
      const streams = {
        warnings: ['slow "disk"'],
        errors: ['not so bad'],
        verbose: ['looking', 'deeper', 'to the host', 'by the way'],
      };
      it('are kept apart, from data and from each other', async () => {
        expect(await host.invoke('Get-Streams')).toEqual({ value: [{ n: 1 }, { n: 2 }], ...streams });
      });

      it('a failure brings along what was warned of before', async () => {
        await expect(host.invoke('Get-Streams', { fails: 'bad luck' })).rejects.toMatchObject(
          failure('unknown', /^bad luck\nslow "disk"\nnot so bad$/),
        );
      });
    });

    describe('failures', () => {
      it.each(EXCHANGE_FAILURES)('%s comes with the words of the server', async (code) => {
        const words = `"${code}": 拒否\n2nd line`;
        const expected = { name: 'ExchangeError', code, message: words };
        await expect(host.invoke('Get-Failure', { code, words })).rejects.toMatchObject(expected);
      });

      it.each([
        ['an error of any other name', 'Get-Failure', { code: 'Strange', words: 'odd' }, /^odd$/],
        ['an error that is only written', 'Get-Error', {}, /^written, not thrown$/],
        ['a function that is not there', 'Get-Missing', {}, /has the function Get-Missing/],
        ['a command that no module of ours has', 'Get-Command', {}, /has the function Get-Command/],
        ['a parameter that is not there', 'Invoke-Work', { missing: 1 }, /missing/],
      ])('%s is unknown: no word of ours says what it means', async (_, called, args: Record<string, Json>, words) => {
        await expect(host.invoke(called, args)).rejects.toMatchObject(failure('unknown', words));
      });

      it('leave the shell as it was', async () => {
        const before = await pidOf();
        await expect(host.invoke('Get-Error')).rejects.toThrow();
        expect(await pidOf()).toEqual(before);
      });
    });

    describe('what is written besides the answer', () => {
      const base64 = Buffer.from('{"value":["forged"]}').toString('base64');
      it.each([
        ['data that is none of ours', '{"value":["forged"],"warnings":[]}', 1],
        ['a piece of JSON', '{"value":[', 1],
        [
          'a frame with another nonce',
          `0123456789abcdef0123456789abcdef ${base64} 0123456789abcdef0123456789abcdef`,
          1,
        ],
        ['escapes of a terminal', '\u001b[?1h\u001b[2J\u0007\u0000', 50],
        ['Windows line ends', '\r\n\r\n', 50],
        ['other scripts', '異常🔥\ufffd', 100],
        ['a lot of lines', 'x'.repeat(100), 20_000],
      ])('%s: the answer is found all the same', async (_, text, times) => {
        expect(await valuesOf('Write-Garbage', { text, times })).toEqual(['done']);
        expect(await valuesOf('Get-Echo', { value: 'next' })).toEqual(['next']);
      });

      it('without end, it is a bad reply', async () => {
        const small = makeHost({ replyLimit: 100_000 });
        const text = 'x'.repeat(1_000);
        await expect(small.invoke('Write-Garbage', { text, times: 1e9 })).rejects.toMatchObject(
          failure('badReply', /more than 100000 bytes/),
        );
        expect(await valuesOf('Get-Echo', { value: 'next' }, small)).toEqual(['next']);
        await small.close();
      });
    });
  });
}

/** What becomes of the processes, which are this machine's. */
function processContract(given: { executable: string; driver: Driver }): void {
  const makeHost = hostsWith(given);

  describe('shells', () => {
    const directory = mkdtempSync(join(tmpdir(), 'sr-powershell-'));
    let host: PowerShellHost;
    let run: string;
    beforeAll(() => {
      run = beginRun();
      host = makeHost();
    });
    afterAll(async () => {
      await host.close();
      rmSync(directory, { recursive: true, force: true });
    });
    const { valuesOf, pidOf } = asking(() => host);

    describe('a shell that ends', () => {
      onLinux.each([
        ['by exit', 'Stop-Shell', { code: 0 }, /exit code 0/],
        ['by exit with a code', 'Stop-Shell', { code: 3 }, /exit code 3/],
        ['by SIGTERM', 'Stop-ShellNow', { signal: 'TERM' }, /SIGTERM|143/],
        ['by SIGKILL', 'Stop-ShellNow', { signal: 'KILL' }, /SIGKILL/],
      ])('%s is a bad reply, and the next call has a new one', async (_, called, args: Record<string, Json>, words) => {
        const before = await pidOf();
        await expect(host.invoke(called, args)).rejects.toMatchObject(failure('badReply', words));
        expect(await pidOf()).not.toEqual(before);
      });

      onLinux('while nobody asks it is replaced without a word', async () => {
        const before = await pidOf();
        process.kill(before.id, 'SIGKILL');
        // Gone when this process has taken note of it.
        await expect.poll(() => existsSync(`/proc/${before.id}`)).toBe(false);
        expect(await pidOf()).not.toEqual(before);
      });

      it('a loop that is left by a function is no success', async () => {
        const left = host.invoke('Invoke-Break', {}, { timeLimit: 3_000 });
        await expect(left).rejects.toMatchObject({ code: expect.stringMatching(/^(badReply|timedOut)$/) });
      });
    });

    describe('the time limit', () => {
      onLinux.each([
        ['a shell that sleeps', 'Wait-Long', {}],
        ['a shell that is busy', 'Wait-Busy', {}],
        ['a program that the shell waits for, and its children', 'Wait-Child', {}],
        ['a program that reads the shell’s own input', 'Read-Input', {}],
        ['a shell that is frozen', 'Stop-ShellNow', { signal: 'STOP' }],
      ])('ends %s, and the next call has a new one', async (_, called, args: Record<string, Json>) => {
        const before = await pidOf();
        await expect(host.invoke(called, args, { timeLimit: 400 })).rejects.toMatchObject(
          failure('timedOut', /400 ms/),
        );
        await expect.poll(() => processesOf(run), PATIENT).toEqual([]);
        expect(await pidOf()).not.toEqual(before);
      });

      onLinux('so does the caller who gives up, with their own reason', async () => {
        const before = await pidOf();
        const gaveUp = new AbortController();
        const called = expect(host.invoke('Wait-Child', {}, { signal: gaveUp.signal })).rejects.toThrow('never mind');
        await expect.poll(() => processesOf(run).length).toBeGreaterThan(2);
        gaveUp.abort(new Error('never mind'));
        await called;
        expect(await pidOf()).not.toEqual(before);
        await expect.poll(() => processesOf(run)).toHaveLength(1);
      });

      it('who has given up before asks nothing', async () => {
        await expect(host.invoke('Get-Nothing', {}, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow(
          'no',
        );
      });

      it('counts the time in line; who leaves the line harms nobody', async () => {
        const before = await pidOf();
        const slow = host.invoke('Wait-Long', { seconds: 1 });
        await expect(host.invoke('Get-Nothing', {}, { timeLimit: 100 })).rejects.toMatchObject({ code: 'timedOut' });
        expect((await slow).value).toEqual(['awake']);
        expect(await pidOf()).toEqual(before);
      });

      it('does not take back a shell that is still starting', async () => {
        const fresh = makeHost();
        await expect(fresh.invoke('Get-Nothing', {}, { timeLimit: 20 })).rejects.toMatchObject({ code: 'timedOut' });
        const first = fresh.facts;
        const { id } = await pidOf(fresh);
        expect(first).toBeUndefined();
        if (process.platform === 'linux') {
          const before = (await pidOf()).id;
          const shells = processesOf(run)
            .map(({ pid }) => pid)
            .sort();
          expect(shells).toEqual([before, id].sort());
        }
        await fresh.close();
      });
    });

    describe('many callers', () => {
      let pair: PowerShellHost;
      beforeAll(async () => {
        pair = makeHost({ shells: 2 });
        await Promise.all([pair.invoke('Get-Nothing'), pair.invoke('Get-Nothing')]);
      });
      afterAll(() => pair.close());

      it('each have their own answer, from no more shells than there may be', async () => {
        const values = Array.from({ length: 40 }, (_, n) => `caller ${n}`);
        const answers = await Promise.all(
          values.flatMap((value) => [valuesOf('Get-Echo', { value }, pair), pidOf(pair).then(({ id }) => [id])]),
        );
        expect(answers.filter((_, at) => at % 2 === 0)).toEqual(values.map((value) => [value]));
        expect(new Set(answers.filter((_, at) => at % 2 === 1).flat()).size).toBe(2);
      });

      it('of one shell are served in the order in which they came', async () => {
        const order: number[] = [];
        const calls = [1, 2, 3, 4].map((n) => host.invoke('Get-Echo', { value: n }).then(() => order.push(n)));
        await Promise.all(calls);
        expect(order).toEqual([1, 2, 3, 4]);
      });

      it('are not held up by one whose shell hangs, when there is another', async () => {
        const gaveUp = new AbortController();
        const hung = expect(pair.invoke('Wait-Long', {}, { signal: gaveUp.signal })).rejects.toThrow('no more');
        const others = [1, 2, 3].map((value) => valuesOf('Get-Echo', { value }, pair));
        expect(await Promise.all(others)).toEqual([[1], [2], [3]]);
        gaveUp.abort(new Error('no more'));
        await hung;
      });
    });

    describe('over time', () => {
      onLinux('a shell is replaced after so many requests, and the old one ends', async () => {
        const recycling = makeHost({ recycleAfter: 3 });
        const pids: number[] = [];
        for (let n = 0; n < 4; n += 1) pids.push((await pidOf(recycling)).id);
        expect(new Set(pids.slice(0, 3)).size).toBe(1);
        expect(pids[3]).not.toBe(pids[0]);
        await recycling.close();
        const left = processesOf(run).map(({ pid }) => pid);
        expect(left.filter((pid) => pids.includes(pid))).toEqual([]);
      });
    });

    describe('closing', () => {
      onLinux('ends what runs, fails what is asked, and leaves no process behind', async () => {
        const mine = beginRun();
        const closing = makeHost({ shells: 2 });
        await valuesOf('Start-Orphan', {}, closing);
        const asked = [closing.invoke('Wait-Child'), closing.invoke('Wait-Busy'), closing.invoke('Get-Nothing')].map(
          (call) => expect(call).rejects.toMatchObject(failure('unreachable', /closed/)),
        );
        await expect.poll(() => processesOf(mine).length, PATIENT).toBeGreaterThan(4);
        await closing.close();
        await Promise.all(asked);
        expect(processesOf(mine)).toEqual([]);
        await expect(closing.invoke('Get-Nothing')).rejects.toMatchObject(failure('unreachable', /closed/));
        expect(processesOf(mine)).toEqual([]);
      });

      onLinux('does not wait for a shell that is frozen', async () => {
        const mine = beginRun();
        const closing = makeHost({ grace: 200 });
        process.kill((await pidOf(closing)).id, 'SIGSTOP');
        await closing.close();
        expect(processesOf(mine)).toEqual([]);
      });

      onLinux('ends a shell that is still starting', async () => {
        const mine = beginRun();
        const closing = makeHost();
        const asked = expect(closing.invoke('Get-Nothing')).rejects.toMatchObject({ code: 'unreachable' });
        await closing.close();
        await asked;
        expect(processesOf(mine)).toEqual([]);
      });
    });

    describe('a farewell', () => {
      let notes: string;
      beforeEach(() => {
        notes = join(mkdtempSync(join(directory, 'farewell-')), 'notes');
      });
      const parting = (options: Partial<PowerShellHostOptions> = {}) =>
        makeHost({
          farewell: 'Close-Sessions',
          ...options,
          environment: { FAREWELL_NOTES: notes, ...options.environment },
        });
      /** The process ids of the shells that said it, in order. */
      const said = () => (existsSync(notes) ? readFileSync(notes, 'utf8').trim().split('\n').map(Number) : []);

      it('is said once by a shell that is replaced, and by one of a host that is closed', async () => {
        const recycling = parting({ recycleAfter: 2 });
        const pids: number[] = [];
        for (let n = 0; n < 3; n += 1) pids.push((await pidOf(recycling)).id);
        await recycling.close();
        expect(said()).toHaveLength(2);
        expect(new Set(said())).toEqual(new Set(pids));
      });

      it('is said where a function failed by its own word, and not by a shell that failed or was given up', async () => {
        const failing = parting();
        await expect(failing.invoke('Stop-Shell', { code: 3 })).rejects.toMatchObject({ code: 'badReply' });
        await expect(failing.invoke('Wait-Long', {}, { timeLimit: 400 })).rejects.toMatchObject({ code: 'timedOut' });
        await expect(failing.invoke('Get-Error')).rejects.toMatchObject({ code: 'unknown' });
        const { id } = await pidOf(failing);
        await failing.close();
        expect(said()).toEqual([id]);
      });

      onLinux('is not said by a shell that is busy when the host is closed', async () => {
        const mine = beginRun();
        const closing = parting();
        const busy = expect(closing.invoke('Wait-Child')).rejects.toMatchObject({ code: 'unreachable' });
        await expect.poll(() => processesOf(mine).length, PATIENT).toBeGreaterThan(2);
        await closing.close();
        await busy;
        expect(said()).toEqual([]);
      });

      onLinux.each([
        ['fails', { FAREWELL_FAILS: 'yes' }],
        ['takes longer than its grace', { FAREWELL_GATE: '/dev/zero' }],
      ])('that %s: the shell is ended all the same', async (_, environment) => {
        const mine = beginRun();
        const leaving = parting({ environment, grace: 500 });
        const { id } = await pidOf(leaving);
        await leaving.close();
        expect(said()).toEqual([id]);
        expect(processesOf(mine)).toEqual([]);
      });

      it('that no module has is found out at the start, and one that is no name before', async () => {
        const lacking = makeHost({ farewell: 'Close-Nothing' });
        await expect(lacking.invoke('Get-Nothing')).rejects.toMatchObject(failure('unreachable', /Close-Nothing/));
        await lacking.close();
        expect(() => makeHost({ farewell: 'Close-Sessions; exit' })).toThrow(TypeError);
      });

      describe('of a shell that nobody asks for', () => {
        const MINUTE = 60_000;
        // Only what the host waits for stands still: a grace is never over here.
        let mine: string;
        beforeEach(() => {
          mine = beginRun();
          vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
        });
        afterEach(() => {
          vi.useRealTimers();
        });
        const idle = (options: Partial<PowerShellHostOptions>) => parting({ grace: 1e6, ...options });
        const runs = (pid: number) => processesOf(mine).some((each) => each.pid === pid);

        onLinux('is said after a time, and the shell stays; after a longer one it is ended', async () => {
          const lonely = idle({ farewellAfter: MINUTE, endAfter: 10 * MINUTE });
          const { id } = await pidOf(lonely);
          vi.advanceTimersByTime(MINUTE - 1);
          expect((await pidOf(lonely)).id).toBe(id);
          expect(said()).toEqual([]);
          vi.advanceTimersByTime(MINUTE);
          expect((await pidOf(lonely)).id).toBe(id);
          expect(said()).toEqual([id]);
          vi.advanceTimersByTime(MINUTE);
          await expect.poll(said, PATIENT).toEqual([id, id]);
          expect(runs(id)).toBe(true);
          vi.advanceTimersByTime(9 * MINUTE);
          await expect.poll(() => runs(id), PATIENT).toBe(false);
          expect((await pidOf(lonely)).id).not.toBe(id);
          await lonely.close();
          // Nothing was asked between the last two things that were done to it.
          expect(said().filter((each) => each === id)).toEqual([id, id]);
        });

        it('waits anew from each call on', async () => {
          const lonely = idle({ endAfter: MINUTE });
          const { id } = await pidOf(lonely);
          for (let n = 0; n < 3; n += 1) {
            vi.advanceTimersByTime(MINUTE - 1);
            expect((await pidOf(lonely)).id).toBe(id);
          }
          await lonely.close();
        });

        it('that fails costs the next call nothing but a start', async () => {
          const lonely = idle({ farewellAfter: MINUTE, environment: { FAREWELL_FAILS: 'yes' } });
          const { id } = await pidOf(lonely);
          vi.advanceTimersByTime(MINUTE);
          expect((await pidOf(lonely)).id).not.toBe(id);
          await lonely.close();
        });

        onLinux('is waited for by a call that comes meanwhile', async () => {
          const gate = join(directory, 'gate of a farewell');
          execFileSync('mkfifo', [gate]);
          const lonely = idle({ farewellAfter: MINUTE, grace: MINUTE / 2, environment: { FAREWELL_GATE: gate } });
          const { id } = await pidOf(lonely);
          vi.advanceTimersByTime(MINUTE);
          await expect.poll(said, PATIENT).toEqual([id]);
          const asked = pidOf(lonely);
          await writeFile(gate, '');
          expect((await asked).id).toBe(id);
          // The farewell had its answer, and its grace is nobody's end any more.
          vi.advanceTimersByTime(MINUTE / 2);
          expect((await pidOf(lonely)).id).toBe(id);
          await Promise.all([lonely.close(), writeFile(gate, '')]);
        });

        onLinux('that is let go does not hold up a call: there is a new shell at once', async () => {
          const gate = join(directory, 'gate of an end');
          execFileSync('mkfifo', [gate]);
          const lonely = idle({ endAfter: MINUTE, environment: { FAREWELL_GATE: gate } });
          const { id } = await pidOf(lonely);
          vi.advanceTimersByTime(MINUTE);
          const next = await pidOf(lonely);
          expect(next.id).not.toBe(id);
          await expect.poll(said, PATIENT).toEqual([id]);
          expect(runs(id)).toBe(true);
          await writeFile(gate, '');
          await expect.poll(() => runs(id), PATIENT).toBe(false);
          expect(await pidOf(lonely)).toEqual(next);
          await Promise.all([lonely.close(), writeFile(gate, '')]);
        });

        it('keeps no process alive for it, and none is left to come when the host is closed', async () => {
          const set = vi.spyOn(globalThis, 'setTimeout');
          const lonely = idle({ farewellAfter: MINUTE, endAfter: MINUTE });
          await pidOf(lonely);
          const kept = set.mock.results.filter((_, at) => set.mock.calls[at]?.[1] === MINUTE);
          expect(kept.map(({ value }) => value.hasRef())).toEqual([false, false]);
          expect(vi.getTimerCount()).toBe(2);
          await lonely.close();
          expect(vi.getTimerCount()).toBe(0);
        });

        it('never comes by itself when that is to be in for ever, or later than a timer can wait', async () => {
          const patient = idle({ farewellAfter: Number.POSITIVE_INFINITY, endAfter: 2 ** 40 });
          await pidOf(patient);
          expect(vi.getTimerCount()).toBe(0);
          await patient.close();
        });
      });
    });

    describe('starting', () => {
      it.each([
        [
          'a program that is not there',
          { executable: 'no-such-powershell' },
          /no-such-powershell can't be started: .*ENOENT/,
        ],
        ['a program that is no PowerShell', { executable: process.execPath }, /did not start/],
        ['a module that is not there', { modules: [join(directory, "no'such.psm1")] }, /no'such/],
        ['a start that takes too long', { startLimit: 1 }, /not ready within 1 ms/],
      ])('%s is unreachable, with the reason', async (_, options, words) => {
        const failing = makeHost(options);
        await expect(failing.invoke('Get-Nothing')).rejects.toMatchObject(failure('unreachable', words));
        await failing.close();
      });

      onLinux('that failed is tried again by the next call', async () => {
        const program = join(directory, 'installed later');
        const late = makeHost({ executable: program });
        await expect(late.invoke('Get-Nothing')).rejects.toMatchObject({ code: 'unreachable' });
        symlinkSync(given.executable, program);
        expect(await valuesOf('Get-Echo', { value: 'here' }, late)).toEqual(['here']);
        await late.close();
      });

      onLinux('of a program that ends without having read what it is told is unreachable', async () => {
        const program = join(directory, 'deaf');
        writeFileSync(program, '#!/bin/sh\nexit 3\n', { mode: 0o755 });
        const deaf = makeHost({ executable: program, modules: ['more than a pipe holds'.repeat(100_000)] });
        await expect(deaf.invoke('Get-Nothing')).rejects.toMatchObject(failure('unreachable', /exit code 3/));
        await deaf.close();
      });

      onLinux('that fails is waited for by those who came meanwhile, and tried again once', async () => {
        const program = join(directory, 'slow to fail');
        writeFileSync(program, `#!/bin/sh\necho x >> '${directory}/starts'\nsleep 0.4\nexit 1\n`, { mode: 0o755 });
        const failing = makeHost({ executable: program });
        const call = (timeLimit: number) =>
          failing.invoke('Get-Nothing', {}, { timeLimit }).catch((error: ExchangeError) => error.code);
        expect(await Promise.all([call(50), call(100), call(10_000)])).toEqual(['timedOut', 'timedOut', 'unreachable']);
        await failing.close();
        expect(readFileSync(join(directory, 'starts'), 'utf8')).toBe('x\nx\n');
      });

      it('gives the shell none of the daemon’s secrets, and a terminal without escapes', async () => {
        vi.stubEnv('SECOND_RESPONDER_TOKEN', 'secret');
        const fresh = makeHost();
        expect(await valuesOf('Get-Shell', {}, fresh)).toMatchObject([{ term: 'dumb', secret: null }]);
        vi.unstubAllEnvs();
        await fresh.close();
      });

      it('gives the shell what it is to have in its environment besides, and what the host needs there stays', async () => {
        const environment = { GREETING: '今日は "$PID"', SECOND_RESPONDER_TOKEN: 'given on purpose', TERM: 'xterm' };
        const fresh = makeHost({ environment });
        expect(await valuesOf('Get-FromEnvironment', { name: 'GREETING' }, fresh)).toEqual([environment.GREETING]);
        expect(await valuesOf('Get-Shell', {}, fresh)).toMatchObject([{ term: 'dumb', secret: 'given on purpose' }]);
        // PowerShell puts its own folder in front.
        const path = expect.stringContaining(process.env.PATH ?? '');
        expect(await valuesOf('Get-FromEnvironment', { name: 'PATH' }, fresh)).toEqual([path]);
        await fresh.close();
      });

      it('tells what PowerShell it is', async () => {
        await host.invoke('Get-Nothing');
        expect(host.facts).toMatchObject({
          version: expect.stringMatching(/^[57]\.\d/),
          edition: expect.stringMatching(/^(Core|Desktop)$/),
        });
      });
    });
  });
}
