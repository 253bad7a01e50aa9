/** A PowerShell that stays open and handles requests one after another: see shell.ps1. */
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
    /** Sends a request; returns its result and the output. */
    async request<Result>(site: string, request: object): Promise<{ result: Result; printed: string }> {
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
      if (!existsSync(answers)) throw new Error(`The shell has exited:\n${printed}`);
      return {
        result: JSON.parse(readFileSync(answers, 'utf8')) as Result,
        printed: printed.split('--- done')[0] ?? '',
      };
    },
    async end() {
      const ended = new Promise((closed) => child.on('close', closed));
      child.stdin.end();
      // A failed test may have left something running in it.
      const patience = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(patience);
    },
  };
}

export type Shell = ReturnType<typeof shell>;
