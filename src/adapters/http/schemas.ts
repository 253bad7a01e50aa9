/** The documented schemas of responses. A test validates responses against them. */
import { z } from 'zod';
import { OUTCOMES } from '../../incident/outcome.ts';
import { MODES } from '../../incident/plan.ts';
import { PHASES } from '../../incident/view.ts';

const instant = z.iso.datetime().describe('ISO 8601, UTC, on the clock of the Exchange organisation.');
const data = z.record(z.string(), z.unknown());

const Problem = z.object({
  pointer: z.string().describe('JSON pointer to the position; empty: the whole document.'),
  message: z.string(),
  endColumn: z.int().optional().describe('Of a file: the column after the wrong part.'),
  excerpt: z.string().optional().describe('Of a file: the line, and below it ^^^^ under the wrong part.'),
  story: z
    .array(z.string())
    .optional()
    .describe('The shortest path to the mistake that the proof of a playbook found, one sentence a step.'),
});

const ProblemDocument = z.object({
  type: z.string().describe('urn:second-responder:problem:<code>; docs/errors.md lists the codes.'),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  problems: z.array(Problem).describe('Every problem with its position.'),
});

const Accepted = z.object({
  accepted: z.int().describe('Alerts that are new.'),
  repeats: z.int().describe('Alerts that were already known.'),
  alerts: z
    .array(
      z.object({
        id: z.string(),
        repeat: z.boolean(),
        notes: z.array(z.string()).optional().describe('Fields that could not be read and were ignored.'),
      }),
    )
    .describe('In the order sent.'),
  refused: z.array(Problem).describe('Problems of the alerts that were refused.'),
  truncated: z.int().optional().describe('Number of alerts that the sender reported as left out.'),
});

const Alert = z.object({
  id: z.string(),
  source: z.string(),
  senderId: z.string(),
  status: z.enum(['firing', 'resolved']),
  server: z.string(),
  serverAsSent: z.string(),
  otherServers: z.array(z.string()).optional().describe('Other names of the server in the alert.'),
  namedByPath: z.boolean().optional().describe('The server is named only in a path.'),
  healthSet: z.string().optional(),
  monitor: z.string().optional(),
  targetResource: z.string().optional(),
  raisedAt: instant,
  receivedAt: instant,
  repeatCount: z.int().optional(),
  title: z.string().optional(),
  description: z.string().optional(),
  severity: z.string().optional(),
  inMaintenance: z.boolean().optional().describe('Maintenance mode of the server as reported by the sender.'),
  notes: z.array(z.string()).optional().describe('Fields that could not be read and were ignored.'),
});

const Preview = z.object({
  steps: z.array(z.object({ n: z.int(), says: z.string(), changes: z.boolean() })),
  atMost: z.number().optional().describe('Maximum duration in milliseconds; absent if unknown.'),
  disrupts: z.array(z.string()).describe('What users may notice.'),
  putBack: z.array(z.string()),
});

const verdict = z.enum(['confirmed', 'cleared', 'inconclusive']);

const Evidence = z.object({
  kind: z.enum(['health-row', 'probe', 'copies', 'service', 'note']),
  at: instant,
  server: z.string(),
  monitor: z.string().optional(),
  says: z.string(),
  sees: z.enum(['healthy', 'unhealthy', 'nothing']),
  detail: z.string().optional(),
  backEnd: z.string().optional(),
});

