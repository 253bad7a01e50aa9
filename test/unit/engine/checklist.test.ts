import { describe, expect, test } from 'vitest';
import { view } from '../../../src/incident/view.ts';
import { bench } from '../../support/engine.ts';
import { written } from '../../support/written.ts';

const ALERT = { server: 'mbx1', healthSet: 'IMAP.Protocol', monitor: 'ImapSelfTestMonitor' };
const POOL = 'Check the load balancer pool';
const DESK = 'Call the records desk';

function sick(fault: string, steps: string[]) {
  const b = bench({ playbooks: [written(steps)] });
  b.lab.post({ fault, server: 'mbx1' });
  return b;
}

describe('a checklist', () => {
  test('is in the notification and the view of an escalation, each item once and in order', async () => {
    const b = sick('imap-backend-wedged', [`checklist: ${POOL}`, `checklist: [${DESK}, ${POOL}]`]);
    const incident = await b.handle(ALERT);
    expect(incident.finished?.outcome).toBe('escalated');
    expect(view(incident).checklist).toEqual([POOL, DESK]);
    expect(b.notices).toHaveLength(1);
    expect(b.notices[0]?.text).toContain(`To do by hand:\n  - ${POOL}\n  - ${DESK}`);
  });

  test('that was not reached is not shown', async () => {
    const b = sick('imap-backend-hang', ['restart-service: MSExchangeIMAP4BE', 'recheck', `checklist: ${POOL}`]);
    const incident = await b.handle(ALERT);
    expect(incident.finished?.outcome).toBe('recovered');
    expect(view(incident).checklist).toEqual([]);
  });

  test('never blocks: the steps after it run without a person', async () => {
    const b = sick('imap-backend-hang', [`checklist: ${POOL}`, 'restart-service: MSExchangeIMAP4BE', 'recheck']);
    const incident = await b.handle(ALERT);
    expect(incident.finished?.outcome).toBe('recovered');
    expect(b.changes()).toEqual(['mbx1 Restart-Service MSExchangeIMAP4BE']);
    expect(b.notices).toEqual([]);
  });

  test('of a child incident is part of its parent’s escalation', async () => {
    const front = written(['identify-mailbox-server', 'remediate: "IMAP*"']);
    const back = written([`checklist: ${DESK}`]);
    const playbooks = [
      { ...front, handles: [{ healthSet: 'IMAP', monitor: 'ImapCTPMonitor' }] },
      { ...back, name: 'q' },
    ];
    const b = bench({ playbooks });
    b.lab.post({ fault: 'imap-ctp-backend', server: 'cas1', backend: 'mbx2' });
    await b.handle({ server: 'cas1', healthSet: 'IMAP', monitor: 'ImapCTPMonitor' });
    const sent = b.notices.filter(({ kind }) => kind === 'escalation');
    expect(sent).toHaveLength(1);
    expect(sent[0]?.text).toContain(`To do by hand:\n  - ${DESK}`);
  });
});
