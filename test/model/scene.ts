/** Where a search begins: an alert about one server, the playbooks there are, and what may go wrong. */
import type { Opened } from '../../src/incident/event.ts';
import { fold } from '../../src/incident/fold.ts';
import type { MonitorRef, ServerFacts, VerifyResult } from '../../src/incident/health.ts';
import type { Playbook } from '../../src/incident/plan.ts';
import { facts } from '../support/stub.ts';
import { Steps } from './ask.ts';
import { entryOf } from './follow.ts';
import type { Shell } from './shell.ts';
import { REST, type State } from './state.ts';

export interface Scene {
  playbooks: readonly Playbook[];
  /** `mbx1` has the mailbox role, `cas1` client access, `ex1` both. */
  server: string;
  mode?: 'auto' | 'approve';
  left?: Partial<State['left']>;
  /** What somebody else had set before. */
  found?: Partial<State['found']>;
  opened?: Partial<Opened>;
  /** Further looks when one saw nothing; tries of a command, and of an undo. */
  looks?: number;
  sendings?: number;
  tries?: number;
}

/** Unhealthy too, and handled by no playbook. */
const OTHER: MonitorRef = { healthSet: 'IMAP', monitor: 'OtherMonitor' };

export function sceneOf(scene: Scene): { shell: Shell; initial: State } {
  const { playbooks, server, mode = 'auto', left, found, opened, looks = 1, sendings = 2, tries = 1 } = scene;
  const own: ServerFacts = facts(server, server.startsWith('cas') ? {} : { dag: 'dag1' });
  const incident = fold([entryOf({ type: 'opened', data: { id: 'i', server, family: 'IMAP', ...opened } })]);
  const isOn = { activation: false, 'imap-protocol-log': false, ...found };
  return {
    shell: {
      playbooks,
      facts: own,
      looks: looksAt(playbooks),
      steps: new Steps(looks),
      settings: { retries: looks, retryEvery: 1, watchAfterUndo: 1, evidenceMaxAge: 1 },
      mode,
      sendings,
      tries,
    },
    initial: {
      incident,
      world: {
        starts: {},
        boots: 0,
        blocked: isOn.activation,
        log: isOn['imap-protocol-log'],
        active: own.roles.includes('mailbox'),
        flying: [],
        effects: {},
      },
      workers: [REST, REST],
      lease: 0,
      found: isOn,
      seen: false,
      left: { crashes: 1, takeovers: 1, news: 1, cancels: 1, ...left },
    },
  };
}

function looksAt(playbooks: readonly Playbook[]): VerifyResult[] {
  const look = (
    verdict: VerifyResult['verdict'],
    sick: MonitorRef[],
    more: Partial<VerifyResult> = {},
  ): VerifyResult => {
    const monitors = sick.map((monitor) => ({ ...monitor, verdict: 'confirmed' as const }));
    return { verdict, reason: verdict, monitors, evidence: [], ...more };
  };
  const confirmed = playbooks.map(({ handles }) => look('confirmed', handles.slice(0, 1)));
  const looksBehind = playbooks.some(({ steps }) =>
    steps.some(({ step, options }) => step === 'remediate' || options.on === 'back-end'),
  );
  return [
    look('cleared', []),
    look('inconclusive', []),
    look('inconclusive', [], { hopeless: true }),
    look('confirmed', [OTHER]),
    ...confirmed,
    ...(looksBehind ? confirmed.map((one) => ({ ...one, backEnd: 'mbx2' })) : []),
  ];
}
