/** The files of the JEA endpoint, as text, and the names in them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { safety } from '../../../src/config/sections/safety.ts';
import type { Run } from './site.ts';

export const read = (file: string) => readFileSync(join('deploy', file), 'utf8');
export const target = read('powershell/SecondResponder.Target.psm1');
export const capability = read('jea/SecondResponder.psrc');
export const observing = read('jea/SecondResponder.Observe.psrc');

export const code = (text: string) => text.replace(/<#[\s\S]*?#>/g, '').replace(/^\s*#.*$/gm, '');
export const namesIn = (text: string, pattern: RegExp) =>
  [...code(text).matchAll(pattern)].map(([, name = '']) => name);
export const quoted = (text: string) => namesIn(text, /'([A-Z][a-z]+-[A-Z]\w+)'/g).sort();

export const exported = namesIn(target.slice(target.indexOf('Export-ModuleMember')), /(\w+-\w+)/g)
  .filter((name) => name !== 'Export-ModuleMember')
  .sort();
export const looks = exported.filter((name) => name.startsWith('Get-'));
export const services = safety.parse({}).services;

/** The commands of every JEA session. */
export const GIVEN = [
  'Clear-Host',
  'Exit-PSSession',
  'Get-Command',
  'Get-FormatData',
  'Get-Help',
  'Measure-Object',
  'Out-Default',
  'Select-Object',
];

export const ACCOUNT = 'CONTOSO\\SecondResponder$';
export const LATE = 4102444800000;

/** The changes of a run, without folder names. */
export const done = (run: Run | undefined) =>
  (run?.rows[0]?.Changes as string[] | undefined)?.map((change) => change.replace(/: .*[\\/]/, ': ')) ?? run;
