import { z } from 'zod';
import { type Instant, shortName } from '../../../incident/alert.ts';
import { problem, unknownName } from '../../world/problems.ts';
import type { Cause, Server, Trouble, World } from '../../world/world.ts';

/** A fault or disturbance that is being posted or was posted. */
export interface FaultContext<Options = Record<string, unknown>, On = Server | undefined> {
  world: World;
  server: On;
  trouble: Trouble;
  options: Options;
  now: Instant;
}

/** Causes with their servers; `*` is every server. */
export type Causes = [server: string, cause: Cause][];

/**
 * One fault or disturbance. To add one, add an object to a list in this folder and a row to docs/lab.md. Disturbances
 * have no causes: the commands of the port find them by name.
 */
interface Definition<Options extends z.ZodObject, On> {
  name: string;
  /** What is wrong, as in docs/lab.md. */
  description: string;
  /** What ends it, as in docs/lab.md; absent for disturbances. */
  endedBy?: string;
  options: Options;
  /** Throws `LabProblems` for options that the organisation does not allow. */
  check?(here: FaultContext<z.output<Options>, On>): void;
  /** The causes of failing probes, with their monitors and cures. Throws like `check`. */
  causes?(here: FaultContext<z.output<Options>, On>): Causes;
  /** Other changes at the start. */
  begin?(here: FaultContext<z.output<Options>, On>): void;
  /** Runs the event that it scheduled as `relapse`, `flap` or `over`. */
  turn?(here: FaultContext<z.output<Options>, On>): void;
  /** Milliseconds from `at` whose turns have no lasting effect and can be skipped. */
  skip?(here: FaultContext<z.output<Options>, On>, at: Instant): number;
  /** Reverts `begin`, on its server or on every server. */
  remove?(here: FaultContext<z.output<Options>, Server>): void;
  /** Managed Availability has not tried to recover from it. */
  untried?: true;
  /** Ends together with the responder that it started. */
  endsWithResponder?: true;
}

export interface Fault extends Definition<z.ZodObject, Server | undefined> {
  needsServer: boolean;
}

/** A fault of one server. */
export function onServer<Options extends z.ZodObject>(fault: Definition<Options, Server>): Fault {
  return { ...fault, needsServer: true };
}

/** A fault of every server, unless one is named. */
export function anywhere<Options extends z.ZodObject>(fault: Definition<Options, Server | undefined>): Fault {
  return { ...fault, needsServer: false };
}

export const MINUTE = 60_000;
export const text = z.string().min(1).max(200);
/** Options of nearly all faults. */
export const common = {
  server: text.optional(),
  /** How often it applies. Default: until it is deleted. */
  times: z.int().min(1).max(1_000_000).optional(),
  /** Starts now and develops at its real pace, instead of being established already. */
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
