import { styleText } from 'node:util';

export type Style = 'good' | 'bad' | 'warn' | 'accent' | 'bold' | 'dim';
export type Paint = (style: Style, text: string) => string;

const FORMATS = { good: 'green', bad: 'red', warn: 'yellow', accent: 'cyan', bold: 'bold', dim: 'dim' } as const;

/** The output of a command. */
export interface Terminal {
  write(text: string): void;
  paint: Paint;
  /** Width of readable lines: at most 100 cells. */
  columns: number;
  /** Width of tables, whose columns are shortened only if they would wrap. */
  tableColumns: number | undefined;
  /** The last line can be overwritten. */
  live: boolean;
}

const WIDEST = 100;
const NARROWEST = 60;

/** A terminal without a known width reports 0. Colours are for terminals only, unless NO_COLOR is set. */
export function createTerminal(
  stream: NodeJS.WritableStream & { isTTY?: boolean; columns?: number },
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const live = stream.isTTY === true && env.TERM !== 'dumb';
  const coloured = live && !env.NO_COLOR;
  return {
    write: (text) => {
      stream.write(text);
    },
    paint: (style, text) => (coloured ? styleText(FORMATS[style], text, { validateStream: false }) : text),
    columns: Math.max(NARROWEST, Math.min(WIDEST, live ? stream.columns || WIDEST : WIDEST)),
    tableColumns: (live && stream.columns) || undefined,
    live,
  };
}
