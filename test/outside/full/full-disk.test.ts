/** A disk of the test's own that gets full under the built daemon, and empty again. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { get, post, type Running, Site, until } from '../../support/processes.ts';

/** Whether this user may mount; in most containers nobody may. */
function mounts(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'sr-mount-'));
  try {
    mount(folder);
    execFileSync('umount', [folder]);
    return true;
  } catch {
    console.warn('Left out, as this user may not mount a disk of its own: what happens when the disk is full.');
    return false;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function mount(folder: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder], { stdio: 'ignore' });
}

/** Real milliseconds: three starts, where many others want the processor. */
const BUSY = 180_000;

const MOUNTS = process.platform === 'linux' && mounts();

let site: Site;
let disk: string;
const filler = () => join(disk, 'somebody-elses.log');
/** Takes what room there is, but for as many bytes. */
function fill(left = 0): void {
  const { bavail, bsize } = statfsSync(disk);
  try {
    writeFileSync(filler(), Buffer.alloc(Math.max(bsize, bavail * bsize - left)), { flag: 'a' });
  } catch {
    // Others write there too, and were quicker.
  }
}
const makeRoom = () => rmSync(filler());

beforeEach(async () => {
  site = await Site.open();
  disk = join(site.directory, 'disk');
  mkdirSync(disk);
  if (MOUNTS) mount(disk);
});
afterEach(async () => {
  // Its private Redis writes there until it has ended.
  for (const daemon of daemons.splice(0)) await daemon.kill('SIGTERM').catch(() => {});
  if (MOUNTS) execFileSync('umount', ['--lazy', disk]);
  await site.close();
});

const daemons: Running[] = [];
async function serve(): Promise<Running> {
  const daemon = await site.daemon({ SECOND_RESPONDER_STORE_DIRECTORY: disk, SECOND_RESPONDER_LOG_FORMAT: 'json' });
  daemons.push(daemon);
  return daemon;
}

const alert = (id: string) => ({ id, server: 'mbx1', healthSet: 'IMAP.Protocol', description: 'x'.repeat(100_000) });
async function send(daemon: Running, id: string): Promise<{ status: number; retryAfter: string | null }> {
  const response = await fetch(`${daemon.url}/api/v1/alerts/generic`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(alert(id)),
  });
  await response.arrayBuffer();
  return { status: response.status, retryAfter: response.headers.get('retry-after') };
}

interface Ready {
  ready: boolean;
  parts: { part: string; ok: boolean; says: string }[];
}
const ready = (daemon: Running) => get<Ready>(`${daemon.url}/readyz`);

it.skipIf(!MOUNTS)(
  'answers 503 while its disk is full, stays alive, and takes alerts by itself as soon as there is room',
  async () => {
    const daemon = await serve();
    expect((await send(daemon, 'before')).status).toBe(202);
    fill();
    const refused = await until(
      () => send(daemon, 'meanwhile'),
      ({ status }) => status !== 202,
      20_000,
    );
    expect(refused).toEqual({ status: 503, retryAfter: expect.stringMatching(/^\d+$/) });
    // A command of the lab's wants to be kept too.
    expect((await post(`${daemon.url}/lab/v1/faults`, { fault: 'imap-backend-hang', server: 'mbx2' })).status).toBe(
      201,
    );
    const full = await until(
      () => ready(daemon),
      ({ parts }) => parts.some(({ says }) => /ENOSPC/.test(says)) && /free space/.test(JSON.stringify(parts)),
      20_000,
    );
    expect(full.ready).toBe(false);
    expect(full.parts.find(({ part }) => part === 'store')).toMatchObject({
      ok: false,
      says: expect.stringMatching(/can't be written to \(ENOSPC.*\): free space there/),
    });
    expect(full.parts.find(({ part }) => part === 'exchange')?.says).toMatch(/lab state can't be saved in .*ENOSPC/);
    expect((await send(daemon, 'meanwhile')).status).toBe(503);
    expect((await fetch(`${daemon.url}/healthz`)).status).toBe(200);
    expect(daemon.output()).toMatch(/"level":"warn","message":"the private Redis stopped: .*free space/);

    makeRoom();
    await until(
      () => send(daemon, 'after'),
      ({ status }) => status === 202,
      30_000,
    );
    await until(
      () => ready(daemon),
      (now) => now.ready && !/kept/.test(JSON.stringify(now)),
      20_000,
    );
    expect(daemon.output()).toMatch(/the private Redis is running again/);
    expect(daemon.output()).toMatch(/lab state is saved in .* again/);
  },
  BUSY,
);

it.skipIf(!MOUNTS)(
  'is killed while its disk is full, and starts again once there is room',
  async () => {
    const daemon = await serve();
    expect((await send(daemon, 'before')).status).toBe(202);
    fill();
    await until(
      () => send(daemon, 'meanwhile'),
      ({ status }) => status === 503,
      20_000,
    );
    await daemon.kill('SIGKILL');
    await expect(serve()).rejects.toThrow(/Failed to start: \S+ can't be written to \(ENOSPC.*\): free space there/);
    makeRoom();
    const again = await serve();
    const { incidents } = await get<{ incidents: { id: string }[] }>(`${again.url}/api/v1/incidents`);
    expect(incidents).toHaveLength(1);
    expect((await send(again, 'after')).status).toBe(202);
  },
  BUSY,
);

it.skipIf(!MOUNTS)(
  'starts on a disk that was full from the beginning as soon as it is not',
  async () => {
    fill(4096);
    await expect(serve()).rejects.toThrow(/Failed to start: .*ENOSPC/);
    makeRoom();
    expect((await send(await serve(), 'after')).status).toBe(202);
  },
  BUSY,
);
