import { randomUUID } from 'node:crypto';
import type { Instant } from '../incident/alert.ts';
import type { Recording } from '../recording/recording.ts';
import { catchUp } from './behaviour/schedule.ts';
import { deleteFault, postFault } from './behaviour/troubles.ts';
import { Keeper, type Kept, type Snapshot } from './keep.ts';
import { createCmdlets, type LabExchange } from './port/cmdlets.ts';
import { CommandLog, type LoggedCommand } from './port/command-log.ts';
import { Connection } from './port/connection.ts';
import type { RecordedCure } from './replay/parts.ts';
import { replay } from './replay/replay.ts';
import { type FaultView, type OrganisationView, viewFault, viewOrganisation } from './view.ts';
import { hash } from './world/chance.ts';
import { createLabClock, type LabClock } from './world/clock.ts';
import { checkOrganisation, type OrganisationFile, readOrganisation } from './world/organisation.ts';
import { buildWorld, type World } from './world/world.ts';

export interface LabOptions {
  /** Organisation milliseconds per real millisecond. */
  speed: number;
  /** Seed of all random decisions. */
  seed?: number;
  /** Default: the shipped organisation. */
  organisation?: OrganisationFile;
  /** Starts from a recording instead of an organisation file. */
  recording?: Recording;
  /** Cure of the monitors that were unhealthy in it. Default: restart of the service that they watch. */
  cure?: RecordedCure;
  /** Time advances only with `clock.advance` and the waits of the lab's own commands. */
  virtual?: boolean;
  realNow?: () => number;
  /** File for the world, so that the next process continues with it. */
  persist?: string;
  /** Called when that file can't be used or written, and when it can be again. */
  onTrouble?: (says: string) => void;
}

/** A simulated Exchange organisation. */
export interface Lab {
  /** Changes at each reset. */
  readonly id: string;
  readonly clock: LabClock;
  /** Differences from the recording: one sentence for each kind. */
  readonly notes: readonly string[];
  /** Why the file does not have the current world; undefined if it does. */
  readonly trouble: string | undefined;
  /** The Exchange port. `caller` is logged for read commands; changes contain their own caller. */
  exchange(caller?: string): LabExchange;
  organisation(): OrganisationView;
  /** Adds a fault; `body` as for POST /lab/v1/faults. Throws `LabProblems`. */
  post(body: unknown): FaultView;
  /** In the order of posting, including those that have ended. */
  faults(): FaultView[];
  fault(id: string): FaultView | undefined;
  /** Fixes what a fault broke and deletes it. False: there is none. */
  remove(id: string): boolean;
  /** The log of every command that reached the organisation. */
  commands(since?: { seq: number } | { at: Instant }): LoggedCommand[];
  /** Logs a command that did nothing, because its fence was checked outside the lab. */
  note(command: Omit<LoggedCommand, 'seq' | 'at'>): void;
  /** Starts a new organisation. Its time continues. */
  reset(): void;
  close(): void;
}

/** Throws `LabProblems` for an invalid organisation, and `Error` for a saved world that can be neither used nor renamed. */
export function createLab(options: LabOptions): Lab {
  if (!(options.speed > 0) || !Number.isFinite(options.speed)) {
    throw new Error(`The lab's speed must be a number above 0, not ${options.speed}.`);
  }
  const seed = options.seed ?? 1;
  const { planHash, notes, build } = originOf(options, seed);

  const keeper: Keeper | undefined = options.persist
    ? new Keeper(options.persist, () => snapshot(), options.onTrouble ?? (() => {}))
    : undefined;
  const loaded = keeper?.load((kept) => usable(kept, options.realNow));
  const before = loaded?.kept.plan === planHash ? loaded : undefined;

  let id = before?.kept.id ?? randomUUID();
  const clock = createLabClock({
    speed: options.speed,
    epoch: () => id,
    ...(options.virtual === undefined ? {} : { virtual: options.virtual }),
    ...(options.realNow ? { realNow: options.realNow } : {}),
    ...(before ? { resume: before.kept.clock } : {}),
  });
  let world: World = before?.kept.world ?? build(clock.now());
  const log = new CommandLog();
  if (loaded) log.restore(before?.commands ?? [], loaded.kept.lastSeq);
  log.onEntry = (entry) => keeper?.command(entry);

  function snapshot(): Snapshot {
    // A virtual clock is stopped while no process runs.
    const start = clock.virtual ? { ...clock.start, lab: clock.now(), speed: 0 } : clock.start;
    const kept = { version: 1 as const, id, plan: planHash, clock: start, lastSeq: log.last, world };
    return { kept, commands: () => log.since({ seq: 0 }) };
  }
  const state = {
    world: () => {
      if (catchUp(world, clock.now())) keeper?.soon();
      return world;
    },
    clock,
    log,
    changed: () => keeper?.now(),
  };
  const connection = new Connection(state);
  if (before) keeper?.now();
  else keeper?.startOver();

  return {
    get id() {
      return id;
    },
    clock,
    notes,
    get trouble() {
      return keeper?.trouble;
    },
    exchange: (caller = 'second-responder') => createCmdlets(state, connection, caller, () => id),
    organisation: () => viewOrganisation(state.world(), id, clock.now()),
    post(body) {
      const now = clock.now();
      const trouble = postFault(state.world(), body, now);
      keeper?.now();
      return viewFault(world, trouble);
    },
    faults: () => Object.values(state.world().troubles).map((trouble) => viewFault(world, trouble)),
    fault(wanted) {
      const { troubles } = state.world();
      return Object.hasOwn(troubles, wanted) ? viewFault(world, troubles[wanted]!) : undefined;
    },
    remove(wanted) {
      const removed = deleteFault(state.world(), wanted, clock.now());
      if (removed) keeper?.now();
      return removed;
    },
    commands: (since = { seq: 0 }) => {
      state.world();
      return log.since(since);
    },
    note(command) {
      state.world();
      log.add({ at: clock.now(), ...command });
    },
    reset() {
      id = randomUUID();
      world = build(clock.now());
      log.clear();
      keeper?.startOver();
    },
    close() {
      state.world();
      keeper?.close();
    },
  };
}

/** Throws for a world or clock that this version can't continue with; tries it on a copy. */
function usable({ id, world, clock, plan }: Kept, realNow = Date.now): void {
  if (![plan, ...Object.values(clock)].every(Number.isFinite)) throw new TypeError();
  const now = createLabClock({ speed: 1, epoch: () => id, resume: clock, realNow }).now();
  const copy = structuredClone(world);
  catchUp(copy, now);
  viewOrganisation(copy, id, now);
  for (const trouble of Object.values(copy.troubles)) viewFault(copy, trouble);
}

interface Origin {
  /** The same for the same origin: a saved world continues only with its own. */
  planHash: number;
  notes: string[];
  build(now: Instant): World;
}

function originOf({ organisation, recording, cure = 'restart-service' }: LabOptions, seed: number): Origin {
  if (recording && organisation) throw new Error('A lab starts from an organisation or a recording, not from both.');
  if (!recording) {
    const plan = organisation ? checkOrganisation(organisation) : readOrganisation();
    return {
      planHash: hash(JSON.stringify([plan, seed])),
      notes: [],
      build: (now) => buildWorld(plan, now, seed),
    };
  }
  const start = (now: Instant) => replay(recording, { now, seed, cure });
  return {
    planHash: hash(JSON.stringify([recording, seed, cure])),
    notes: start(recording.recordedAt).notes,
    build: (now) => start(now).world,
  };
}
