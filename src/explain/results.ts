/** What a step may end in besides success, with the words of the step itself: it is asked in every condition of a server. */

import { match } from '../engine/verify/match.ts';
import type { ServerFacts } from '../incident/health.ts';
import type { Incident, StepRecord } from '../incident/incident.ts';
import { stepRecord } from '../incident/incident.ts';
import { unmetCondition } from '../incident/next.ts';
import type { Playbook } from '../incident/plan.ts';
import { arrive } from '../proof/exchange-state.ts';
import { followed } from '../proof/explore.ts';
import { linesOf } from '../proof/prove.ts';
import { sceneOf } from '../proof/scene.ts';
import { applied } from '../proof/state.ts';
import { stepNamed } from '../steps/index.ts';
import { EXAMPLE, type Ground } from './commands.ts';

export interface Result {
  is: 'skipped' | 'refused' | 'failed';
  /** An example. */
  says: string;
}

/** By line of the file, counted from 0. */
export async function resultsOn(
  playbook: Playbook,
  kind: ServerFacts,
  { catalog }: Ground,
): Promise<Map<number, Result[]>> {
  const facts = { ...kind, server: EXAMPLE.server };
  const { shell, initial } = sceneOf({ playbooks: [playbook], facts, retries: 0 });
  const lineOf = linesOf(playbook, facts);
  const byLine = new Map<number, Result[]>();
  const backEnds = facts.roles.includes('client-access') ? [undefined, EXAMPLE.mailboxServer] : [undefined];
  for (const backEnd of backEnds) {
    const verified = applied(initial.incident, {
      type: 'verified',
      data: {
        verdict: 'confirmed',
        reason: '',
        evidence: [],
        monitors: playbook.handles.map((monitor) => ({ ...monitor, verdict: 'confirmed' })),
        purpose: 'first',
        startedAt: 0,
        facts,
        ...(backEnd && { backEnd }),
      },
    });
    const incident = applied(verified, { type: 'matched', data: match(verified, [playbook], catalog) });
    for (const record of incident.steps) {
      if (record.step.when && unmetCondition(record.step.when, facts)) continue;
      const line = lineOf(record.step.n);
      byLine.set(line, [...(byLine.get(line) ?? []), ...(await resultsOf(incident, record))]);
    }
  }
  return byLine;

  async function resultsOf(incident: Incident, record: StepRecord): Promise<Result[]> {
    const { n, step } = record.step;
    const { exchange } = initial;
    const results: Result[] = [];
    for (const { answer } of await asked(() => shell.answers.begin(incident, record, exchange))) {
      if (answer?.begin === 'skip') results.push({ is: 'skipped', says: answer.says });
      if (answer?.begin === 'refuse') results.push({ is: 'refused', says: answer.says });
      if (answer?.begin !== 'start' || stepNamed(step).verifies) continue;
      const { change, note } = answer;
      const started = applied(incident, {
        type: 'stepStarted',
        data: { n, note, ...(change && { intent: change.intent }) },
      });
      const after = change ? { ...exchange, ...arrive(exchange, change.intent).changes } : exchange;
      for (const { answer: seen } of await asked(() =>
        shell.answers.poll(started, stepRecord(started, n), after, change !== undefined),
      )) {
        if (seen?.is === 'failed' || seen?.is === 'refused') results.push({ is: seen.is, says: seen.says });
      }
    }
    return results;
  }
}

/** The answers of a step are asynchronous: see StepAnswers. */
async function asked<T>(ask: () => readonly T[]): Promise<readonly T[]> {
  let answers: readonly T[] = [];
  await followed(
    {
      follow() {
        answers = ask();
        return [];
      },
    },
    undefined,
  );
  return answers;
}
