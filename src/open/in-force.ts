import { hostname } from 'node:os';
import type { HttpOptions } from '../adapters/http/index.ts';
import type { Logger } from '../adapters/telemetry/index.ts';
import type { Config } from '../config/config.ts';
import { ConfigError, formatProblem, type Problem, problemLine } from '../config/problems.ts';
import { type Reload, reloaded } from '../config/reload.ts';
import { followSecrets } from '../config/secrets.ts';
import { secretsIn } from '../config/sections/http.ts';
import type { EngineSettings } from '../engine/parts.ts';
import { settingsOf } from '../engine/settings.ts';
import type { Playbook } from '../incident/plan.ts';
import { languageOf, loadLibrary } from '../playbooks/read.ts';
import { Gate } from '../proof/gate.ts';
import { proofSettings } from '../proof/prove.ts';
import { STEPS } from '../steps/index.ts';
import type { Catalog } from '../verification/catalog.ts';

export interface Reloaded extends Omit<Reload, 'config'> {
  /** Number of playbooks in force. */
  playbooks: number;
}

interface Admitted {
  playbooks: Playbook[];
  /** Only with `playbooks.proof: warn`. */
  failures: Map<string, Problem[]>;
}

/** The configuration in force, and everything derived from it that can change while the daemon runs. */
export class InForce {
  config: Config;
  playbooks: Playbook[] = [];
  /** Names of the playbooks that are in force although their proof fails. */
  unproved: string[] = [];
  /** Always the same object, updated in place. */
  readonly settings: EngineSettings;
  identities: ReturnType<HttpOptions['identities']> = [];
  readonly #catalog: Catalog;
  readonly #logger: Logger;
  readonly #gate: Gate;
  #turn: Promise<unknown> = Promise.resolve();
  #stopped = false;
  #endFollowing = () => {};

  /** `keep`: the folder where proofs are kept. */
  static async open(config: Config, catalog: Catalog, logger: Logger, keep?: string): Promise<InForce> {
    const inForce = new InForce(config, catalog, logger, new Gate(keep));
    inForce.#use(await inForce.#admitted(config));
    inForce.#followSecrets();
    return inForce;
  }

  private constructor(config: Config, catalog: Catalog, logger: Logger, gate: Gate) {
    this.#catalog = catalog;
    this.#logger = logger;
    this.#gate = gate;
    this.config = config;
    this.settings = settingsOf(config, hostname());
  }

  /** Reads and proves the playbook files again. Throws every problem, and then the old playbooks stay. */
  reloadPlaybooks(): Promise<void> {
    return this.#inTurn(async () => {
      this.#use(await this.#admitted(this.config));
      this.keepProofs();
    });
  }

  /**
   * Applies the changes in `next` that need no restart: all or nothing. Throws every problem; `takeCertificate` may
   * throw too.
   */
  reload(next: Config, takeCertificate: () => void): Promise<Reloaded> {
    return this.#inTurn(async () => {
      const { config, changed, waiting } = reloaded(this.config, next);
      const admitted = await this.#admitted(config);
      takeCertificate();
      this.config = config;
      this.#use(admitted);
      Object.assign(this.settings, settingsOf(config, hostname()));
      this.#logger.level = config.log.level;
      this.#followSecrets();
      this.keepProofs();
      return { playbooks: this.playbooks.length, changed, waiting };
    });
  }

  /** Stores what was proved, once the folder is this daemon's to write. Without it, the next start proves again. */
  keepProofs(): void {
    try {
      this.#gate.keep();
    } catch (error) {
      this.#logger.info('Failed to store the proofs of playbooks; the next start takes longer', {
        error: String(error),
      });
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#endFollowing();
  }

  /** One reload after another: each sees the result of the one before. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {}); // its caller gets the error
    return done;
  }

  /** The playbooks of the files, if they may come into force. Throws every problem. */
  async #admitted(config: Config): Promise<Admitted> {
    const { directory, proof } = config.playbooks;
    const { playbooks: read, warnings } = loadLibrary(directory, languageOf(config, STEPS, this.#catalog));
    for (const warning of warnings) this.#logger.warn(problemLine(warning));
    const failures = await this.#gate.failures(read, proofSettings(config));
    if (this.#stopped) throw new Error('the daemon is stopping');
    if (proof === 'required' && failures.size > 0) throw new ConfigError([...failures.values()].flat());
    return { playbooks: read, failures };
  }

  #use({ playbooks, failures }: Admitted): void {
    this.playbooks = playbooks;
    this.unproved = [...failures.keys()];
    for (const problem of [...failures.values()].flat()) {
      this.#logger.warn(`In force although its proof fails (playbooks.proof: warn): ${formatProblem(problem)}`);
    }
  }

  #followSecrets(): void {
    const { config } = this;
    this.#endFollowing();
    this.identities = identitiesOf(config);
    this.#endFollowing = followSecrets(config, {
      trouble: (says) => this.#logger.warn(says),
      changed: (says) => {
        this.identities = identitiesOf(config);
        this.#logger.info(says);
      },
    });
  }
}

/** The tokens and signing secrets that HTTP accepts, with their names and roles. */
function identitiesOf({ http }: Config): InForce['identities'] {
  return http.tokens.map(({ name, role, token = '', signingSecret = '' }) => ({
    name,
    role,
    tokens: secretsIn(token),
    signingSecrets: secretsIn(signingSecret),
  }));
}
