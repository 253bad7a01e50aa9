import { z } from 'zod';
import { type Instant, shortName } from '../../../incident/alert.ts';
import { problem, unknownName } from '../../world/problems.ts';
import type { Cause, Server, Trouble, World } from '../../world/world.ts';

/** A fault or disturbance that was posted, or is about to be. */
export interface Here<Options = Record<string, unknown>, On = Server | undefined> {
  world: World;
  server: On;
  trouble: Trouble;
  options: Options;
  now: Instant;
}

/** Causes, each with the server that it is on; `*` is every server. */
export type Causes = [server: string, cause: Cause][];

/**
 * Everything about one fault or disturbance. Adding one: an object in this folder, in the list of its file, and a row in
 * docs/lab.md. Disturbances have no causes: the commands of the port look for them by name.
 */
interface Definition<Options extends z.ZodObject, On> {
  name: string;
  /** What is wrong, as docs/lab.md says it. */
  description: string;
  /** What ends it, as docs/lab.md says it; not of disturbances. */
  endedBy?: string;
  options: Options;
  /** Throws `LabProblems` for options that the organisation does not allow. */
  check?(here: Here<z.output<Options>, On>): void;
  /** What makes probes fail, which monitors show it, and what cures it. Throws as `check` does. */
  causes?(here: Here<z.output<Options>, On>): Causes;
  /** What else it changes. */
  begin?(here: Here<z.output<Options>, On>): void;
  /** What happens at the time that it put on the agenda as `relapse`, `flap` or `over`. */
  turn?(here: Here<z.output<Options>, On>): void;
  /** How many milliseconds of its turns, from `at` on, leave nothing behind and need not happen one by one. */
  skip?(here: Here<z.output<Options>, On>, at: Instant): number;
  /** Takes back what `begin` did: on its server, or on each. */
  remove?(here: Here<z.output<Options>, Server>): void;
  /** Managed Availability has not tried to recover from it. */
  untried?: true;
  /** It is over when the responder that it started is. */
  endsWithResponder?: true;
}

export interface Fault extends Definition<z.ZodObject, Server | undefined> {
  needsServer: boolean;
}

/** A fault that is on one server. */
export function onServer<Options extends z.ZodObject>(fault: Definition<Options, Server>): Fault {
  return { ...fault, needsServer: true };
}

/** A fault that is on every server unless one is named. */
export function anywhere<Options extends z.ZodObject>(fault: Definition<Options, Server | undefined>): Fault {
  return { ...fault, needsServer: false };
}

export const MINUTE = 60_000;
export const text = z.string().min(1).max(200);
/** Options that nearly all take. */
export const common = {
  server: text.optional(),
  /** How often it applies; else until it is deleted. */
  times: z.int().min(1).max(1_000_000).optional(),
  /** It begins now and develops at the real pace, instead of standing as an established trouble. */
  onset: z.boolean().optional(),
};

export function findServer(world: World, name: string, pointer = '/server'): Server {
  const short = shortName(name);
  if (Object.hasOwn(world.servers, short)) return world.servers[short]!;
  return problem(pointer, unknownName('server', name, Object.keys(world.servers)));
}

export function imapServices(server: Server): string[] {
  return Object.values(server.services)
    .map((service) => service.name)
    .filter((name) => name.startsWith('MSExchangeIMAP4'));
}

export function rolesOf(server: Server): string {
  const unused = server.uses.imap ? '' : ', IMAP unused';
  return `its roles are ${server.roles.join(' and ')}${unused}`;
}
