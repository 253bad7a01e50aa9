import { labHttpExchange } from '../../../src/adapters/lab/http.ts';
import { labClock, labExchange } from '../../../src/adapters/lab/in-process.ts';
import { serveLab } from '../../../src/adapters/lab/serve.ts';
import { createLab } from '../../../src/lab/lab.ts';
import { exchangeContract, type ScriptDoes } from '../../contracts/exchange.ts';

/** The lab has every script; what one does is a disturbance. */
async function scriptThat(does: ScriptDoes, post: (fault: Record<string, unknown>) => unknown) {
  const name = `${does}.ps1`;
  if (does !== 'works')
    await post({ fault: 'script', script: name, does, ...(does === 'interrupted' && { times: 1 }) });
  return { name, sha256: 'a'.repeat(64) };
}

exchangeContract('on a lab in this process', async () => {
  const lab = createLab({ speed: 1, virtual: true });
  return {
    exchange: labExchange(lab),
    clock: labClock(lab),
    post: async (fault) => lab.post(fault).id,
    remove: async (id) => void lab.remove(id),
    pass: async (ms) => lab.clock.advance(ms),
    script: (does) => scriptThat(does, (fault) => lab.post(fault)),
    log: async () => lab.commands().map(({ command, effect }) => `${command} ${effect}`),
    close: async () => lab.close(),
  };
});

exchangeContract('on a lab behind HTTP', async () => {
  const served = await serveLab({ port: 0, speed: 1, virtual: true });
  const remote = labHttpExchange({ url: served.url });
  await remote.ready();
  const send = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${served.url}/lab/v1${path}`, {
      method,
      ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  return {
    exchange: remote.exchange,
    clock: remote.clock,
    post: async (fault) => ((await send('POST', '/faults', fault)) as { id: string }).id,
    remove: async (id) => void (await send('DELETE', `/faults/${id}`)),
    async pass(ms) {
      await send('POST', '/clock/advance', { by: ms });
      await remote.ready();
    },
    script: (does) => scriptThat(does, (fault) => send('POST', '/faults', fault)),
    log: async () =>
      ((await send('GET', '/commands')) as { command: string; effect: string }[]).map(
        ({ command, effect }) => `${command} ${effect}`,
      ),
    async close() {
      remote.close();
      await served.close();
    },
  };
});
