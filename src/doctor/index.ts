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

/** All checks after that of the configuration, each after those it depends on. */
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

/** Checks everything from outside and changes nothing. Calls `report` after each check. Throws the signal's reason. */
export async function diagnose(
  surroundings: Surroundings,
  asked: Asked,
  report: (lines: readonly Line[]) => void = () => {},
): Promise<Line[]> {
  const all: Line[] = [];
  const add = (lines: readonly Line[]) => {
    all.push(...lines);
    report(lines);
  };
  const { loaded, findings } = readConfiguration(surroundings.load);
  add(findings.map((finding) => lineOf('configuration', finding)));
  if (!loaded) {
    add(CHECKS.map(({ name }) => lineOf(name, skipped('the configuration does not load'))));
    return all;
  }
  const context = createContext(surroundings, loaded, asked);
  for (const check of CHECKS) {
    asked.signal.throwIfAborted();
    asked.progress?.(check.name);
    add(await linesOf(check, context));
  }
  return all;
}

async function linesOf(check: Check, context: Context): Promise<Line[]> {
  try {
    return await check.run(context);
  } catch (error) {
    context.signal.throwIfAborted();
    // Each check handles the failures of what it examines.
    const advice = 'This is a bug in doctor: please report it with this message.';
    return [lineOf(check.name, bad(`it could not be checked: ${wordsOf(error)}`, advice))];
  }
}
