import { ANY_FAMILY, shortName } from '../../incident/alert.ts';
import type { Asked, ByPerson } from '../../incident/event.ts';
import type { Incident } from '../../incident/incident.ts';
import { isOutstanding, type UndoAction } from '../../incident/undo.ts';
import { Conflict, NotFound } from '../../ports/operations.ts';
import type { LedgerEntry } from '../../ports/store.ts';
import { newId, open } from '../intake/open.ts';
import { factsOf } from '../organisation.ts';
import type { Engine } from '../parts.ts';
import { readIncident } from '../read-incident.ts';
import { wake } from '../wake.ts';

/**
 * A person requests to undo what finished incidents left changed, or declares that it was undone by hand. This opens an
 * incident of its own, so that it is claimed, stopped by the kill switch, journalled and retried like everything else.
 */
export async function askFor(
  engine: Engine,
  what: Asked['what'],
  { server, settings: wanted }: { server: string; settings?: string[] },
  { by, note }: ByPerson,
): Promise<Incident> {
  const name = shortName(server);
  const outstanding = await outstandingOn(engine, name, wanted);
  const family = await familyOf(engine, outstanding);
  await refuseWhileInProgress(engine, name, outstanding);
  if (what === 'putBack' && engine.settings.mode === 'observe') {
    throw new Conflict('safety.mode is observe: this daemon changes nothing. Put it back by hand, and settle it');
  }
  const { value: organisation } = await engine.exchange.organisation();
  const facts = factsOf(organisation, name);
  if (!facts) throw new NotFound(`${name} is not a server of this organisation`);

  const id = newId(name, 'undo', engine.realNow());
  const asked: Asked = { what, by, ...(note && { note }), debts: outstanding.map(undoActionOf), facts };
  const opened = await open(engine, { id, server: name, family, asked, world: engine.clock.epoch });
  if ('open' in opened) {
    throw new Conflict(`Incident ${opened.open} is open for ${family} on ${name}: it puts its own changes back`);
  }
  await wake(engine, id);
  return opened.incident;
}

async function outstandingOn(
  { store, clock }: Engine,
  server: string,
  settings: string[] | undefined,
): Promise<LedgerEntry[]> {
  const here = (await store.ledger()).filter((entry) => entry.world === clock.epoch && entry.debt.server === server);
  const outstanding =
    settings === undefined ? here : here.filter(({ debt: { setting } }) => settings.includes(setting));
  if (outstanding.length > 0) return outstanding;
  const known = here.map(({ debt: { setting } }) => setting);
  const but = known.length > 0 ? `; outstanding there: ${known.join(', ')}` : '';
  const which = settings === undefined ? '' : ` for ${settings.join(', ')}`;
  throw new NotFound(`There is no outstanding undo action${which} on ${server}${but}`);
}

/** The family of the original incidents: it is verified after the undo. */
async function familyOf({ store }: Engine, outstanding: LedgerEntry[]): Promise<string> {
  const families = new Set<string>();
  for (const id of new Set(outstanding.map(({ incident }) => incident))) {
    const incident = (await readIncident(store, id))?.incident;
    if (incident && !incident.finished) {
      throw new Conflict(
        `Incident ${id} is open: it puts its changes back when it ends. Cancel it to have them put back now`,
      );
    }
    if (incident) families.add(incident.family);
  }
  const [family = ANY_FAMILY] = families;
  return families.size > 1 ? ANY_FAMILY : family;
}

/**
 * An open incident that has one of these undo actions, because it inherited or was asked for it, runs it itself: nobody
 * else may run it or declare it done.
 */
async function refuseWhileInProgress({ store }: Engine, server: string, outstanding: LedgerEntry[]): Promise<void> {
  const [organisation = ''] = outstanding.map((entry) => entry.world);
  const claimed = await store.wouldRefuse({ owner: '', organisation, kill: [], claims: [server], throttles: [] });
  const acting = claimed?.by === 'claim' ? [claimed.owner] : [];
  const open = new Set([...(await store.openOn(server)).map(({ incident }) => incident), ...acting]);
  for (const id of open) {
    const incident = (await readIncident(store, id))?.incident;
    // A root incident also acts through its children.
    for (const child of incident?.children ?? []) open.add(child);
    const own = incident && !incident.finished ? incident.undo.filter(isOutstanding) : [];
    const same = own.some((one) =>
      outstanding.some(({ debt: action }) => action.server === one.server && action.setting === one.setting),
    );
    if (same)
      throw new Conflict(`Incident ${id} is open and will put it back. Cancel that incident to have it put back now`);
  }
}

/** Undo actions of several incidents in one: their ids must not clash. */
function undoActionOf({ debt: action, incident }: LedgerEntry): UndoAction {
  const named = (id: string) => `${incident}:${id}`;
  return { ...action, id: named(action.id), ...(action.dependsOn && { dependsOn: named(action.dependsOn) }) };
}
