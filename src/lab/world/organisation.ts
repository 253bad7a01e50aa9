import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { duration } from './duration.ts';
import { fromIssues, LabProblems, type Problem } from './problems.ts';

/** The organisation that ships with the product. */
const SHIPPED_ORGANISATION = fileURLToPath(new URL('../../../config/lab/organisation.yaml', import.meta.url));

const hostName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'not a short host name in lower case (letters, digits, - and _)')
  // Property names of every JavaScript object would be mistaken for servers.
  .refine((name) => !(name in {}), 'cannot be used as a server name');
/** Names that Exchange and Windows accept, in any language, without separators of identities. */
const objectName = z
  .string()
  .regex(
    /^[\p{L}\p{N}](?:[^\p{C}\\/:*?"<>|]{0,62}[^\p{C}\p{Z}\\/:*?"<>|])?$/u,
    'not a name (letters, digits, space and signs, but none of \\ / : * ? " < > |)',
  );

const settings = z.strictObject({
  'probe-recurrence': duration.default(60_000),
  'probe-timeout': duration.default(30_000),
  'failures-to-unhealthy': z.int().min(1).default(3),
  'on-demand-probe': duration.default(1_500),
  'established-for': duration.default(25 * 60_000),
  'recovery-attempts': z.array(duration).default([22 * 60_000, 13 * 60_000]),
  'service-restart': duration.default(5_000),
  'script-runs-for': duration.default(10_000),
  'stop-hangs-for': duration.default(60_000),
  'database-move': duration.default(20_000),
  'relapse-after': duration.default(12 * 60_000),
  reboot: z
    .strictObject({ boots: duration, remoting: duration, services: duration, warm: duration })
    .refine((at) => at.boots <= at.remoting && at.remoting <= at.services && at.services <= at.warm, {
      message: 'a reboot has the stages boots, remoting, services and warm, which must be in this order',
    })
    .default({ boots: 120_000, remoting: 150_000, services: 240_000, warm: 360_000 }),
  'services-up-for': duration.default(9 * 86_400_000),
  'servers-up-for': duration.default(30 * 86_400_000),
});

const server = z.strictObject({
  site: objectName,
  version: z.enum(['15.0', '15.1', '15.2']),
  roles: z.array(z.enum(['mailbox', 'client-access'])).min(1),
  imap: z.boolean().default(true),
  pop: z.boolean().default(true),
  'routes-to': z.array(objectName).optional(),
  'auto-activation-policy': z.enum(['Unrestricted', 'IntrasiteOnly', 'Blocked']).default('Unrestricted'),
  'maximum-active-databases': z.int().min(0).optional(),
});

const database = z.strictObject({
  copies: z.array(hostName).min(1),
  lagged: z.array(hostName).default([]),
  suspended: z.array(hostName).default([]),
  'monitoring-mailboxes': z.boolean().default(true),
});

const organisation = z
  .strictObject({
    organisation: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,200}$/, 'not a domain name in lower case'),
    settings: settings.prefault({}),
    servers: z.record(hostName, server),
    groups: z
      .record(objectName, z.strictObject({ members: z.array(hostName).min(1), witness: hostName.optional() }))
      .default({}),
    databases: z.record(objectName, database).default({}),
  })
  .superRefine((file, context) => {
    const complain = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    const roleOf = (name: string) => file.servers[name]?.roles;
    const groupOf = new Map<string, string>();

    if (Object.keys(file.servers).length === 0) complain(['servers'], 'there must be at least one server');
    for (const [name, group] of Object.entries(file.groups)) {
      group.members.forEach((member, index) => {
        const path = ['groups', name, 'members', index];
        if (!roleOf(member)) complain(path, `there is no server "${member}"`);
        else if (!roleOf(member)?.includes('mailbox')) complain(path, `"${member}" has no mailbox role`);
        else if (groupOf.has(member)) complain(path, `"${member}" is a member of "${groupOf.get(member)}" already`);
        groupOf.set(member, name);
      });
      if (group.witness && !roleOf(group.witness)) {
        complain(['groups', name, 'witness'], `there is no server "${group.witness}"`);
      }
      if (group.witness && group.members.includes(group.witness)) {
        complain(['groups', name, 'witness'], 'a member of the group cannot be its witness');
      }
    }
    for (const [name, { copies, lagged, suspended }] of Object.entries(file.databases)) {
      copies.forEach((copy, index) => {
        const path = ['databases', name, 'copies', index];
        if (!roleOf(copy)?.includes('mailbox')) complain(path, `there is no server "${copy}" with the mailbox role`);
        else if (copies.indexOf(copy) !== index) complain(path, `"${copy}" already has a copy of it`);
        else if (copies.length > 1 && (!groupOf.has(copy) || groupOf.get(copy) !== groupOf.get(copies[0]!))) {
          complain(path, 'all copies of a database must be on members of one group');
        }
      });
      for (const [key, named] of Object.entries({ lagged, suspended })) {
        named.forEach((copy, index) => {
          if (!copies.slice(1).includes(copy)) {
            complain(['databases', name, key, index], `"${copy}" has no passive copy of it`);
          }
        });
      }
    }
    for (const [name, { 'routes-to': routes }] of Object.entries(file.servers)) {
      routes?.forEach((group, index) => {
        if (!file.groups[group]) complain(['servers', name, 'routes-to', index], `there is no group "${group}"`);
      });
    }
  });

/** The contents of an organisation file. */
export type OrganisationFile = z.input<typeof organisation>;
/** The same, checked, with all defaults filled in; durations are milliseconds. */
export type OrganisationPlan = z.output<typeof organisation>;
export type LabSettings = OrganisationPlan['settings'];

/** Default behaviour of servers. */
export const defaultSettings = (): LabSettings => settings.parse({});

/** Throws `LabProblems` with every problem of the file. */
export function checkOrganisation(file: OrganisationFile): OrganisationPlan {
  const checked = organisation.safeParse(file);
  if (checked.success) return checked.data;
  throw new LabProblems('The organisation cannot be built', fromIssues(checked.error.issues));
}

/** Reads an organisation file. Throws `LabProblems` that name file, line and column. */
export function readOrganisation(path: string = SHIPPED_ORGANISATION): OrganisationPlan {
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(path, 'utf8'), { lineCounter: lines });
  const at = (offset: number | undefined) => {
    if (offset === undefined) return path;
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  const fail = (problems: Problem[]): never => {
    throw new LabProblems('The organisation file cannot be used', problems);
  };
  if (document.errors.length > 0) {
    fail(document.errors.map((error) => ({ pointer: at(error.pos[0]), message: error.message.split('\n')[0]! })));
  }
  const checked = organisation.safeParse(document.toJS({ maxAliasCount: 100 }));
  if (checked.success) return checked.data;
  return fail(
    checked.error.issues.map((issue) => ({
      pointer: at(offsetOf(document, issue.path)),
      message: `${issue.path.join('.')}: ${issue.message}`,
    })),
  );
}

/** Offset of the innermost existing part of a path. */
function offsetOf(document: ReturnType<typeof parseDocument>, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length >= 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] } | undefined;
    if (node?.range) return node.range[0];
  }
  return undefined;
}
