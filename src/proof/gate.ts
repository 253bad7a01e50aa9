/** Which playbooks may come into force: those that are proved. A proof is done once, and its result is kept. */
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Problem } from '../config/problems.ts';
import type { Playbook } from '../incident/plan.ts';
import { readSmall, writeWhole } from '../lib/files.ts';
import { canonicalJson } from '../playbooks/hash.ts';
import type { Cost } from './explore.ts';
import { modeOf, overLimits, type ProofSettings, prove } from './prove.ts';
import { SHIPPED } from './shipped.ts';

const cost = z.strictObject({
  time: z.number().nonnegative(),
  serviceRestarts: z.int().nonnegative(),
  serverRestarts: z.int().nonnegative(),
});
/** Only proofs without a problem are kept. What another version of the program proved is worth nothing. */
const keptProofs = z.strictObject({
  program: z.string(),
  worst: z.record(z.string().regex(/^[0-9a-f]{64}$/), cost),
});

/** Everything that a proof depends on, apart from the program and the limits. */
export function proofKey(playbook: Playbook, settings: ProofSettings): string {
  const { name, handles, steps } = playbook;
  const { verifyingAgain, watchAfterUndo } = settings;
  const meaning = { name, handles, steps, mode: modeOf(playbook, settings), verifyingAgain, watchAfterUndo };
  return createHash('sha256').update(canonicalJson(meaning)).digest('hex');
}

export class Gate {
  readonly #directory: string | undefined;
  #kept: Map<string, Cost> | undefined;
  /** What `keep` would store, if it differs from what is stored. */
  #unsaved: Map<string, Cost> | undefined;

  /** `directory`: where proofs are kept; without one, each gate does its own. */
  constructor(directory?: string) {
    this.#directory = directory;
  }

  /** The problems of the playbooks that fail, by their names. */
  async failures(playbooks: readonly Playbook[], settings: ProofSettings): Promise<Map<string, Problem[]>> {
    const failures = new Map<string, Problem[]>();
    const proved = new Map<string, Cost>();
    let isNew = false;
    for (const playbook of playbooks) {
      const key = proofKey(playbook, settings);
      const known = shipped.get(key) ?? this.#known().get(key);
      if (known && overLimits(playbook.name, known, settings).length === 0) {
        if (!shipped.has(key)) proved.set(key, known);
        continue;
      }
      const { problems, worst } = await prove(playbook, settings);
      if (problems.length > 0) failures.set(playbook.name, problems);
      else proved.set(key, worst);
      isNew ||= problems.length === 0;
    }
    if (isNew) {
      this.#kept = proved;
      this.#unsaved = proved;
    }
    return failures;
  }

  /** Stores new proofs for the next start. Throws the system's error. */
  keep(): void {
    if (this.#directory === undefined || this.#unsaved === undefined) return;
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const proofs = { program: programHash(), worst: Object.fromEntries(this.#unsaved) };
    writeWhole(fileIn(this.#directory), `${JSON.stringify(proofs)}\n`, { flush: false });
    this.#unsaved = undefined;
  }

  #known(): Map<string, Cost> {
    this.#kept ??= this.#directory === undefined ? new Map() : readKept(fileIn(this.#directory));
    return this.#kept;
  }
}

const shipped: ReadonlyMap<string, Cost> = new Map(
  SHIPPED.map(([key, [time, serviceRestarts, serverRestarts]]) => [key, { time, serviceRestarts, serverRestarts }]),
);

const fileIn = (directory: string) => join(directory, 'proofs.json');

/** What cannot be read, is not in order, or could have been written by another user is as good as absent. */
function readKept(file: string): Map<string, Cost> {
  try {
    const text = readSmall(file);
    if (text === undefined || isOpenToOthers(file)) return new Map();
    const { program, worst } = keptProofs.parse(JSON.parse(text));
    return new Map(program === programHash() ? Object.entries(worst) : []);
  } catch {
    return new Map();
  }
}

/** Windows has no such modes: there, the permissions of the folder decide. */
function isOpenToOthers(file: string): boolean {
  if (!process.getuid) return false;
  const { uid, mode } = lstatSync(file);
  return uid !== process.getuid() || (mode & 0o022) !== 0;
}

/** The SHA-256 of the program's own code: any change of it makes earlier proofs worthless. */
function programHash(): string {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => /\.[jt]s$/.test(file));
  const hash = createHash('sha256');
  for (const file of files.sort()) hash.update(`${file}\0`).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}
