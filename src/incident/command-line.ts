import { shortName } from './alert.ts';

/**
 * The command as an administrator would type it. Restart-Service has no -ComputerName in any version, so a command whose
 * parameters do not name the server is shown as run on that server.
 */
export function commandLine(command: string, server: string, parameters: Record<string, unknown>): string {
  if (command === 'Invoke-TargetScript') return scriptLine(server, parameters);
  const named = Object.entries(parameters).sort(([a], [b]) => place(a) - place(b));
  const given = named.map(([name, value]) => (SWITCHES.includes(name) ? `-${name}` : `-${name} ${literal(value)}`));
  const line = [command, ...given].join(' ');
  const says = named.some(([, value]) => typeof value === 'string' && shortName(value) === server);
  return says || server === '' ? line : `Invoke-Command -ComputerName ${literal(server)} { ${line} }`;
}

/** A script of the admin, by the path that it has on the server. */
function scriptLine(server: string, { Name, Parameters }: Record<string, unknown>): string {
  const given = Object.entries((Parameters ?? {}) as Record<string, unknown>);
  const values = given.map(([name, value]) => `-${name}${typeof value === 'boolean' ? ':' : ' '}${literal(value)}`);
  const path = `"$env:ProgramFiles\\SecondResponder\\Scripts\\${Name}"`;
  return `Invoke-Command -ComputerName ${literal(server)} { ${['&', path, ...values].join(' ')} }`;
}

/** Parameters that name the object of a command come first. */
const SUBJECTS = ['Identity', 'Name', 'ComputerName', 'Server'];
/** Parameters without a value. */
const SWITCHES = ['Status'];
const place = (parameter: string) => (SUBJECTS.includes(parameter) ? SUBJECTS.indexOf(parameter) : SUBJECTS.length);

/** A value as a PowerShell literal; text with special characters is quoted, with its quotes doubled. */
function literal(value: unknown): string {
  if (typeof value === 'boolean') return value ? '$true' : '$false';
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.map(literal).join(',');
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[A-Za-z0-9][A-Za-z0-9_.\\:-]*$/.test(text) ? text : `'${text.replace(/['‘’‚‛]/g, '$&$&')}'`;
}
