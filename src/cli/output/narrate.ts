/** The events of an incident as text for people. */

import { type Alert, ANY_FAMILY, type Instant } from '../../incident/alert.ts';
import { commandLine } from '../../incident/command-line.ts';
import type { AskedRole, IncidentEvent, Preview } from '../../incident/event.ts';
import type { Evidence, Verdict } from '../../incident/health.ts';
import type { Intent } from '../../incident/intent.ts';
import type { Outcome } from '../../incident/outcome.ts';
import { widthOf } from '../../lib/cells.ts';
import { span } from '../../lib/span.ts';
import type { Style, Terminal } from './terminal.ts';
import { cut, pad, plain, wrap } from './text.ts';
import { offset, day as onDay, timeOfDay } from './time.ts';

/** One event. */
export interface Told {
  style: Style | 'plain';
  /** One or two words of similar length: `Step 3`. */
  label: string;
  text: string;
  /** Lines below it. */
  more?: Detail[];
  /** It may be shortened: a wait with its reason. */
  passing?: boolean;
}

export interface Detail {
  kind: 'command' | 'good' | 'bad' | 'unseen' | 'quote' | 'note';
  text: string;
}

/** An entry of the feed or of a journal. */
export interface FeedEntry {
  incident: string;
  seq: number;
  at: Instant;
  event: IncidentEvent;
}

const VERDICTS: Record<Verdict, Pick<Told, 'label' | 'style'>> = {
  confirmed: { label: 'Confirmed', style: 'bad' },
  cleared: { label: 'Healthy', style: 'good' },
  inconclusive: { label: 'Not seen', style: 'warn' },
};

/** Everything that was verified is healthy, but not everything that was reported was verified. */
const UNVERIFIED = { label: 'Unverified', style: 'warn' } as const;

export const OUTCOME_STYLES: Record<Outcome, Style> = {
  recovered: 'good',
  transient: 'good',
  escalated: 'bad',
  suppressed: 'warn',
  cancelled: 'warn',
};

/** The health set of an incident as text; an alert may have named none. */
export function healthSetName(healthSet: string): string {
  return healthSet === ANY_FAMILY ? 'unnamed health set' : healthSet;
}

/** Remembers the names of an incident's steps, because later entries contain only their numbers. */
export class Story {
  private readonly steps = new Map<number, string>();
  private readonly debts = new Map<string, string>();

