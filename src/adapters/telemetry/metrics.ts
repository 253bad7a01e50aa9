/** Every metric of the daemon. docs/metrics.md explains each; a test compares the two. */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { OUTCOMES } from '../../incident/outcome.ts';
import { MODES } from '../../incident/plan.ts';
import { isDrain } from '../../incident/undo.ts';
import { type IncidentView, PHASES } from '../../incident/view.ts';
import { CHANGING_CALLS, EXCHANGE_FAILURES, READING_CALLS } from '../../ports/exchange.ts';
import type { KillSwitch } from '../../ports/kill-switch.ts';
import type { PlaybookView } from '../../ports/operations.ts';
import type { LedgerEntry } from '../../ports/store.ts';
import { openMetrics, wantsOpenMetrics } from './exposition.ts';

export const ALERT_RESULTS = ['accepted', 'repeat', 'refused', 'failed', 'truncated'] as const;
const VERDICTS = ['confirmed', 'cleared', 'inconclusive'] as const;
export const SCOPES = ['everything', 'playbook', 'server', 'group'] as const;

/** Result of a call to Exchange: answered, already in effect, stopped before it was sent, or failed. */
const CALL_RESULTS = ['ok', 'already', 'notSent', ...EXCHANGE_FAILURES] as const;
export type CallResult = (typeof CALL_RESULTS)[number];

/** From a fraction of a second (a probe) to four hours (a recovery). */
const CALL_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const LONG_BUCKETS = [1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 2700, 3600, 5400, 7200, 10_800, 14_400];

