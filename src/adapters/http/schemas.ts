/** The shapes that the API answers with, as they are documented. A test holds answers against them. */
import { z } from 'zod';
import { OUTCOMES } from '../../incident/outcome.ts';
import { MODES } from '../../incident/plan.ts';
import { PHASES } from '../../incident/view.ts';

const instant = z.iso.datetime().describe('ISO 8601, UTC, on the clock of the Exchange organisation.');
const data = z.record(z.string(), z.unknown());

const Problem = z.object({
  pointer: z.string().describe('JSON pointer to the place; empty: the whole.'),
  message: z.string(),
});

const ProblemDocument = z.object({
  type: z.string().describe('urn:second-responder:problem:<code>; docs/errors.md lists the codes.'),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  problems: z.array(Problem).describe('Every problem, each with its place.'),
});

const Accepted = z.object({
  accepted: z.int().describe('Alerts that are new.'),
  repeats: z.int().describe('Alerts that were known.'),
  alerts: z
    .array(
      z.object({
        id: z.string(),
        repeat: z.boolean(),
        notes: z.array(z.string()).optional().describe('What could not be read and counts as not given.'),
      }),
    )
    .describe('In the order sent.'),
  refused: z.array(Problem).describe('What is wrong with those that were not taken.'),
  truncated: z.int().optional().describe('How many alerts the sender said that it left out.'),
});

const Alert = z.object({
  id: z.string(),
  source: z.string(),
  senderId: z.string(),
  status: z.enum(['firing', 'resolved']),
  server: z.string(),
  serverAsSent: z.string(),
  otherServers: z.array(z.string()).optional().describe('Other names that the sender gave for it.'),
  namedByPath: z.boolean().optional().describe('Its name stands only in a path.'),
  healthSet: z.string().optional(),
  monitor: z.string().optional(),
  targetResource: z.string().optional(),
  raisedAt: instant,
  receivedAt: instant,
  repeatCount: z.int().optional(),
  title: z.string().optional(),
  description: z.string().optional(),
  severity: z.string().optional(),
  inMaintenance: z.boolean().optional().describe('What the sender said of its maintenance mode.'),
  notes: z.array(z.string()).optional().describe('What the sender gave and could not be read: it counts as not given.'),
});

const Preview = z.object({
  steps: z.array(z.object({ n: z.int(), says: z.string(), changes: z.boolean() })),
  atMost: z.number().optional().describe('Milliseconds that it takes at the very most; absent: not known.'),
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
  alerts: z.array(Alert).describe('The first and the last; where there were many, the others are only counted.'),
  alertCount: z.int().describe('How many alerts there were in all.'),
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
      noted: z.looseObject({}).optional().describe('What was found before the step began.'),
      result: z.looseObject({ says: z.string() }).optional(),
    }),
  ),
  waiting: z.object({ for: z.string(), reason: z.string(), until: instant.optional() }).optional(),
  approval: z
    .object({ preview: Preview.optional(), approvers: z.int(), approvedBy: z.array(z.string()) })
    .optional()
    .describe('While it waits for approval: what would happen, and who has approved it so far.'),
  owed: z.array(z.string()).describe('Undo that is still due.'),
  left: z.array(z.string()).describe('What stays changed on purpose.'),
  parent: z.string().optional(),
  children: z.array(z.string()),
  asked: z
    .object({ what: z.enum(['putBack', 'settle']), by: z.string(), note: z.string().optional() })
    .optional()
    .describe('A person asked for what it does; there was no alert.'),
});

const Incidents = z.object({
  incidents: z.array(Incident).describe('Newest first.'),
  next: z.string().optional().describe('Give it as `cursor` to go on.'),
});

const JournalEntry = z.object({
  seq: z.int(),
  at: instant,
  worker: z.string(),
  type: z.string(),
  data,
  previous: z.string().describe('The hash of the entry before this one; empty for the first.'),
});

const FeedEvent = z.object({ incident: z.string(), seq: z.int(), at: instant, type: z.string(), data });

const JournalCheck = z.object({
  ok: z.boolean(),
  entries: z.int().optional().describe('How many there are, when all fit.'),
  seq: z.int().optional().describe('The first entry that does not fit.'),
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
  switches: z.array(Switch).describe('Those that are on.'),
  scope: scope
    .optional()
    .describe('This and what follows: of the switch for everything, else of the first that is on.'),
  by: z.string().optional(),
  reason: z.string().optional(),
  since: instant.optional(),
  warnings: z
    .array(z.string())
    .optional()
    .describe('After a change: names in its scope that nobody knows, with the nearest that is known.'),
});

const Run = z.object({
  playbook: z.string(),
  hash: z.string(),
  incident: z.string(),
  server: z.string(),
  at: instant,
  outcome: z.string(),
  acted: z.boolean().describe('It changed something.'),
  harmed: z.boolean().describe('It left something worse.'),
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
    .describe('It is less bold than it was written, as these incidents did not end in recovery.'),
  runs: z.array(Run).describe('Newest first, at most 20.'),
  trusted: z
    .object({ by: z.string(), at: instant, note: z.string().optional() })
    .optional()
    .describe('The last time that a person trusted it anew.'),
});

const Playbooks = z.object({ playbooks: z.array(Playbook) });

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

export const SCHEMAS = {
  Accepted,
  Alive,
  FeedEvent,
  Incident,
  Incidents,
  Journal: z.array(JournalEntry),
  JournalCheck,
  KillSwitch,
  Links,
  OpenApi: z.looseObject({ openapi: z.string() }),
  Playbook,
  Playbooks,
  Problem: ProblemDocument,
  Readiness,
  Undo,
};

export type SchemaName = keyof typeof SCHEMAS;
