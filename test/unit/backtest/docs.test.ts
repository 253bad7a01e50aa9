import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { formatReport } from '../../../src/cli/output/backtest-text.ts';
import { createTerminal } from '../../../src/cli/output/terminal.ts';
import { backtestSettings, edited, reportOf, steps } from './support.ts';

test('docs/playbooks.md shows what a backtest prints', async () => {
  const more = [
    'restart-service: MSExchangeIMAP4BE',
    'recheck: { attempts: 5 }',
    'fail-over-databases',
    'confirm-no-active-copies',
    'restart-server',
    'recheck: { attempts: 5 }',
  ];
  const report = await reportOf(
    ['protocol-rebooted'],
    backtestSettings(edited('imap-protocol', { steps: steps(more) })),
  );
  const [, shown = ''] = /\$ second-responder playbooks backtest .*\n([\s\S]*?)```/.exec(
    readFileSync('docs/playbooks.md', 'utf8'),
  ) as RegExpExecArray;
  // The day depends on the time zone.
  const withoutDays = (text: string) => text.replace(/\d{4}-\d\d-\d\d/g, 'DAY');
  const printed = formatReport(report, 20, createTerminal(process.stdout, { TERM: 'dumb' }));
  expect(withoutDays(shown)).toBe(withoutDays(printed));
});
