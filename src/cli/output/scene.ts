/** The output of the demo and of simulations: text for people, events for scripts. */

import type { Instant } from '../../incident/alert.ts';
import { commandLine } from '../../incident/command-line.ts';
import type { Finished } from '../../incident/event.ts';
import { visibleJson } from '../../incident/visible.ts';
import { span } from '../../lib/span.ts';
import { entryOf, type FeedEvent } from '../commands/watch.ts';
import { type Detail, details, Narrator, OUTCOME_STYLES, Story, type Told } from './narrate.ts';
import type { Terminal } from './terminal.ts';
import { pad, plain, wrap } from './text.ts';
import { timeOfDay } from './time.ts';

/** An entry of the lab's command log. */
export interface Logged {
  at: Instant;
  server: string;
  command: string;
  arguments: Record<string, unknown>;
  effect: 'changed' | 'none' | 'already' | 'refused';
}

export interface Shows {
  server: string;
  monitor: string;
}

/** Times are the organisation's, except `real` (ms). */
export interface Scene {
  /** `fault`: the name of what is wrong. */
  broken(at: Instant, fault: string, server: string, shows: Shows[]): void;
  posted(at: Instant, says: Pick<Told, 'label' | 'text'>, title: string): void;
  happens(event: FeedEvent, raw: unknown): void;
  over(finished: Finished, commands: Logged[], took: { organisation: number; real: number }, notified: boolean): void;
}

export function scripts({ write }: Terminal): Scene {
  return {
    broken() {},
    posted() {},
    happens: (_, raw) => write(`${visibleJson(raw)}\n`),
    over() {},
  };
}

/** Column of the text after a label. */
const FACT_INDENT = 13;

/** `about`: what is printed first, as labels and sentences. */
export function people(terminal: Terminal, about: readonly [label: string, text: string][]): Scene {
  const { paint, write, columns } = terminal;
  const narrator = new Narrator(terminal);
  const stories = new Map<string, Story>();
  const putBack: string[] = [];
  const fact = (label: string, text: string) => {
    const rows = wrap(plain(text), columns - FACT_INDENT);
    rows.forEach((row, index) => {
      write(`${pad(index === 0 ? `  ${label}` : '', FACT_INDENT)}${row}\n`);
    });
  };

  write(`\n  ${paint('bold', 'Second Responder')}\n\n`);
  for (const [label, text] of about) fact(label, text);
  write('\n');

  return {
    broken(at, fault, server, shows) {
      const more = shows.map(({ server: where, monitor }): Detail => ({ kind: 'bad', text: `${monitor} on ${where}` }));
      narrator.tell(at, {
        style: 'bad',
        label: 'Broken',
        text: `${fault} on ${server}, on purpose; unhealthy:`,
        more,
      });
    },
    posted(at, says, title) {
      const more: Detail[] = [{ kind: 'quote', text: title }];
      narrator.tell(at, { style: 'accent', ...says, more });
    },
    happens(event) {
      const story = stories.get(event.incident) ?? new Story();
      stories.set(event.incident, story);
      const one = entryOf(event);
      const { more, ...told } = story.tell(one);
      // The alert was printed in the previous line.
      narrator.tell(event.at, { ...told, ...(more && event.type !== 'opened' && { more }) });
      if (one.event.type === 'undone' && one.event.data.state === 'putBack') putBack.push(one.event.data.says);
    },
    over({ outcome, left, owed }, commands, took, notified) {
      const changes = commands.filter(({ effect }) => effect === 'changed');
      const nobody = notified ? 'A person was notified.' : 'Nobody was woken.';
      write('\n');
      const ended = paint(OUTCOME_STYLES[outcome], outcome.toUpperCase());
      write(`  ${ended} after ${span(took.organisation)} (${span(took.real)} in real time). ${nobody}\n\n`);
      for (const says of putBack) fact('Put back', says);
      for (const says of left) fact('Kept', `on purpose: ${says}`);
      for (const says of owed) fact('Not undone', says);
      if (putBack.length + left.length + owed.length === 0) fact('Put back', 'nothing to put back');
      const looks = commands.length - changes.length;
      fact('Commands', `${changes.length} changed something, ${looks} only read. A real Exchange would receive:`);
      for (const { at, server, command, arguments: parameters } of changes) {
        const text = commandLine(command, server, parameters);
        const [line = ''] = details([{ kind: 'command', text }], 0, paint, columns);
        write(`  ${paint('dim', timeOfDay(at))}  ${line}\n`);
      }
      write('\n');
    },
  };
}
