import { z } from 'zod';
import { type Alert, shortName } from '../incident/alert.ts';
import { DESCRIPTION_LIMIT, isHealthSet, isHostName, name, TITLE_LIMIT, text, time } from './fields.ts';
import { type Problem, pointer, problemsOf } from './problems.ts';
import { identity, oneOrMany, present, type Source, type SourceEnvironment } from './source.ts';

/** Numbers may come as text: the command channel of SCOM knows nothing but text. */
const numberOrText = (wanted: string) => z.union([z.number(), z.string().trim()], { error: `must be ${wanted}` });

const COUNT = 'a whole number';
const count = numberOrText(COUNT)
  .refine((value) => /^\d{1,9}$/.test(String(value)), `must be ${COUNT}`)
  .transform(Number);

const SEVERITIES = ['Information', 'Warning', 'Error'];

/** Resolution states that mean "over": 254 Resolved, 255 Closed. Own states (2-254 may be added) mean "still there". */
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
  .transform((value) => (value === '' ? undefined : (SEVERITIES[Number(value)] ?? String(value))))
  .pipe(name().optional());

const TRUTH = 'true or false';
const truth = z
  .union([z.boolean(), z.string().trim().toLowerCase()], { error: `must be ${TRUTH}` })
  .refine((value) => /^(true|false|)$/.test(String(value)), `must be ${TRUTH}`)
  .transform((value) => (value === '' ? undefined : String(value) === 'true'));

/** The properties of SCOM's alert that are read, by SCOM's own names. Where none is needed, whatever it holds is ignored. */
const alert = z
  .object({
    Id: name().transform((id) => id.replace(/^\{(.*)\}$/, '$1')),
    Name: text(TITLE_LIMIT).nullish(),
    Description: text(DESCRIPTION_LIMIT).nullish(),
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
    'An alert of System Center Operations Manager, or a list of them, as Get-SCOMAlert | ConvertTo-Json writes it: ' +
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
  parse: (body, env) => oneOrMany(body, (element, at) => parseOne(element, at, env)),
};

function parseOne(element: unknown, at: PropertyKey[], env: SourceEnvironment): Alert | Problem[] {
  if (typeof element !== 'object' || element === null || Array.isArray(element)) {
    return [{ pointer: pointer(at), message: 'must be an object: one SCOM alert' }];
  }
  const { properties, sentAs } = inOwnNames(element);
  const checked = alert.safeParse(properties);
  const server = serverOf(properties);
  const problems = checked.success ? [] : problemsOf(checked.error).map((problem) => asSent(problem, at, sentAs));
  if (typeof server !== 'string') problems.push({ pointer: pointer(at), message: server.problem });
  if (!checked.success || typeof server !== 'string') return problems;

  const { Id, Name, Description, TimeRaised } = checked.data;
  const status = checked.data.ResolutionState ?? 'firing';
  return {
    ...present({
      ...hints(env.settings.scom.titlePattern, Name, Description),
      title: Name,
      description: Description,
      severity: checked.data.Severity,
      repeatCount: checked.data.RepeatCount,
      inMaintenance: checked.data.MonitoringObjectInMaintenanceMode,
    }),
    // The command channel and Get-SCOMAlert write one and the same id in different case.
    id: identity('scom', Id.toLowerCase(), TimeRaised ?? undefined, status),
    source: 'scom',
    senderId: Id,
    status,
    server: shortName(server),
    serverAsSent: server,
    raisedAt: TimeRaised ?? env.now,
    receivedAt: env.now,
  };
}

/** The element under SCOM's own spelling of each property; `sentAs` keeps the sender's, for messages. */
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

/** PowerShell writes an enumeration, and a date or a guid with notes on it, as `{"value": …, …}`. */
function unwrapped(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const inner = Object.entries(value).find(([key]) => /^(value|guid)$/i.test(key));
  return inner && typeof inner[1] !== 'object' ? inner[1] : value;
}

function asSent(problem: Problem, at: PropertyKey[], sentAs: Map<string, string>): Problem {
  const [, property = '', ...rest] = problem.pointer.split('/');
  return { ...problem, pointer: pointer([...at, sentAs.get(property) ?? property, ...rest]) };
}

const SERVER_PROPERTIES = ['NetbiosComputerName', 'PrincipalName', 'MonitoringObjectPath'] as const;

/** The first property that looks like a host name; a path may go on after a semicolon. */
function serverOf(properties: Record<string, unknown>): string | { problem: string } {
  const candidates = SERVER_PROPERTIES.map((property) => properties[property])
    .filter((value) => typeof value === 'string')
    .map((value) => value.split(';')[0]?.trim() ?? '')
    .filter((value) => value !== '');
  const names = SERVER_PROPERTIES.join(', ');
  return (
    candidates.find(isHostName) ?? {
      problem:
        candidates.length === 0
          ? `names no server: send one of ${names}`
          : `names no server: what ${names} hold does not look like a host name`,
    }
  );
}

/** What title and description say of health set and monitor. Text that says nothing is no fault: Exchange knows better. */
function hints(pattern: string, ...texts: (string | null | undefined)[]): Partial<Alert> {
  const form = new RegExp(pattern, 'im');
  for (const candidate of texts) {
    const groups = form.exec(candidate ?? '')?.groups;
    const [healthSet, monitor, targetResource] = [groups?.healthSet, groups?.monitor, groups?.targetResource].map(
      (part) => part?.trim(),
    );
    if (!healthSet || !isHealthSet(healthSet)) continue;
    return present({ healthSet, monitor: usable(monitor), targetResource: usable(targetResource) }) as Partial<Alert>;
  }
  return {};
}

const usable = (hint: string | undefined) => (name().safeParse(hint).success ? hint : undefined);
