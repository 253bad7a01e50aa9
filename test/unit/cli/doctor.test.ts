import { describe, expect, it } from 'vitest';
import { examine } from '../../../src/cli/commands/doctor.ts';
import { createTerminal } from '../../../src/cli/output/terminal.ts';
import { ExchangeError } from '../../../src/ports/exchange.ts';
import { facts, NONE, type Site, surroundings } from '../doctor/site.ts';

/** Runs doctor; returns its output and whether nothing is bad. */
async function doctor(
  site: Site = {},
  { json = false, stop = new AbortController(), server = undefined as string[] | undefined } = {},
) {
  let out = '';
  const terminal = {
    ...createTerminal(process.stdout, { NO_COLOR: '1' }),
    live: false,
    columns: 100,
    tableColumns: undefined,
  };
  const write = (text: string) => {
    out += text;
  };
  const fine = await examine(
    surroundings(site),
    { ...(server && { server }) },
    { ...terminal, write },
    json,
    stop.signal,
  );
  return { out, fine };
}

const down = new ExchangeError('unreachable', 'ex1.contoso.com: \u001b[31mnobody\nis there');

describe('second-responder doctor', () => {
  it('prints a line for each check and a summary at the end', async () => {
    const { out, fine } = await doctor();
    expect(fine).toBe(true);
    expect(out).toContain(
      '\nok       server mbx1               Windows by jea in 300 ms; clock 0.1 s off; Get-ServerHealth gives\n',
    );
    expect(out).toMatch(/\n\nno problem\n$/);
  });

  it('counts findings to review and still succeeds', async () => {
    const { out, fine } = await doctor({ hostname: 'mbx1' });
    expect(fine).toBe(true);
    expect(out).toMatch(
      /\nlook {5}this machine .*\n {9}→ Run the daemon on a machine that is not an Exchange server\.\n/s,
    );
    expect(out).toMatch(/\n\nno problem; 1 to review\n$/);
  });

  it('fails if something is bad, and keeps commands to copy on one line', async () => {
    const { out, fine } = await doctor({ endpoint: down });
    expect(fine).toBe(false);
    expect(out).toContain(
      [
        'bad      endpoint ex1.contoso.com  unreachable: \\x1b[31mnobody is there',
        '         → Try it from responder1:',
        '             Test-NetConnection ex1.contoso.com -Port 80',
        '           If False, the name is wrong, the network or a firewall blocks it, or the server is down.',
        '           If True, the server listens, but its /PowerShell does not answer: check IIS there and its',
        '           MSExchangePowerShellFrontEndAppPool.',
      ].join('\n'),
    );
    expect(out).toMatch(/\n\n2 problems; 3 skipped because of the problems above\n$/);
  });

  it('prints the same as JSON', async () => {
    const { out, fine } = await doctor({ endpoint: down }, { json: true });
    expect(fine).toBe(false);
    const { checks, ...sum } = JSON.parse(out) as { checks: { check: string; state: string; mend?: string }[] };
    expect(sum).toEqual({ ok: false, bad: 2, look: 0, skipped: 3 });
    expect(checks.find(({ state }) => state === 'bad')).toEqual({
      check: 'endpoint ex1.contoso.com',
      state: 'bad',
      found: 'unreachable: \u001b[31mnobody is there',
      mend: expect.stringContaining('\n  Test-NetConnection ex1.contoso.com -Port 80\n'),
    });
  });

  it('checks only the named servers', async () => {
    const { out } = await doctor({ servers: [facts('mbx1'), facts('mbx2')] }, { server: ['mbx2'] });
    expect(out).toContain('server mbx2');
    expect(out).not.toContain('server mbx1');
  });

  it('prints its findings so far when it is stopped, and that checks are missing', async () => {
    const stop = new AbortController();
    const target = async () => {
      stop.abort(new Error('Ctrl-C'));
      return { openedAfter: 1, missing: NONE };
    };
    const { out, fine } = await doctor({ target }, { stop });
    expect(fine).toBe(false);
    expect(out).toMatch(/\nok {7}organisation .*\nStopped before every check was done\.\n$/);
    const again = await doctor({ target }, { stop, json: true });
    expect(JSON.parse(again.out)).toEqual({ ok: false, stopped: true });
  });
});
