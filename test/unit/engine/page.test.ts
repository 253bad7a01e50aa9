import { describe, expect, test } from 'vitest';
import { bench } from '../../support/engine.ts';
import { SCENARIOS } from '../../support/page.ts';

describe('the page, on the lab', () => {
  test.each(SCENARIOS)('$says', async ({ faults, alert, changes, outcome, because, left }) => {
    const b = bench();
    for (const fault of faults) b.lab.post(fault);
    const incident = await b.handle(alert);
    const finished = incident.finished;
    expect({ outcome: finished?.outcome, changes: b.changes(), reason: finished?.reason }).toEqual({
      outcome,
      changes,
      reason: because ? expect.stringContaining(because) : finished?.reason,
    });
    if (left !== undefined) expect(finished?.left).toHaveLength(left);
    expect(finished?.owed).toEqual([]);
  });
});
