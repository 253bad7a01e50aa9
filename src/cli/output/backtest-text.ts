/** The result of a backtest as text. */
import type { Finding, Report, Sum } from '../../backtest/backtest.ts';
import type { Figures } from '../../backtest/figures.ts';
import { span } from '../../lib/span.ts';
import type { Terminal } from './terminal.ts';
import { plain, table, wrap } from './text.ts';
import { day } from './time.ts';

const ROWS: readonly [keyof Sum, string][] = [
  ['recovered', 'recovered'],
  ['escalated', 'escalated'],
  ['time', 'time until the end'],
  ['serviceRestarts', 'service restarts'],
  ['reboots', 'reboots'],
  ['woken', 'people woken'],
  ['approvals', 'approvals asked'],
];

/** Figures of one incident, the most important first. */
const SHOWN: readonly [keyof Figures, string][] = [
  ['reboots', 'reboots'],
  ['woken', 'people woken'],
  ['serviceRestarts', 'service restarts'],
  ['approvals', 'approvals'],
  ['time', 'time'],
];

/** `most`: the number of differing incidents that are listed. */
export function formatReport(report: Report, most: number, terminal: Terminal): string {
  const { findings, unreadable, open } = report;
  const listed = findings.slice(0, most);
  const more = findings.length - listed.length;
  return [
    formatSums(report, terminal),
    ...listed.map((finding) => `\n${formatFinding(finding, terminal)}`),
    more > 0 ? `\nand ${more} more: --show ${findings.length}\n` : '',
    open > 0 ? `\n${counted(open, 'incident is', 'incidents are')} not finished and not compared.\n` : '',
    unreadable.length > 0 ? `\n${terminal.paint('warn', 'Could not be read and are not compared:')}\n` : '',
    ...unreadable.slice(0, most).map(({ incident, why }) => `  ${plain(incident)}: ${plain(why)}\n`),
    unreadable.length > most ? `  and ${unreadable.length - most} more\n` : '',
  ].join('');
}

function formatSums(
  { incidents, differences, certainties, ...sums }: Report,
  { paint, tableColumns }: Terminal,
): string {
  if (incidents === 0) return 'No finished incident was found.\n';
  const rows = ROWS.map(([kind, title]) => {
    const [was, low, high] = [sums.recorded[kind], sums.least[kind], sums.most[kind]];
    return [title, written(kind, was), styled(kind, was, low, high, paint)];
  });
  const head = [counted(incidents, 'incident', 'incidents'), 'RECORDED', 'NEW'].map((title) => paint('dim', title));
  const same = differences.same ?? 0;
  const lines = [
    `${same} ${same === 1 ? 'is' : 'are'} the same.`,
    ...(certainties.assumed > 0
      ? [
          `${certainties.assumed} assume that a verification at another time, or without a step that did not help, finds the same.`,
        ]
      : []),
    ...(certainties.unknown > 0
      ? [`${certainties.unknown} can't be known from the record: their figures are bounds.`]
      : []),
  ];
  return `${table([head, ...rows], tableColumns)}\n${lines.join('\n')}\n`;
}

/** More is worse, except for recoveries. */
function styled(kind: keyof Sum, was: number, low: number, high: number, paint: Terminal['paint']): string {
  const text = range(kind, low, high);
  if (low === was && high === was) return text;
  const isWorse = kind === 'recovered' ? high < was : low > was;
  const isBetter = kind === 'recovered' ? low > was : high < was;
  return paint(isWorse ? 'bad' : isBetter ? 'good' : 'warn', text);
}

function formatFinding(finding: Finding, { paint, columns }: Terminal): string {
  const { incident, openedAt, playbooks, recorded, outcomes, says, certainty } = finding;
  const outcome =
    outcomes.length === 1 && outcomes[0] === recorded.outcome
      ? recorded.outcome
      : `${recorded.outcome} → ${outcomes.join(' or ')}`;
  const head = [
    paint('bold', plain(incident)),
    day(openedAt),
    plain(playbooks.join(', ')),
    outcome,
    paint('dim', certainty),
  ];
  const figures = SHOWN.flatMap(([kind, title]) => {
    const was = recorded.figures[kind];
    const [low, high] = [finding.least[kind], finding.most[kind]];
    if (low === was && high === was) return [];
    return [`${title} ${written(kind, was)} → ${styled(kind, was, low, high, paint)}`];
  });
  const lines = [...says.map((one) => plain(one)), figures.join('; ')].filter((line) => line !== '');
  return [
    head.filter((part) => part !== '').join('  '),
    ...lines.flatMap((line) => wrap(line, columns - 4).map((part, index) => `${index === 0 ? '  ' : '    '}${part}`)),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function range(kind: keyof Sum, low: number, high: number): string {
  return low === high ? written(kind, low) : `${written(kind, low)} to ${written(kind, high)}`;
}

const written = (kind: keyof Sum, value: number) => (kind === 'time' ? span(value) : String(value));
const counted = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`;
