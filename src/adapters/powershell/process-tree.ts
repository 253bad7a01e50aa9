import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

/** The environment variable that a shell and all it starts inherit: how they are found, also after their parent has gone. */
export const TREE_MARK = 'SECOND_RESPONDER_SHELL';

/** How often a tree is looked for again: what is forking while it is ended is found in the next round. */
const ROUNDS = 40;

/**
 * Ends a process and all it has started, at once. Resolves when none of them is left, or when they were asked for two seconds
 * (a process that hangs in the kernel). Windows finds children by their parents, Linux by the mark in their environment;
 * elsewhere only the process itself is ended.
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

/** SIGKILL, which a stopped process can't refuse either; one that has gone already is no matter. */
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
      // Gone meanwhile, or another user's: not ours.
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
      return environment.includes(wanted);
    }),
  );
  return pids.filter((_, index) => found[index]).map(Number);
}

const endWindowsTree = (pid: number): Promise<void> =>
  new Promise((resolve) => {
    execFile('taskkill', ['/PID', `${pid}`, '/T', '/F'], { windowsHide: true }, () => {
      // Where that program can't be run, at least the shell itself.
      endNow(pid);
      resolve();
    });
  });
