/** What runs on this machine because of one test: found by an environment variable, which whatever is started inherits. */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

const VARIABLE = 'POWERSHELL_TEST_RUN';

/** From now on, all that this process starts belongs to the run that is answered. */
export function beginRun(): string {
  process.env[VARIABLE] = randomUUID();
  return process.env[VARIABLE];
}

/** Their process ids and command lines. Zombies are none: nothing runs there. */
export function processesOf(run: string): { pid: number; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== `${process.pid}`)
    .filter((pid) => textOf(`/proc/${pid}/environ`).includes(`${VARIABLE}=${run}\0`))
    .map((pid) => ({ pid: Number(pid), command: textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim() }));
}

/** Gone meanwhile: nothing. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
