import { bad, type Check, type Line, lineOf, skipped, wordsOf } from './check.ts';
import { readConfiguration } from './configuration.ts';
import { type Asked, type Context, createContext, type Surroundings } from './context.ts';
import { daemon } from './daemon.ts';
import { endpoints } from './endpoints.ts';
import { machine } from './machine.ts';
import { organisation } from './organisation.ts';
import { playbooks } from './playbooks.ts';
import { powershell } from './powershell.ts';
import { servers } from './servers.ts';
import { store } from './store.ts';

export type { Line, State } from './check.ts';
export type { DaemonFacts, Opened, Surroundings } from './context.ts';

/** Everything that must be right before the daemon is trusted, in the order in which one rests on another; the configuration comes first. */
export const CHECKS: readonly Check[] = [
  playbooks,
  store,
  powershell,
  endpoints,
  organisation,
  servers,
  machine,
  daemon,
];

/** Looks at everything from outside, and changes nothing. `tell` is told of each check when it is done. Throws the signal's reason. */
export async function diagnose(
  surroundings: Surroundings,
  asked: Asked,
  tell: (lines: readonly Line[]) => void = () => {},
): Promise<Line[]> {
  const all: Line[] = [];
  const note = (lines: readonly Line[]) => {
    all.push(...lines);
    tell(lines);
  };
  const { loaded, findings } = readConfiguration(surroundings.load);
  note(findings.map((finding) => lineOf('configuration', finding)));
  if (!loaded) {
    note(CHECKS.map(({ name }) => lineOf(name, skipped('the configuration does not load'))));
    return all;
  }
  const context = createContext(surroundings, loaded, asked);
  for (const check of CHECKS) {
    asked.signal.throwIfAborted();
    asked.progress?.(check.name);
    note(await linesOf(check, context));
  }
  return all;
}

async function linesOf(check: Check, context: Context): Promise<Line[]> {
  try {
    return await check.run(context);
  } catch (error) {
    context.signal.throwIfAborted();
    // Of what can go wrong outside each check tells by itself.
    const mend = 'This is a defect of doctor itself: tell its makers, with these words.';
    return [lineOf(check.name, bad(`it could not be checked: ${wordsOf(error)}`, mend))];
  }
}
