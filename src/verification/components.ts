import { familyOf, inFamily } from '../incident/alert.ts';
import { isNamed, sameName } from '../incident/names.ts';
import type { ComponentState, HealthRow } from '../ports/exchange.ts';

/** The requester name that Managed Availability uses for component states; any other requester is someone else. */
const MANAGED_AVAILABILITY = 'HealthAPI';

/** The component that a Windows service belongs to. IMAP4 and POP3 stop by design while theirs is Inactive. */
const COMPONENT_OF: Record<string, string> = {
  msexchangeimap4: 'ImapProxy',
  msexchangepop3: 'PopProxy',
  msexchangefrontendtransport: 'FrontendTransport',
  msexchangetransport: 'HubTransport',
  msexchangeumcr: 'UMCallRouter',
};

/** A component that is out of service, and who requested it. */
export interface OutOfService {
  component: string;
  state: 'Inactive' | 'Draining';
  /** All requesters of this state; empty if unknown. */
  requesters: string[];
  /**
   * Only Managed Availability requested it. A state with any other requester, or none known, is a person's decision.
   */
  byManagedAvailability: boolean;
}

/**
 * Which of these components are out of service. One requester is enough: in Exchange the strictest request wins, and
 * only its requester can lift it. Whether a service runs says nothing about it (KB 3025138).
 */
export function outOfService(states: readonly ComponentState[], components: readonly string[]): OutOfService[] {
  return states.flatMap(({ component, state, requesters }) => {
    const asking = requesters.filter((one) => one.state !== 'Active');
    const all = [state, ...asking.map((one) => one.state)];
    const worst = (['Inactive', 'Draining'] as const).find((one) => all.includes(one));
    if (!worst || !isNamed(component, components)) return [];
    const names = asking.map(({ requester }) => requester);
    const byManagedAvailability = names.length > 0 && names.every((name) => sameName(name, MANAGED_AVAILABILITY));
    return [{ component, state: worst, requesters: names, byManagedAvailability }];
  });
}

/** `ImapProxy is Inactive on cas1, requested by Maintenance`. */
export function describeOut({ component, state, requesters }: OutOfService, server: string): string {
  return `${component} is ${state} on ${server}, requested by ${requesters.join(', ') || 'an unknown requester'}`;
}

/** The components of health-set families: those named in their rows, and those named after the family. */
export function componentsOfFamilies(families: readonly string[], rows: readonly HealthRow[]): string[] {
  return families.flatMap((family) => [
    family,
    `${family}Proxy`,
    ...namedBy(rows.filter((row) => inFamily(family, row.healthSet))),
  ]);
}

/** The components of a Windows service: the well-known one, and those of the rows that watch the service. */
export function componentsOfService(service: string, rows: readonly HealthRow[] = []): string[] {
  const known = COMPONENT_OF[service.toLowerCase()];
  const watching = rows.filter((row) => sameName(row.targetResource, service));
  return [...(known ? [known] : []), ...namedBy(watching)];
}

/** The families of the health sets that a run treats. */
export function familiesOf(handles: readonly { healthSet: string }[]): string[] {
  return [...new Set(handles.map(({ healthSet }) => familyOf(healthSet)))];
}

function namedBy(rows: readonly HealthRow[]): string[] {
  const names = rows.map(({ component }) => component).filter((name) => name !== '' && !sameName(name, 'None'));
  return [...new Set(names)];
}
