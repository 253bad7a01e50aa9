import { afterAll, beforeAll, describe, inject, it } from 'vitest';
import { exchangeContract } from '../contracts/exchange.ts';
import { type LabSite, labSite, READER } from './lab-site.ts';

/** The Exchange port over a real PowerShell, with the lab behind Exchange's own commands. */
const engines = inject('engines');

it.runIf(engines.length === 0)('the Exchange port is not tried where there is no PowerShell', ({ skip }) => skip());

describe.each(engines)('on $name', ({ executable }) => {
  let site: LabSite;
  beforeAll(async () => {
    site = await labSite(executable);
  });
  afterAll(() => site.close());

  for (const targets of ['jea', 'winrm'] as const) {
    exchangeContract(`on the lab through PowerShell, its servers by ${targets}`, async () => {
      const { lab } = site;
      lab.reset();
      const exchange = site.port({ targets });
      // Which names there are is read once, whatever is asked first.
      await exchange.organisation();
      const before = lab.commands().length;
      return {
        exchange,
        clock: lab.clock,
        post: async (fault) => lab.post(fault).id,
        remove: async (id) => void lab.remove(id),
        pass: async (ms) => lab.clock.advance(ms),
        // What a fence looks at before it acts is done for the change, and not for its own sake.
        log: async () =>
          lab
            .commands()
            .slice(before)
            .filter(({ caller, effect }) => caller === READER || effect !== 'none')
            .map(({ command, effect }) => `${command} ${effect}`),
        close: async () => {},
      };
    });
  }
});