const Incident = z.object({
  id: z.string(),
  server: z.string(),
  healthSet: z.string(),
  family: z.string(),
  monitors: z.array(
    z.object({ healthSet: z.string(), monitor: z.string(), targetResource: z.string().optional(), verdict }),
  ),
  state: z.enum(['open', 'finished']),
  phase: z.enum(PHASES as [string, ...string[]]),
  outcome: z.enum(OUTCOMES as unknown as [string, ...string[]]).optional(),
  reason: z.string().optional(),
  openedAt: instant,
  finishedAt: instant.optional(),
  alerts: z.array(Alert).describe('The first and the last alerts; of many, the others are only counted.'),
  alertCount: z.int().describe('Number of alerts in all.'),
  verdict: verdict.optional(),
  evidence: z.array(Evidence),
  playbook: z.object({ name: z.string(), hash: z.string() }).optional(),
  steps: z.array(
    z.object({
      n: z.int(),
      step: z.string(),
      says: z.string(),
      state: z.enum(['pending', 'started', 'done', 'skipped', 'refused', 'notSent', 'failed']),
      startedAt: instant.optional(),
      finishedAt: instant.optional(),
      noted: z.looseObject({}).optional().describe('State found before the step began.'),
      result: z.looseObject({ says: z.string() }).optional(),
    }),
  ),
  waiting: z.object({ for: z.string(), reason: z.string(), until: instant.optional() }).optional(),
  approval: z
    .object({
      preview: Preview.optional(),
      approvers: z.int(),
      approvedBy: z.array(z.string()),
      role: z.enum(['operator', 'admin']).optional().describe('A step asks: who may approve.'),
    })
    .optional()
    .describe('While the incident waits for approval: the planned actions, and who has approved so far.'),
  owed: z.array(z.string()).describe('Outstanding undo actions.'),
  left: z.array(z.string()).describe('Changes that stay on purpose.'),
  checklist: z.array(z.string()).describe('What a person must do by hand, from the `checklist` steps reached.'),
  parent: z.string().optional(),
  children: z.array(z.string()),
  asked: z
    .object({ what: z.enum(['putBack', 'settle']), by: z.string(), note: z.string().optional() })
    .optional()
    .describe('The person and the request that opened this incident, instead of an alert.'),
});

const Incidents = z.object({
  incidents: z.array(Incident).describe('Newest first.'),
  next: z.string().optional().describe('Pass it as `cursor` to get the next page.'),
});

const JournalEntry = z.object({
  seq: z.int(),
  at: instant,
  worker: z.string(),
  type: z.string(),
  data,
  previous: z.string().describe('Hash of the previous entry; empty for the first.'),
});

const FeedEvent = z.object({ incident: z.string(), seq: z.int(), at: instant, type: z.string(), data });

const JournalCheck = z.object({
  ok: z.boolean(),
  entries: z.int().optional().describe('Number of entries, if all match.'),
  seq: z.int().optional().describe('The first entry that does not match.'),
  why: z.string().optional(),
});

const scope = z.object({
  playbook: z.string().optional(),
  server: z.string().optional(),
  group: z.string().optional(),
});

const Switch = z.object({ on: z.boolean(), scope, by: z.string(), reason: z.string(), since: instant });

const KillSwitch = z.object({
  on: z.boolean().describe('Whether any switch is on.'),
  switches: z.array(Switch).describe('The switches that are on.'),
  scope: scope
    .optional()
    .describe('Scope, person, reason and time of the switch for everything, else of the first that is on.'),
  by: z.string().optional(),
  reason: z.string().optional(),
  since: instant.optional(),
  warnings: z
    .array(z.string())
    .optional()
    .describe('After a change: unknown names in its scope, with the closest known name.'),
});

const Run = z.object({
  playbook: z.string(),
  hash: z.string(),
  incident: z.string(),
  server: z.string(),
  at: instant,
  outcome: z.string(),
  acted: z.boolean().describe('Whether it changed something.'),
  harmed: z.boolean().describe('Whether it left something worse.'),
});

const Playbook = z.object({
  name: z.string(),
  summary: z.string(),
  page: z.string().optional(),
  handles: z.array(z.string()),
  mode: z.enum(MODES as unknown as [string, ...string[]]).describe('The mode in force.'),
  hash: z.string(),
  file: z.string(),
  steps: z.array(z.object({ n: z.int(), step: z.string(), options: data, when: data.optional(), says: z.string() })),
  demoted: z
    .object({ from: z.enum(MODES as unknown as [string, ...string[]]), incidents: z.array(z.string()) })
    .optional()
    .describe('Original mode of a demoted playbook, and the failed incidents that caused it.'),
  runs: z.array(Run).describe('Newest first, at most 20.'),
  trusted: z
    .object({ by: z.string(), at: instant, note: z.string().optional() })
    .optional()
    .describe('When a person last restored its trust.'),
});

const Playbooks = z.object({ playbooks: z.array(Playbook) });

const mode = z.enum(MODES as unknown as [string, ...string[]]);
const texts = z.array(z.string());

