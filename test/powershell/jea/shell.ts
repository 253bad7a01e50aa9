/** A PowerShell that stays, and does one thing after another: see shell.ps1. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Engine } from '../engines.ts';

export function shell(engine: Engine) {
  const child = spawn(
    engine.executable,
    ['-NoProfile', '-NonInteractive', '-File', resolve('test/powershell/jea/shell.ps1')],
    { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } },
  );
  let printed = '';
  let onMore = () => {};
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      printed += chunk;
      onMore();
    });
  child.on('exit', () => onMore());

  return {
    /** What came of it, and what was printed meanwhile. */
    async does<Came>(site: string, request: object): Promise<{ came: Came; printed: string }> {
      const answers = join(site, 'answers.json');
      rmSync(answers, { force: true });
      printed = '';
      child.stdin.write(`${JSON.stringify({ ...request, site, answers })}\n`);
      await new Promise<void>((done) => {
        onMore = () => {
          if (printed.includes('--- done') || child.exitCode !== null) done();
        };
        onMore();
      });
      if (!existsSync(answers)) throw new Error(`The shell has ended:\n${printed}`);
      return { came: JSON.parse(readFileSync(answers, 'utf8')) as Came, printed: printed.split('--- done')[0] ?? '' };
    },
    async end() {
      const ended = new Promise((closed) => child.on('close', closed));
      child.stdin.end();
      // Something may still run in it, after a test that failed.
      const patience = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(patience);
    },
  };
}

export type Shell = ReturnType<typeof shell>;
