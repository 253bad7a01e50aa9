import { Writable } from 'node:stream';
import winston, { type Logger } from 'winston';
import { visible, visibleJson } from '../../incident/visible.ts';

export type { Logger } from 'winston';

export interface LogOptions {
  level: 'error' | 'warn' | 'info' | 'debug';
  /** `auto` writes text on a terminal and JSON otherwise. */
  format: 'auto' | 'json' | 'human';
  /** Default: standard output. */
  stream?: Writable & { isTTY?: boolean };
}

/** One line per event. `logger.child({ incident })` adds the incident's id to every line. */
export function createLogger(options: LogOptions): Logger {
  const stream = options.stream ?? process.stdout;
  const onTerminal = stream.isTTY === true;
  const human = options.format === 'human' || (options.format === 'auto' && onTerminal);
  const logger: Logger = winston.createLogger({
    level: options.level,
    format: winston.format.combine(masked(), human ? forPeople(onTerminal) : forMachines()),
    transports: [new winston.transports.Stream({ stream: surviving(stream, (says) => logger.warn(says)), eol: '\n' })],
    exitOnError: false,
  });
  return logger;
}

/** A full disk or a missing reader of the log ends nothing: when writing works again, the number of lost lines is logged. */
function surviving(stream: Writable, tell: (says: string) => void): Writable {
  let lost = 0;
  let why = '';
  function written(error: Error | null | undefined): void {
    if (error) {
      why = error.message;
      lost++;
    } else if (lost > 0) {
      const says = `${lost} earlier log lines could not be written (${why})`;
      lost = 0;
      tell(says);
    }
  }
  return new Writable({
    decodeStrings: false,
    write(line: string, _encoding, done) {
      // Ends a partial line first. Lines are never buffered, because the process may end after any of them.
      stream.write(lost > 0 ? `\n${line}` : line, written);
      done();
    },
  });
}

/** Names of fields that are never logged, at any depth. */
const SECRET = /^(authorization|password|passwd|secret|signingSecret|token|apiKey|credentials?)$/i;

const masked = winston.format((line) => {
  for (const key of Object.keys(line)) line[key] = hide(key, line[key], 0);
  return line;
});

function hide(key: string, value: unknown, depth: number): unknown {
  if (SECRET.test(key)) return '***';
  if (depth > 8 || typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return value.stack ?? value.message;
  if (Array.isArray(value)) return value.map((each) => hide('', each, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, hide(name, inner, depth + 1)]));
}

const forMachines = () =>
  winston.format.printf(({ level, message, ...details }) =>
    visibleJson({ time: new Date().toISOString(), level, message, ...details }),
  );

const COLOURS: Record<string, string> = { error: '31', warn: '33', info: '32', debug: '90' };

function forPeople(colours: boolean) {
  const paint = (code: string, text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  return winston.format.printf(({ level, message, incident, ...details }) => {
    const rest = Object.keys(details).length > 0 ? ` ${paint('90', visibleJson(details))}` : '';
    return [
      paint('90', localTime(new Date())),
      paint(COLOURS[level] ?? '0', level.padEnd(5)),
      incident === undefined ? '' : paint('36', String(incident)),
      // External text may contain line breaks and terminal codes; one event must stay one line of plain text.
      printable(String(message)) + rest,
    ]
      .filter(Boolean)
      .join(' ');
  });
}

const printable = (text: string) => visible(text.replaceAll('\n', ' ⏎ '));

/** `2024-11-23 19:11:12.345 +09:00`: local time with its offset. */
export function localTime(date: Date): string {
  const two = (value: number) => String(Math.abs(value)).padStart(2, '0');
  const offset = -date.getTimezoneOffset();
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.trunc(offset / 60))}:${two(offset % 60)}`;
  return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, '0')} ${zone}`;
}
