import { z } from 'zod';
import type { Alert } from '../incident/alert.ts';
import { LIMITS, name, text, time } from './fields.ts';
import { type Problem, pointer } from './problems.ts';
import { reader } from './read.ts';
import { type Given, serversIn } from './server.ts';
import {
  countIn,
  identity,
  noted,
  oneOrMany,
  present,
  type Source,
  type SourceEnvironment,
  serverFields,
} from './source.ts';
import { readTitles } from './title.ts';

/** Numbers may arrive as text: SCOM's command channel sends nothing else. */
const numberOrText = (wanted: string) =>
  z.union([z.number(), z.string().trim().max(LIMITS.name, { abort: true })], { error: `must be ${wanted}` });

const COUNT = 'a whole number';
const count = numberOrText(COUNT)
  .refine((value) => /^\d{1,9}$/.test(String(value)), `must be ${COUNT}`)
  .transform(Number);

const SEVERITIES = ['Information', 'Warning', 'Error'];

/** Resolution states that mean resolved: 254 Resolved, 255 Closed. Custom states (2-254) mean firing. */
const OVER = new Set(['254', '255', 'resolved', 'closed']);

const STATE = 'a resolution state: a number from 0 (New) to 255 (Closed), or its name';
const resolutionState = numberOrText(STATE)
  .refine(
    (state) => Number.isNaN(Number(state)) || /^([01]?\d?\d|2[0-4]\d|25[0-5])$/.test(String(state)),
    `must be ${STATE}`,
  )
  .transform((state): 'firing' | 'resolved' => (OVER.has(String(state).toLowerCase()) ? 'resolved' : 'firing'))
  .meta({ description: '254 and 255, Resolved and Closed, resolve the alert; everything else is firing.' });

const severity = numberOrText('a severity: 0, 1, 2 or its name')
  .transform((value) => SEVERITIES[Number(value)] ?? String(value))
  .pipe(name());

const TRUTH = 'true or false';
const truth = z
  .union([z.boolean(), z.literal([0, 1]), z.string().trim().toLowerCase()], { error: `must be ${TRUTH}` })
  .refine((value) => /^(true|false|[01])$/.test(String(value)), `must be ${TRUTH}`)
  .transform((value) => /^(true|1)$/.test(String(value)));

/** The properties of a SCOM alert that are read, under SCOM's names. Invalid optional values are ignored. */
const alert = z
  .object({
    Id: name().transform((id) => id.replace(/^\{(.*)\}$/, '$1')),
    Name: text(LIMITS.title).nullish(),
    Description: text(LIMITS.description).nullish(),
    Severity: severity.nullish(),
    ResolutionState: resolutionState.nullish(),
    TimeRaised: time.nullish(),
    RepeatCount: count.nullish(),
    MonitoringObjectInMaintenanceMode: truth.nullish(),
    NetbiosComputerName: z.string().nullish(),
    PrincipalName: z.string().nullish(),
    MonitoringObjectPath: z.string().nullish(),
  })
  .meta({ title: 'ScomAlert' });

const PROPERTIES = new Map(Object.keys(alert.shape).map((property) => [property.toLowerCase(), property]));

export const scom: Source = {
  name: 'scom',
  description:
    'Receives one or more System Center Operations Manager alerts, as written by Get-SCOMAlert | ConvertTo-Json: ' +
    'property names in any case, enumerations and times in any of PowerShell’s forms.',
  body: z.union([alert, z.array(alert).min(1)]),
  example: {
    Id: '{7b1d6c8e-1f1c-4c5f-9a55-3f0d6f2f6c11}',
    Name: 'IMAP.Protocol health set unhealthy (ImapSelfTestMonitor/MSExchangeImap4BE) - The IMAP self test fails',
    NetbiosComputerName: 'MBX1',
    ResolutionState: 0,
    TimeRaised: '2024-11-23T10:11:12Z',
    RepeatCount: 0,
  },
  count: countIn,
  *parse(body, env) {
    const parsed = yield* oneOrMany(body, (element, at) => parseOne(element, at, env));
    return { ...parsed, alerts: yield* readTitles(parsed.alerts, env.settings.scom.titlePattern) };
  },
};

const read = reader(alert);

function parseOne(element: unknown, at: PropertyKey[], env: SourceEnvironment): Alert | Problem[] {
  if (typeof element !== 'object' || element === null || Array.isArray(element)) {
    return [{ pointer: pointer(at), message: 'must be an object: one SCOM alert' }];
  }
  const { properties, sentAs } = inOwnNames(element);
  const checked = read(properties, at, (property) => sentAs.get(property) ?? property);
  const { names, why } = serversIn(SERVER_PROPERTIES.flatMap((from) => placesOf(from, properties[from])));
  const problems = Array.isArray(checked) ? checked : [];
  if (names.length === 0) problems.push({ pointer: pointer(at), message: `names no server: ${why}` });
  if (Array.isArray(checked) || names.length === 0) return problems;

  const { Id, Name, Description, TimeRaised, ResolutionState } = checked.data;
  const status = ResolutionState ?? 'firing';
  return {
    ...present({
      title: Name,
      description: Description,
      severity: checked.data.Severity,
      repeatCount: checked.data.RepeatCount,
      inMaintenance: checked.data.MonitoringObjectInMaintenanceMode,
    }),
    // The command channel and Get-SCOMAlert write the same id in different case.
    id: identity('scom', Id.toLowerCase(), TimeRaised ?? undefined, status),
    source: 'scom',
    senderId: Id,
    status,
    ...serverFields(names),
    ...(names.every(({ from }) => from === PATH) && { namedByPath: true }),
    raisedAt: TimeRaised ?? env.now,
    receivedAt: env.now,
    ...noted(checked.notes),
  };
}

/** The element with SCOM's spelling of each property; `sentAs` keeps the sender's spelling for messages. */
function inOwnNames(element: object): { properties: Record<string, unknown>; sentAs: Map<string, string> } {
  const properties: Record<string, unknown> = {};
  const sentAs = new Map<string, string>();
  for (const [key, value] of Object.entries(element)) {
    const property = PROPERTIES.get(key.toLowerCase());
    if (property === undefined || (properties[property] ?? null) !== null) continue;
    properties[property] = unwrapped(value);
    sentAs.set(property, key);
  }
  return { properties, sentAs };
}

/** PowerShell writes enumerations, and dates or guids with note properties, as `{"value": …, …}`. */
function unwrapped(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const inner = Object.entries(value).find(([key]) => /^(value|guid)$/i.test(key));
  return inner && typeof inner[1] !== 'object' ? inner[1] : value;
}

const PATH = 'MonitoringObjectPath';
const SERVER_PROPERTIES = ['NetbiosComputerName', 'PrincipalName', PATH];

/** SCOM's classes and groups have such names; machines don't. */
const CLASS = /^(Microsoft|System)\./i;

/** A path is `<machine>\<object>`; elsewhere a backslash separates domain and account. */
function placesOf(from: string, value: unknown): Given[] {
  if (typeof value !== 'string') return [{ from, value }];
  const text = value.slice(0, LIMITS.host).trim();
  const name = from === PATH ? text.replace(/\\.*$/s, '') : text;
  return [{ from, value: name, ...(CLASS.test(name) && { why: 'is the name of a SCOM class' }) }];
}
