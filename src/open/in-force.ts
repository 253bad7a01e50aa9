import { hostname } from 'node:os';
import type { HttpOptions } from '../adapters/http/index.ts';
import type { Logger } from '../adapters/telemetry/index.ts';
import type { Config } from '../config/config.ts';
import { type Reload, reloaded } from '../config/reload.ts';
import { followSecrets } from '../config/secrets.ts';
import { secretsIn } from '../config/sections/http.ts';
import type { EngineSettings } from '../engine/parts.ts';
import { settingsOf } from '../engine/settings.ts';
import type { Playbook } from '../incident/plan.ts';
import { loadPlaybooks } from '../playbooks/read.ts';
import { STEPS } from '../steps/index.ts';
import type { Catalog } from '../verification/catalog.ts';

export interface Reloaded extends Omit<Reload, 'config'> {
  /** Number of playbooks in force. */
  playbooks: number;
}

/** The configuration in force, and everything derived from it that can change while the daemon runs. */
export class InForce {
  config: Config;
  playbooks: Playbook[];
  /** Always the same object, updated in place. */
  readonly settings: EngineSettings;
  identities: ReturnType<HttpOptions['identities']> = [];
  readonly #catalog: Catalog;
  readonly #logger: Logger;
  #endFollowing = () => {};

  constructor(config: Config, catalog: Catalog, logger: Logger) {
    this.#catalog = catalog;
    this.#logger = logger;
    this.config = config;
    this.playbooks = this.#read(config);
    this.settings = settingsOf(config, hostname());
    this.#followSecrets();
  }

  /** Reads the playbook files again. Throws every problem, and then the old playbooks stay. */
  reloadPlaybooks(): void {
    this.playbooks = this.#read(this.config);
  }

  /**
   * Applies the changes in `next` that need no restart: all or nothing. Throws every problem; `takeCertificate` may
   * throw too.
   */
  reload(next: Config, takeCertificate: () => void): Reloaded {
    const { config, changed, waiting } = reloaded(this.config, next);
    const playbooks = this.#read(config);
    takeCertificate();
    this.config = config;
    this.playbooks = playbooks;
    Object.assign(this.settings, settingsOf(config, hostname()));
    this.#logger.level = config.log.level;
    this.#followSecrets();
    return { playbooks: playbooks.length, changed, waiting };
  }

  stop(): void {
    this.#endFollowing();
  }

  #read({ playbooks: { directory }, safety: { services } }: Config): Playbook[] {
    return loadPlaybooks(directory, { steps: STEPS, services, catalog: this.#catalog });
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
