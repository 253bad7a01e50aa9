// The overhead of the PowerShell host per call. See README.md.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { labHttpExchange } from '../dist/adapters/lab/http.js';
import { serveLab } from '../dist/adapters/lab/serve.js';
import { MODULE_FOLDER, powerShellExchange } from '../dist/adapters/powershell/exchange.js';
import { PowerShellHost } from '../dist/adapters/powershell/host.js';

const CALLS = 500;
const WARM = 200;

const root = join(import.meta.dirname, '..');
const executable = process.env.POWERSHELL ?? 'pwsh';
const modules = [join(root, 'test/powershell/Fixture.psm1')];
// Each call's own time, measured by a stopwatch inside the function, is subtracted from that very call.
const CASES = [
  ['a call that does little', 'Invoke-Work', { times: 0 }],
  ['a call that works for some ms', 'Invoke-Work', { times: 200_000 }],
];

console.log(`${CALLS} calls, one after another, ${WARM} before to warm up\n`);
for (const driver of ['node-powershell', 'child_process']) {
  const host = new PowerShellHost({ driver, executable, modules, shells: 1, recycleAfter: Number.MAX_SAFE_INTEGER });
  const began = performance.now();
  await host.invoke('Get-Nothing');
  const started = performance.now() - began;
  console.log(`${driver} on PowerShell ${host.facts.version}: ${started.toFixed(0)} ms until the first answer`);
  for (const [name, ...call] of CASES) report(name, await measured(host, call));
  await reportMemory(host);
  await host.close();
}

// The port's verbs on a lab: over HTTP, and through PowerShell with an open session that queries the same lab over HTTP.
const VERBS = [
  ['the boot time of a server', (exchange) => exchange.bootTime('mbx1')],
  ['the rows of a server', (exchange) => exchange.serverHealth('mbx1')],
  ['a service, restarted once before: a session of its own', (exchange) => restartAgain(exchange)],
];
const served = await serveLab({ port: 0, speed: 1, virtual: true });
const host = new PowerShellHost({
  executable,
  modules: ['SecondResponder.psm1', 'ExchangeLab.psm1'].map((file) => join(MODULE_FOLDER, file)),
  shells: 1,
  recycleAfter: Number.MAX_SAFE_INTEGER,
  environment: { EXCHANGE_LAB_URL: served.url },
});
const through = powerShellExchange({
  host,
  endpoints: ['ex1.contoso.com'],
  targets: 'jea',
  ssl: false,
  unspecifiedTimes: 'utc',
  organisation: () => served.lab.id,
});
const directly = labHttpExchange({ url: served.url });
await directly.ready();
console.log('\nthe port on a lab, a hundred calls each, alternating:');
for (const [name, ask] of VERBS) {
  const times = { directly: [], through: [] };
  for (let turn = 0; turn < 120; turn += 1) {
    for (const [way, exchange] of Object.entries({ directly: directly.exchange, through })) {
      const sent = performance.now();
      await ask(exchange);
      if (turn >= 20) times[way].push(performance.now() - sent);
    }
  }
  const [floor, whole] = [median(times.directly), median(times.through)];
  console.log(`  ${name}: ${floor.toFixed(1)} ms over HTTP, ${whole.toFixed(1)} ms through PowerShell`);
}
await host.close();
directly.close();
await served.close();

/** The fence reports each time that the restart was already done: the full round trip without a restart. */
async function restartAgain(exchange) {
  const order = { notAfter: served.lab.clock.now() + 30_000, caller: 'bench', scope: [] };
  await exchange.restartService('mbx1', 'MSExchangeIMAP4BE', { startedAt: 0 }, order);
}

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

async function measured(host, [name, given]) {
  const calls = [];
  for (let call = 0; call < WARM + CALLS; call += 1) {
    const sent = performance.now();
    const { value } = await host.invoke(name, given);
    const whole = performance.now() - sent;
    if (call >= WARM) calls.push({ own: value[0].milliseconds, added: whole - value[0].milliseconds });
  }
  return calls;
}

/** What a thousand answers leave behind, in the shell and here. */
async function reportMemory(host) {
  const [{ id }] = (await host.invoke('Get-Shell')).value;
  const many = async (times) => {
    for (let n = 0; n < times; n += 1) await host.invoke('Get-Rows', { count: 5, width: 500 });
    global.gc?.();
    const shell = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${id}/status`, 'latin1'))?.[1]) / 1024;
    return { shell, own: process.memoryUsage().heapUsed / 2 ** 20 };
  };
  const before = await many(400);
  const after = await many(1_000);
  const grown = (where) => `${(after[where] - before[where]).toFixed(1)} MB`;
  console.log(
    `  a thousand answers of five rows: the shell has grown by ${grown('shell')}, the daemon's heap by ${grown('own')}`,
  );
}

function report(name, calls) {
  const at = (part, share) => calls.map((call) => call[part]).sort((a, b) => a - b)[Math.floor(calls.length * share)];
  const ms = (part, share) => `${at(part, share).toFixed(1)} ms`;
  console.log(
    `  ${name}: its own ${ms('own', 0.5)}; added: median ${ms('added', 0.5)}, 90th percentile ${ms('added', 0.9)}`,
  );
}
