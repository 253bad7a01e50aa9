/** The lists of functions, parameters and services in deploy/jea agree with the module and with each other. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  capability,
  code,
  exported,
  GIVEN,
  looks,
  namesIn,
  observing,
  quoted,
  read,
  services,
  target,
} from '../../powershell/jea/delivered.ts';
import { filesUnder, read as readFile } from '../../rules/tree.ts';

describe('the lists', () => {
  it('what the module exports is what the role capability shows and the manifest names; to observe, only what looks', () => {
    expect(exported).toHaveLength(10);
    expect(quoted(capability)).toEqual(exported);
    expect(quoted(read('jea/SecondResponder.psd1'))).toEqual(exported);
    expect(quoted(observing)).toEqual(looks);
  });

  it('a function that changes something is shown with all its parameters, and no other', () => {
    for (const name of exported.filter((name) => !looks.includes(name))) {
      const body = target.slice(target.indexOf(`function ${name} {`));
      const has = namesIn(body.slice(0, body.indexOf('$mutex')), /\] \$(\w+),?$/gm);
      const shown = capability.slice(capability.indexOf(`'${name}'`)).split('\n        }\n')[0] ?? '';
      expect([name, namesIn(shown, /\bName +=\s'(\w+)' *\}?$/gm)]).toEqual([name, has]);
    }
  });

  it('the services that may be restarted are those of safety.services: in the role capability, and as the installer has them', () => {
    const list = services.map((name) => `'${name}'`).join(', ');
    expect(capability).toContain(`ValidateSet = ${list}\n`);
    expect(read('jea/Install-SecondResponderEndpoint.ps1')).toContain(`$Services = @(${list}),`);
  });

  it('there are no patterns in them', () => {
    for (const text of [capability, observing, read('jea/SecondResponder.pssc'), read('jea/SecondResponder.psd1')]) {
      expect(code(text)).not.toMatch(/'[^']*[*?[][^']*'/);
      expect(code(text)).not.toContain('ValidatePattern');
    }
  });

  it('the module does not use what JEA has put something narrower in the place of', () => {
    const narrowed = new RegExp(`(?<![\\w\\\\-])(?:${GIVEN.join('|')})(?![\\w-])`, 'i');
    expect(code(target)).not.toMatch(narrowed);
    expect('$x | Select-Object -First 1').toMatch(narrowed);
    expect('$x | Microsoft.PowerShell.Utility\\Select-Object -First 1').not.toMatch(narrowed);
  });

  it('the roles have the cmdlets of Exchange that the daemon calls, and no other', () => {
    const daemon = code(filesUnder('deploy/powershell', '.ps1').map(readFile).join('\n'));
    const script = read('jea/New-SecondResponderRole.ps1');
    const lists = script.slice(script.indexOf('$Looks = @('), script.indexOf('$Common ='));
    const allowed = [...new Set(namesIn(lists, /'((?:Get|Set|Invoke)-\w+)'/g))];
    const called = namesIn(daemon, /Get-FromExchange \$Connection ([A-Z]\w+-\w+)/g);
    const changed = namesIn(daemon, /\b(Set-(?:MailboxServer|ImapSettings|PopSettings)|Get-MailboxServer)\b/g);
    // Get and Set of these are put together there.
    const protocols = namesIn(daemon, /"\$Verb-(\w+)"/g).flatMap((noun) => [`Get-${noun}`, `Set-${noun}`]);
    expect([...new Set([...called, ...changed, ...protocols])].sort()).toEqual(allowed.sort());
  });

  it('the manifest has the version of the daemon', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(read('jea/SecondResponder.psd1')).toContain(`ModuleVersion     = '${version}'`);
  });

  it('what stands in for Windows here has the functions, with the parameters, of what it stands in for', () => {
    const stub = readFileSync('test/powershell/jea/Windows.psm1', 'utf8');
    const signatures = (text: string) => namesIn(text, /^function ([\w-]+ \{(?:\n {4}param\(.*\))?)/gm).sort();
    expect(signatures(stub)).toEqual(signatures(read('jea/SecondResponder.Windows.psm1')));
  });
});