export interface MetricsOptions {
  /** Whether to add Node's own metrics. */
  defaultMetrics: boolean;
  version: string;
  /**
   * Known label values, so that a series exists before its first count. If a list is given, a health set, playbook or channel
   * that is not in it is counted as `other`.
   */
  known?: {
    sources?: readonly string[];
    healthSets?: readonly string[];
    /** Each guard with its closed list of reasons. */
    guards?: readonly { name: string; reasons: readonly string[] }[];
    channels?: readonly string[];
    storeLosses?: readonly string[];
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics(options: MetricsOptions) {
  const registry = new Registry();
  const { known = {} } = options;
  const healthSets = new Map(known.healthSets?.map((name) => [name.toLowerCase(), name]));

  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter({ name: `second_responder_${name}`, help, labelNames, registers: [registry] });
  const gauge = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Gauge({ name: `second_responder_${name}`, help, labelNames, registers: [registry] });
  const histogram = <L extends string>(name: string, help: string, labelNames: L[], buckets: number[]) =>
    new Histogram({ name: `second_responder_${name}`, help, labelNames, buckets, registers: [registry] });

  const all = {
    alertsReceived: counter('alerts_received_total', 'Alerts received, by sender and result.', ['source', 'result']),
    alertLastReceived: gauge(
      'alert_last_received_timestamp_seconds',
      'Unix time of the last alert received from a sender; 0 before the first.',
      ['source'],
    ),
    incidentsOpened: counter('incidents_opened_total', 'Incidents opened, by alerted health set.', ['health_set']),
    incidentsOpen: gauge('incidents_open', 'Open incidents, by phase.', ['phase']),
    incidentOldest: gauge(
      'incident_oldest_seconds',
      'Age of the oldest open incident in each phase; 0 if there is none.',
      ['phase'],
    ),
    incidentsWaiting: gauge('incidents_waiting', 'Waiting incidents, by what they wait for.', ['guard']),
    incidentsFinished: counter('incidents_finished_total', 'Incidents finished, by health set, playbook and outcome.', [
      'health_set',
      'playbook',
      'outcome',
    ]),
    incidentDuration: histogram(
      'incident_duration_seconds',
      'Time from the opening of an incident to its end.',
      ['outcome'],
      LONG_BUCKETS,
    ),
    timeToVerdict: histogram(
      'time_to_verdict_seconds',
      'Time from the opening of an incident to its first confirmed or cleared verdict.',
      [],
      [...CALL_BUCKETS, 600, 1800, 3600, 7200, 14_400],
    ),
    verifications: counter('verifications_total', 'Verifications, by health set and verdict.', [
      'health_set',
      'verdict',
    ]),
    steps: counter('steps_total', 'Steps finished, by playbook, step and result.', ['playbook', 'step', 'result']),
    disruptiveActions: counter(
      'disruptive_actions_total',
      'Reboots and failovers started, by server group and action.',
      ['group', 'action'],
    ),
    commands: counter('commands_total', 'Calls to Exchange, by cmdlet and result.', ['command', 'result']),
    commandDuration: histogram(
      'command_duration_seconds',
      'Duration of calls to Exchange, in real time.',
      ['command'],
      CALL_BUCKETS,
    ),
    guardDecisions: counter(
      'guard_decisions_total',
      'Decisions of guards to make an incident wait or to refuse a step, by reason.',
      ['guard', 'decision', 'reason'],
    ),
    approvalsPending: gauge('approvals_pending', 'Incidents waiting for approval.', []),
    undoOutstanding: gauge('undo_owed', 'Outstanding undo actions.', []),
    undoOldest: gauge('undo_oldest_seconds', 'Age of the oldest outstanding undo action; 0 if there is none.', []),
    serversDrained: gauge('servers_drained', 'Servers whose database activation the daemon has blocked, by group.', [
      'group',
    ]),
    killSwitch: gauge('kill_switch', '1 while a kill switch of that scope is on.', ['scope']),
    killSwitchSince: gauge('kill_switch_since_seconds', 'Age of the oldest kill switch of that scope.', ['scope']),
    playbookMode: gauge('playbook_mode', '1 for the current mode of each playbook.', ['playbook', 'mode']),
    queueJobs: gauge('queue_jobs', 'Jobs in the queues, by state.', ['queue', 'state']),
    storeUp: gauge('store_up', '1 while the store answers and accepts writes.', []),
    storeLost: gauge('store_lost', '1 after the store has lost data, until a person acknowledges it.', []),
    storeLosses: counter('store_losses_total', 'Losses of data found in the store, by kind.', ['what']),
    exchangeSessions: gauge('exchange_sessions', 'Calls to Exchange in progress; exchange.sessions is the limit.', []),
    notifications: counter('notifications_total', 'Notifications, by channel and result.', ['channel', 'result']),
    buildInfo: gauge('build_info', 'Always 1; the labels hold the versions of the daemon and of Node.', [
      'version',
      'node',
    ]),
  };

  startAtZero();
  all.buildInfo.set({ version: options.version, node: process.version }, 1);
  if (options.defaultMetrics) collectDefaultMetrics({ register: registry });

  /** Called before each exposition, so that gauges are current at the scrape. */
  const readers: (() => Promise<void> | void)[] = [];
  let reading: Promise<unknown> | undefined;

  function startAtZero(): void {
    for (const source of known.sources ?? []) {
      for (const result of ALERT_RESULTS) all.alertsReceived.inc({ source, result }, 0);
      all.alertLastReceived.set({ source }, 0);
    }
    for (const phase of PHASES.filter((each) => each !== 'finished')) {
      all.incidentsOpen.set({ phase }, 0);
      all.incidentOldest.set({ phase }, 0);
    }
    for (const health_set of [...(known.healthSets ?? []), 'unknown']) {
      all.incidentsOpened.inc({ health_set }, 0);
      for (const verdict of VERDICTS) all.verifications.inc({ health_set, verdict }, 0);
    }
    for (const outcome of OUTCOMES) all.incidentDuration.zero({ outcome });
    for (const [call, command] of Object.entries({ ...READING_CALLS, ...CHANGING_CALLS })) {
      const reads = call in READING_CALLS;
      for (const result of CALL_RESULTS) {
        if (!reads || (result !== 'already' && result !== 'notSent')) all.commands.inc({ command, result }, 0);
      }
      all.commandDuration.zero({ command });
    }
    for (const { name: guard, reasons } of known.guards ?? []) {
      all.incidentsWaiting.set({ guard }, 0);
      for (const reason of reasons) {
        for (const decision of ['wait', 'refuse']) all.guardDecisions.inc({ guard, decision, reason }, 0);
      }
    }
    for (const scope of SCOPES) {
      all.killSwitch.set({ scope }, 0);
      all.killSwitchSince.set({ scope }, 0);
    }
    for (const what of known.storeLosses ?? []) all.storeLosses.inc({ what }, 0);
    for (const channel of known.channels ?? []) {
      for (const result of ['sent', 'failed']) all.notifications.inc({ channel, result }, 0);
    }
  }

  return {
    ...all,
    registry,

    /** A label of bounded cardinality: external values never create series. */
    healthSetLabel(healthSet: string | undefined): string {
      if (!healthSet || healthSet === '*') return 'unknown';
      return healthSets.size === 0 ? healthSet : (healthSets.get(healthSet.toLowerCase()) ?? 'other');
    },

    /** Counts the alerts of one request; `now` is wall-clock time in milliseconds. */
    received(source: string, counts: Partial<Record<(typeof ALERT_RESULTS)[number], number>>, now: number): void {
      for (const [result, count] of Object.entries(counts))
        if (count > 0) all.alertsReceived.inc({ source, result }, count);
      if ((counts.accepted ?? 0) + (counts.repeat ?? 0) > 0) all.alertLastReceived.set({ source }, now / 1000);
    },

    /** Counts a call to Exchange; `call` is the port's verb (`restartService`). */
    called(call: keyof typeof READING_CALLS | keyof typeof CHANGING_CALLS, result: CallResult, seconds: number): void {
      const command = { ...READING_CALLS, ...CHANGING_CALLS }[call];
      all.commands.inc({ command, result });
      all.commandDuration.observe({ command }, seconds);
    },

    notified(channel: string, result: 'sent' | 'failed'): void {
      all.notifications.inc({ channel, result });
    },

    /** `now` is the organisation's time, as in the views. */
    setOpenIncidents(views: readonly Pick<IncidentView, 'phase' | 'openedAt' | 'waiting'>[], now: number): void {
      for (const phase of PHASES.filter((each) => each !== 'finished')) {
        const inPhase = views.filter((view) => view.phase === phase);
        all.incidentsOpen.set({ phase }, inPhase.length);
        all.incidentOldest.set(
          { phase },
          age(
            inPhase.map((view) => view.openedAt),
            now,
          ),
        );
      }
      all.incidentsWaiting.reset();
      for (const { name: guard } of known.guards ?? []) all.incidentsWaiting.set({ guard }, 0);
      for (const view of views) if (view.waiting) all.incidentsWaiting.inc({ guard: view.waiting.for });
      all.approvalsPending.set(views.filter((view) => view.phase === 'approving').length);
    },

    /** `groupOf` returns the group of a server, or undefined. */
    setUndo(ledger: readonly LedgerEntry[], now: number, groupOf: (server: string) => string | undefined): void {
      all.undoOutstanding.set(ledger.length);
      all.undoOldest.set(
        age(
          ledger.map((entry) => entry.at),
          now,
        ),
      );
      all.serversDrained.reset();
      for (const { debt } of ledger) {
        if (isDrain(debt)) all.serversDrained.inc({ group: groupOf(debt.server) ?? 'none' });
      }
    },

    setKillSwitches(switches: readonly KillSwitch[], now: number): void {
      for (const scope of SCOPES) {
        const on = switches.filter((each) => each.on && scopeOf(each) === scope);
        all.killSwitch.set({ scope }, on.length > 0 ? 1 : 0);
        all.killSwitchSince.set(
          { scope },
          age(
            on.map((each) => each.since),
            now,
          ),
        );
      }
    },

    setPlaybooks(playbooks: readonly Pick<PlaybookView, 'name' | 'mode'>[]): void {
      all.playbookMode.reset();
      for (const { name: playbook, mode } of playbooks) {
        for (const each of MODES) all.playbookMode.set({ playbook, mode: each }, each === mode ? 1 : 0);
      }
    },

    setQueues(counts: readonly { queue: string; state: string; jobs: number }[]): void {
      all.queueJobs.reset();
      for (const { queue, state, jobs } of counts) all.queueJobs.set({ queue, state }, jobs);
    },

    setStoreUp(up: boolean): void {
      all.storeUp.set(up ? 1 : 0);
    },

    setStoreLost(lost: boolean): void {
      all.storeLost.set(lost ? 1 : 0);
    },

    setExchangeSessions(count: number): void {
      all.exchangeSessions.set(count);
    },

    /** `read` sets gauges before each exposition. If it fails, its gauges keep their values. */
    onScrape(read: () => Promise<void> | void): void {
      readers.push(read);
    },

    format(accept: string | undefined): string {
      return wantsOpenMetrics(accept) ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE;
    },

    async expose(accept: string | undefined): Promise<{ contentType: string; text: string }> {
      // It requires no authentication and queries the store and Exchange, so concurrent requests share one read.
      reading ??= Promise.allSettled(readers.map(async (read) => read())).finally(() => {
        reading = undefined;
      });
      await reading;
      const text = await registry.metrics();
      return { contentType: this.format(accept), text: wantsOpenMetrics(accept) ? openMetrics(text) : text };
    },
  };
}

const age = (instants: number[], now: number) =>
  instants.length === 0 ? 0 : Math.max(0, (now - instants.reduce((a, b) => Math.min(a, b))) / 1000);

function scopeOf({ scope }: KillSwitch): (typeof SCOPES)[number] {
  if (scope.server) return 'server';
  if (scope.playbook) return 'playbook';
  return scope.group ? 'group' : 'everything';
}