const Explanation = z.object({
  playbook: z.string(),
  summary: z.string(),
  page: z.string().optional(),
  file: z.string(),
  hash: z.string(),
  mode: z.object({ written: mode, inForce: mode, says: z.string() }),
  treats: z.array(z.object({ monitor: z.string(), verifiedBy: z.string() })),
  servers: texts.describe('Kinds of server on which it runs.'),
  rules: texts.describe('How it proceeds in general.'),
  steps: z.array(
    z.object({
      n: z.int(),
      step: z.string(),
      does: z.string().describe('The step in a sentence.'),
      when: z.string().optional().describe('When it applies; absent: always.'),
      changes: z.boolean(),
      verifies: z.boolean(),
      from: z.string().optional().describe('The step of the published page, or that the page does not have it.'),
      note: z.string().optional().describe('The comment about it in the file.'),
      results: texts.describe('What each result leads to.'),
      disrupts: z.string().optional().describe('What users may notice.'),
      atMost: z.number().optional().describe('Longest duration in milliseconds.'),
      commands: z
        .array(
          z.object({
            on: texts.describe('Kinds of server; empty: every kind.'),
            reads: texts,
            changes: texts,
            polls: texts.describe('Reads of the result.'),
            skipped: z.string().optional(),
            stops: z.string().optional().describe('Why nothing follows on these servers.'),
          }),
        )
        .describe('PowerShell, once for each kind of server that gets something else.'),
    }),
  ),
  guards: z.array(z.object({ guard: z.string(), requires: z.string() })),
  putBack: z.array(z.object({ step: z.int(), when: z.string(), what: z.string(), commands: texts })),
  mayStay: texts.describe('What may still be changed at its end.'),
  worst: z.object({
    time: z.number().describe('Milliseconds.'),
    serviceRestarts: z.int(),
    serverRestarts: z.int(),
    says: z.string(),
  }),
  problems: texts.describe('Why its proof fails.'),
  elsewhere: z
    .array(z.object({ page: z.string(), note: z.string() }))
    .describe('Steps of the page that are no step here.'),
  example: z.object({ server: z.string(), mailboxServer: z.string() }).describe('The names in the commands.'),
  flow: z.object({ svg: z.string(), mermaid: z.string() }),
});

const Debt = z.object({
  debt: z.looseObject({ id: z.string(), kind: z.string(), server: z.string(), setting: z.string(), says: z.string() }),
  incident: z.string(),
  world: z.string(),
  at: instant,
});

const Undo = z.object({ undo: z.array(Debt) });

const Readiness = z.object({
  ready: z.boolean(),
  parts: z.array(
    z.object({ part: z.enum(['store', 'queue', 'exchange', 'playbooks']), ok: z.boolean(), says: z.string() }),
  ),
});

const Alive = z.object({ alive: z.literal(true), version: z.string() });

const Links = z.object({ name: z.string(), version: z.string(), links: z.record(z.string(), z.string()) });

const WhatIf = z.object({
  server: z.string(),
  joins: z.string().optional().describe('The open incident that the alert would join.'),
  verification: z.object({ verdict, reason: z.string(), evidence: z.array(Evidence) }),
  playbook: z.object({ name: z.string(), hash: z.string(), mode: z.enum(MODES as [string, ...string[]]) }).optional(),
  steps: z.array(
    z.object({
      n: z.int(),
      says: z.string(),
      changes: z.boolean(),
      would: z.enum(['run', 'skip', 'wait', 'ask', 'refuse', 'not-reached']),
      why: z.string().optional(),
      command: z.object({ command: z.string(), server: z.string(), arguments: data }).optional(),
      guards: z
        .array(
          z.looseObject({
            guard: z.string(),
            answer: z.enum(['allow', 'wait', 'refuse', 'verify']),
            reason: z.string().optional(),
            says: z.string().optional(),
          }),
        )
        .optional()
        .describe('The answers of all guards, as if the steps before had done what they should.'),
    }),
  ),
  says: z.string().describe('The answer in one or two sentences.'),
});

export const SCHEMAS = {
  Accepted,
  Alive,
  Explanation,
  FeedEvent,
  Incident,
  Incidents,
  Journal: z.array(JournalEntry),
  JournalCheck,
  KillSwitch,
  Links,
  WhatIf,
  OpenApi: z.looseObject({ openapi: z.string() }),
  Playbook,
  Playbooks,
  Problem: ProblemDocument,
  Readiness,
  Undo,
};

export type SchemaName = keyof typeof SCHEMAS;
