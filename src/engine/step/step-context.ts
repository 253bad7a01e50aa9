import { stepRecord } from '../../incident/incident.ts';
import type { StepContext } from '../../steps/step.ts';
import type { Advance } from '../advancing.ts';
import type { Engine } from '../parts.ts';
import { changeOf } from './change.ts';
import { openChild, outcomeOf } from './children.ts';

export function contextOf(engine: Engine, advance: Advance, n: number): StepContext {
  const { cursor, signal } = advance;
  const { incident } = cursor;
  const record = stepRecord(incident, n);
  const { facts } = incident;
  if (!facts) throw new Error(`incident ${incident.id} has a plan but was never verified`);
  const { clock, settings } = engine;
  return {
    incident,
    record,
    facts,
    exchange: engine.exchange,
    verifier: engine.verifier,
    clock,
    settings,
    change: () => changeOf(engine, advance, `step ${n}`, record.intent?.server ?? incident.server, record.group),
    ledgerOf: (server, setting) => engine.store.ledgerOf(server, setting, facts.organisation),
    openChild: (server, family) => openChild(engine, cursor, n, server, family),
    outcomeOf: (id) => outcomeOf(engine, id),
    notify: (subject, text) =>
      engine.notify({ key: `${incident.id}:${n}`, kind: 'notice', incident: incident.id, subject, text }),
    signal,
  };
}
