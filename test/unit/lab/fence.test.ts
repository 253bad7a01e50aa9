import { expect, test } from 'vitest';
import { createLab } from '../../../src/lab/lab.ts';

const CHANGE = { notAfter: Number.POSITIVE_INFINITY, caller: 'i step 1', scope: [] };

test('a setting that is not as it was seen is not changed', async () => {
  const exchange = createLab({ speed: 1, virtual: true, seed: 1 }).exchange('test');
  // Seen on, while it is off; and it is to be on, which it is not.
  const change = exchange.setProtocolLog('mbx1', 'imap', true, { enabled: true }, CHANGE);
  await expect(change).rejects.toMatchObject({ code: 'refused' });
  expect((await exchange.protocolLog('mbx1', 'imap')).value.enabled).toBe(false);
});
