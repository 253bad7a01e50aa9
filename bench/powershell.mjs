// What the PowerShell host adds to a call, on the real engine. See README.md.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PowerShellHost } from '../dist/adapters/powershell/host.js';

const CALLS = 500;
const WARM = 200;

const root = join(import.meta.dirname, '..');
const built = join(root, 'node_modules/.cache/powershell-engine/bin/pwsh');
const executable = process.env.POWERSHELL ?? (existsSync(built) ? built : 'pwsh');
const modules = [join(root, 'test/powershell/Fixture.psm1')];
// Each call's own time, as the engine's stopwatch has it inside of the function, is taken off that very call.
const CASES = [
  ['a call that does little', 'Invoke-Work', { times: 0 }],
  ['a call that works for some ms', 'Invoke-Work', { times: 200_000 }],
];

console.log(`${CALLS} calls one after another, ${WARM} before to get warm\n`);
for (const driver of ['node-powershell', 'child_process']) {
  const host = new PowerShellHost({ driver, executable, modules, shells: 1, recycleAfter: Number.MAX_SAFE_INTEGER });
  const began = performance.now();
  await host.invoke('Get-Nothing');
  const started = performance.now() - began;
  console.log(`${driver} on PowerShell ${host.facts.version}: ${started.toFixed(0)} ms until the first answer`);
  for (const [name, ...call] of CASES) report(name, await measured(host, call));
  await host.close();
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

function report(name, calls) {
  const at = (part, share) => calls.map((call) => call[part]).sort((a, b) => a - b)[Math.floor(calls.length * share)];
  const ms = (part, share) => `${at(part, share).toFixed(1)} ms`;
  console.log(
    `  ${name}: engine's own ${ms('own', 0.5)}; added: median ${ms('added', 0.5)}, nine of ten within ${ms('added', 0.9)}`,
  );
}
