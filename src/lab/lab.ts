import { randomUUID } from 'node:crypto';
import type { Instant } from '../incident/alert.ts';
import type { Recording } from '../recording/recording.ts';
import { catchUp } from './behaviour/happenings.ts';
import { deleteFault, postFault } from './behaviour/troubles.ts';
import { Keeper, type Kept, type Snapshot } from './keep.ts';
import { createCmdlets, type LabExchange } from './port/cmdlets.ts';
import { CommandLog, type LoggedCommand } from './port/command-log.ts';
import { Telephone } from './port/telephone.ts';
import type { RecordedCure } from './replay/parts.ts';
import { replay } from './replay/replay.ts';
import { type FaultView, type OrganisationView, viewFault, viewOrganisation } from './view.ts';
import { hash } from './world/chance.ts';
import { createLabClock, type LabClock } from './world/clock.ts';
import { checkOrganisation, type OrganisationFile, readOrganisation } from './world/organisation.ts';
import { buildWorld, type World } from './world/world.ts';

export interface LabOptions {
  /** Organisation milliseconds in one real millisecond. */
  speed: number;
  /** Decides what is random. */
  seed?: number;
  /** The shipped organisation by default. */
  organisation?: OrganisationFile;
  /** Begins with what was recorded of an organisation, instead of a described one. */
  recording?: Recording;
  /** What cures the monitors that were unhealthy in it: by default a restart of the service they watch. */
  cure?: RecordedCure;
  /** Time moves only by `clock.advance`, and by the waits of the lab's own commands. */
  virtual?: boolean;
  realNow?: () => number;
  /** A file that keeps the world, so that the next process goes on with it. */
  persist?: string;
  /** Told when that file can't be used or written, and when it can again. */
  onTrouble?: (says: string) => void;
}

/** A simulated Exchange organisation. */
export interface Lab {
  /** Changes at each reset. */
  readonly id: string;
  readonly clock: LabClock;
  /** What of a recording is otherwise here: a sentence for each kind. */
  readonly notes: readonly string[];
  /** Why the kept file is behind the world; undefined when it is not. */
  readonly trouble: string | undefined;
  /** The Exchange port. `caller` signs the commands that only read; a change says itself who asks. */
  exchange(caller?: string): LabExchange;
  organisation(): OrganisationView;
  /** Breaks something; `body` as for POST /lab/v1/faults. Throws `LabProblems`. */
  post(body: unknown): FaultView;
  /** In the order of posting, those that are over included. */
  faults(): FaultView[];
  fault(id: string): FaultView | undefined;
  /** Mends what a fault broke, and forgets it. False: there is none. */
  remove(id: string): boolean;
  /** The log of every command that reached the organisation. */
  commands(since?: { seq: number } | { at: Instant }): LoggedCommand[];
  /** Logs a command whose fence was compared outside: it reached a server, and nothing was done. */
  note(command: Omit<LoggedCommand, 'seq' | 'at'>): void;
  /** A new organisation, as at the start. Its time goes on. */
  reset(): void;
  close(): void;
}

/** Throws `LabProblems` for a bad organisation, and `Error` for a kept world that can neither be used nor set aside. */
export function createLab(options: LabOptions): Lab {
  if (!(options.speed > 0) || !Number.isFinite(options.speed)) {
    throw new Error(`The lab's speed must be a number above 0, not ${options.speed}.`);
  }
  const seed = options.seed ?? 1;
  const { planHash, notes, build } = beginning(options, seed);

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
    // A virtual clock stands still while nobody looks.
    const start = clock.virtual ? { ...clock.start, lab: clock.now(), speed: 0 } : clock.start;
    const kept = { version: 1 as const, id, plan: planHash, clock: start, lastSeq: log.last, world };
    return { kept, commands: () => log.since({ seq: 0 }) };
  }
  const line = {
    world: () => {
      if (catchUp(world, clock.now())) keeper?.soon();
      return world;
    },
    clock,
    log,
    changed: () => keeper?.now(),
  };
  const telephone = new Telephone(line);
  if (before) keeper?.now();
  else keeper?.startAnew();

  return {
    get id() {
      return id;
    },
    clock,
    notes,
    get trouble() {
      return keeper?.trouble;
    },
    exchange: (caller = 'second-responder') => createCmdlets(line, telephone, caller, () => id),
    organisation: () => viewOrganisation(line.world(), id, clock.now()),
    post(body) {
      const now = clock.now();
      const trouble = postFault(line.world(), body, now);
      keeper?.now();
      return viewFault(world, trouble);
    },
    faults: () => Object.values(line.world().troubles).map((trouble) => viewFault(world, trouble)),
    fault(wanted) {
      const { troubles } = line.world();
      return Object.hasOwn(troubles, wanted) ? viewFault(world, troubles[wanted]!) : undefined;
    },
    remove(wanted) {
      const removed = deleteFault(line.world(), wanted, clock.now());
      if (removed) keeper?.now();
      return removed;
    },
    commands: (since = { seq: 0 }) => {
      line.world();
      return log.since(since);
    },
    note(command) {
      line.world();
      log.add({ at: clock.now(), ...command });
    },
    reset() {
      id = randomUUID();
      world = build(clock.now());
      log.clear();
      keeper?.startAnew();
    },
    close() {
      line.world();
      keeper?.close();
    },
  };
}

/** Throws for a world or a clock that this version can't go on with: it is tried on a copy. */
function usable({ id, world, clock, plan }: Kept, realNow = Date.now): void {
  if (![plan, ...Object.values(clock)].every(Number.isFinite)) throw new TypeError();
  const now = createLabClock({ speed: 1, epoch: () => id, resume: clock, realNow }).now();
  const copy = structuredClone(world);
  catchUp(copy, now);
  viewOrganisation(copy, id, now);
  for (const trouble of Object.values(copy.troubles)) viewFault(copy, trouble);
}

interface Beginning {
  /** The same for the same beginning: a kept world goes on only with its own. */
  planHash: number;
  notes: string[];
  build(now: Instant): World;
}

function beginning({ organisation, recording, cure = 'restart-service' }: LabOptions, seed: number): Beginning {
  if (recording && organisation) throw new Error('A lab starts from an organisation or a recording, not from both.');
  if (!recording) {
    const plan = organisation ? checkOrganisation(organisation) : readOrganisation();
    return {
      planHash: hash(JSON.stringify([plan, seed])),
      notes: [],
      build: (now) => buildWorld(plan, now, seed),
    };
  }
  const begin = (now: Instant) => replay(recording, { now, seed, cure });
  return {
    planHash: hash(JSON.stringify([recording, seed, cure])),
    notes: begin(recording.recordedAt).notes,
    build: (now) => begin(now).world,
  };
}
