import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

/** The environment variable that a shell and its child processes inherit, by which they are found even after their parent has exited. */
export const TREE_MARK = 'SECOND_RESPONDER_SHELL';

/** Interval between searches for remaining processes: the next one finds those that were forked meanwhile. */
const ROUNDS = 40;

/**
 * Kills a process and all its child processes. Resolves when none is left, or after two seconds (a process that hangs in the
 * kernel). Windows finds children by their parents, Linux by the mark in their environment; on other systems only the process
 * itself is killed.
 */
export async function endTree(pid: number | undefined, mark: string): Promise<void> {
  if (process.platform === 'win32') {
    if (pid !== undefined) await endWindowsTree(pid);
    return;
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    const alive = await marked(mark);
    if (alive.length === 0) return;
    for (const each of alive) endNow(each);
    await pause(round < 5 ? 5 : 50);
  }
}

/** Sends SIGKILL, which also kills a stopped process; ignores a process that has exited. */
export function endNow(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function marked(mark: string): Promise<number[]> {
  const wanted = `${TREE_MARK}=${mark}\0`;
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      // It has exited, or belongs to another user.
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
      return environment.includes(wanted);
    }),
  );
  return pids.filter((_, index) => found[index]).map(Number);
}

const endWindowsTree = (pid: number): Promise<void> =>
  new Promise((resolve) => {
    execFile('taskkill', ['/PID', `${pid}`, '/T', '/F'], { windowsHide: true }, () => {
      // If that program can't be run, kill at least the shell itself.
      endNow(pid);
      resolve();
    });
  });
