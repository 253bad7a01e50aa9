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
  /** How many are in force. */
  playbooks: number;
}

/** The configuration in force and what follows from it: all that can change while the daemon runs is read from here. */
export class InForce {
  config: Config;
  playbooks: Playbook[];
  /** The same object all the time. */
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

  /** Reads the files of the playbooks again. Throws every problem, and then the old ones stay. */
  reloadPlaybooks(): void {
    this.playbooks = this.#read(this.config);
  }

  /** What needs no restart of `next`: all of it or, throwing every problem, nothing. `takeCertificate` may throw too. */
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

/** What HTTP compares with: who, what they may, and by what they are known. */
function identitiesOf({ http }: Config): InForce['identities'] {
  return http.tokens.map(({ name, role, token = '', signingSecret = '' }) => ({
    name,
    role,
    tokens: secretsIn(token),
    signingSecrets: secretsIn(signingSecret),
  }));
}
