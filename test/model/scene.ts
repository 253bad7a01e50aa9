/** Where a search begins: a scene of the proof, with two workers and what may go wrong. */
import { type Scene as ProofScene, sceneOf as proofSceneOf } from '../../src/proof/scene.ts';
import type { Shell } from '../../src/proof/shell.ts';
import { facts } from '../support/stub.ts';
import { REST, type State } from './state.ts';

export interface Scene extends Omit<ProofScene, 'facts'> {
  /** `mbx1` has the mailbox role, `cas1` client access, `ex1` both. */
  server: string;
  left?: Partial<State['left']>;
}

export function sceneOf({ server, left, ...scene }: Scene): { shell: Shell; initial: State } {
  const own = facts(server, server.startsWith('cas') ? {} : { dag: 'dag1' });
  const { shell, initial } = proofSceneOf({ ...scene, facts: own });
  const { incident, exchange, found, seen } = initial;
  return {
    shell,
    initial: {
      incident,
      exchange: { ...exchange, flying: [], effects: {} },
      found,
      seen,
      workers: [REST, REST],
      lease: 0,
      left: { crashes: 1, takeovers: 1, news: 1, cancels: 1, ...left },
    },
  };
}
