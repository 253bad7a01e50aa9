/** The installed endpoint, loaded by PowerShell's own JEA with the real module. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { hostileValues } from '../hostile.ts';
import { ACCOUNT, exported, GIVEN, LATE, looks } from './delivered.ts';
import { type Attempt, type Outcome, session } from './endpoint.ts';
import { type Shell, shell } from './shell.ts';
import { type Site, site } from './site.ts';

const engines = inject('engines');

it.runIf(engines.length === 0)('the endpoint is not tested without PowerShell', ({ skip }) => skip());

const CLEAR = 'param([int] $Days, [string] $Text)\n"$Days days, $Text, " + $ExecutionContext.SessionState.LanguageMode';
const SHA256 = createHash('sha256').update(CLEAR).digest('hex');

describe.each(engines)('deploy/jea on $name', (engine) => {
  let at: Site;
  let one: Shell;
  beforeAll(() => {
    one = shell(engine);
  });
  afterEach(() => at.end());
  afterAll(() => one.end());

  // Over remoting, each session starts its own PowerShell.
  const slow = { timeout: 180_000 };
  const transports = process.platform === 'win32' ? (['local'] as const) : (['local', 'remote'] as const);
  describe.each(transports)('the endpoint, loaded by PowerShell itself (%s)', (how) => {
    const restart = (Name: string, more: object = {}): Attempt => ({
      command: 'Restart-TargetService',
      text: { Name, Caller: 'inc-1 step 1' },
      values: { StartedAt: -1, NotAfter: LATE, ErrorAction: 'Stop', ...more },
    });
    const script = (Name: string, more: object = {}): Attempt => ({
      command: 'Invoke-TargetScript',
      text: { Name, Caller: 'inc-1 step 1' },
      values: {
        ...{ Sha256: SHA256, Run: 'inc-1:1', Parameters: { Days: 3, Text: '$(x)' }, TimeLimit: 30_000, Repeat: false },
        ...{ NotAfter: LATE, ErrorAction: 'Stop' },
        ...more,
      },
    });
    const unknown = 'CommandNotFoundException';
    const notInTheSet = 'ParameterArgumentValidationError,Restart-TargetService';
    const noLanguage = 'ScriptsNotAllowed';

    it('runs only the listed commands', slow, async () => {
      at = site(one);
      const stray = join(at.root, 'stray');
      await at.install({ Account: ACCOUNT });
      // The attempt, and its expected rows or error id.
      const table: [Attempt, RegExp | string][] = [
        [{ command: 'Get-TargetClock', values: { ErrorAction: 'Stop' } }, /^\{"now":\d+\}$/],
        [{ command: 'Get-TargetBoot' }, /"uptimeSeconds":100/],
        [{ command: 'Get-TargetService', text: { Name: 'Spooler' } }, /"name":"Spooler"/],
        [restart('MSExchangeIMAP4'), /^\{"effect":"changed"\}$/],
        [restart('msexchangepop3be'), /^\{"effect":"changed"\}$/],
        // The function's own error, so it was called.
        [
          { command: 'Restart-TargetComputer', text: { Caller: 'x' }, values: { BootedAt: LATE, NotAfter: LATE } },
          'refused',
        ],

        [restart('Spooler'), notInTheSet],
        [restart('MSExchangeTransport'), notInTheSet],
        [restart('MSExchange*'), notInTheSet],
        [restart('MSExchangeIMAP4,Spooler'), notInTheSet],
        [restart('MSExchangeIMAP4 '), notInTheSet],
        [script('clear-cache.ps1'), 'ParameterArgumentValidationError,Invoke-TargetScript'],
        [script('(no script)'), 'notFound'],
        [restart('MSExchangeIMAP4', { Force: true }), 'NamedParameterNotFound,Restart-TargetService'],
        [restart('MSExchangeIMAP4', { Services: 'Spooler' }), 'NamedParameterNotFound,Restart-TargetService'],
        [{ command: 'Select-Object', text: { ExpandProperty: 'x' } }, 'NamedParameterNotFound,Select-Object'],

        // Commands that the functions use are not available to the caller, under any name.
        [{ command: 'Restart-Service', text: { Name: 'Spooler' } }, unknown],
        [{ command: 'WindowsCommands\\Restart-Service', text: { Name: 'Spooler' } }, unknown],
        [{ command: 'Restart-Computer' }, unknown],
        [{ command: 'Microsoft.PowerShell.Management\\Restart-Computer' }, unknown],
        [{ command: 'Stop-Target', text: { Code: 'x', Says: 'x' } }, unknown],
        [{ command: 'SecondResponder\\Write-TargetEvent' }, unknown],
        [{ command: 'Get-CimInstance', text: { ClassName: 'Win32_OperatingSystem' } }, unknown],
        [{ command: 'Get-Content', text: { Path: '/etc/passwd' } }, unknown],
        [{ command: 'Microsoft.PowerShell.Management\\Get-Content', text: { Path: '/etc/passwd' } }, unknown],
        [{ command: 'Set-Content', text: { Path: stray, Value: 'x' } }, unknown],
        [{ command: 'Invoke-Expression', text: { Command: `[IO.File]::WriteAllText("${stray}", "x")` } }, unknown],
        [{ command: 'Invoke-Command', text: { ScriptBlock: '1' } }, unknown],
        [{ command: 'Import-Module', text: { Name: 'Microsoft.PowerShell.Utility' } }, unknown],
        [{ command: 'New-Module' }, unknown],
        [{ command: 'Start-Process', text: { FilePath: 'touch', ArgumentList: stray } }, unknown],
        [{ command: 'Get-Variable' }, unknown],
        [{ command: 'Set-Variable', text: { Name: 'x', Value: 'y' } }, unknown],
        [{ command: 'Set-Alias', text: { Name: 'x', Value: 'y' } }, unknown],
        [{ command: 'Get-Target*' }, unknown],
        [{ command: '*' }, unknown],
        [{ command: 'touch' }, unknown],
        [{ command: '/bin/sh' }, unknown],
        [{ command: './run.ps1' }, unknown],
        [{ command: '' }, /^$/],

        ...[
          'Get-TargetClock',
          'Get-TargetClock | Out-Default',
          'Get-TargetClock; Get-TargetClock',
          '& Get-TargetClock',
          '. Get-TargetClock',
          '& { 1 }',
          '{ 1 }',
          '$x = 1',
          '$PID',
          '$env:PATH',
          '1 + 1',
          '"text"',
          'Get-Target*',
          'Get-TargetService -Name $(1)',
          'Get-TargetService -Name "x$PID"',
          'Get-TargetService -Name (Get-TargetClock)',
          `Get-TargetClock > ${stray}`,
          `[IO.File]::WriteAllText("${stray}", "x")`,
          'Invoke-Expression 1',
          'Get-Content /etc/passwd',
          'function Get-TargetClock { 1 }',
          '$ExecutionContext.SessionState.LanguageMode = "FullLanguage"',
          'Restart-TargetService -Name Spooler -StartedAt -1 -NotAfter 4102444800000 -Caller x',
          'Restart-TargetService @args',
          'using module x',
          'foreach ($one in 1) { $one }',
        ].map((script): [Attempt, string] => [{ script }, noLanguage]),
        [{ command: 'Get-Command' }, [...GIVEN, ...exported].sort().join(' ')],
      ];
      const { roles, answers, changes } = await session(
        engine,
        one,
        at,
        how,
        table.map(([attempt]) => attempt),
      );
      const wrong = table.filter(([attempt, wanted], n) => !isSo(attempt, wanted, answers[n]));
      expect(wrong.map(([attempt]) => [attempt, answers[table.findIndex(([each]) => each === attempt)]])).toEqual([]);
      expect(changes).toEqual(['Restart-Service MSExchangeIMAP4', 'Restart-Service MSExchangePOP3BE']);
      expect(existsSync(stray)).toBe(false);
      if (how === 'local') expect(roles).toEqual([ACCOUNT]);
    });

    it('treats any value as a name and never runs it', slow, async () => {
      at = site(one);
      await at.install({ Account: ACCOUNT });
      const canary = join(at.root, 'canary');
      const values = hostileValues(canary);
      const attempts = values.flatMap(([, value]): Attempt[] => [
        restart(value),
        { command: 'Get-TargetService', text: { Name: value } },
        { command: value },
        { script: `Restart-TargetService -Name '${value}' -StartedAt -1 -NotAfter ${LATE} -Caller x` },
      ]);
      const { answers, changes } = await session(engine, one, at, how, attempts);
      const came = values.map(([what], n) => [
        what,
        answers.slice(4 * n, 4 * n + 4).map(({ id, rows }) => id.split(',')[0] || rows.length),
      ]);
      for (const [what, [restarted, looked, called, script]] of came as [string, (string | number)[]][]) {
        expect([what, restarted]).toEqual([what, 'ParameterArgumentValidationError']);
        // An empty name means all services. Spaces are a name that does not exist.
        expect([what, looked]).toEqual([what, what === 'nothing' ? 4 + 1 : 'notFound']);
        expect([what, called, script]).toEqual([what, what === 'nothing' ? 'RuntimeException' : unknown, noLanguage]);
      }
      expect(changes).toEqual([]);
      expect(existsSync(canary)).toBe(false);
    });

    it('runs the scripts given to the installer, with the content that is meant, once', slow, async () => {
      at = site(one);
      await at.install({ Account: ACCOUNT, Scripts: ['clear-cache.ps1'] });
      const folder = join(at.root, 'SecondResponder', 'Scripts');
      mkdirSync(folder, { recursive: true });
      for (const name of ['clear-cache.ps1', 'other.ps1']) writeFileSync(join(folder, name), CLEAR);
      const state = (Run: string): Attempt => ({
        command: 'Get-TargetScript',
        text: { Name: 'clear-cache.ps1', Run },
        values: { Sha256: SHA256 },
      });
      const table: [Attempt, RegExp | string][] = [
        [state('inc-1:1'), /"run":"none"/],
        [script('clear-cache.ps1', { Sha256: 'a' }), 'refused'],
        [script('clear-cache.ps1', { NotAfter: 1 }), 'refused'],
        [script('clear-cache.ps1'), /"effect":"changed"/],
        [script('clear-cache.ps1'), /"effect":"already"/],
        [state('inc-1:1'), /"output":"3 days, \$\(x\), FullLanguage"/],
        [script('other.ps1'), 'ParameterArgumentValidationError,Invoke-TargetScript'],
        [script('../Scripts/clear-cache.ps1'), 'ParameterArgumentValidationError,Invoke-TargetScript'],
      ];
      const attempts = table.map(([attempt]) => attempt);
      const { answers } = await session(engine, one, at, how, attempts);
      expect(answers.map((answer, n) => isSo(table[n]![0], table[n]![1], answer) || answer)).toEqual(
        table.map(() => true),
      );
    });

    it('allows the services given to the installer, and no change with -ObserveOnly', slow, async () => {
      at = site(one);
      await at.install({ Account: "CONTOSO\\the daemon's", Services: ['MSExchangeTransport'] });
      const first = await session(engine, one, at, how, [restart('MSExchangeTransport'), restart('MSExchangeIMAP4')]);
      expect(first.answers.map(({ rows, id }) => rows[0] ?? id)).toEqual(['{"effect":"changed"}', notInTheSet]);
      if (how === 'local') expect(first.roles).toEqual(["CONTOSO\\the daemon's"]);

      // Windows PowerShell recognises UTF-8 by the byte order mark.
      await at.install({ Account: 'CONTOSO\\Überwacher' });
      expect(readFileSync(join(at.module(), 'SecondResponder.pssc')).subarray(0, 3).toString('hex')).toBe('efbbbf');
      const named = await session(engine, one, at, how, [{ command: 'Get-TargetClock' }]);
      expect([named.answers[0]?.id, named.roles]).toEqual(['', how === 'local' ? ['CONTOSO\\Überwacher'] : []]);

      await at.install({ Account: ACCOUNT, ObserveOnly: true });
      const observing = await session(engine, one, at, how, [
        { command: 'Get-Command' },
        { command: 'Get-TargetClock' },
        restart('MSExchangeIMAP4'),
        { command: 'Restart-TargetComputer', text: { Caller: 'x' }, values: { BootedAt: LATE, NotAfter: LATE } },
      ]);
      expect(observing.answers[0]?.rows).toEqual([...GIVEN, ...looks].sort());
      expect(observing.answers.slice(1).map(({ id }) => id)).toEqual(['', unknown, unknown]);
      expect(observing.changes).toEqual(first.changes);
    });
  });
});

/** Whether the outcome is as expected: rows of this form (possibly none), or this error. */
function isSo(attempt: Attempt, wanted: RegExp | string, answer: Outcome | undefined): boolean {
  if (!answer) return false;
  if (wanted instanceof RegExp) return wanted.test(answer.rows.join(' ')) && (answer.id === '' || wanted.test(''));
  if ('command' in attempt && attempt.command === 'Get-Command') return answer.rows.join(' ') === wanted;
  return answer.id === wanted && answer.rows.length === 0;
}
