import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Entry, IncidentEvent } from '../../incident/event.ts';
import type { Outcome } from '../../incident/outcome.ts';
import { visibleJson } from '../../incident/visible.ts';
import { readInstants } from '../../ports/instants.ts';
import { type CliContext, wantsJson } from '../context.ts';
import { Away, type Daemon } from '../daemon/client.ts';
import { type FeedEntry, Narrator, Story } from '../output/narrate.ts';

const COME_AGAIN = 1_000;
const WELL: readonly Outcome[] = ['recovered', 'transient'];

/** An entry of the event stream. */
export type FeedEvent = Pick<Entry, 'seq' | 'at' | 'type' | 'data'> & { incident: string };

export const entryOf = ({ incident, seq, at, type, data }: FeedEvent): FeedEntry => ({
  incident,
  seq,
  at,
  event: { type, data } as IncidentEvent,
});

/**
 * Prints the events of one incident or of all. After a lost connection the stream resumes after the last event, and the journal of
 * an incident fills any gap. With one incident, returns at its end whether it ended well.
 */
export async function watch(
  daemon: Daemon,
  command: Command,
  context: CliContext,
  only: string | undefined,
): Promise<boolean> {
  const tell = wantsJson(command) ? asJson(context) : asText(context, only === undefined);
  const told = new Map<string, number>();
  let last = '';
  let outcome: Outcome | undefined;

  function take(event: FeedEvent, raw: unknown): void {
    const { incident, seq, type } = event;
    if (outcome !== undefined || seq <= (told.get(incident) ?? 0)) return;
    told.set(incident, seq);
    tell(entryOf(event), raw);
    if (only !== undefined && type === 'finished') outcome = (event.data as { outcome: Outcome }).outcome;
  }

  async function catchUp(incident: string): Promise<void> {
    const journal = await daemon.ask('GET', `/api/v1/incidents/${encodeURIComponent(incident)}/journal`);
    for (const entry of journal as object[]) {
      const raw = { incident, ...pick(entry) };
      take(readInstants<FeedEvent>(raw), raw);
    }
  }

  // Reports a missing incident or token before waiting.
  if (only !== undefined) await catchUp(only);
  else await daemon.ask('GET', '/api/v1/incidents?limit=1');
  if (only === undefined && !wantsJson(command)) {
    context.terminal.write(`Watching ${daemon.url}; press Ctrl-C to stop.\n`);
  }

  while (outcome === undefined) {
    try {
      for await (const next of daemon.events(last)) {
        if (next === 'alive') {
          // Events between the journal and the stream, or lost with the connection, are in the journal by now.
          if (only !== undefined) await catchUp(only);
        } else {
          last = next.id;
          const event = readInstants<FeedEvent>(next.data);
          if (only !== undefined && event.incident !== only) continue;
          // Prints an incident from its start, because its steps would have no names otherwise.
          if (event.seq > (told.get(event.incident) ?? 0) + 1) await catchUp(event.incident);
          take(event, next.data);
        }
        if (outcome !== undefined) return WELL.includes(outcome);
      }
    } catch (error) {
      if (!(error instanceof Away)) throw error;
    }
    if (!wantsJson(command)) context.terminal.write('  Connection lost; reconnecting.\n');
    await pause(COME_AGAIN);
  }
  return WELL.includes(outcome);
}

function pick(entry: object): Omit<FeedEvent, 'incident'> {
  const { seq, at, type, data } = entry as FeedEvent;
  return { seq, at, type, data };
}

function asJson({ terminal }: CliContext): (one: FeedEntry, raw: unknown) => void {
  return (_, raw) => terminal.write(`${visibleJson(raw)}\n`);
}

/** With several incidents, a line names the incident when it changes. */
function asText({ terminal }: CliContext, several: boolean): (one: FeedEntry) => void {
  const narrator = new Narrator(terminal);
  const stories = new Map<string, Story>();
  let before = '';
  return (one) => {
    if (several && one.incident !== before) terminal.write(`${terminal.paint('bold', one.incident)}\n`);
    before = one.incident;
    const story = stories.get(one.incident) ?? new Story();
    stories.set(one.incident, story);
    narrator.tell(one.at, story.tell(one));
    if (one.event.type === 'finished') stories.delete(one.incident);
  };
}
