import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { filesUnder } from '../rules/tree.ts';

/** Management servers and Exchange servers have Windows PowerShell 5.1, which must be able to read what is delivered. */
const delivered = ['.ps1', '.psm1', '.psd1', '.psrc', '.pssc'].flatMap((ending) => filesUnder('deploy', ending));

it('what is delivered is in ASCII: 5.1 would read anything else in the code page of the system', () => {
  expect(delivered.length).toBeGreaterThan(3);
  expect(delivered.filter((file) => /[^ -~\r\n\t]/.test(readFileSync(file, 'utf8')))).toEqual([]);
});

const engines = inject('engines');

it.runIf(engines.length === 0)('the language is not looked at where there is no PowerShell', ({ skip }) => skip());

describe.each(engines)('the parser of $name', ({ executable }) => {
  const newerIn = (...files: string[]) =>
    JSON.parse(
      execFileSync(
        executable,
        ['-NoProfile', '-NonInteractive', '-File', resolve('test/powershell/scom/newer-syntax.ps1'), ...files],
        { encoding: 'utf8' },
      ),
    ) as string[];

  it('finds nothing in what is delivered that is newer than 5.1, or no PowerShell at all', () => {
    expect(newerIn(...delivered.map((file) => resolve(file)))).toEqual([]);
  });

  it('would find it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'language-'));
    const newer = [
      '$a ?? 1',
      '$a ??= 1',
      '(a)?.b',
      '(a)?[0]',
      '$a ? 1 : 2',
      'a && b',
      'a || b',
      'a &',
      '1 | ForEach-Object -Parallel { 2 }',
      "'{}' | ConvertFrom-Json -AsHashtable",
      'if (',
    ];
    const files = newer.map((_text, n) => join(folder, `${n}.ps1`));
    for (const [n, file] of files.entries()) writeFileSync(file, newer[n] ?? '');
    const found = newerIn(...files);
    rmSync(folder, { recursive: true });
    expect(newer.filter((_, n) => !found.some((line) => line.startsWith(`${files[n]}:`)))).toEqual([]);
  });
});