  tell({ incident, event }: FeedEntry): Told {
    switch (event.type) {
      case 'opened': {
        const { server, family, alert, parent, asked } = event.data;
        const text = `${incident}: ${healthSetName(alert?.healthSet ?? family)} on ${server}`;
        if (asked) {
          const text = `${incident}: ${asked.by} ${asked.what === 'putBack' ? 'puts changes back' : 'settled changes by hand'} on ${server}`;
          for (const debt of asked.debts) this.debts.set(debt.id, debt.says);
          const more = asked.debts.map(({ says }): Detail => ({ kind: 'note', text: says }));
          return { style: 'bold', label: 'Opened', text: asked.note ? `${text}: ${asked.note}` : text, more };
        }
        if (parent)
          return { style: 'bold', label: 'Opened', text: `${text}, for step ${parent.n} of ${parent.incident}` };
        return { style: 'bold', label: 'Opened', text, ...(alert && { more: quoted(alert) }) };
      }
      case 'attached': {
        const { alerts, parent } = event.data;
        if (parent) return { style: 'plain', label: 'Joined', text: `${parent.incident} waits for this` };
        const [alert] = alerts;
        if (alerts.length > 1)
          return { style: 'plain', label: 'Alert', text: `${alerts.length} more about the same problem` };
        const what = alert?.status === 'resolved' ? 'reports the problem as resolved' : 'is about the same problem';
        const more = alert ? quoted(alert) : [];
        return { style: 'plain', label: 'Alert', text: `another one from ${alert?.source} ${what}`, more };
      }
      case 'verified': {
        const { verdict, reason, evidence, unverified } = event.data;
        const label = verdict === 'cleared' && unverified ? UNVERIFIED : VERDICTS[verdict];
        return { ...label, text: reason, more: seen(evidence) };
      }
      case 'matched': {
        if (event.data.playbook === null) return { style: 'warn', label: 'No playbook', text: event.data.reason };
        const { playbook, plan } = event.data;
        for (const { n, says } of plan) this.steps.set(n, says);
        const more = plan.map(({ n, says }): Detail => ({ kind: 'note', text: `${String(n).padStart(2)}  ${says}` }));
        return { style: 'bold', label: 'Playbook', text: playbook.name, more };
      }
      case 'held': {
        const { guard, says, reason, approval, preview, role } = event.data;
        if (!approval) return { style: 'warn', label: 'Held', text: `${says || reason} (${guard})` };
        const more = [...(preview ? previewed(preview) : []), ...howToApprove(incident, role)];
        return { style: 'warn', label: role ? 'Question' : 'Approval', text: says || reason, more };
      }
      case 'approved':
        return { style: 'good', label: 'Approved', text: person(event.data) };
      case 'rejected':
        return event.data.expired
          ? { style: 'bad', label: 'Expired', text: 'not approved in time' }
          : { style: 'bad', label: 'Rejected', text: person(event.data) };
      case 'cancelled':
        return { style: 'warn', label: 'Cancelled', text: person(event.data) };
      case 'stepStarted': {
        const { n, intent, undo } = event.data;
        for (const debt of undo ?? []) this.debts.set(debt.id, debt.says);
        const more = [...commands(intent), ...(undo ?? []).map(promised)];
        return { style: intent ? 'accent' : 'plain', label: `Step ${n}`, text: this.steps.get(n) ?? '', more };
      }
      case 'stepFinished': {
        const { n, state, says, health, looked, suppressed } = event.data;
        if (suppressed) return { style: 'warn', label: `Step ${n}`, text: `observed only: ${says}` };
        if (health) {
          const verdict = ({ healthy: 'cleared', unhealthy: 'confirmed', inconclusive: 'inconclusive' } as const)[
            health
          ];
          const label = health === 'unhealthy' ? 'Unhealthy' : VERDICTS[verdict].label;
          return { style: VERDICTS[verdict].style, label, text: says, more: seen(looked?.evidence ?? []) };
        }
        const ended = { done: 'Done', skipped: 'Skipped', failed: 'Failed', refused: 'Refused', notSent: 'Not sent' }[
          state
        ];
        const style = ({ done: 'good', skipped: 'dim', failed: 'bad', refused: 'bad', notSent: 'warn' } as const)[
          state
        ];
        return { style, label: ended, text: state === 'done' ? says : `step ${n}: ${says}` };
      }
      case 'childOpened': {
        const { incident: child, server, joined } = event.data;
        return { style: 'bold', label: 'Elsewhere', text: `${joined ? 'waits for' : 'opens'} ${child} on ${server}` };
      }
      case 'slept':
        return { style: 'dim', label: '…', text: event.data.says, passing: true };
      case 'undoStarted': {
        const { undo, intent } = event.data;
        const text = this.debts.get(undo) ?? undo;
        return { style: 'accent', label: 'Undo', text, more: commands(intent) };
      }
      case 'undone': {
        const { state, says } = event.data;
        return {
          style: state === 'failed' ? 'bad' : 'good',
          label: state === 'failed' ? 'Failed' : 'Done',
          text: says,
        };
      }
      case 'finished': {
        const { outcome, reason, left, owed } = event.data;
        const more = [
          ...left.map((says): Detail => ({ kind: 'note', text: `kept on purpose: ${says}` })),
          ...owed.map((says): Detail => ({ kind: 'bad', text: `not undone: ${says}` })),
        ];
        const label = outcome.charAt(0).toUpperCase() + outcome.slice(1);
        return { style: OUTCOME_STYLES[outcome], label, text: reason, more };
      }
    }
  }
}

const quoted = (alert: Alert): Detail[] => (alert.title ? [{ kind: 'quote', text: alert.title }] : []);

const commands = (intent: Intent | undefined): Detail[] =>
  intent ? [{ kind: 'command', text: commandLine(intent.command, intent.server, intent.arguments) }] : [];

/** The commands that a person approves, and their maximum impact. */
export function previewed({ steps, atMost, disrupts, putBack }: Preview): Detail[] {
  return [
    ...steps.map(
      ({ n, says, changes }): Detail => ({
        kind: changes ? 'command' : 'note',
        text: `${String(n).padStart(2)}  ${says}`,
      }),
    ),
    ...disrupts.map((says): Detail => ({ kind: 'bad', text: `at worst: ${says}` })),
    { kind: 'note', text: atMost === undefined ? 'duration unknown' : `takes ${span(atMost)} at most` },
    ...putBack.map((says): Detail => ({ kind: 'note', text: `put back: ${says}` })),
  ];
}

