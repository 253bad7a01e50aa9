import { shortName } from '../../incident/alert.ts';

/**
 * The line that an administrator would type for a command. Restart-Service knows no -ComputerName in any version, so a
 * command whose parameters do not name the server is shown as it would be run there.
 */
export function commandLine(command: string, server: string, parameters: Record<string, unknown>): string {
  const named = Object.entries(parameters).sort(([a], [b]) => place(a) - place(b));
  const line = [command, ...named.map(([name, value]) => `-${name} ${literal(value)}`)].join(' ');
  const says = named.some(([, value]) => typeof value === 'string' && shortName(value) === server);
  return says || server === '' ? line : `Invoke-Command -ComputerName ${literal(server)} { ${line} }`;
}

/** What a command acts on is read first. */
const SUBJECTS = ['Identity', 'Name', 'ComputerName', 'Server'];
const place = (parameter: string) => (SUBJECTS.includes(parameter) ? SUBJECTS.indexOf(parameter) : SUBJECTS.length);

/** As PowerShell writes a value; text that holds anything special stands in quotes, and so does each quote in it. */
function literal(value: unknown): string {
  if (typeof value === 'boolean') return value ? '$true' : '$false';
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.map(literal).join(',');
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[A-Za-z0-9][A-Za-z0-9_.\\:-]*$/.test(text) ? text : `'${text.replace(/['‘’‚‛]/g, '$&$&')}'`;
}
