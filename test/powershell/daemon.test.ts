import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { get, post, type Running, Site, until } from '../support/processes.ts';

/** The built daemon, a PowerShell, and a lab as a process of its own: from the alert to the last command and back. */
const engines = inject('engines');

it.runIf(engines.length === 0)('the daemon is not run with PowerShell where there is none', ({ skip }) => skip());

interface Incident {
  state: string;
  outcome?: string;
  owed: unknown[];
}

describe.each(engines)('a daemon that asks by $name', ({ executable }) => {
  let site: Site;
  let lab: Running;
  let daemon: Running;
  beforeAll(async () => {
    site = await Site.open();
    // Evidence is five minutes old at most: here, six seconds.
    lab = await site.lab(50);
    daemon = await site.daemon({
      SECOND_RESPONDER_EXCHANGE_URL: lab.url,
      SECOND_RESPONDER_EXCHANGE_THROUGH: 'powershell',
      SECOND_RESPONDER_EXCHANGE_EXECUTABLE: executable,
      SECOND_RESPONDER_EXCHANGE_SHELL_IDLE: '2s',
    });
  });
  afterAll(() => site.close());

  it('drains and reboots a server, sees it healthy, puts back what it changed, and leaves no shell behind', async () => {
    await post(`${lab.url}/lab/v1/faults`, { fault: 'imap-backend-wedged', server: 'mbx1' });
    const alert = { id: 'alert-1', server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
    expect((await post(`${daemon.url}/api/v1/alerts/generic`, alert)).status).toBe(202);
    const incidents = async () => (await get<{ incidents: Incident[] }>(`${daemon.url}/api/v1/incidents`)).incidents;
    const [incident] = await until(incidents, ([one]) => one?.state === 'finished', 240_000);
    expect(incident).toMatchObject({ outcome: 'recovered', owed: [] });

    const commands = await get<{ server: string; command: string; effect: string }[]>(`${lab.url}/lab/v1/commands`);
    expect(
      commands.filter(({ effect }) => effect === 'changed').map(({ server, command }) => `${server} ${command}`),
    ).toEqual(['mbx1 Restart-Service', 'mbx1 Set-MailboxServer', 'mbx1 Restart-Computer', 'mbx1 Set-MailboxServer']);
    const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
    expect(metrics).toMatch(/second_responder_commands_total\{command="Restart-Computer",result="ok"\} 1/);

    // Nobody asks any more: the shells end by themselves.
    await until(
      async () => shellsOf(daemon.pid),
      (shells) => shells.length === 0,
      60_000,
    );
    await daemon.kill('SIGTERM');
    expect(shellsOf(daemon.pid)).toEqual([]);
  }, 300_000);
});

/** Processes whose parent is the daemon, but for its store. */
function shellsOf(pid: number): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const parent = /\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8'))?.[1];
        return Number(parent) === pid ? [readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0')[0] ?? ''] : [];
      } catch {
        return [];
      }
    })
    .filter((command) => !/redis|valkey/.test(command));
}