/** What a person types to answer; `role`: a step asks, and who may approve. */
export function howToApprove(incident: string, role: AskedRole | undefined): Detail[] {
  const approve: Detail = { kind: 'note', text: `second-responder incidents approve ${incident}` };
  return role === 'admin' ? [{ kind: 'note', text: 'only an admin may approve it' }, approve] : [approve];
}

const promised = (debt: { when: 'always' | 'recovered' }): Detail => ({
  kind: 'note',
  text: `will be put back ${debt.when === 'always' ? 'at the end' : 'when the server is healthy again'}`,
});

const person = ({ by, note }: { by: string; note?: string }) => `by ${by}${note ? `: ${note}` : ''}`;

/** Each probe on a line, followed by the server's answer; identical answers are printed once. */
export function seen(evidence: Evidence[]): Detail[] {
  const said = new Set<string>();
  return evidence.flatMap(({ says, sees, detail, server, monitor }): Detail[] => {
    const kind = ({ healthy: 'good', unhealthy: 'bad', nothing: 'unseen' } as const)[sees];
    const about = says.includes(server) || !monitor?.startsWith('*') ? says : `${server}: ${says}`;
    const words = sees === 'healthy' ? undefined : detail?.split(/\r?\n/)[0];
    if (!words || said.has(words)) return [{ kind, text: about }];
    said.add(words);
    return [
      { kind, text: about },
      { kind: 'quote', text: words },
    ];
  });
}

const LABEL_WIDTH = 12;

/** Prints events with their time, and the date when it changes. */
export class Narrator {
  private readonly terminal: Terminal;
  private date = '';

  constructor(terminal: Terminal) {
    this.terminal = terminal;
  }

  tell(at: Instant, told: Told): void {
    const { paint, write } = this.terminal;
    const date = `${onDay(at)} ${offset(at)}`;
    if (date !== this.date) write(`  ${paint('dim', date)}\n`);
    this.date = date;
    write(`${lines(timeOfDay(at), told, this.terminal).join('\n')}\n`);
  }
}

function lines(time: string, told: Told, { paint, columns }: Terminal): string[] {
  const indent = 2 + time.length + 2 + LABEL_WIDTH;
  const room = columns - indent;
  const label = plain(told.label);
  const painted = told.style === 'plain' ? label : paint(told.style, label);
  const text = plain(told.text);
  const rows = told.passing ? [paint('dim', cut(text, room))] : wrap(text, room);
  const head = `  ${paint('dim', time)}  ${pad(painted, LABEL_WIDTH)}${rows[0]}`;
  return [
    head,
    ...rows.slice(1).map((row) => ' '.repeat(indent) + row),
    ...details(told.more ?? [], indent, paint, room),
  ].map((line) => line.trimEnd());
}

/** Long commands must stay on one line to be copied, so they start below the label. */
const COMMAND_INDENT = 12;

/** Lines below a sentence, indented by `indent`, each with its mark. */
export function details(more: Detail[], indent: number, paint: Terminal['paint'], room: number): string[] {
  const marks: Record<Detail['kind'], [mark: string, style: Style]> = {
    command: ['PS> ', 'accent'],
    good: ['✓ ', 'good'],
    bad: ['✗ ', 'bad'],
    unseen: ['? ', 'warn'],
    quote: ['│ ', 'dim'],
    note: ['', 'dim'],
  };
  return more.flatMap(({ kind, text }) => {
    const [mark, style] = marks[kind];
    const dimmed = kind === 'note' || kind === 'quote';
    const rows = kind === 'command' ? [plain(text)] : wrap(plain(text), room - widthOf(mark));
    return rows.map((row, index) => {
      const before = index === 0 || kind === 'quote' ? paint(style, mark) : ' '.repeat(widthOf(mark));
      const from = kind === 'command' ? Math.min(indent, COMMAND_INDENT) : indent;
      return ' '.repeat(from) + before + (dimmed ? paint('dim', row) : row);
    });
  });
}
