import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Entry } from '../../src/incident/event.ts';
import { createLab, type Lab } from '../../src/lab/lab.ts';
import type { LoggedCommand } from '../../src/lab/port/command-log.ts';
import type { Exchange } from '../../src/ports/exchange.ts';
import { bench } from '../support/engine.ts';
import { SCENARIOS } from '../support/page.ts';
import { type LabSite, labSite, READER } from './lab-site.ts';

/**
 * The page's procedures, once on the lab directly and once through PowerShell: same outcome, same commands, same journal. PAGE=all plays
 * every scenario; else one for each procedure and what it takes most of.
 */
const engines = inject('engines');

it.runIf(engines.length === 0)('the page is not played where there is no PowerShell', ({ skip }) => skip());

const PLAYED =
  /deep and self test on (mbx1: the reboot|ex1: nothing)|proxy test on ex1|the log put back|load on ex1: both|single-copy|will not move|that no probe|reboot whose answer|hangs while stopping/;

describe.each(engines)('through $name', ({ executable }) => {
  let site: LabSite;
  beforeAll(async () => {
    site = await labSite(executable);
  });
  afterAll(() => site.close());

  const scenarios = SCENARIOS.filter(({ says }) => process.env.PAGE === 'all' || PLAYED.test(says));
  it.each(scenarios.map((scenario) => [scenario.says, scenario] as const))('%s', async (_says, { faults, alert }) => {
    async function play(around: { lab: Lab; aroundExchange?: () => Exchange }) {
      const b = bench(around);
      const begin = b.lab.clock.now();
      const seen = b.lab.commands().length;
      for (const fault of faults) b.lab.post(fault);
      const incident = await b.handle({ id: 'alert', senderId: 'alert', ...alert });
      return {
        outcome: incident.finished?.outcome,
        commands: b.lab.commands().slice(seen).filter(own).map(asCommand(begin)),
        journal: b.entries.map(asEntry(begin, { [incident.id]: 'id', [b.lab.id]: 'world' })),
      };
    }
    site.lab.reset();
    // What is random goes by the time, too.
    const now = site.lab.clock.now();
    // Names are read once, before anything is asked of them.
    const exchange = site.port({ caller: READER });
    await exchange.organisation();
    const through = await play({ lab: site.lab, aroundExchange: () => exchange });
    const directly = await play({ lab: createLab({ speed: 1, virtual: true, realNow: () => now }) });
    expect(through).toEqual(directly);
  });
});

/**
 * What a fence looks at before it acts is done for the change, and not for its own sake. How often the servers are listed depends on
 * how long that takes.
 */
const own = ({ caller, command, effect }: LoggedCommand) =>
  command !== 'Get-ExchangeServer' && (caller === READER || caller === 'rehearsal' || effect !== 'none');

/** Callers of looks are who they are; times count from the beginning. */
const asCommand =
  (begin: number) =>
  ({ seq: _, at, caller, ...command }: LoggedCommand) => ({
    ...command,
    at: at - begin,
    caller: caller.replace(/^.* (?=step|undo)/, '').replace(READER, 'rehearsal'),
  });

const asEntry = (begin: number, names: Record<string, string>) => (entry: Entry) => {
  const { hash: _, previous: __, ...rest } = entry as Entry & { hash?: string; previous?: string };
  // A child is named after its parent.
  let text = JSON.stringify(rest).replace(/\b[a-z0-9]+-imap-[0-9a-f]{8}\b/g, '<child>');
  for (const [name, stands] of Object.entries(names)) text = text.replaceAll(name, `<${stands}>`);
  return JSON.parse(text, (_key, value) => (typeof value === 'number' && value > 1e12 ? value - begin : value));
};
