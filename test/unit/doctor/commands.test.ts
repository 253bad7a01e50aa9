/** doctor checks exactly the commands that the daemon uses. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { EXCHANGE_COMMANDS, TARGET_FUNCTIONS } from '../../../src/adapters/powershell/inspect.ts';
import { filesUnder, read as readFile } from '../../rules/tree.ts';

const read = (file: string) => readFileSync(`deploy/${file}`, 'utf8');
const names = (text: string) => [...new Set(text.match(/\b[A-Z][a-z]+-[A-Z]\w+/g))].sort();
const all = ({ looks, changes }: { looks: string[]; changes: string[] }) => [...looks, ...changes].sort();

it('doctor checks every Exchange command that the module sends, and no other', () => {
  const module = filesUnder('deploy/powershell', '.ps1').map(readFile).join('\n');
  const sent = [
    ...[...module.matchAll(/\b(?:Get-FromExchange|Get-One) \$Connection ([A-Z]\w+-\w+)/g)].map(([, name]) => name),
    // The commands for settings are named after the protocol.
    ...[...module.matchAll(/"\$Verb-(\w+)"/g)].flatMap(([, noun]) => [`Get-${noun}`, `Set-${noun}`]),
    ...[...module.matchAll(/Set-FencedSetting \$Connection .* (Get-\w+) (Set-\w+) @/g)].flatMap(([, get, set]) => [
      get,
      set,
    ]),
  ];
  expect([...new Set(sent)].sort()).toEqual(all(EXCHANGE_COMMANDS));
});

it('the roles of the account grant exactly these commands', () => {
  const [, looks = ''] = /\$Looks = @\(([^)]*)\)/.exec(read('jea/New-SecondResponderRole.ps1')) ?? [];
  expect(names(looks)).toEqual([...EXCHANGE_COMMANDS.looks].sort());
  const [, acts = ''] = /\$Acts = \[ordered\] @\{([^}]*)\}/.exec(read('jea/New-SecondResponderRole.ps1')) ?? [];
  expect(names(acts)).toEqual([...EXCHANGE_COMMANDS.changes].sort());
});

it('doctor checks every function that runs on a server, and no other', () => {
  const [, exported = ''] =
    /Export-ModuleMember -Function ([^$]*)$/.exec(read('powershell/SecondResponder.Target.psm1')) ?? [];
  expect(names(exported)).toEqual(all(TARGET_FUNCTIONS));
});

it('the observe-only endpoint offers all read functions', () => {
  const [, visible = ''] = /VisibleFunctions = @\(([^)]*)\)/.exec(read('jea/SecondResponder.Observe.psrc')) ?? [];
  expect(names(visible)).toEqual([...TARGET_FUNCTIONS.looks].sort());
});
