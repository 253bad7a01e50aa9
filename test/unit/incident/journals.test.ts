import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { verifyChain } from '../../../src/incident/chain.ts';
import { fold } from '../../../src/incident/fold.ts';
import { type Incident, stepInProgress } from '../../../src/incident/incident.ts';
import { view } from '../../../src/incident/view.ts';
import { JOURNALS, RECORDED, type RecordedJournal, recordJournals } from '../../support/record-journals.ts';

/**
 * Journals as users have them. They must always fold into the view recorded with them: never record one again to make
 * this pass. The view may grow. To add one, extend RECORDINGS and run this file with RECORD_JOURNALS=1.
 */
beforeAll(async () => {
  if (process.env.RECORD_JOURNALS) await recordJournals();
});

const read = (name: string) => JSON.parse(readFileSync(join(JOURNALS, `${name}.json`), 'utf8')) as RecordedJournal;

const isVerifying = (incident: Incident) =>
  ['recheck', 'watch-health'].includes(stepInProgress(incident)?.step.step ?? '') && !incident.conclusion;

describe('recorded journals', () => {
  test.each(RECORDED)('%s folds into the view that was recorded with it', (name) => {
    const { head, entries, view: shown } = read(name);
    expect(verifyChain(entries, head)).toEqual({ ok: true, entries: entries.length });
    expect(JSON.parse(JSON.stringify(view(fold(entries))))).toMatchObject(shown);
  });

  test('there is a journal for every outcome and every kind of entry', () => {
    const journals = RECORDED.map(read);
    expect(new Set(journals.map(({ view: shown }) => shown.outcome))).toEqual(
      new Set(['recovered', 'transient', 'escalated', 'suppressed', 'cancelled']),
    );
    const types = new Set(journals.flatMap(({ entries }) => entries.map((entry) => entry.type)));
    expect([...types]).toEqual(
      expect.arrayContaining([
        'opened',
        'verified',
        'matched',
        'held',
        'approved',
        'rejected',
        'stepStarted',
        'stepFinished',
        'childOpened',
        'slept',
        'undoStarted',
        'undone',
        'cancelled',
        'finished',
      ]),
    );
  });

  test('an incident is rechecking while a step verifies, also where the plan does not say that it does', () => {
    const verifying = RECORDED.flatMap((name) => {
      const { entries } = read(name);
      return entries.map((_, end) => fold(entries.slice(0, end + 1))).filter(isVerifying);
    });
    expect(verifying.length).toBeGreaterThan(0);
    expect(new Set(verifying.map((incident) => view(incident).phase))).toEqual(new Set(['rechecking']));
  });

  test('every recorded journal is tested', () => {
    expect(readdirSync(JOURNALS).sort()).toEqual(RECORDED.map((name) => `${name}.json`).sort());
  });
});
