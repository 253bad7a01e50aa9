/** What PowerShell tells of a row, and what it leaves unsaid. */
import { describe, expect, inject, it } from 'vitest';
import type { HealthRow } from '../../src/ports/exchange.ts';
import { readRecording } from '../../src/recording/file.ts';
import { labSite } from './lab-site.ts';

const engines = inject('engines');

it.runIf(engines.length === 0)('rows by PowerShell are not tried where there is no PowerShell', ({ skip }) => skip());

describe.each(engines)('rows by $name', ({ executable }) => {
  it('say how often their monitor evaluates: by no clock, at its recurrence, or nothing of it', async () => {
    const recording = readRecording('test/fixtures/recordings/exchange-2016.json');
    const [byEvents, silent] = recording.servers[0]?.serverHealth?.value ?? [];
    if (byEvents) byEvents.recurrenceSeconds = 0;
    delete silent?.recurrenceSeconds;
    const site = await labSite(executable, { shells: 1 }, { recording });
    try {
      const port = site.port({ endpoints: ['tok-ex02.corp.fabrikam.co.jp'] });
      const rows = (await port.serverHealth('tok-ex01')).value;
      const direct = (await site.lab.exchange().serverHealth('tok-ex01')).value;
      const paces = (all: HealthRow[]) => all.map(({ recurrenceSeconds }) => recurrenceSeconds ?? 'unknown');
      expect(paces(rows)).toEqual(paces(direct));
      expect(paces(rows).slice(0, 2)).toEqual([0, 'unknown']);
      expect(rows[0]).toMatchObject({ lastExecution: direct[0]?.lastExecution, isStale: false });
    } finally {
      await site.close();
    }
  });
});
