import { styleText } from 'node:util';

export type Style = 'good' | 'bad' | 'warn' | 'accent' | 'bold' | 'dim';
export type Paint = (style: Style, text: string) => string;

const FORMATS = { good: 'green', bad: 'red', warn: 'yellow', accent: 'cyan', bold: 'bold', dim: 'dim' } as const;

/** Where a command prints. */
export interface Terminal {
  write(text: string): void;
  paint: Paint;
  /** Cells in a line that reads well: at most a hundred. */
  columns: number;
  /** Columns of a table are cut only where they would wrap. */
  tableColumns: number | undefined;
  /** It can be written over. */
  live: boolean;
}

const WIDEST = 100;
const NARROWEST = 60;

/** A terminal that does not know its width says 0. Colours on a terminal only, and not where NO_COLOR asks for none. */
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
