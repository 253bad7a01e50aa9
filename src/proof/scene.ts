/** Where a search begins: an alert about one server, the playbooks there are, and what may go wrong. */
import type { Opened } from '../incident/event.ts';
import { fold } from '../incident/fold.ts';
import type { MonitorRef, ServerFacts, VerifyResult } from '../incident/health.ts';
import { unmetCondition } from '../incident/next.ts';
import type { Playbook } from '../incident/plan.ts';
import { stepNamed } from '../steps/index.ts';
import { StepAnswers } from './answers.ts';
import type { Shell } from './shell.ts';
import { entryOf, type Found, NOTHING_SEEN, type State } from './state.ts';

export interface Scene {
  playbooks: readonly Playbook[];
  facts: ServerFacts;
  mode?: Shell['mode'];
  mayCancel?: boolean;
  /** What others had turned on before. */
  found?: Partial<Found>;
  opened?: Partial<Opened>;
  /** Verifications after an inconclusive one; tries of a command, and of an undo. */
  retries?: number;
  sendings?: number;
  tries?: number;
}

/** The servers that Exchange organisations have, as far as conditions and steps can tell them apart. */
export const SERVERS: readonly (ServerFacts & { is: string })[] = [
  server('mbx1', ['mailbox'], '15.0', 'dag1', 'a mailbox server (2013)'),
  server('mbx1', ['mailbox'], '15.0', undefined, 'a mailbox server (2013) without a database availability group'),
  server('cas1', ['client-access'], '15.0', undefined, 'a client access server (2013)'),
  server('ex1', ['client-access', 'mailbox'], '15.0', 'dag1', 'a server with both roles (2013)'),
  server('ex1', ['client-access', 'mailbox'], '15.1', 'dag1', 'an Exchange 2016 server'),
  server('ex1', ['client-access', 'mailbox'], '15.2', 'dag1', 'an Exchange 2019 server'),
  server(
    'ex1',
    ['client-access', 'mailbox'],
    '15.2',
    undefined,
    'an Exchange 2019 server without a database availability group',
  ),
];

function server(name: string, roles: ServerFacts['roles'], version: string, dag: string | undefined, is: string) {
  return { server: name, fqdn: name, roles, version, site: 's', organisation: 'o', ...(dag && { dag }), is };
}

/** The servers on which a playbook runs in different ways: one of each. */
export function serversFor({ steps }: Playbook): typeof SERVERS {
  const kinds = new Map(
    SERVERS.toReversed().map((facts) => {
      const planned = steps.map(({ step, options, when }) => {
        const applies = !when || unmetCondition(when, facts) === undefined;
        return applies && (stepNamed(step).expand?.(options, facts) ?? true);
      });
      return [JSON.stringify([facts.roles.includes('mailbox'), planned]), facts];
    }),
  );
  return [...kinds.values()].toReversed();
}

export function sceneOf(scene: Scene): { shell: Shell; initial: State } {
  const { playbooks, facts, mode = 'auto', found, opened, retries = 1, sendings = 2, tries = 1 } = scene;
  const incident = fold([
    entryOf({ type: 'opened', data: { id: 'i', server: facts.server, family: 'IMAP', ...opened } }),
  ]);
  const isOn = { activation: false, 'imap-protocol-log': false, ...found };
  return {
    shell: {
      playbooks,
      facts,
      verifications: verificationsOf(playbooks),
      answers: new StepAnswers(retries),
      settings: { retries, retryEvery: 1, watchAfterUndo: 1, evidenceMaxAge: 1 },
      mode,
      sendings,
      tries,
    },
    initial: {
      incident,
      exchange: {
        starts: {},
        boots: 0,
        scripts: {},
        blocked: isOn.activation,
        log: isOn['imap-protocol-log'],
        active: facts.roles.includes('mailbox'),
      },
      found: isOn,
      seen: NOTHING_SEEN,
      mayCancel: scene.mayCancel ?? false,
    },
  };
}

/** Unhealthy too, and handled by no playbook. */
const OTHER: MonitorRef = { healthSet: 'IMAP', monitor: 'OtherMonitor' };

function verificationsOf(playbooks: readonly Playbook[]): VerifyResult[] {
  const result = (
    verdict: VerifyResult['verdict'],
    unhealthy: MonitorRef[],
    more: Partial<VerifyResult> = {},
  ): VerifyResult => {
    const monitors = unhealthy.map((monitor) => ({ ...monitor, verdict: 'confirmed' as const }));
    return { verdict, reason: verdict, monitors, evidence: [], ...more };
  };
  const confirmed = playbooks.map(({ handles }) => result('confirmed', handles.slice(0, 1)));
  const actsBehind = playbooks.some(({ steps }) =>
    steps.some(({ step, options }) => step === 'remediate' || options.on === 'back-end'),
  );
  return [
    result('cleared', []),
    result('inconclusive', []),
    result('inconclusive', [], { hopeless: true }),
    result('confirmed', [OTHER]),
    ...confirmed,
    ...(actsBehind ? confirmed.map((one) => ({ ...one, backEnd: 'mbx2' })) : []),
  ];
}
